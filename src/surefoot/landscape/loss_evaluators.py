"""Where the loss of a real model is measured: a task in this process, or a script in its own.

    evaluator = TaskLossEvaluator(load_task("digits"), seed=5000, batches=8)
    evaluator.losses(atlas, places, told)

A task's losses are those of training batches, the first ones of the runs' own seed and the same at every
place, in evaluation mode.  Batch normalisation gets its statistics anew at each place, from these batches.
A script has one loss, a function without arguments; its batch normalisation has the statistics of the
nearest snapshot, since nobody knows here how to show it data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Protocol

import torch

from surefoot.scripts.survey import File, survey_script
from surefoot.study.run import Candidate
from surefoot.tasks import Task
from surefoot.training import random_state as draws
from surefoot.training.loop import validate
from surefoot.training.revisit import Atlas, Place, norms, recalibrate, revisit

Told = Callable[[int], None]


class LossEvaluator(Protocol):
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


class TaskLossEvaluator:
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


class ScriptLossEvaluator:
    """A script's own loss, in a process of the script's.

    Args:
        command: that starts the script.
        candidate, seed: of one of its runs.
        files: of the snapshots of each path.
    """

    loss = "the script's own loss"

    def __init__(
        self, command: Sequence[str], candidate: Candidate, seed: int, files: Sequence[File]
    ) -> None:
        self._command, self._candidate, self._seed, self._files = command, candidate, seed, files
        self.statistics = ""  # nobody knows the model before the script has answered

    def losses(self, atlas: Atlas, places: Sequence[Place], told: Told) -> list[float]:
        """Start the script once, for all of them."""
        found = survey_script(
            self._command, self._candidate, self._seed, self._files, atlas.axes, places, told
        )
        self.statistics = "those of the nearest snapshot" if found.norms else ""
        return found.losses

    def values(self, atlas: Atlas, places: Sequence[Place]) -> list[float | None]:
        """What a script reports is known from its runs alone."""
        return [None] * len(places)
