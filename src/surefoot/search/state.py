"""What a study has come to: each phase adds its own, and an answer can be given at any moment."""

from __future__ import annotations

from dataclasses import dataclass

from surefoot.search.budget_plan import BudgetPlan
from surefoot.search.confirm.confirmation import Confirmation
from surefoot.search.fastest.stopwatch import Stopwatch
from surefoot.search.race.screening import Screening
from surefoot.search.runner import Runner
from surefoot.study.direction import Direction
from surefoot.study.profile import TaskProfile
from surefoot.study.requests import Reading, first_value_from
from surefoot.study.run import Candidate

CURVE = tuple(number / 10 for number in range(1, 10))
"""Where a confirmed run is measured on its way, for its learning curve."""


@dataclass
class StudyState:
    """All after the look.

    Attributes:
        profile: what is known of the task.
        names: of the optimizers that are raced.
        plan: of the budget.
        runner: of all its runs.
        stopwatch: with the goal "fastest", once the baseline has set the target.
        screening: the race, once it has begun.
        ranked: finalists, the best first, by the play-off; None: by the race.
        confirmation: once it has begun.
    """

    profile: TaskProfile
    names: list[str]
    plan: BudgetPlan
    runner: Runner
    stopwatch: Stopwatch | None = None
    screening: Screening | None = None
    ranked: list[Candidate] | None = None
    confirmation: Confirmation | None = None

    @property
    def measure(self) -> str:
        """Of the values that are compared."""
        measure = self.profile.measure
        return self.stopwatch.measure(measure) if self.stopwatch else measure

    @property
    def direction(self) -> Direction:
        """Which way of the values that are compared is better."""
        return Direction.MINIMIZE if self.stopwatch else self.profile.direction

    @property
    def unit(self) -> str:
        """Of the values that a policy is told, where it is not the measure; what follows a phase's name."""
        return " (values: seconds to the target)" if self.stopwatch else ""

    @property
    def race_reading(self) -> Reading:
        """What is measured of a screening run: at its rungs, cooled down."""
        if self.profile.pilot:  # a script measures where it likes
            return Reading(value=first_value_from, direction=self.direction)
        return self.stopwatch.screening if self.stopwatch else Reading(direction=self.direction)

    @property
    def confirmation_reading(self) -> Reading:
        """What is measured of a confirmed run, which is watched all along."""
        if self.profile.pilot:
            return Reading(value=first_value_from, direction=self.direction)
        return self.stopwatch.confirmation if self.stopwatch else Reading(CURVE, direction=self.direction)
