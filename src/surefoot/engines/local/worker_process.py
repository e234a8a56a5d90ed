"""A worker as its parent sees it: a process to start, to talk to, and to tell the end of.

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
from multiprocessing.connection import Connection
from typing import IO, Any, Self

from surefoot.engines.base import Event
from surefoot.engines.local.gpus import VISIBLE
from surefoot.engines.local.messages import Inbox, Message, Ready
from surefoot.engines.local.processes import MARK, end_all, memory_of, oom_kills
from surefoot.engines.local.worker import DISCONNECTED, GRACE_SECONDS, NO_FILE, Stop
from surefoot.study.run import Cause, Finished, Job

# The parent's search path comes as an argument, so that a worker finds whatever modules the parent does.
PROGRAM = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from surefoot.engines.local.messages import Inbox, Message, Ready
from surefoot.engines.local.processes import end_with_parent
end_with_parent(int(sys.argv[2]))
from surefoot.engines.local.worker import main
main(int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
"""
# Read by OpenMP, MKL and the like when they are loaded: too late to set from inside.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
# What a run prints is on file when it crashes, and of a crash Python tells where it was.
TELLING = {"PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}
START_SECONDS = 300.0  # more than the slowest disk needs to import torch
OUTPUT_BYTES = 64 * 2**20
"""A run that has printed more than this loses what it printed, so that it cannot fill the disk."""

LAST_WORDS_BYTES = 16_384
LAST_WORDS_LINES = 5
LINE_LENGTH = 300
FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
"""What kills a worker from outside; a fault of its own ends in another signal."""


@dataclass(frozen=True)
class Death:
    """How a worker ended.

    Attributes:
        message: for people.
        cause: of the end of its job.
        innocent: not by its job's doing, as far as one can know: the job is worth another try.
    """

    message: str
    cause: Cause
    innocent: bool = False


@dataclass(eq=False)
class WorkerProcess:
    """A process and what the parent knows of it.

    Attributes:
        slot: which of the engine's slots it fills.
        mark: in its environment, and so in that of all it starts.
        output: the file behind its stdout and stderr.
        deadline: when, by `time.monotonic`, it counts as hung.
        ready: it has said so.
        job: what it works on; None while it is idle.
        tries: how often that job has been started, this one included.
        stopping: that job was told to stop.
        oom_kills: the kernel's count when that job began.
    """

    slot: int
    mark: str
    process: subprocess.Popen[bytes]
    connection: Connection[Any, Any]
    inbox: Inbox
    output: IO[bytes]
    deadline: float
    ready: bool = False
    job: Job | None = None
    tries: int = 1
    stopping: bool = False
    oom_kills: int = 0

    @classmethod
    def spawn(
        cls, slot: int, mark: str, threads: int, gpu: str | None, shipped: IO[bytes] | None = None
    ) -> Self:
        """Start one.

        Args:
            slot: which of the engine's slots it fills.
            mark: no other process has one that begins so.
            threads: intra-op threads of torch.
            gpu: the one it sees, as `CUDA_VISIBLE_DEVICES` names it; None leaves that to the parent's.
            shipped: the file of a task by value; None: every task has a reference.

        Raises:
            OSError: the system has no room for another process.
        """
        ours, theirs = Pipe(duplex=True)
        output = tempfile.TemporaryFile("ab+")  # noqa: SIM115 - open as long as the worker
        environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(threads)) | TELLING | {MARK: mark}
        if gpu is not None:
            environment[VISIBLE] = gpu
        inherited = [theirs.fileno()] if shipped is None else [theirs.fileno(), shipped.fileno()]
        numbers = map(str, (os.getpid(), theirs.fileno(), threads, shipped.fileno() if shipped else NO_FILE))
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", PROGRAM, search_path(), *numbers],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            pass_fds=inherited,
            start_new_session=True,  # a terminal's Ctrl-C reaches the parent alone
        )
        theirs.close()
        return cls(slot, mark, process, ours, Inbox(ours.fileno()), output, time.monotonic() + START_SECONDS)

    def begin(self, job: Job, timeout: float, tries: int = 1) -> None:
        """Send it a job.

        Raises:
            OSError: it died while it was idle.
        """
        self.output.truncate(0)  # so that what it holds after a crash belongs to this job
        self.connection.send(job)
        self.job, self.tries, self.stopping = job, tries, False
        self.oom_kills = oom_kills()
        if self.ready:
            self.deadline = time.monotonic() + timeout

    def stop(self) -> None:
        """Tell it to end its job soon; one that still starts has not begun it, and need not be heard."""
        assert self.job is not None
        self.stopping = True
        self.deadline = min(self.deadline, time.monotonic() + (GRACE_SECONDS if self.ready else 0.0))
        with contextlib.suppress(OSError):
            self.connection.send(Stop(self.job.id))

    def read(self, found: list[Event], timeout: float) -> bool:
        """Append what has arrived to `found`; False once nothing more can come."""
        try:
            while self.connection.poll():
                for message in self.inbox.receive():
                    self._take_in(message, found, timeout)
        except (OSError, ValueError):  # closed; or the run has written into it
            return False
        return True

    def _take_in(self, message: Message, found: list[Event], timeout: float) -> None:
        if isinstance(message, Ready):
            self.ready = True
            if not self.stopping:
                self.deadline = math.inf if self.job is None else time.monotonic() + timeout
            return
        if self.job is None or message.job != self.job.id:
            raise ValueError(f"a message about job {message.job}, which it does not have")
        found.append(message)
        if isinstance(message, Finished):
            self.job, self.deadline = None, math.inf

    def drop_output(self) -> None:
        """Forget what it has printed, if that is too much."""
        if os.fstat(self.output.fileno()).st_size > OUTPUT_BYTES:
            self.output.truncate(0)

    def memory(self, enough: int) -> int:
        """Bytes that it and all it has started take, as `memory_of` counts them."""
        return memory_of(self.process.pid, enough)

    def death(self) -> Death:
        """How it ended, of one that has ended or closed its pipe."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(2 * GRACE_SECONDS)
        code = self.process.returncode
        if code is None or code == DISCONNECTED:
            return self._told(
                "the pipe to the worker process was closed or written to by the run", Cause.CRASHED
            )
        if code >= 0:
            ended = f"the worker process ended with exit status {code}"
            return self._told(ended, Cause.EXITED, innocent=not self.ready)
        name = signal.Signals(-code).name
        if -code == signal.SIGKILL and oom_kills() > self.oom_kills:
            return self._told(
                f"the system ran out of memory and killed the worker process ({name})", Cause.MEMORY
            )
        hint = " (out of memory?)" if -code == signal.SIGKILL else ""
        innocent = not self.ready or -code in FROM_OUTSIDE
        return self._told(f"the worker process was killed by {name}{hint}", Cause.CRASHED, innocent)

    def overdue(self, timeout: float) -> Death:
        """End one that hangs, which tells where."""
        if not self.ready:
            return self._told(
                f"the worker did not start within {START_SECONDS:g} seconds", Cause.TIMEOUT, True
            )
        if not self.stopping:
            self.process.send_signal(signal.SIGABRT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(GRACE_SECONDS)
        return self._told(f"no result within {timeout:g} seconds", Cause.TIMEOUT)

    def bury(self) -> None:
        """Kill it with all that it has started, and close what the parent holds of it."""
        self.connection.close()
        if self.process.poll() is None:
            self.process.kill()
        end_all(self.mark)
        with contextlib.suppress(subprocess.TimeoutExpired):  # where the kernel holds it, for a lost disk
            self.process.wait(GRACE_SECONDS)
        self.output.close()

    def _told(self, message: str, cause: Cause, innocent: bool = False) -> Death:
        return Death("\n".join([message, *_last_words(self.output)]), cause, innocent)


def search_path() -> str:
    """Where this process finds modules, for a command line."""
    return json.dumps([str(entry) for entry in sys.path])


def _last_words(output: IO[bytes]) -> list[str]:
    """The last lines that a worker printed; of a fatal error, also where it happened."""
    output.seek(max(0, output.seek(0, os.SEEK_END) - LAST_WORDS_BYTES))
    lines = [line[:LINE_LENGTH] for line in output.read().decode(errors="replace").splitlines()]
    fatal = [number for number, line in enumerate(lines) if line.startswith("Fatal Python error")]
    crash = [number for number, line in enumerate(lines) if line.startswith("Current thread")]
    if not crash:
        return lines[-LAST_WORDS_LINES:]
    printed = lines[: fatal[-1] if fatal else crash[-1]]
    innermost_first = lines[crash[-1] + 1 :][:LAST_WORDS_LINES]
    return [*printed[-LAST_WORDS_LINES:], *(line.strip() for line in innermost_first)]
