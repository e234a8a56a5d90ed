"""A full training into a model's folder: checkpoints, the best and the last weights, exactly resumable.

    plan = TrainingPlan("digits", Candidate("AdamW", {"lr": 2e-3}), seed=0, steps=400)
    result = train_fully(plan, load_task("digits"), ModelFolder("model"), Follower())
    result.status, result.best           # "completed", Point(progress=0.95, seconds=…, value=0.08)

The loop is that of every run (`training.loop`), so the model is bit for bit that of a study's confirmation
run with the same candidate and seed.  Killed at any moment and called again with the same plan, it goes on
from its checkpoint and ends where an undisturbed training ends.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any, cast

import torch
from torch import nn

from surefoot.study.question import TrainingPlan
from surefoot.study.run import Point, Status
from surefoot.tasks import Task, TaskError, calling, source_file
from surefoot.training import checkpoint
from surefoot.training.full.model_folder import FolderError, ModelFolder, storable
from surefoot.training.full.plan import TrainingState, standing, write
from surefoot.training.loop import Live, TrunkState, Watch, evaluating, train

CHECKPOINT_SECONDS = 30.0
"""Between checkpoints, besides those at every measurement: a kill costs at most about so much."""

CHECKPOINT_SHARE = 0.05
"""Of the time that checkpoints may take; a large model on a slow disk has them more rarely."""


class Follower:
    """Who is told of a training while it goes on; this one does nothing. No call may raise or draw."""

    def begun(self, evaluations: int, curve: tuple[Point, ...]) -> None:
        """It begins, or goes on from here; these points are known already."""

    def stepped(self, live: Live) -> None:
        """A step is about to be taken."""

    def measured(self, live: Live, point: Point, best: bool) -> None:
        """The model was validated."""

    def troubled(self, text: str) -> None:
        """Something could not be written; the training goes on."""


def train_fully(
    plan: TrainingPlan,
    task: Task,
    folder: ModelFolder,
    follower: Follower,
    stopped: Callable[[], bool] = lambda: False,
) -> TrainingState:
    """Train, or go on training; what is finished is only told again.

    Args:
        plan: what to train; the folder holds nothing else.
        task: that of `plan.task`.
        folder: claimed by the caller.
        follower: is told of what happens.
        stopped: asked before every step; the state is kept, and the training may go on later.

    Raises:
        TaskError: the task or the model is at fault, or the weights cannot be written; one line says how.
            What was kept stays, and the training may go on from there.
        FileError: the folder cannot be written at all.
    """
    ended = standing(folder)
    if ended is not None:  # it may have been killed before it was cleared
        folder.clear_checkpoints()
        return ended
    task = cast(Task, _Lengthened(task, plan.steps))
    sitting = _Sitting(plan, task, folder, follower, stopped)
    try:
        with _threads(plan.threads):
            return sitting.train()
    except TaskError:
        if folder.has_only_a_plan:  # which would be in the way of a better one
            folder.clear()
        raise


class _Lengthened:
    """A task whose full training has another number of steps."""

    def __init__(self, task: Task, steps: int) -> None:
        self._task = task
        self.steps = steps

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)


class _Sitting:
    """One sitting of a training: from its beginning or a checkpoint to an end or a stop."""

    def __init__(
        self,
        plan: TrainingPlan,
        task: Task,
        folder: ModelFolder,
        follower: Follower,
        stopped: Callable[[], bool],
    ) -> None:
        self.plan, self.task, self.folder = plan, task, folder
        self.follower, self.stopped, self.stopping = follower, stopped, False
        self.run = checkpoint_identity(plan)
        self.path = checkpoint.path_of(str(folder.checkpoints), self.run)
        self.curve: list[Point] = []
        self.live: Live | None = None
        self.due = False
        self.wait = CHECKPOINT_SECONDS
        self.kept = time.monotonic()

    def train(self) -> TrainingState:
        resume = self._resume()
        write(
            self.folder,
            self.plan,
            self.task,
            TrainingState(
                Status.RUNNING, resume.evaluations if resume else 0, (), direction=self.plan.direction
            ),
        )
        self.follower.begun(resume.evaluations if resume else 0, tuple(self.curve))
        last = self.curve[-1].progress if self.curve else 0.0
        marks = tuple(mark for mark in self.plan.marks if mark > last)
        at = f", going on at step {resume.evaluations:,}," if resume else ""
        with calling(f"training {self.task.name}{at}", source_file(getattr(self.task, "_task", self.task))):
            outcome = train(
                self.task,
                self.plan.candidate,
                self.plan.seed,
                1.0,
                resume=resume,
                midway=True,
                stopped=lambda: self.stopping,
                watch=Watch(marks, self._measured),
                pause=self._pause,
            )
        assert self.live is not None
        if outcome.point is not None and outcome.status != Status.DIVERGED:
            self._measured(outcome.point)
        elif outcome.point is not None:
            self.curve.append(outcome.point)
        status, evaluations = outcome.status, self.live.evaluations
        if status == Status.STOPPED:
            stopped = TrainingState(status, evaluations, tuple(self.curve), direction=self.plan.direction)
            with contextlib.suppress(OSError):  # the checkpoint has all that matters
                write(self.folder, self.plan, self.task, stopped)
            return stopped
        metrics = self._metrics(self.live.model) if status == Status.COMPLETED else {}
        result = TrainingState(
            status,
            evaluations,
            tuple(self.curve),
            outcome.message,
            metrics,
            outcome.seconds_per_step,
            outcome.state_bytes,
            self.plan.direction,
        )
        write(self.folder, self.plan, self.task, result)
        self.folder.clear_checkpoints()
        return result

    def _resume(self) -> TrunkState | None:
        saved = checkpoint.load(self.path, self.run)
        state = TrunkState.read(saved["state"]) if saved is not None else None
        if saved is None or state is None:
            if self.path.exists():
                self.follower.troubled(f"{self.path} cannot be read: the training begins anew")
            return None
        self.curve = [Point(*row) for row in saved["curve"]]
        return state

    def _pause(self, live: Live) -> None:
        """Between two steps, whatever was due is measured: a state that can be gone on from."""
        if self.live is None:
            storable(live.model)  # what cannot be kept is told before hours of training
        self.live = live
        self.follower.stepped(live)
        self.stopping = self.stopped()  # asked once, so that the state of this step is the one kept
        if self.due or self.stopping or time.monotonic() - self.kept > self.wait:
            self._keep(live)

    def _keep(self, live: Live) -> None:
        state = live.state()
        contents = {
            "state": {f.name: getattr(state, f.name) for f in fields(TrunkState)},
            "curve": [[p.progress, p.seconds, p.value] for p in self.curve],
        }
        begin = time.monotonic()
        try:
            checkpoint.save(self.path, self.run, contents)
        except OSError as error:
            self.follower.troubled(f"no checkpoint at step {live.evaluations:,}: {error}")
        self.kept = time.monotonic()
        self.wait = max(CHECKPOINT_SECONDS, (self.kept - begin) / CHECKPOINT_SHARE)
        self.due = False

    def _measured(self, point: Point) -> None:
        assert self.live is not None
        direction = self.plan.direction
        known = TrainingState(Status.RUNNING, 0, tuple(self.curve), direction=direction).best
        best = math.isfinite(point.value) and (
            known is None or direction.behind(point.value, known.value) < 0
        )
        self.curve.append(point)
        if math.isfinite(point.value):
            self._keep_weights(point, best)
        self.due = True
        self.follower.measured(self.live, point, best)

    def _keep_weights(self, point: Point, best: bool) -> None:
        assert self.live is not None
        try:
            about = {"progress": point.progress, "value": point.value}
            self.folder.write_weights(self.live.model, "last", about)
            if best:
                self.folder.name_last_best()
        except OSError as error:  # to train on would be in vain
            raise FolderError(
                f"the weights cannot be written to {self.folder.path}: {error.strerror or error}; what was "
                "kept before is there, and the same command goes on from it"
            ) from error

    def _metrics(self, model: nn.Module) -> dict[str, float]:
        """Of the best weights, which the model has from here on."""
        measure = getattr(self.task, "metrics", None)
        if measure is None:
            return {}
        self.folder.read_weights(model, "best")
        with calling(f"{self.task.name}: metrics()"), evaluating(model):
            found = measure(model)
        try:
            return {str(name): float(value) for name, value in dict(found).items()}
        except (TypeError, ValueError):
            raise TaskError(
                f"{self.task.name}: metrics() must return names with numbers, not {found!r:.100}"
            ) from None


def checkpoint_identity(plan: TrainingPlan) -> str:
    """What a checkpoint must be of, to be gone on from."""
    return f"full {sorted(plan.document.items())}"


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
