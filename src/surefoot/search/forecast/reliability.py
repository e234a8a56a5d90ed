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
    Reliability(1 / 27, -1.24, -0.0725, 15, 0.504, 0.308, -0.431, 1.05, 0.451, 0.548),
    Reliability(1 / 9, -0.948, -0.0325, 2.84, 0.391, 0.446, -0.508, 1.43, 0.226, 0.302),
    Reliability(1 / 3, -1.11, -0.032, 0.927, 0.397, 0.288, -0.325, 0.956, 0.0272, 0.0855),
)


def reliability(progress: float) -> Reliability:
    """Of the rung nearest in log progress; what is shorter than all counts as the shortest."""
    return min(RUNGS, key=lambda rung: abs(math.log(rung.progress / progress)))
