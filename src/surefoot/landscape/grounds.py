"""Where the loss of a real model is measured: a task in this process, or a script in its own.

    ground = TaskGround(load_task("digits"), seed=5000, batches=8)
    ground.losses(atlas, places, told)

Losses are those of training batches, the first ones of the runs' own seed and the same at every place, in
evaluation mode.  Batch normalisation gets its statistics anew at each place, from these batches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Protocol

import torch

from surefoot.tasks import Task
from surefoot.training import draws
from surefoot.training.loop import validate
from surefoot.training.revisit import Atlas, Place, norms, recalibrate, revisit

Told = Callable[[int], None]


class Ground(Protocol):
    """Where a loss can be measured.

    Attributes:
        loss: what is measured, in words.
        statistics: where batch normalisation has its statistics from, in words; "" where there is none.
    """

    loss: str
    statistics: str

    def losses(self, atlas: Atlas, places: Sequence[Place], told: Told) -> list[float]:
        """The loss at each place."""
        ...

    def values(self, atlas: Atlas, places: Sequence[Place]) -> list[float | None]:
        """The measure that the study compares by, at snapshots; None where it cannot be had."""
        ...


class TaskGround:
    """A task's loss on a fixed set of training batches.

    Args:
        task: what was trained.
        seed: of the runs: the batches are the first that they saw.
        batches: how many.
    """

    def __init__(self, task: Task, seed: int, batches: int) -> None:
        self._task = task
        with draws.untouched():
            draws.seed_everything(seed)
            self._model = task.model()
            self._batches = list(islice(task.batches(seed), batches))
        self.loss = f"training loss on {len(self._batches)} fixed batches"
        self.statistics = "computed anew at every point, from the same batches" if norms(self._model) else ""

    def losses(self, atlas: Atlas, places: Sequence[Place], told: Told) -> list[float]:
        """The mean over the batches; nan or infinity where the model has overflowed."""
        return revisit(self._model, atlas, places, self._mean, told)

    def values(self, atlas: Atlas, places: Sequence[Place]) -> list[float | None]:
        """As the task validates them, each with its own statistics."""
        found: list[float | None] = []
        for place in places:
            atlas.put(self._model, place)
            found.append(validate(self._task, self._model))
        return found

    def _mean(self) -> float:
        if self.statistics:
            recalibrate(self._model, self._show)
        with torch.no_grad():
            losses = [self._task.loss(self._model, batch).item() for batch in self._batches]
        return sum(losses) / len(losses)

    def _show(self) -> None:
        for batch in self._batches:
            self._task.loss(self._model, batch)
