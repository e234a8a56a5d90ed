"""The finalists' trainings as snapshots: found where a study has kept them, or made again.

    subject = open_subject(study, folder, batches=8, most=49)
    subject.training(finalist, progress).path

Runs are deterministic: the same candidate and seed, on the same machine, give the same path again.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from surefoot.errors import InvalidInputError
from surefoot.landscape.finalists import Finalist
from surefoot.landscape.loss_evaluators import LossEvaluator, ScriptLossEvaluator, TaskLossEvaluator
from surefoot.scripts.runner import run_script, script_name
from surefoot.study.format import number
from surefoot.study.label import optimizer_label
from surefoot.study.records import StudyRecord
from surefoot.study.run import Job, Report, Status
from surefoot.tasks import TaskError, load_task
from surefoot.training import snapshots
from surefoot.training.loop import train
from surefoot.training.meters import one_thread
from surefoot.training.profile import look
from surefoot.training.snapshots import Recorder, Snapshots

Progress = Callable[[str, int, int], None]

AGREES = 1e-3
"""A path whose end measures within this share of what the study recorded is the study's own."""


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

    def training(self, finalist: Finalist, progress: Progress) -> Training | None:
        """The path of one finalist, made again if need be; None of one that diverged at once."""
        ...

    def evaluator(self, seed: int) -> LossEvaluator:
        """Where the loss is measured."""
        ...


def open_subject(study: StudyRecord, folder: Path, batches: int, most: int) -> Subject:
    """The task or script of a study.

    Raises:
        InvalidInputError: it has changed since.
        TaskError: the task cannot be loaded.
    """
    if study.script:
        return ScriptSubject(study, study.script, folder)
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

    def __init__(self, study: StudyRecord, folder: Path, batches: int, most: int) -> None:
        self._reference, self._folder = study.task, folder
        self._batches, self._most = batches, most
        self._task = load_task(study.task)
        if study.profile is None or study.profile.fingerprint != look(self._task).fingerprint:
            raise InvalidInputError(
                f"the task {study.task!r} has changed since study {study.name!r} (its model, data, steps or "
                "measure): its paths cannot be drawn any more"
            )

    def evaluator(self, seed: int) -> LossEvaluator:
        """The task's loss on the first batches of the runs' own seed."""
        return TaskLossEvaluator(self._task, seed, self._batches)

    def training(self, finalist: Finalist, progress: Progress) -> Training | None:
        """Read or make the path."""
        run = snapshots.identity(self._reference, (), finalist.candidate, finalist.seed)
        file = snapshots.path_of(self._folder, run)
        if (found := snapshots.load(file, run)) is not None:
            return Training(finalist, found, kept=True)
        recorder = self._train(finalist, progress)
        taken = recorder.taken()
        if taken is None and recorder.trouble:
            raise TaskError(recorder.trouble)
        if taken is None:
            return None
        trouble = recorder.trouble
        try:
            snapshots.save(file, run, taken)
        except OSError as error:  # only the next survey would be spared a training
            trouble = trouble or f"its snapshots could not be kept: {error}"
        return Training(finalist, taken, kept=False, trouble=trouble)

    def _train(self, finalist: Finalist, progress: Progress) -> Recorder:
        steps, name = self._task.steps, optimizer_label(finalist.candidate.optimizer)

        class Told(Recorder):
            def see(self, at: int) -> None:
                super().see(at)
                progress(f"train {name} again", min(at, steps), steps)

        recorder = Told(self._most, length=steps)
        with one_thread():
            train(self._task, finalist.candidate, finalist.seed, 1.0, recorder=recorder)
        return recorder


class ScriptSubject:
    """A script of the user's, which is started for every training, and once more to tell its loss.

    Args:
        study: about the script.
        command: that starts it.
        folder: of the study's snapshots.
    """

    unit = "steps"

    def __init__(self, study: StudyRecord, command: tuple[str, ...], folder: Path) -> None:
        self._reference, self._command, self._folder = study.task, command, folder
        self._steps = study.profile.steps if study.profile else 0.0
        self._files: list[tuple[str, str]] = []
        self._first: Finalist | None = None

    def evaluator(self, seed: int) -> LossEvaluator:
        """The script's own loss; after the trainings."""
        assert self._first is not None
        return ScriptLossEvaluator(self._command, self._first.candidate, seed, self._files)

    def training(self, finalist: Finalist, progress: Progress) -> Training | None:
        """Read the path, or start the script to make it."""
        run = snapshots.identity(self._reference, self._command, finalist.candidate, finalist.seed)
        file = snapshots.path_of(self._folder.absolute(), run)
        found, trouble = snapshots.load(file, run), ""
        kept = found is not None
        if found is None:
            trouble = self._train(finalist, progress)
            found = snapshots.load(file, run)
        if found is None and finalist.status == Status.DIVERGED:
            return None
        if found is None:
            raise TaskError(
                f"{script_name(self._command)} left no snapshots in {self._folder}: write "
                "surefoot.run.record(model, loss) before its training"
            )
        self._first = self._first or finalist
        self._files.append((str(file), run))
        return Training(finalist, found, kept, trouble)

    def _train(self, finalist: Finalist, progress: Progress) -> str:
        """Make the run again; returns what was not as it should be."""
        name = optimizer_label(finalist.candidate.optimizer)
        values: list[float] = []

        def relay(report: Report) -> None:
            values.append(report.point.value)
            progress(f"train {name} again", round(100 * report.point.progress), 100)

        progress(f"train {name} again", 0, 100)
        with tempfile.TemporaryDirectory(prefix="surefoot-") as checkpoints:
            job = Job(
                0,
                self._reference,
                finalist.candidate,
                finalist.seed,
                1.0,
                checkpoints,
                command=self._command,
                steps=self._steps,
                snapshots=str(self._folder.absolute()),
            )
            ended = run_script(job, relay)
        if ended.status == Status.FAILED:
            raise TaskError(f"{name} could not be trained again: {ended.message.splitlines()[-1]}")
        if finalist.value is not None and values and not agree(values[-1], finalist.value):
            ends, recorded = number(values[-1], 6), number(finalist.value, 6)
            return f"trained again it ends at {ends}, where the study recorded {recorded}"
        return ""


def agree(one: float, other: float) -> bool:
    """Whether two measures can be those of one training; both may have diverged."""
    return math.isclose(one, other, rel_tol=AGREES, abs_tol=1e-12) or (math.isnan(one) and math.isnan(other))
