"""Another algorithm's state, as far as it means the same here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import Tensor

from surefoot.formula.state_dict.match import Group, StateDict, needed_entries, unused_entries

if TYPE_CHECKING:
    from surefoot.formula.declared import Declared

# Entries that mean the same wherever they occur.  `momentum_buffer` does not: SGD sums gradients in it,
# RMSprop scaled ones.
SAME_MEANING = frozenset({"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq", "square_avg"})
# These correct each other for their start at zero: a long count with young averages, or old momentum over
# a young denominator, makes steps of any size.  They move together or not at all.
MOMENTS = frozenset({"step", "exp_avg", "exp_avg_sq"})
# Where the moments move, what else corrects for their start is at its limit.
CORRECTED = {"mu_product": 0.0}


@dataclass
class Report:
    """What `convert` did, in the names of state entries."""

    carried: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)
    anew: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        parts = [("carried over", self.carried), ("dropped", self.dropped), ("started anew", self.anew)]
        return "; ".join(f"{what}: {', '.join(sorted(names)) or 'nothing'}" for what, names in parts)


def converted(
    optimizer: Declared, groups: Sequence[Group], state: Mapping[Any, Any], lr: str, *, same: bool
) -> tuple[StateDict, Report]:
    """Our own settings, with the saved state as far as it means the same here."""
    report, made = Report(), {}
    for own, saved in zip(optimizer.param_groups, groups, strict=True):
        for p, key in zip(own["params"], saved["params"], strict=True):
            entries = state.get(key)
            if isinstance(entries, Mapping) and entries:
                moved = _moved(optimizer, p, own, entries, same)
                if moved:
                    made[key] = moved
                report.carried |= moved.keys() & entries.keys()
                report.dropped |= {n for n, v in entries.items() if v is not None} - moved.keys()
                report.anew |= needed_entries(optimizer, p, own) - (moved.keys() & entries.keys())
    settings = [
        {**(own if lr == "mine" else with_lr(own, saved)), "params": saved["params"]}
        for own, saved in zip(optimizer.param_groups, groups, strict=True)
    ]
    return {"state": made, "param_groups": settings}, report


def _moved(
    optimizer: Declared, p: Tensor, group: Group, entries: Mapping[str, Any], same: bool
) -> dict[str, Any]:
    """The entries of one parameter's saved state that go on under our settings."""
    if same:
        unused = unused_entries(optimizer, group)
        return {n: v for n, v in entries.items() if n not in unused}
    needed = needed_entries(optimizer, p, group)
    names = {n for n in needed & SAME_MEANING if entries.get(n) is not None}
    if "exp_avg" in needed and not names >= MOMENTS:
        names -= MOMENTS | {"max_exp_avg_sq"}
    limits = {n: v for n, v in CORRECTED.items() if n in needed and names >= MOMENTS}
    return {n: entries[n] for n in names} | limits


def with_lr(group: Group, source: Group) -> Group:
    """The group with the learning rate of another; `initial_lr` belongs to it."""
    rates = {n: source[n] for n in ("lr", "initial_lr") if n in source}
    return {n: v for n, v in group.items() if n != "initial_lr" or "lr" not in rates} | rates
