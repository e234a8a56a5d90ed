"""The local engine: worker processes on this machine, warm between jobs, replaced when they crash or hang.

    with LocalEngine(workers=2) as engine:
        engine.start(Job(0, "digits", Candidate("Adam", {"lr": 1e-2}), seed=0, progress=1.0))
        while events := engine.events():  # nothing more once no job is running
            print(events)

Workers are fresh interpreters that never import the caller's main script, so scripts need no
`if __name__ == "__main__"` and a notebook or pytest can be the parent as well.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import IO, Any, Self

from surefoot.training.engine import Event
from surefoot.training.run import Cause, Finished, Job, Report
from surefoot.training.worker import GRACE_SECONDS, Ready, Stop, WarmUp

# The parent's search path comes as an argument, so that a worker finds whatever modules the parent does.
PROGRAM = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from surefoot.training.worker import main
main(int(sys.argv[2]), int(sys.argv[3]))
"""
# Read by OpenMP, MKL and the like when they are loaded: too late to set from inside.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
START_SECONDS = 300.0  # more than the slowest disk needs to import torch
POLL_SECONDS = 0.2  # how late a hang, or a death that left the pipe open, may be noticed
LAST_WORDS_BYTES = 16_384
LAST_WORDS_LINES = 5


class LocalEngine:
    """Runs jobs in worker processes.  For use from one thread.

    Args:
        workers: processes, and so slots; by default as many as fit on the processors this process may use.
        threads: intra-op threads in each; one unless told otherwise, since small runs side by side use
            processors better than one run on all of them.
        timeout: seconds that one job may take before its worker is taken for hung and killed; None
            waits for ever.
    """

    def __init__(self, workers: int | None = None, threads: int = 1, timeout: float | None = None) -> None:
        self.slots = workers if workers is not None else max(1, _processors() // threads)
        if self.slots < 1 or threads < 1:
            raise ValueError(f"workers and threads must be at least 1, not {self.slots} and {threads}")
        self._threads = threads
        self._timeout = math.inf if timeout is None else timeout
        self._workers: list[_Worker] = []
        self._closed = False

    def warm_up(self, task: str) -> None:
        """Start all workers and let them load `task`; optional, returns at once.

        Raises:
            RuntimeError: the engine is closed.
        """
        self._fill()
        for worker in self._workers:
            with contextlib.suppress(OSError):
                worker.connection.send(WarmUp(task))

    def start(self, job: Job) -> None:
        """Begin a job without waiting for it; the first call starts all workers side by side.

        Raises:
            RuntimeError: every slot is taken, or the engine is closed.
        """
        while True:
            self._fill()
            idle = [worker for worker in self._workers if worker.job is None]
            if not idle:
                raise RuntimeError(f"all {self.slots} slots are taken")
            worker = max(idle, key=lambda worker: worker.ready)
            try:
                worker.begin(job, self._timeout)
                return
            except OSError:  # it died while it was idle
                self._bury(worker)

    def events(self, timeout: float | None = None) -> list[Event]:
        """What has happened since the last call; each job ends in exactly one `Finished`.

        Args:
            timeout: seconds to wait for something to happen; None waits as long as a job is running.
        """
        end = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            busy = any(worker.job is not None for worker in self._workers)
            left = end - time.monotonic()
            found = self._gather(max(0.0, min(left, POLL_SECONDS)) if busy else 0.0)
            if found or not busy or left <= 0:
                return found

    def stop(self, job_id: int) -> None:
        """End a job soon; a worker that does not listen is killed.  Nothing happens if it is not running."""
        for worker in self._workers:
            if worker.job is not None and worker.job.id == job_id and not worker.stopping:
                worker.stopping = True
                worker.deadline = min(worker.deadline, time.monotonic() + GRACE_SECONDS)
                with contextlib.suppress(OSError):
                    worker.connection.send(Stop(job_id))

    def close(self) -> None:
        """End all workers.  May be called twice."""
        self._closed = True
        for worker in self._workers:
            worker.connection.close()
        for worker in self._workers:
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.process.wait(2 * GRACE_SECONDS)
            worker.kill()
        self._workers.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _fill(self) -> None:
        if self._closed:
            raise RuntimeError("the engine is closed")
        while len(self._workers) < self.slots:
            self._workers.append(_spawn(self._threads))

    def _gather(self, seconds: float) -> list[Event]:
        """Read what has arrived within `seconds`, and see who has died or is overdue."""
        wait([worker.connection for worker in self._workers], seconds)
        found: list[Event] = []
        for worker in list(self._workers):
            ended = worker.process.poll() is not None  # asked first, so that its last messages are read
            alive = worker.read(found, self._timeout)
            if ended or not alive:
                found += self._bury(worker)
            elif time.monotonic() > worker.deadline:
                found += self._bury(worker, overdue=True)
        return found

    def _bury(self, worker: _Worker, overdue: bool = False) -> list[Event]:
        """Remove a worker that is dead or overdue; the event that ends its job, if it had one."""
        self._workers.remove(worker)
        # A worker that closed its pipe is about to end by itself; how it ends is worth knowing.
        if not overdue:
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.process.wait(GRACE_SECONDS)
        message = f"no result within {self._timeout:g} seconds" if overdue else ""
        if overdue and not worker.ready:
            message = f"the worker did not start within {START_SECONDS:g} seconds"
        worker.kill()
        message = message or _how_it_ended(worker.process.returncode)
        message = "\n".join([message, *_last_words(worker.output)])
        worker.connection.close()
        worker.output.close()
        if worker.job is None:
            return []
        self._workers.append(_spawn(self._threads))  # now, so that it is warm when the next job comes
        if worker.stopping:
            return [Finished(worker.job.id, "stopped")]
        cause: Cause = "timeout" if overdue else "exited" if worker.process.returncode >= 0 else "crashed"
        return [Finished(worker.job.id, "failed", message, cause=cause)]


@dataclass(eq=False)
class _Worker:
    """A process and what the parent knows of it.

    Attributes:
        output: the file behind its stdout and stderr.
        deadline: when, by `time.monotonic`, it counts as hung.
        ready: it has said so.
        job: what it works on; None while it is idle.
        stopping: that job was told to stop.
    """

    process: subprocess.Popen[bytes]
    connection: Connection[Any, Any]
    output: IO[bytes]
    deadline: float
    ready: bool = False
    job: Job | None = None
    stopping: bool = False

    def begin(self, job: Job, timeout: float) -> None:
        self.connection.send(job)
        self.job, self.stopping = job, False
        if self.ready:
            self.deadline = time.monotonic() + timeout

    def read(self, found: list[Event], timeout: float) -> bool:
        """Append what has arrived to `found`; False once the pipe is closed."""
        try:
            while self.connection.poll():
                message: Ready | Report | Finished = self.connection.recv()
                if isinstance(message, Ready):
                    self.ready = True
                    if not self.stopping:
                        self.deadline = math.inf if self.job is None else time.monotonic() + timeout
                else:
                    found.append(message)
                if isinstance(message, Finished):
                    self.job, self.deadline = None, math.inf
        except (EOFError, OSError):
            return False
        return True

    def kill(self) -> None:
        """Kill it and the processes it has started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def _spawn(threads: int) -> _Worker:
    ours, theirs = Pipe(duplex=True)
    output = tempfile.TemporaryFile("ab+")  # noqa: SIM115 - open as long as the worker
    environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(threads)) | {"PYTHONFAULTHANDLER": "1"}
    arguments = [json.dumps([str(entry) for entry in sys.path]), str(theirs.fileno()), str(threads)]
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=environment,
        pass_fds=[theirs.fileno()],
        start_new_session=True,  # a terminal's Ctrl-C reaches the parent alone
    )
    theirs.close()
    return _Worker(process, ours, output, time.monotonic() + START_SECONDS)


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"the worker process ended with exit status {code}"
    hint = " (out of memory?)" if -code == signal.SIGKILL else ""
    return f"the worker process was killed by {signal.Signals(-code).name}{hint}"


def _last_words(output: IO[bytes]) -> list[str]:
    """The last lines that a worker printed; of a fatal error, where it happened."""
    output.seek(max(0, output.seek(0, os.SEEK_END) - LAST_WORDS_BYTES))
    lines = output.read().decode(errors="replace").splitlines()
    crash = [number for number, line in enumerate(lines) if line.startswith("Current thread")]
    if crash:  # Python lists the innermost call first
        return [line.strip() for line in lines[crash[-1] + 1 :][:LAST_WORDS_LINES]]
    return lines[-LAST_WORDS_LINES:]
