"""The baseline's progress as a ladder of targets: how much of its time a run needs to get as far.

ladder = Ladder.of(curves_of_the_baseline, whole=0.6)  # whole: seconds of its full training
ladder.target                                          # what it reaches at its end on every seed
ladder.ratio([(0.02, 1.1), (0.05, 0.4)])               # 0.5: half the time the baseline needs to 0.4
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

TARGET_SHARE = 0.75
"""The target is what the baseline reaches in this share of its training.  Towards its end the curve is so
flat that chance decides when a seed gets there, and what the middle one reaches, every second never does."""

REACH = 1e-7
"""The target is easier by this share of the ladder's height: rounding must not decide who reaches it."""

FARTHEST = 1e9
"""So many heights of the ladder above its first rung, everything is equally bad."""

Curve = Sequence[tuple[float, float]]
"""(seconds, value), ascending in seconds."""


def seconds_to(curve: Curve, target: float) -> float:
    """When the curve first reaches the target, interpolated between its points; infinite if never."""
    for (begin, above), (end, below) in pairwise([(math.nan, math.nan), *curve]):
        if below <= target:
            return end if math.isnan(above) else begin + (end - begin) * (above - target) / (above - below)
    return math.inf


@dataclass(frozen=True)
class Ladder:
    """The baseline's progress: ever lower values, and the seconds it needs to each.

    Attributes:
        values: descending.
        seconds: ascending, one for each value.
        whole: seconds of the baseline's full training.
        target: the value that counts in the end.
        reached: how many of the baseline's seeds reached it.
        seeds: how many there were.
    """

    values: tuple[float, ...]
    seconds: tuple[float, ...]
    whole: float
    target: float
    reached: int = 0
    seeds: int = 0

    @classmethod
    def of(cls, curves: Sequence[Curve], whole: float, target: float | None = None) -> Ladder:
        """From the baseline's curves on a few seeds: the median, over them, of the best value so far.

        Args:
            curves: one for each seed.
            whole: seconds of a full training.
            target: None means what it reaches in `TARGET_SHARE` of its training, and at its end on every
                seed, up to `REACH`.

        Raises:
            ValueError: no curve has a finite value.
        """
        curves = [curve for curve in curves if any(math.isfinite(value) for _, value in curve)]
        if not curves:
            raise ValueError("a ladder needs a curve with a finite value")
        values: list[float] = []
        seconds: list[float] = []
        for time in sorted({time for curve in curves for time, _ in curve}):
            value = median(_best(curve, time) for curve in curves)
            if value < (values[-1] if values else math.inf):
                values.append(value)
                seconds.append(time)
        ends = [_best(curve, math.inf) for curve in curves]
        if target is None:
            early = _between(tuple(zip(seconds, values, strict=True)), TARGET_SHARE * whole)
            target = max([*ends, early]) + REACH * (values[0] - values[-1])
        reached = sum(end <= target for end in ends)
        return cls(tuple(values), tuple(seconds), whole, target, reached, len(ends))

    def baseline_seconds(self, value: float) -> float:
        """How long the baseline needs to this value; positive, and longer for lower values.

        Beyond either end of the ladder its own height is the measure: a value as far above the first rung
        as the ladder is high takes half as long as that rung, and one as far below the last twice as long.
        """
        first, last = self.values[0], self.values[-1]
        height = first - last or abs(first) or 1.0
        if value >= first:
            return self.seconds[0] / (1 + min((value - first) / height, FARTHEST))
        if value < last:
            return self.seconds[-1] * (1 + (last - value) / height)
        return seconds_to(tuple(zip(self.seconds, self.values, strict=True)), value)

    def ratio(self, curve: Curve, ended: bool = False) -> float:
        """The seconds a run has used, over those the baseline needs to get as far; lower is better.

        Args:
            curve: up to now, with a finite value.
            ended: the training is over.  A run that has missed the target by then has used no less than the
                baseline's whole training.
        """
        reached = seconds_to(curve, self.target)
        if math.isfinite(reached):
            return reached / self.baseline_seconds(self.target)
        used = max(curve[-1][0], self.whole) if ended else curve[-1][0]
        return used / self.baseline_seconds(_best(curve, math.inf))


def _between(curve: Curve, time: float) -> float:
    """The value at this time, interpolated; before the first point and after the last, theirs."""
    for (begin, above), (end, below) in pairwise(curve):
        if begin <= time <= end:
            return above + (below - above) * (time - begin) / (end - begin)
    return curve[0][1] if time < curve[0][0] else curve[-1][1]


def _best(curve: Curve, time: float) -> float:
    """The lowest value up to this time; infinite before the first."""
    return min((value for at, value in curve if at <= time and math.isfinite(value)), default=math.inf)
