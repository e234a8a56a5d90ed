"""The finalists' trainings as snapshots: found where a study has kept them, or made again.

    subject = open_subject(study, folder, batches=8, most=49)
    subject.training(finalist, progress).path

Runs are deterministic: the same candidate and seed, on the same machine, give the same path again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from surefoot.landscape.finalists import Finalist, StudyRead
from surefoot.landscape.grounds import Ground, TaskGround
from surefoot.tasks import TaskError, load_task
from surefoot.training import snapshots
from surefoot.training.look import look
from surefoot.training.loop import train
from surefoot.training.meters import one_thread
from surefoot.training.snapshots import Recorder, Snapshots

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Training:
    """A finalist's path.

    Attributes:
        kept: whether its snapshots were there; else it was made again.
        trouble: what was not as it should be, in words; "" where nothing.
    """

    finalist: Finalist
    path: Snapshots
    kept: bool
    trouble: str = ""


class Subject(Protocol):
    """What a study trained.

    Attributes:
        unit: of a path's evaluations.
    """

    unit: str

    def training(self, finalist: Finalist, progress: Progress) -> Training:
        """The path of one finalist, made again if need be."""
        ...

    def ground(self, seed: int) -> Ground:
        """Where the loss is measured."""
        ...


def open_subject(study: StudyRead, folder: Path, batches: int, most: int) -> Subject:
    """The task or script of a study.

    Raises:
        ValueError: it has changed since.
        TaskError: the task cannot be loaded.
    """
    return TaskSubject(study, folder, batches, most)


class TaskSubject:
    """A task, trained in this process on one thread, as a worker does.

    Args:
        study: about a task.
        folder: of its snapshots.
        batches: of training data to measure the loss on.
        most: snapshots of a run that is made again.
    """

    unit = "evaluations"

    def __init__(self, study: StudyRead, folder: Path, batches: int, most: int) -> None:
        self._reference, self._folder = study.task, folder
        self._batches, self._most = batches, most
        self._task = load_task(study.task)
        if study.look.get("fingerprint", "") != look(self._task).fingerprint:
            raise ValueError(
                f"the task {study.task!r} has changed since study {study.name!r} (its model, data, steps or "
                "measure): its paths cannot be drawn any more"
            )

    def ground(self, seed: int) -> Ground:
        """The task's loss on the first batches of the runs' own seed."""
        return TaskGround(self._task, seed, self._batches)

    def training(self, finalist: Finalist, progress: Progress) -> Training:
        """Read or make the path."""
        run = snapshots.identity(self._reference, (), finalist.candidate, finalist.seed)
        file = snapshots.path_of(self._folder, run)
        if (found := snapshots.load(file, run)) is not None:
            return Training(finalist, found, kept=True)
        recorder = self._train(finalist, progress)
        taken = recorder.taken()
        if taken is None:
            name = finalist.candidate.optimizer
            raise TaskError(recorder.trouble or f"{name} was lost before there was a path to draw")
        trouble = recorder.trouble
        try:
            snapshots.save(file, run, taken)
        except OSError as error:  # only the next survey would be spared a training
            trouble = trouble or f"its snapshots could not be kept: {error}"
        return Training(finalist, taken, kept=False, trouble=trouble)

    def _train(self, finalist: Finalist, progress: Progress) -> Recorder:
        steps, name = self._task.steps, finalist.candidate.optimizer.rpartition(":")[2]

        class Told(Recorder):
            def see(self, at: int) -> None:
                super().see(at)
                progress(f"train {name} again", min(at, steps), steps)

        recorder = Told(self._most, length=steps)
        with one_thread():
            train(self._task, finalist.candidate, finalist.seed, 1.0, recorder=recorder)
        return recorder
