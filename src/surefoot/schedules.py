"""The learning-rate schedules of a study, for the code that an answer hands over.

    optimizer = optim.Adam(model.parameters(), lr=0.01)
    scheduler = schedules.wsd(optimizer, steps=400, warmup=0.05, cooldown=0.2)
    for batch in batches:
        ...
        optimizer.step(); scheduler.step()

Each is a `torch.optim.lr_scheduler.LambdaLR`, and gives the very rates that the study trained with. Its state
is saved and loaded as that of every scheduler. An optimizer that evaluates the loss several times in a step,
such as LBFGS, has its schedule counted in evaluations: `optimizer.step(scheduler.counted(closure))`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from surefoot.study.run import Schedule
from surefoot.training.schedule import factor

__all__ = ["Scheduler", "constant", "cosine", "wsd"]

Value = TypeVar("Value")


def wsd(optimizer: Optimizer, steps: int, warmup: float = 0.05, cooldown: float = 0.2) -> Scheduler:
    """Warmup, stable, decay: linear warmup, then constant, then linear cooldown to zero.

    Args:
        optimizer: its rates of now are the highest.
        steps: of the whole training.
        warmup, cooldown: shares of the training.

    Raises:
        ValueError: `steps` is less than 1, or a share is not between 0 and 1.
    """
    return Scheduler(optimizer, Schedule("trunk", warmup, cooldown), steps)


def constant(optimizer: Optimizer, steps: int, warmup: float = 0.05) -> Scheduler:
    """Linear warmup, then constant."""
    return Scheduler(optimizer, Schedule("constant", warmup, 0.0), steps)


def cosine(optimizer: Optimizer, steps: int, warmup: float = 0.05) -> Scheduler:
    """Linear warmup, then half a cosine to zero."""
    return Scheduler(optimizer, Schedule("cosine", warmup, 0.0), steps)


class Scheduler(LambdaLR):
    """A schedule over the batches of a training, or over the evaluations of the loss where those are counted.

    Args:
        optimizer: whose rates it moves.
        schedule: the course.
        steps: of the whole training.
    """

    def __init__(self, optimizer: Optimizer, schedule: Schedule, steps: int) -> None:
        if steps < 1:
            raise ValueError(f"steps must be at least 1, not {steps}")
        for name, share in (("warmup", schedule.warmup), ("cooldown", schedule.cooldown)):
            if not 0 <= share <= 1:
                raise ValueError(f"{name} must be a share of the training, from 0 to 1, not {share}")
        self.course = _Course(schedule, steps)
        super().__init__(optimizer, self.course)

    @property
    def evaluations(self) -> int:
        """Evaluations of the loss so far, of what `counted` returned."""
        return self.course.evaluations

    def counted(self, closure: Callable[[], Value]) -> Callable[[], Value]:
        """The closure, which from now on moves the schedule by each of its calls."""
        self.course.counting = True

        def evaluate() -> Value:
            self.course.evaluations += 1
            return closure()

        return evaluate


class _Course:
    """What the rates are multiplied with; the scheduler saves its attributes with its own state."""

    def __init__(self, schedule: Schedule, steps: int) -> None:
        self.schedule = schedule
        self.steps = steps
        self.counting = False
        self.evaluations = 0

    def __call__(self, step: int) -> float:
        at = self.evaluations if self.counting else step
        return factor(self.schedule, min(at, self.steps), self.steps, self.steps)
