"""What was asked of a race, told to it and paid: the bookkeeping, without any judgement.

    ledger = Ledger(rungs=[1/9, 1/3, 1], budget=3.0, tariff=Tariff())
    ledger.ask(7, rung=0)
    ledger.tell(7, progress=1/9, value=0.4)
    ledger.left()         # 2.89
    ledger.values[7]      # {0: 0.4}

Values are lower for better arms, and infinite where one diverged. Sums are exact, whatever the order in which
results arrive.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from surefoot.search.race.rungs import SAME
from surefoot.study.cost import Tariff

Job = tuple[int, int]  # (arm, index of the rung to train it to)

_ROUNDING = 1e-9


class Ledger:
    """The runs of one race.

    Args:
        rungs: progresses, ascending to 1; a rung is an index into them.
        budget: in full trainings.
        tariff: what a run costs.

    Attributes:
        values: by arm and rung, lower is better; infinite: diverged.
        outstanding: arms that were asked for and not told since.
    """

    def __init__(self, rungs: Sequence[float], budget: float, tariff: Tariff) -> None:
        self.rungs = list(rungs)
        self.values: dict[int, dict[int, float]] = {}
        self.outstanding: set[int] = set()
        self._budget = budget
        self._tariff = tariff
        self._asked: dict[int, int] = {}  # arm: the rung it was last asked for
        self._paid: dict[int, float] = {}  # arm: the progress it has reached
        self._begun: dict[int, float] = {}  # arm: the progress it had reached when it was last asked for
        self._costs: dict[int, list[float]] = {}  # arm: of each time before that it was taken further

    def ask(self, arm: int, rung: int) -> None:
        """The arm is to be trained to this rung."""
        self._costs.setdefault(arm, []).append(self._last_cost(arm))
        self._begun[arm] = self._paid.get(arm, 0.0)
        self._asked[arm] = rung
        self.outstanding.add(arm)

    def tell(self, arm: int, progress: float, value: float, ended: bool = False) -> None:
        """The arm's value at a progress, for every rung from the one it was asked for to the last it passed.

        Raises:
            ValueError: the arm was never asked for.
        """
        if arm not in self._asked:
            raise ValueError(f"arm {arm} was told but never asked for")
        self.outstanding.discard(arm)
        self._paid[arm] = max(self._paid.get(arm, 0.0), progress)
        passed = [rung for rung, end in enumerate(self.rungs) if end <= progress + _ROUNDING]
        last = len(self.rungs) - 1 if ended else max([self._asked[arm], *passed])
        self.values.setdefault(arm, {}).update(dict.fromkeys(range(self._asked[arm], last + 1), value))

    def coarsen(self, arm: int) -> None:
        """Give up the rungs that are shorter than the first point, this arm's, turned out to be."""
        reached = self._paid[arm]
        if reached > self.rungs[0] * SAME:
            further = [rung for rung in self.rungs if rung > reached * SAME]
            self.rungs[:] = [reached, *further] if further else [1.0]
            self.values[arm] = {0: self.values[arm][self.reached(arm)]}
            self._asked[arm] = 0

    def in_order(self) -> None:
        """Order the values as they were asked for, whatever that of arrival: sums and ties come out alike."""
        self.values = {arm: self.values[arm] for arm in self._asked if arm in self.values}

    # ---------------------------------------------------------------- who stands where

    def reached(self, arm: int) -> int:
        """The furthest rung that the arm was measured at."""
        return max(self.values[arm])

    def last(self, arm: int) -> float:
        """The arm's value there."""
        return self.values[arm][self.reached(arm)]

    def at(self, rung: int) -> dict[int, float]:
        """The values at a rung of the arms that have one and have not diverged."""
        return {
            arm: own[rung] for arm, own in self.values.items() if rung in own and self.last(arm) < math.inf
        }

    def diverged(self) -> set[int]:
        """The arms that have."""
        return {arm for arm in self.values if self.last(arm) == math.inf}

    def changes(self, rung: int) -> dict[int, float]:
        """How values changed since the rung before, of the healthy arms that were measured at both."""
        return {
            arm: own[rung] - own[rung - 1]
            for arm, own in self.values.items()
            if rung in own and math.isfinite(own[rung]) and math.isfinite(own.get(rung - 1, math.inf))
        }

    # ---------------------------------------------------------------- budget

    def spent(self) -> float:
        """Full trainings, without those that are outstanding."""
        return math.fsum(chain(*self._costs.values(), map(self._last_cost, self._begun)))

    def left(self) -> float:
        """Of the budget, when all that is outstanding has come as far as it was asked to."""
        promised = math.fsum(self.cost(arm, self._asked[arm]) for arm in self.outstanding)
        return self._budget - self.spent() - promised

    def cost(self, arm: int, rung: int) -> float:
        """Of taking the arm from where it is to a rung."""
        return self._tariff.cost(self._paid.get(arm, 0.0), self.rungs[rung])

    def step(self, rung: int) -> float:
        """Of taking an arm to this rung from the one before."""
        return self._tariff.cost(self.rungs[rung - 1] if rung else 0.0, self.rungs[rung])

    def pays(self, arm: int, rung: int) -> bool:
        """Whether the budget still does."""
        return self.cost(arm, rung) <= self.left() + _ROUNDING

    def affordable(self, jobs: Iterable[Job], share: float) -> list[Job]:
        """Those that the share pays, in their order; one that is too dear is left out."""
        share = min(share, self.left()) + _ROUNDING
        taken = []
        for arm, rung in jobs:
            if (cost := self.cost(arm, rung)) <= share:
                taken.append((arm, rung))
                share -= cost
        return taken

    def _last_cost(self, arm: int) -> float:
        """Of what the arm has reached since it was last asked for."""
        return self._tariff.cost(self._begun.get(arm, 0.0), self._paid.get(arm, 0.0))


def lowest_first(worth: Mapping[int, float]) -> list[int]:
    """Arms by ascending value; of equals the first."""
    return sorted(worth, key=lambda arm: (worth[arm], arm))
