"""Names in messages: the nearest valid one, and lists of them."""

import difflib
from collections.abc import Callable, Iterable, Sequence

NEAR = 0.6
"""How alike two names must be for one to be meant by the other; 0 is not at all, 1 equal."""


def closest(
    name: str, valid: Iterable[str], cutoff: float = NEAR, fold: Callable[[str], str] = str.lower
) -> str | None:
    """The valid name that is most alike, None if none is alike enough.

    Args:
        name: what was given.
        valid: what could have been meant.
        cutoff: how alike it must be, from 0 to 1.
        fold: of names that are the same to it, the first in order stands for all.
    """
    names = {fold(known): known for known in sorted(valid, reverse=True)}
    near = difflib.get_close_matches(fold(name), names, 1, cutoff)
    return names[near[0]] if near else None


def nearest(
    name: str,
    valid: Iterable[str],
    cutoff: float = NEAR,
    fold: Callable[[str], str] = str.lower,
    otherwise: str = "there are",
) -> str:
    """How a message about an unknown name goes on: the nearest valid name, else all, else nothing."""
    names = sorted(valid)
    near = closest(name, names, cutoff, fold)
    if near is not None:
        return f"; did you mean {near!r}?"
    return f"; {otherwise} {', '.join(names)}" if names else ""


def listed(items: Sequence[str], most: int | None = None) -> str:
    """`a`, `a and b`, `a, b and c`; of more than `most`, `a, b and 3 more`."""
    shown = list(items)
    if most is not None and len(shown) > most:
        shown = [*shown[: most - 1], f"{len(shown) - most + 1} more"]
    return " and ".join([", ".join(shown[:-1])] * (len(shown) > 1) + shown[-1:])
