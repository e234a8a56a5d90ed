"""The race on curve tables: its arms as candidates, its policy as a plug-in, and values that have a target.

policy([{"optimizer": "sgd", "hyperparameters": {"lr": 0.1}}, …], budget=3.0)   # of any replay
table_race([candidate("sgd", {"lr": 0.1}), …], budget=3.0)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from surefoot.search.race.race import Race
from surefoot.search.space.lr_grid import Priors
from surefoot.search.space.table_priors import lr_priors
from surefoot.study.run import Candidate, Schedule


def candidate(optimizer: str, hyperparameters: Mapping[str, Any]) -> Candidate:
    """An arm of a table, whose schedule is its authors' own."""
    return Candidate(optimizer, hyperparameters, Schedule("script", 0.0, 0.0))


def policy(
    arms: Sequence[Mapping[str, Any]], budget: float, lower_is_better: bool = True, seed: int = 0
) -> TableRace:
    """The race of `surefoot choose`, for replays other than ours.

    Args:
        arms: {"optimizer": name, "hyperparameters": {name: value}} each, as the lines of a table say it.
        budget, lower_is_better, seed: as `table_race` takes them.
    """
    made = [candidate(str(arm["optimizer"]), arm["hyperparameters"]) for arm in arms]
    return table_race(made, budget, lower_is_better, seed)


def table_race(
    arms: Sequence[Candidate],
    budget: float,
    lower_is_better: bool = True,
    seed: int = 0,
    stated: Priors | None = None,
) -> TableRace:
    """The race of `surefoot choose`, as a policy for curve tables.

    Args:
        arms, budget, lower_is_better: as `Race` takes them.
        seed: changes nothing, the race draws no random numbers; other policies do.
        stated: what the table itself says of learning rates (`lr_priors`).
    """
    priors = lr_priors((arm.optimizer for arm in arms), stated)
    return TableRace(Race(arms, budget, lower_is_better, priors=priors), lower_is_better)


class TableRace:
    """A race whose values may be distances to a target: 0 or below means that it was reached.

    Then the earliest arm at the target is the best, and no other is worth more time than that one took.

    Args:
        race: nothing was asked of it yet.
        lower_is_better: as the race was told.
    """

    def __init__(self, race: Race, lower_is_better: bool = True) -> None:
        self.race = race
        self._sign = 1.0 if lower_is_better else -1.0
        self._reached: dict[int, float] = {}

    def ask(self) -> tuple[int, float] | None:
        """As the race asks, but no further than the earliest arm at the target."""
        asked = self.race.ask()
        return asked and (asked[0], min(asked[1], self._cap))

    def tell(self, arm: int, progress: float, value: float) -> None:
        """Pass a point on to the race; a reached target ends the run."""
        if self._sign * value <= 0:
            self._reached[arm] = min(progress, self._reached.get(arm, math.inf))
            # The earlier, the better, and better than any distance that is left.
            self.race.tell(arm, progress, self._sign * (progress - 2.0), ended=True)
            return
        self.race.tell(arm, progress, value, ended=progress >= self._cap)

    @property
    def _cap(self) -> float:
        """When the earliest arm was at the target."""
        return min(self._reached.values(), default=math.inf)

    def recommend(self) -> int:
        """The earliest arm at the target; before one is there, as the race recommends."""
        if self._reached:
            return min(self._reached, key=self._reached.__getitem__)
        return self.race.recommend()
