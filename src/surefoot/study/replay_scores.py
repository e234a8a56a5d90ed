"""What replaying policies on a curve table found, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class TableScores:
    """How policies did on one table.

    Attributes:
        name, score: the table's.
        budgets: in full trainings.
        orders: how many orders of each task's arms.
        tasks: by task and policy, one mean score for each budget.
        false_winners: by task, where arms have several seeds.
    """

    name: str
    score: Literal["final", "time_to_target"]
    budgets: tuple[float, ...]
    orders: int
    tasks: Mapping[str, Mapping[str, tuple[float, ...]]]
    false_winners: Mapping[str, FalseWinners]

    @property
    def means(self) -> dict[str, tuple[float, ...]]:
        """By policy, the mean over tasks."""
        policies = next(iter(self.tasks.values()))
        return {
            name: tuple(
                sum(own[name][place] for own in self.tasks.values()) / len(self.tasks)
                for place in range(len(self.budgets))
            )
            for name in policies
        }
