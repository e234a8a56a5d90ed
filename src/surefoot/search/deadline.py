"""When a study has to end, as those see it who hand out runs: the one place that reads its clock.

deadline = Deadline(120.0, elapsed)      # elapsed(): seconds since the study began, over all its sittings
deadline.left                            # 97.4
deadline.part(0.5, lambda: 2.0)          # when half of what was left after two seconds is spent
"""

from __future__ import annotations

import math
from collections.abc import Callable

ANSWERING_SHARE, ANSWERING_SECONDS = 0.06, 0.5
"""So much of the time, and no more than so many seconds, are kept for making the answer."""


class Deadline:
    """A point in time.

    Args:
        end: seconds after the study's beginning; infinite: none.
        elapsed: seconds since that beginning.
    """

    def __init__(self, end: float, elapsed: Callable[[], float]) -> None:
        self.end, self._elapsed = end, elapsed

    @classmethod
    def of(cls, budget: float | None, elapsed: Callable[[], float]) -> Deadline:
        """For the runs of a study with this budget of seconds; None: it has another kind of budget."""
        if budget is None:
            return cls(math.inf, elapsed)
        return cls(budget - min(ANSWERING_SHARE * budget, ANSWERING_SECONDS), elapsed)

    @property
    def elapsed(self) -> float:
        """Seconds since the study began."""
        return self._elapsed()

    @property
    def left(self) -> float:
        """Seconds; below 0 afterwards."""
        return self.end - self._elapsed()

    def part(self, share: float, since: Callable[[], float]) -> Deadline:
        """An earlier one: when this share of the time from then on is spent; `since` may still move."""
        return _Part(self, share, since) if share < 1 else self


class _Part(Deadline):
    def __init__(self, whole: Deadline, share: float, since: Callable[[], float]) -> None:
        super().__init__(whole.end, lambda: whole.elapsed)
        self._share, self._since = share, since

    @property
    def left(self) -> float:
        begun = self._since()
        return begun + self._share * (self.end - begun) - self.elapsed
