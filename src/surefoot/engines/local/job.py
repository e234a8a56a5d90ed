"""A job, from order to end, inside whatever process an engine runs it in."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import torch

from surefoot.errors import SurefootError
from surefoot.scripts.runner import run_script
from surefoot.study.run import Cause, Finished, Job, Report, Status
from surefoot.tasks import Task
from surefoot.training import checkpoint, snapshots
from surefoot.training.loop import TrunkState, Watch, train
from surefoot.training.snapshots import Recorder

TRACEBACK_LINES = 8
MESSAGE_LENGTH = 1000  # characters of one line: an exception may hold a whole tensor in words
ALLOCATION_FAILED = "DefaultCPUAllocator: can't allocate memory"


def run_job(
    job: Job,
    load: Callable[[str], Task],
    report: Callable[[Report], None],
    stopped: Callable[[], bool] = lambda: False,
) -> Finished:
    """Train, report the points that were reached, and say how it ended; never raises an `Exception`.

    Args:
        job: what to do; with `checkpoints` the run goes on from its trunk, and leaves one behind.  With a
            `command` the user's script trains, in a process of its own.
        load: from a task's reference to the task.
        report: receives the points on the way, and the last one, also that of a diverged run.
        stopped: asked at every step whether to stop.
    """
    try:
        if job.command:
            return run_script(job, report, stopped)
        return _run(job, load(job.task), report, stopped)
    except SurefootError as error:
        return Finished(job.id, Status.FAILED, str(error)[:MESSAGE_LENGTH], cause=_cause(error.__cause__))
    except (Exception, SystemExit) as error:
        lines = "".join(traceback.format_exception(error)).splitlines()
        message = "\n".join(line[:MESSAGE_LENGTH] for line in lines[-TRACEBACK_LINES:])
        return Finished(job.id, Status.FAILED, message, cause=_cause(error))


def _cause(error: BaseException | None) -> Cause:
    """Whether an exception says that memory ran out; that of torch on the CPU has no class of its own."""
    memory = isinstance(error, MemoryError | torch.OutOfMemoryError) or ALLOCATION_FAILED in str(error)
    return Cause.MEMORY if memory else Cause.RAISED


def _run(job: Job, task: Task, report: Callable[[Report], None], stopped: Callable[[], bool]) -> Finished:
    trunk = _Trunk(job, task)
    recorder = _recorder(job, task)
    outcome = train(
        task,
        job.candidate,
        job.seed,
        job.progress,
        resume=trunk.load(),
        keep=trunk.save if trunk.path is not None and job.progress < 1 else None,
        stopped=stopped,
        watch=Watch(job.marks, lambda point: report(Report(job.id, point)), job.target, job.direction),
        recorder=recorder,
    )
    if outcome.point is not None:
        report(Report(job.id, outcome.point))
    lost = _keep_snapshots(job, recorder) if recorder and outcome.status != Status.STOPPED else ""
    message = outcome.message or trunk.trouble or lost
    return Finished(job.id, outcome.status, message, outcome.seconds_per_step, outcome.state_bytes)


def _recorder(job: Job, task: Task) -> Recorder | None:
    """For a run whose snapshots are wanted, by a task that has a line which says so."""
    most = snapshots.asked_for(task)
    # What ends at its target has no path as long as the others'.
    if job.snapshots is None or job.target is not None or not most:
        return None
    return Recorder(most, length=task.steps)


def _keep_snapshots(job: Job, recorder: Recorder) -> str:
    """Write what was recorded; returns what went wrong, which is no reason to fail."""
    assert job.snapshots is not None
    run = snapshots.identity(job.task, (), job.candidate, job.seed)
    try:
        if taken := recorder.taken():
            snapshots.save(snapshots.path_of(job.snapshots, run), run, taken)
    except OSError as error:
        return f"its snapshots could not be written: {error}"
    return recorder.trouble


class _Trunk:
    """Where this job's run keeps its trunk."""

    def __init__(self, job: Job, task: Task) -> None:
        # The identity is checked on loading: another task's or candidate's trunk counts as none.
        self.run = f"{job.task} {task.name} {task.steps} {job.candidate.key} {job.seed}"
        self.path: Path | None = checkpoint.path_of(job.checkpoints, self.run) if job.checkpoints else None
        self.trouble = ""

    def load(self) -> TrunkState | None:
        saved = checkpoint.load(self.path, self.run) if self.path else None
        return TrunkState.read(saved) if saved is not None else None

    def save(self, state: TrunkState) -> None:
        """Without a trunk the run starts again at its next rung: it costs time, and is no reason to fail."""
        assert self.path is not None
        try:
            checkpoint.save(self.path, self.run, {f.name: getattr(state, f.name) for f in fields(state)})
        except OSError as error:
            self.trouble = f"its checkpoint could not be written, so that it has to start again: {error}"
