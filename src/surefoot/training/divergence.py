"""When a run has blown up: pure arithmetic on the training losses it has seen."""

from __future__ import annotations

import math
from dataclasses import dataclass

from surefoot.study.format import number

# Ten times the loss of the untrained model.  A classifier with k classes starts near log k, and one that has
# collapsed stays near it: only growing weights take it ten times higher.  Lower multiples also catch runs
# that recover from a spike after warmup, and stopping a good run costs more than finishing a lost one.
MULTIPLE = 10.0
# A loss counts for about ten steps, so one bad batch of several times the starting loss is forgiven.
SMOOTHING = 0.9


@dataclass(frozen=True)
class Trend:
    """The training loss so far.

    Attributes:
        start: the first loss, that of the untrained model.
        smoothed: exponential moving average.
        latest: the last loss.
    """

    start: float
    smoothed: float
    latest: float

    @classmethod
    def of(cls, loss: float) -> Trend:
        """The trend after the first loss."""
        return cls(loss, loss, loss)

    def after(self, loss: float) -> Trend:
        """The trend after one more loss."""
        return Trend(self.start, SMOOTHING * self.smoothed + (1 - SMOOTHING) * loss, loss)

    @property
    def blown_up(self) -> str:
        """Why the run is lost, in words; empty while it is not."""
        if not math.isfinite(self.latest):
            return f"the training loss became {self.latest}"
        # Written as a rise, so that it also holds for losses that start below zero.
        if self.smoothed - self.start > (MULTIPLE - 1) * abs(self.start):
            return (
                f"the training loss rose from {number(self.start)} to {number(self.smoothed)}, "
                f"more than {MULTIPLE:g} times where it started"
            )
        return ""
