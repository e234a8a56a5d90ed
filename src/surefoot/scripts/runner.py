"""A run made by the user's own script: start it, relay what it reports, end it when enough is known.

The script is a child of the worker, in the worker's process group, and speaks through a socket
(`protocol.py`).  All that it has reported is kept in a journal beside its checkpoints: a run that is taken
further knows what it has told before, whether the script goes on from a checkpoint or starts again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import shlex
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from surefoot.scripts import process as child
from surefoot.scripts.listener import Listener
from surefoot.scripts.process import Output
from surefoot.scripts.protocol import VARIABLE, ScriptRun
from surefoot.study.codec import decode
from surefoot.study.profile import ModelProfile, PilotRun, ScriptProfile
from surefoot.study.run import Cause, Finished, Job, Point, Report, Status
from surefoot.training import snapshots
from surefoot.training.own_files import make_run_folder, remove_own_folder, remove_run_folder

POLL_SECONDS = 0.05
STOP_SECONDS = 5.0
"""What a script may take to save things once its report was answered by `Stopped`, before it is killed."""
CALLED_OFF_SECONDS = 0.5
"""The same where the caller wants to be rid of the run: nothing that it saves will be used."""

MOST_POINTS = 500
"""A full training has about so many points at most; a script may report at every step of its optimizer."""

ROUNDING = 1e-9

TRACEBACK = "Traceback (most recent call last)"
SHELL_SIGNALS = 128
"""A shell whose command was killed by signal n exits with 128 + n."""

MISSING_OPTIMIZER = "optimizer = surefoot.run.optimizer(model)"
MISSING_REPORT = "surefoot.run.report(step, value) whenever it has measured the validation loss"


def run_script(
    job: Job, relay: Callable[[Report], None], stopped: Callable[[], bool] = lambda: False
) -> Finished:
    """Make a job's run by starting its command; never raises for what the script does.

    Args:
        job: with a `command`.  Where its `steps` are not known, the run begins from nothing.
        relay: receives the points, those of earlier jobs of this run first.
        stopped: asked all the time whether to end.

    Returns:
        How it ended.  A script that ends by itself, with exit status 0 and before the progress asked for, has
        finished its training early: its last value stands at that progress too.

    Raises:
        NotOursError: something that Surefoot has not made has the name of the run's folder.
        OSError: the run's folder cannot be made.
    """
    folder = _folder(job)
    (folder / "checkpoint").mkdir(exist_ok=True)
    attempt = _Attempt(job, relay, _Journal(folder / "reports.jsonl"))
    attempt.relay_what_is_known()
    if not attempt.over:
        with Listener() as listener:
            _watch(attempt, listener, folder / "checkpoint", stopped)
    continues = any((folder / "checkpoint").glob("*"))
    if not job.checkpoints:
        remove_own_folder(folder)
    return attempt.finished(continues)


def script_file(command: Sequence[str]) -> Path | None:
    """The file that a command runs: the first of Python's among its words, else the first that exists."""
    files = [word for word in [*command[1:], *command[:1]] if Path(word).is_file()]
    return Path(min(files, key=lambda word: not word.endswith(".py"))) if files else None


def script_name(command: Sequence[str]) -> str:
    """What to call a command in a message: its script's file, or else all of it."""
    file = script_file(command)
    return file.name if file else shlex.join(command)


@dataclass(frozen=True)
class _Reported:
    """One report, as the journal has it; `seconds` since the run's optimizer was made, and which way of the
    value is better, as far as the script has said by then."""

    step: float
    value: float
    seconds: float
    seconds_per_step: float
    state_bytes: int
    maximize: bool | None = None


class _Journal:
    """What a run has reported, in a file that outlives the script and the worker."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.reports: list[_Reported] = []
        with contextlib.suppress(OSError):
            for text in file.read_text(encoding="utf8").splitlines():
                with contextlib.suppress(ValueError, TypeError):  # a line cut short by a crash
                    self.reports.append(_Reported(**json.loads(text)))

    def add(self, report: _Reported) -> None:
        self.reports.append(report)
        with self.file.open("a", encoding="utf8") as file:
            file.write(json.dumps(asdict(report)) + "\n")

    @property
    def last_step(self) -> float:
        return self.reports[-1].step if self.reports else -math.inf

    def seconds_at(self, step: float) -> float:
        """When the last report before this step came; 0 where there is none."""
        return max((report.seconds for report in self.reports if report.step < step), default=0.0)


class _Attempt:
    """One start of the script for a job, and what has become of it."""

    def __init__(self, job: Job, relay: Callable[[Report], None], journal: _Journal) -> None:
        self.job = job
        self.relay = relay
        self.journal = journal
        self.began = time.monotonic()
        self.built: float | None = None  # seconds until the optimizer was asked for
        self.earlier: float | None = None  # seconds of the run before this attempt; None before a report
        self.told = -math.inf  # the last progress that was relayed
        self.refused = ""
        self.model, self.sparse = ModelProfile(), tuple[str, ...]()
        self.finish: Finished | None = None

    @property
    def last_step(self) -> float | None:
        """The step whose report ends the run; None where the full length is not known."""
        return self.job.progress * self.job.steps * (1 - ROUNDING) if self.job.steps else None

    @property
    def over(self) -> bool:
        """Whether nothing more need be known of the run."""
        return self.finish is not None

    def relay_what_is_known(self) -> None:
        """The points of earlier jobs; some may not have been recorded when everything was killed."""
        for report in self.journal.reports:
            if not self.over:
                self._pass_on(report)

    def take(self, message: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Act on a message of the script; the answer, if it waits for one."""
        kind = message.get("kind")
        if kind == "built":
            self.built = time.monotonic() - self.began
        elif kind == "model":
            self.model = decode(ModelProfile, message["model"])
            self.sparse = tuple(message["sparse"])
        elif kind == "refused":
            self.refused = str(message["message"])
        elif kind == "report":
            self._take_report(message)
            return {"stop": self.over}
        return None

    def _take_report(self, message: Mapping[str, Any]) -> None:
        step = message["step"]
        if self.earlier is None:
            self.earlier = self.journal.seconds_at(step)
        if step <= self.journal.last_step or self.over:
            return
        seconds = self.earlier + time.monotonic() - self.began - (self.built or 0.0)
        if self.journal.reports:  # one that started again may have been quicker this time
            seconds = max(seconds, self.journal.reports[-1].seconds)
        report = _Reported(
            step,
            message["value"],
            seconds,
            message["seconds_per_step"],
            message["state_bytes"],
            message.get("maximize"),
        )
        self.journal.add(report)
        self._pass_on(report)

    def _pass_on(self, report: _Reported) -> None:
        """As a point, unless the last one was just before it; then see whether the run is over."""
        if report.step <= 0 and math.isfinite(report.value) and self.job.steps:
            return  # before any training
        progress = min(1.0, report.step / self.job.steps) if self.job.steps else report.step
        reached = self.last_step is not None and report.step >= self.last_step
        lost = not math.isfinite(report.value)
        if reached or lost or not self.job.steps or progress - self.told >= 1 / MOST_POINTS:
            self.told = progress
            value = math.nan if lost else report.value
            self.relay(Report(self.job.id, Point(progress, report.seconds, value), report.maximize))
        if lost:
            self._end(Status.DIVERGED, f"the reported value became {report.value} at step {report.step:g}")
        elif reached:
            self._end(Status.COMPLETED)

    def ended(self, code: int, output: Output) -> None:
        """The script has ended; by itself, unless enough was known before."""
        name = script_name(self.job.command)
        if self.over:
            return
        if self.refused:
            self._end(Status.FAILED, f"{name}: {self.refused}", cause=Cause.REPORT)
        elif code != 0:
            message = "\n".join([f"{name} {_how_it_ended(code)}", *output.last_lines()])
            self._end(Status.FAILED, message, cause=_cause(code, output.lines()))
        elif not self.journal.reports:
            calls = MISSING_REPORT if self.built is not None else f"{MISSING_OPTIMIZER} and {MISSING_REPORT}"
            self._end(Status.FAILED, f"{name} ended without a report: call {calls}", cause=Cause.REPORT)
        else:
            if self.job.steps:
                last = self.journal.reports[-1]
                self.relay(Report(self.job.id, Point(self.job.progress, last.seconds, last.value)))
            self._end(Status.COMPLETED)

    def call_off(self) -> None:
        """The caller does not want the run any more."""
        if not self.over:
            self._end(Status.STOPPED)

    def fail(self, message: str) -> None:
        """The script could not be started."""
        self._end(Status.FAILED, message, cause=Cause.EXITED)

    def _end(self, status: Status, message: str = "", cause: Cause = Cause.NONE) -> None:
        self.finish = Finished(self.job.id, status, message, cause=cause)

    def finished(self, continues: bool) -> Finished:
        """How the run ended, with what it cost; of a pilot also what it has shown of the script."""
        assert self.finish is not None
        shown: ScriptProfile | None = None
        if not self.job.steps:
            pilot = PilotRun(time.monotonic() - self.began, self.built or 0.0, continues)
            shown = ScriptProfile(pilot, self.model, self.sparse)
        last = self.journal.reports[-1] if self.journal.reports else None
        return Finished(
            self.job.id,
            self.finish.status,
            self.finish.message,
            last.seconds_per_step if last else math.nan,
            last.state_bytes if last else 0,
            self.finish.cause,
            shown,
        )


def _watch(attempt: _Attempt, listener: Listener, checkpoints: Path, stopped: Callable[[], bool]) -> None:
    """Start the script and serve it until it has ended, by itself or because it was told to."""
    job = attempt.job
    run = ScriptRun(
        job.candidate,
        job.seed,
        attempt.last_step,
        str(checkpoints.absolute()),
        listener.path,
        _snapshots(job) if not attempt.journal.reports else None,  # of one that goes on nobody sees the start
    )
    command = job.command[0]
    if shutil.which(command) is None:
        attempt.fail(f"there is no command {command!r}")
        return
    with Output() as output:
        process = child.start(job.command, os.environ | {VARIABLE: run.to_text()}, output.descriptor)
        try:
            deadline = math.inf
            while process.poll() is None and time.monotonic() < deadline:
                listener.serve(attempt.take, POLL_SECONDS)
                if attempt.over:
                    deadline = min(deadline, time.monotonic() + STOP_SECONDS)
                if stopped():
                    attempt.call_off()
                    deadline = min(deadline, time.monotonic() + CALLED_OFF_SECONDS)
            listener.serve(attempt.take, 0.0)  # what it said last
        finally:
            child.kill(process)
            listener.close()  # whoever of the script's is left ends at this
        attempt.ended(process.returncode, output)


def _folder(job: Job) -> Path:
    """Make this run's own folder, named after all that makes it this run; empty for one from nothing.

    Raises:
        NotOursError: something else has its name.
    """
    if not job.checkpoints:
        return Path(tempfile.mkdtemp(prefix="surefoot-"))
    identity = f"{job.task} {job.command} {job.candidate.key} {job.seed}"
    folder = Path(job.checkpoints) / f"run-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
    if not job.steps:
        remove_run_folder(folder)
    make_run_folder(folder)
    return folder


def _snapshots(job: Job) -> tuple[str, str] | None:
    """Where this run's snapshots belong, and whose they are."""
    if job.snapshots is None:
        return None
    run = snapshots.identity(job.task, job.command, job.candidate, job.seed)
    return str(snapshots.path_of(job.snapshots, run)), run


def _how_it_ended(code: int) -> str:
    number = -code if code < 0 else code - SHELL_SIGNALS
    if code < 0 or number in signal.valid_signals():
        hint = " (out of memory?)" if number == signal.SIGKILL else ""
        return f"was killed by {signal.Signals(number).name}{hint}"
    return f"ended with exit status {code}"


def _cause(code: int, output: Sequence[str]) -> Cause:
    if "was killed" in _how_it_ended(code):
        return Cause.CRASHED
    return Cause.RAISED if any(TRACEBACK in words for words in output) else Cause.EXITED
