"""What replaying policies on a curve table found, as plain data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class PriorSource(StrEnum):
    """Where a replay has the learning-rate prior of an optimizer from."""

    OPTIMIZER = "optimizer"
    """The optimizer's own file in `surefoot.optim`, as in live studies."""

    TABLE = "table"
    """The JSON beside the table."""

    RATES = "rates"
    """Nothing is known: a wide prior around the middle of the table's learning rates."""


@dataclass(frozen=True, slots=True)
class FalseWinners:
    """How often the wrong arm is taken for the best of those that have several seeds.

    Attributes:
        arms, seeds: how many arms have at least so many seeds.
        one_seed: share of choices by one seed that are not the arm with the lowest mean over all seeds.
        wins: share of confirmations that end in a win.
        false_wins: share of confirmations that end in a win of another arm than that.
    """

    arms: int
    seeds: int
    one_seed: float
    wins: float
    false_wins: float


@dataclass(frozen=True, slots=True)
class MeanScore:
    """A mean over orders of the arms.

    Attributes:
        mean: of the scores.
        error: its standard error, the deviation of single orders over the root of their number; nan of one.
    """

    mean: float
    error: float


@dataclass(frozen=True, slots=True)
class TableScores:
    """How policies did on one table.

    Attributes:
        name, score: the table's.
        budgets: in full trainings.
        orders: how many orders of each task's arms.
        tasks: by task and policy, one score for each budget.
        false_winners: by task, where arms have several seeds.
        priors: by optimizer, where the race had its learning-rate prior from.
    """

    name: str
    score: Literal["final", "time_to_target"]
    budgets: tuple[float, ...]
    orders: int
    tasks: Mapping[str, Mapping[str, tuple[MeanScore, ...]]]
    false_winners: Mapping[str, FalseWinners]
    priors: Mapping[str, PriorSource]

    @property
    def means(self) -> dict[str, tuple[MeanScore, ...]]:
        """By policy, the mean over tasks; its error is that of these tasks, and tells nothing of others."""
        policies = next(iter(self.tasks.values()))
        return {
            name: tuple(
                _over_tasks([own[name][place] for own in self.tasks.values()])
                for place in range(len(self.budgets))
            )
            for name in policies
        }


def _over_tasks(scores: list[MeanScore]) -> MeanScore:
    """Tasks are replayed in orders of their own, so their errors are independent."""
    return MeanScore(
        sum(score.mean for score in scores) / len(scores),
        math.hypot(*(score.error for score in scores)) / len(scores),
    )
