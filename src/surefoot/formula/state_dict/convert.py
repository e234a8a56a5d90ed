"""Another algorithm's state, as far as it means the same here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import Tensor

from surefoot.formula.facts import Meaning
from surefoot.formula.state_dict.match import (
    Counterparts,
    Group,
    StateDict,
    counterpart,
    needed_entries,
    unused_entries,
)

if TYPE_CHECKING:
    from surefoot.formula.declared import Declared

MOMENTS = frozenset({Meaning.STEPS, Meaning.MEAN_GRADIENT, Meaning.MEAN_SQUARE})
"""These correct each other for their start at zero: a long count with young means, or an old mean of the
gradients over a young denominator, makes steps of any size.  They move together or not at all."""


@dataclass
class ConversionReport:
    """What `convert` did, in the names of state entries."""

    carried: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)
    anew: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        parts = [("carried over", self.carried), ("dropped", self.dropped), ("started anew", self.anew)]
        return "; ".join(f"{what}: {', '.join(sorted(names)) or 'nothing'}" for what, names in parts)


def counterparts(optimizer: Declared, writers: Collection[type[Declared]]) -> Counterparts:
    """The saved entries that may mean the same as one of ours, by our name.

    A name to which the writers give different meanings, as SGD and RMSprop to `momentum_buffer`, tells
    nothing.

    Args:
        optimizer: whose entries.
        writers: the algorithms that may have written the state.
    """
    told: dict[str, set[str]] = {}
    for writer in writers:
        for slot in writer._declared.slots:
            told.setdefault(slot.name, set()).add(slot.meaning)
    return {
        slot.name: [name for name, meanings in told.items() if slot.meaning and meanings == {slot.meaning}]
        for slot in optimizer._declared.slots
    }


def converted(
    optimizer: Declared,
    groups: Sequence[Group],
    state: Mapping[Any, Any],
    lr: str,
    counterparts: Counterparts | None,
) -> tuple[StateDict, ConversionReport]:
    """Our own settings, with the saved state as far as it means the same; without counterparts all of it."""
    report, made = ConversionReport(), {}
    for own, saved in zip(optimizer.param_groups, groups, strict=True):
        for p, key in zip(own["params"], saved["params"], strict=True):
            entries = state.get(key)
            if isinstance(entries, Mapping) and entries:
                origins = _origins(optimizer, p, own, entries, counterparts)
                moved = {name: entries[origin] for name, origin in origins.items()}
                limits = {} if counterparts is None else _limits(optimizer, p, own, origins)
                if moved or limits:
                    made[key] = moved | limits
                report.carried |= origins.keys()
                report.dropped |= {n for n, v in entries.items() if v is not None} - set(origins.values())
                report.anew |= needed_entries(optimizer, p, own) - origins.keys()
    settings = [
        {**(own if lr == "mine" else with_lr(own, saved)), "params": saved["params"]}
        for own, saved in zip(optimizer.param_groups, groups, strict=True)
    ]
    return {"state": made, "param_groups": settings}, report


def _origins(
    optimizer: Declared,
    p: Tensor,
    group: Group,
    entries: Mapping[str, Any],
    counterparts: Counterparts | None,
) -> dict[str, str]:
    """The entries of one parameter that go on under our settings: the saved name by ours."""
    if counterparts is None:
        return {n: n for n in entries.keys() - unused_entries(optimizer, group)}
    needed = needed_entries(optimizer, p, group)
    meanings = {slot.name: slot.meaning for slot in optimizer._declared.slots if slot.name in needed}
    found = {n: o for n in meanings if (o := counterpart(entries, n, counterparts)) is not None}
    if Meaning.MEAN_GRADIENT in meanings.values() and not _moments_move(meanings, found):
        apart = MOMENTS | {Meaning.LARGEST_MEAN_SQUARE}
        found = {n: o for n, o in found.items() if meanings[n] not in apart}
    return found


def _moments_move(meanings: Mapping[str, str], origins: Collection[str]) -> bool:
    return {meanings[name] for name in origins if name in meanings} >= MOMENTS


def _limits(optimizer: Declared, p: Tensor, group: Group, origins: Collection[str]) -> dict[str, float]:
    """Where the moments move, what else corrects for their start is at its limit."""
    meanings = {slot.name: slot.meaning for slot in optimizer._declared.slots}
    if not _moments_move(meanings, origins):
        return {}
    needed = needed_entries(optimizer, p, group)
    return {s.name: s.limit for s in optimizer._declared.slots if s.name in needed and s.limit is not None}


def with_lr(group: Group, source: Group) -> Group:
    """The group with the learning rate of another; `initial_lr` belongs to it."""
    rates = {n: source[n] for n in ("lr", "initial_lr") if n in source}
    return {n: v for n, v in group.items() if n != "initial_lr" or "lr" not in rates} | rates
