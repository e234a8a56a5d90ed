"""How far runs are taken before they are compared: thirds of a training, within what the budget pays.

rungs_for(arms=60, budget=3.0, tariff=Tariff())  # [1/27, 1/9, 1/3, 1]
at_marks([1/9, 1/3, 1], marks=[0.25, 0.5, 1.0])  # [0.25, 0.5, 1]
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from surefoot.study.cost import Tariff

RUNGS = (1 / 81, 1 / 27, 1 / 9, 1 / 3, 1.0)
"""Thirds, as in Hyperband; in replay, steps of two to two and a half do as well and steps of four worse."""

FIRST_LOOK_SHARE = 0.1
"""The first look may cost this share of the budget; a budget that pays it on a longer rung starts there."""

SAME = 1.5
"""Progresses that differ by less than this factor need no rung each."""

_ROUNDING = 1e-9


def rungs_for(arms: int, budget: float, tariff: Tariff, shortest: float = 0.0) -> list[float]:
    """Thirds, from the longest first rung on which the budget pays the first look at so many arms.

    None is so short that its runs take longer to start than to train.

    Args:
        arms: of the first look.
        budget: in full trainings.
        tariff: what a run costs.
        shortest: no rung is shorter; where all are, a full training is the only one.
    """
    allowed, start = FIRST_LOOK_SHARE * budget, tariff.start
    paid = [i for i, rung in enumerate(RUNGS[:3]) if arms * tariff.cost(0.0, rung) <= allowed]
    short = [i for i, rung in enumerate(RUNGS[:3]) if (1 - start) * rung < start]
    rungs = RUNGS[max(paid[-1] if paid else 0, short[-1] + 1 if short else 0) :]
    return [rung for rung in rungs if rung >= shortest - _ROUNDING] or [1.0]


def at_marks(rungs: Sequence[float], marks: Sequence[float]) -> list[float]:
    """Each rung at the first mark at or beyond it, without those that then almost meet.

    Args:
        rungs: ascending to 1.
        marks: progresses, ascending to 1.
    """
    found: list[float] = []
    for rung in rungs:
        mark = next(mark for mark in marks if mark >= rung - _ROUNDING)
        if not found or mark > found[-1] * SAME:
            found.append(mark)
    return [*found[:-1], 1.0]


def ascending(rungs: Sequence[float]) -> list[float]:
    """The rungs as they are.

    Raises:
        ValueError: they do not ascend to 1.
    """
    if not all(low < high for low, high in pairwise([0.0, *rungs])) or rungs[-1] != 1:
        raise ValueError(f"rungs must ascend from above 0 to 1; got {list(rungs)}")
    return list(rungs)
