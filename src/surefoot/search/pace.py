"""What runs take by the clock, learnt from those that have ended.

    pace = Pace(training=6.0)
    pace.saw(1 / 3, 2.9)      # a third of a training took 2.9 s: the machine is busy
    pace.seconds(1.0)         # 8.7

No clock inside: who has one tells what it said.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

REMEMBERED = 9
"""Runs; a machine that was busy may be quiet again."""

OVERHEAD_SECONDS = 0.05
"""Of a run besides its steps: making the model, messages, the last validation."""


class Pace:
    """How long runs take.

    Args:
        training: seconds of a full training, as expected before any has ended.
        overhead: seconds of a run besides its steps, as expected.
    """

    def __init__(self, training: float, overhead: float = OVERHEAD_SECONDS) -> None:
        self._training, self._overhead = training, overhead
        self._seen: deque[tuple[float, float]] = deque(
            maxlen=REMEMBERED
        )  # times as long, of expected seconds

    def saw(self, cost: float, seconds: float) -> None:
        """A run that cost this share of a full training has taken so many seconds."""
        expected = self._expected(cost)
        if expected > 0:
            self._seen.append((seconds / expected, expected))

    def seconds(self, cost: float) -> float:
        """What a run of this cost is expected to take."""
        return self._expected(cost) * self._factor

    @property
    def _factor(self) -> float:
        return _weighted_median(self._seen) if self._seen else 1.0

    def _expected(self, cost: float) -> float:
        return self._overhead + cost * self._training


def _weighted_median(entries: Iterable[tuple[float, float]]) -> float:
    """Of (value, weight): long runs say more of what a training takes than short ones."""
    ordered = sorted(entries)
    rest = sum(weight for _, weight in ordered) / 2
    for value, weight in ordered:
        rest -= weight
        if rest <= 0:
            return value
    return ordered[-1][0]
