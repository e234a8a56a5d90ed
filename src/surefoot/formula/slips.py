"""Is an unknown key of a parameter group a misspelt setting, or the user's own?

torch keeps any key, and so a misspelt setting does nothing there, silently.  Here it is refused, but only
where one slip of the fingers explains it; everything else is the user's own, who may mean anything:

- A letter left out, doubled, put in, replaced, or swapped with the next is a slip; in long names two are.
- Case, hyphens and underscores do not make another word: `LR`, `weight-decay` and `lr_` are slips.
- A whole setting with something before or behind it is deliberate: `weight_decay_mult`, `no_weight_decay`,
  `lr0`, `eps2`.  So is a digit that the setting has not (`beta1`), which numbers something.
- A setting of any optimizer known here is a word of its own: groups move from one optimizer to another.
- A switch that only chooses an implementation, such as `foreach`, may be misspelt without harm.
- `s` for `z` is the other spelling of a word (`maximise`), and only warned of.
"""

from __future__ import annotations

from collections.abc import Collection

LONG = 10  # letters, from which on a word may have two slips
SHORTEST = 2  # letters; one letter is one slip away from all others


def misspelt(key: str, settings: Collection[str], known: Collection[str]) -> str | None:
    """The setting that a group's key is a slip of, or None.

    Args:
        key: of a group.
        settings: those that the key may have been meant for.
        known: words that are right in themselves.
    """
    if key in known or key in settings:
        return None
    if same := [name for name in settings if _folded(name) == _folded(key)]:
        return same[0]
    if any(f"_{name}_" in f"_{key}_" for name in settings):
        return None
    return next((name for name in settings if _slipped(_folded(key), _folded(name))), None)


def respelt(key: str, settings: Collection[str]) -> str | None:
    """The setting that a key is the other spelling of, with `s` for `z`; or None."""
    return next((name for name in settings if key != name and key == name.replace("z", "s")), None)


def _slipped(key: str, name: str) -> bool:
    """Whether slips explain a key, both without underscores."""
    if min(len(key), len(name)) < SHORTEST or _digits(key) - _digits(name):
        return False
    if key.startswith(name) or key.endswith(name):
        return key in (name[0] + name, name + name[-1])  # doubled at the start or at the end
    if key.replace("s", "z") == name.replace("s", "z"):
        return False
    allowed = 2 if len(name) >= LONG and key[0] == name[0] else 1
    return abs(len(key) - len(name)) <= 1 and distance(key, name) <= allowed


def _folded(word: str) -> str:
    return "".join(letter for letter in word.lower() if letter.isalnum())


def _digits(word: str) -> set[str]:
    return {letter for letter in word if letter.isdigit()}


def distance(one: str, other: str) -> int:
    """How many letters to put in, leave out, replace or swap with a neighbour make one word the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        above, row = (before, row), [i]
        for j, b in enumerate(other, 1):
            row.append(min(above[1][j] + 1, row[j - 1] + 1, above[1][j - 1] + (a != b)))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                row[j] = min(row[j], above[0][j - 2] + 1)
        before = above[1]
    return row[-1]
