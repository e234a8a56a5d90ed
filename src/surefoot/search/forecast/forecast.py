"""The final difference of two candidates, and P(best), from values at a part of the training.

    gap = compared(leader, other, curves)       # at the furthest progress that both have reached
    final_difference(gap)                       # Interval(estimate=0.02, low=-0.04, high=0.11, level=0.9)
    probability_best(leader, others)            # among all that were looked at

A difference that is seen early grows, shrinks or turns by an amount that nobody knows, but three things that
the study has measured tell its size: the difference itself, how much the leader has still fallen since a
third of this progress, and how far the candidates lie apart.  Their root sum of squares is the scale.  In
units of it, stored trainings show how differences went on to the end (`reliability`); quantiles of that, each
task with the same weight, are the interval.  So no shape of curves is assumed.  Where all values are positive
they are compared by their logarithms (`on_log_scale`), as confirmed answers are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from surefoot.search.forecast.reliability import Reliability, reliability
from surefoot.study.answer import Interval

LEVEL = 0.9
"""Probability with which an interval holds the final difference."""

FEWEST_APART = 3
"""Of fewer candidates nothing is said of how far they lie apart."""

UNKNOWN_ORDER = 0.5
"""Of the pairs of candidates, as many keep their order by chance."""

_SAME = 0.02  # progresses that differ by less than this share are the same rung

Curve = Mapping[float, float]
"""Values by progress, lower is better; of a healthy run."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Two candidates at the same progress.

    Attributes:
        progress: the furthest that both were measured at.
        difference: the other's value minus the leader's; above 0 the leader is ahead.
        scale: by how much such a difference may change, before `reliability` has its say; 0 where nothing but
            the difference itself would tell.
    """

    progress: float
    difference: float
    scale: float

    @property
    def lead(self) -> float:
        """The difference in units of the scale, from -1 to 1."""
        return self.difference / self.scale if self.scale > 0 else 0.0


def on_log_scale(curves: Sequence[Curve]) -> list[Curve] | None:
    """The logarithms, on which losses that fall by shares keep their differences; None where a value is not
    above 0.
    """
    if any(value <= 0 for curve in curves for value in curve.values()):
        return None
    return [{progress: math.log(value) for progress, value in curve.items()} for curve in curves]


def compared(leader: Curve, other: Curve, curves: Sequence[Curve]) -> Gap | None:
    """The gap at the furthest progress that both have; None where there is none.

    Args:
        leader, other: of two candidates.
        curves: of all that were looked at, both included.
    """
    common = [progress for progress in leader if at(other, progress) is not None]
    if not common:
        return None
    progress = max(common)
    own, rival = leader[progress], at(other, progress)
    assert rival is not None
    difference = rival - own
    values = sorted(value for curve in curves if (value := at(curve, progress)) is not None)
    apart = median(values) - values[0] if len(values) >= FEWEST_APART else 0.0
    others = math.hypot(_fall(leader, progress), apart)
    return Gap(progress, difference, math.hypot(difference, others) if others else 0.0)


def at(curve: Curve, progress: float) -> float | None:
    """The value at a progress; None where the curve was not measured there."""
    near = min(curve, key=lambda own: abs(own - progress), default=math.inf)
    return curve[near] if abs(near - progress) <= _SAME * progress else None


def _fall(curve: Curve, progress: float) -> float:
    """How much the curve has changed since about a third of this progress; 0 where that is not known."""
    earlier = _a_third_of(curve, progress)
    return 0.0 if earlier is None else curve[progress] - curve[earlier]


def _a_third_of(curve: Curve, progress: float) -> float | None:
    """The measured progress nearest to a third of this one, in its logarithm, and not above its half."""
    earlier = [own for own in curve if own <= progress / 2]
    return min(earlier, key=lambda own: abs(math.log(3 * own / progress)), default=None)


def final_difference(gap: Gap) -> Interval:
    """The other's final value minus the leader's, on the same seed."""
    known = reliability(gap.progress)
    ahead = 1.0 if gap.difference >= 0 else -1.0

    def end(quantile: float) -> float:
        return gap.difference + ahead * gap.scale * quantile

    low, high = sorted((end(known.low), end(known.high)))
    return Interval(end(known.middle), low, high, LEVEL)


def probability_best(leader: Curve, others: Sequence[Curve]) -> float:
    """The probability that the leader ends as the best of all that were looked at, on the same seed.

    Args:
        leader: its curve.
        others: all others that have not diverged.
    """
    if not others:
        return 1.0
    lead = standing(leader, others)
    return 1.0 if lead is None else chance(reliability(lead.progress), lead)


@dataclass(frozen=True, slots=True)
class Lead:
    """A candidate that came furthest, among all that were looked at.

    Attributes:
        progress: the furthest that another one was measured at too.
        looked_at: how many, itself included.
        nearest: the smallest distance of those measured there, in units of its scale.
        order_kept: share of the pairs of candidates that stood there as they had at about a third of it; a
            half where that was not measured.
    """

    progress: float
    looked_at: int
    nearest: float
    order_kept: float


def standing(leader: Curve, others: Sequence[Curve]) -> Lead | None:
    """How a candidate stands among all others; None where none was measured where it was."""
    curves = [leader, *others]
    gaps = [gap for other in others if (gap := compared(leader, other, curves))]
    if not gaps:
        return None
    furthest = max(gap.progress for gap in gaps)
    nearest = min(gap.lead for gap in gaps if gap.progress == furthest)
    return Lead(furthest, len(curves), nearest, _order_kept(leader, furthest, curves))


def _order_kept(leader: Curve, progress: float, curves: Sequence[Curve]) -> float:
    earlier = _a_third_of(leader, progress)
    if earlier is None:
        return UNKNOWN_ORDER
    both = [(at(curve, earlier), at(curve, progress)) for curve in curves]
    known = [(then, now) for then, now in both if then is not None and now is not None]
    kept = [(one[0] < two[0]) == (one[1] < two[1]) for one, two in combinations(known, 2)]
    return sum(kept) / len(kept) if len(known) >= FEWEST_APART else UNKNOWN_ORDER


def chance(known: Reliability, lead: Lead) -> float:
    """The logistic of how many were looked at, how near the next one is, and how steady the order was."""
    logit = known.level + known.crowd * math.log(lead.looked_at) + known.lead * lead.nearest
    return 1 / (1 + math.exp(-logit - known.order * (lead.order_kept - UNKNOWN_ORDER)))
