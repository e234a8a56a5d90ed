"""What runs take by the clock, learnt from those that have ended.

    pace = Pace(training=6.0)
    pace.saw(1 / 3, 2.9)      # a third of a training took 2.9 s: the machine is busy
    pace.seconds(1.0)         # 8.7

No clock inside: who has one tells what it said.
"""

from __future__ import annotations

from collections import deque
from statistics import median

REMEMBERED = 9
"""Runs; a machine that was busy may be quiet again."""

FEWEST_RUNS = 2
"""A single run may have waited for its worker to start."""


class Pace:
    """How long runs take.

    Args:
        training: seconds of a full training, as expected before any has ended.
        overhead: seconds of a run besides its steps, as expected: validation, making the model, messages.
    """

    def __init__(self, training: float, overhead: float = 0.0) -> None:
        self._training, self._overhead = training, overhead
        self._factors: deque[float] = deque(maxlen=REMEMBERED)

    def saw(self, cost: float, seconds: float) -> None:
        """A run that cost this share of a full training has taken so many seconds."""
        expected = self._expected(cost)
        if expected > 0:
            self._factors.append(seconds / expected)

    def seconds(self, cost: float) -> float:
        """What a run of this cost is expected to take."""
        return self._expected(cost) * self._factor

    @property
    def _factor(self) -> float:
        return median(self._factors) if len(self._factors) >= FEWEST_RUNS else 1.0

    def _expected(self, cost: float) -> float:
        return self._overhead + cost * self._training
