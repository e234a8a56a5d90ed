"""What the race has to beat: uniform random search, and successive halving over uniformly drawn arms.

Both know nothing of optimizers or learning rates; an arm is only a number.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from surefoot.study.run import Candidate

RUNGS = (1 / 27, 1 / 9, 1 / 3, 1.0)
KEPT = 3
"""Of this many arms at a rung, successive halving keeps one."""


class RandomSearch:
    """Full trainings of arms in random order; recommends the best one seen."""

    def __init__(
        self, arms: Sequence[Candidate], budget: float, lower_is_better: bool = True, seed: int = 0
    ) -> None:
        self._order = list(range(len(arms)))
        random.Random(seed).shuffle(self._order)
        self._waiting = iter(self._order)
        self._last: dict[int, tuple[float, float]] = {}
        self._sign = 1.0 if lower_is_better else -1.0

    def ask(self) -> tuple[int, float] | None:
        """The next arm, to the end of its training."""
        arm = next(self._waiting, None)
        return None if arm is None else (arm, 1.0)

    def tell(self, arm: int, progress: float, value: float) -> None:
        """A point of an arm's curve."""
        self._last[arm] = (progress, self._sign * value)

    def recommend(self) -> int:
        """The best of what was seen."""
        return min(self._last, key=lambda arm: standing(self._last[arm]), default=self._order[0])


class SuccessiveHalving:
    """One bracket (Jamieson & Talwalkar, 2016) on thirds, as wide as the budget pays."""

    def __init__(
        self, arms: Sequence[Candidate], budget: float, lower_is_better: bool = True, seed: int = 0
    ) -> None:
        order = list(range(len(arms)))
        random.Random(seed).shuffle(order)
        self._racing = order[: _widest(len(arms), budget)]
        self._sizes = _sizes(len(self._racing))
        self._rung, self._asked = 0, 0
        self._last: dict[int, tuple[float, float]] = {}
        self._sign = 1.0 if lower_is_better else -1.0

    def ask(self) -> tuple[int, float] | None:
        """The next arm, to the rung that all arms are at."""
        if self._asked == len(self._racing):
            if self._rung + 1 == len(RUNGS):
                return None
            self._rung, self._asked = self._rung + 1, 0
            self._racing = sorted(self._racing, key=self._standing)[: self._sizes[self._rung]]
        self._asked += 1
        return self._racing[self._asked - 1], RUNGS[self._rung]

    def tell(self, arm: int, progress: float, value: float) -> None:
        """A point of an arm's curve."""
        self._last[arm] = (progress, self._sign * value)

    def recommend(self) -> int:
        """The best of those that went furthest."""
        return min(self._racing[: self._asked] or self._racing, key=self._standing)

    def _standing(self, arm: int) -> tuple[int, float]:
        return standing(self._last.get(arm, (0.0, math.nan)))


def standing(point: tuple[float, float]) -> tuple[int, float]:
    """Sort key of an arm's last (progress, value): reached targets by time, then by value, diverged last."""
    progress, value = point
    if math.isnan(value):
        return (2, 0.0)
    return (0, progress) if value <= 0 else (1, value)


def _sizes(arms: int) -> list[int]:
    """How many arms a bracket that starts with so many has at each rung."""
    return [math.ceil(arms / KEPT**rung - 1e-9) for rung in range(len(RUNGS))]


def _widest(arms: int, budget: float) -> int:
    """The most arms with which a bracket costs no more than the budget; one at least."""

    def cost(start: int) -> float:
        steps = [rung - before for rung, before in zip(RUNGS, (0.0, *RUNGS), strict=False)]
        return sum(size * step for size, step in zip(_sizes(start), steps, strict=True))

    return max((n for n in range(1, arms + 1) if cost(n) <= budget + 1e-9), default=1)
