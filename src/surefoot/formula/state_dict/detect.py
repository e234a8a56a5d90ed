"""Which algorithm wrote a state dict: nothing in it says so, the keys of its groups and of its state tell."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from surefoot.formula.hyperparameter import Hyperparameter
from surefoot.formula.state_dict.match import (
    Group,
    needed_entries,
    parameters_with_state,
    some,
    torch_heading,
)

if TYPE_CHECKING:
    from surefoot.formula.declared import Declared


def signs_of_another_algorithm(
    optimizer: Declared,
    groups: Sequence[Group],
    state: Mapping[Any, Any],
    known: Collection[type[Declared]],
) -> tuple[list[str], Collection[type[Declared]]]:
    """What shows that another algorithm than the optimizer's wrote the state dict, and which ones may have.

    A key that no algorithm knows shows nothing: it is the user's.  A setting that is off by default may be
    missing, since older versions did not have it.

    Returns:
        A line for each sign, none where nothing shows it; the algorithms that explain the state dict best.
    """
    cls = type(optimizer)
    if not groups:
        return [], known
    evidence = _Evidence(groups, state, known)
    lines = [f"setting {name!r} is missing" for name in sorted(evidence.lacking(cls))]
    lines += [f"state entry {name!r} is unknown" for name in sorted(evidence.foreign_state(cls))]
    lines += _missing_state(optimizer, groups, state) + _lengths(cls, groups)
    better = evidence.better(cls)
    if better and not lines:
        lines += [f"setting {n!r} is unknown" for n in sorted(evidence.unexplained(cls))]
        lines += [f"setting {n!r} is missing" for n in sorted(evidence.absent(cls))]
    if lines and better:
        lines.append(f"it looks like {' or '.join(sorted(c.__name__ for c in better))}")
    for name in sorted(evidence.telling(cls)):
        lines += _other_values(cls, name, optimizer.param_groups, groups)
    return lines, better or known


def _other_values(cls: type[Declared], name: str, own: Sequence[Group], saved: Sequence[Group]) -> list[str]:
    """The groups whose value of a setting tells of a relative; a mixture is one algorithm, set by groups."""
    pairs = [(i, a[name], b[name]) for i, (a, b) in enumerate(zip(own, saved, strict=False)) if name in b]
    wrong = [(i, a, b) for i, a, b in pairs if bool(a) != bool(b)]
    if len(wrong) < len(pairs) and not cls._declared.hyperparameters[name].fixed:
        return []
    return [f"group {i}: {name} is {b}, expected {a}" for i, a, b in wrong]


class _Evidence:
    """The keys of a state dict's groups and state, held against what the known algorithms write."""

    def __init__(
        self, groups: Sequence[Group], state: Mapping[Any, Any], known: Collection[type[Declared]]
    ) -> None:
        self.known = known
        self.keys = set.intersection(*[set(group) for group in groups]) if groups else set()
        self.state = {
            name
            for entries in state.values()
            if isinstance(entries, Mapping)
            for name, value in entries.items()
            if value is not None
        }
        self.state &= set().union(*(c._state_names() for c in known))
        self.settings = self.keys & {name for c in known for name in c._declared.hyperparameters}

    def lacking(self, cls: type[Declared]) -> set[str]:
        """Settings that this algorithm has always had."""
        return {n for n, h in cls._declared.hyperparameters.items() if not h.fixed and not off(h)} - self.keys

    def foreign_state(self, cls: type[Declared]) -> set[str]:
        return self.state - cls._state_names()

    def unexplained(self, cls: type[Declared]) -> set[str]:
        """Settings of other algorithms."""
        return self.settings - set(cls._declared.hyperparameters)

    def absent(self, cls: type[Declared]) -> set[str]:
        return set(cls._declared.hyperparameters) - self.telling(cls) - self.keys

    def telling(self, cls: type[Declared]) -> set[str]:
        """Settings by whose value alone this algorithm differs from a relative."""
        related = [c for c in self.known if issubclass(c, cls) or issubclass(cls, c)]
        return {n for c in related for n, h in c._declared.hyperparameters.items() if h.fixed}

    def better(self, cls: type[Declared]) -> list[type[Declared]]:
        """The algorithms that explain the state dict best, if they explain it better than this one does."""

        def possible(c: type[Declared]) -> bool:
            return bool(c._declared.hyperparameters) and not self.lacking(c) and not self.foreign_state(c)

        def improves(c: type[Declared]) -> bool:
            if not possible(cls):
                return True
            if self.unexplained(c) != self.unexplained(cls):
                return self.unexplained(c) < self.unexplained(cls)
            return bool(self.state) and self.absent(c) < self.absent(cls)

        found = [c for c in self.known if possible(c) and improves(c)]
        score = {c: (len(self.unexplained(c)), len(self.absent(c))) for c in found}
        return [c for c in found if score[c] == min(score.values())]


def off(hyperparameter: Hyperparameter) -> bool:
    """Whether the default is to do without."""
    return hyperparameter.default is None or (
        isinstance(hyperparameter.default, int | float) and not hyperparameter.default
    )


def _lengths(cls: type[Declared], groups: Sequence[Group]) -> list[str]:
    """Another algorithm's setting of the same name may be another number of numbers."""
    lines = {
        f"setting {name!r} has {len(group[name])} values, expected {len(h.default)}"
        for group in groups
        for name, h in cls._declared.hyperparameters.items()
        if isinstance(h.default, tuple) and isinstance(h.kept(group.get(name)), tuple)
        if len(group[name]) != len(h.default)
    }
    return sorted(lines)


def _missing_state(optimizer: Declared, groups: Sequence[Group], state: Mapping[Any, Any]) -> list[str]:
    if len(groups) != len(optimizer.param_groups) or torch_heading(optimizer.param_groups, groups):
        return []
    # A setting that was switched on after the last step has no state yet; the next step makes it.
    switched = {s.name for s in optimizer._declared.slots if s.when}
    labels: dict[str, list[str]] = {}
    stated = list(parameters_with_state(optimizer, groups, state))
    for label, p, saved, entries in stated:
        for name in sorted(needed_entries(optimizer, p, saved) - switched):
            if entries.get(name) is None:
                labels.setdefault(name, []).append(label)
    return [
        f"state entry {name!r} is missing"
        + ("" if len(where) == len(stated) else f" for parameter {some(where)}")
        for name, where in labels.items()
    ]
