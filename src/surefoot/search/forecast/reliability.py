"""What a shorter training was worth on stored trainings, rung by rung.

Made by `python benchmarks/forecast.py TABLE…`, which prints `RUNGS` and says how honest they are on tables
that were left out.  Nothing else in the package knows these numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reliability:
    """Of one rung.

    Attributes:
        progress: share of the training.
        low, middle, high: what was added to a difference on the way to the end, in units of its scale and in
            the direction of who was ahead: quantiles, each task with the same weight.
        kept: share of stored trainings in which the leader was the best in the end, of all looked at.
        level, crowd, lead, order: of the logistic model of that: its constant, the weight of the logarithm of
            how many were looked at, that of the nearest rival's distance in units of its scale, and that of
            the share of pairs which kept their order since a third of this rung.
        drift: median of how many decades the best learning rate lay above that of the whole training.
    """

    progress: float
    low: float
    middle: float
    high: float
    kept: float
    level: float
    crowd: float
    lead: float
    order: float
    drift: float


RUNGS = (
    Reliability(1 / 27, -0.836, -0.11, 6.96, 0.523, 0.326, -0.397, 1.13, 0.368, 0.629),
    Reliability(1 / 9, -0.935, -0.0606, 2.07, 0.446, 0.294, -0.371, 1.41, 0.363, 0.318),
    Reliability(1 / 3, -0.993, -0.0319, 1.1, 0.425, -0.0493, -0.202, 1.03, 0.527, 0.1),
)


def reliability(progress: float) -> Reliability:
    """Of the rung nearest in log progress; what is shorter than all counts as the shortest."""
    return min(RUNGS, key=lambda rung: abs(math.log(rung.progress / progress)))
