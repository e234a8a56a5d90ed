"""The local engine: worker processes on this machine, warm between jobs, replaced when they crash or hang.

    with LocalEngine(workers=2) as engine:
        engine.start(Job(0, "digits", Candidate("Adam", {"lr": 1e-2}), seed=0, progress=1.0))
        while events := engine.events():  # nothing more once no job is running
            print(events)

No process outlives the engine, and none its parent: beside what workers see to themselves, a small warden
process waits for the parent's end, and then ends whatever the workers have started.
"""

from __future__ import annotations

import contextlib
import math
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from itertools import count
from multiprocessing.connection import wait
from types import TracebackType
from typing import Self

from surefoot.engines.base import Event
from surefoot.engines.local.processes import MARK
from surefoot.engines.local.worker import GRACE_SECONDS, WarmUp
from surefoot.engines.local.worker_process import Death, WorkerProcess, search_path
from surefoot.errors import InvalidInputError
from surefoot.study.run import Cause, Finished, Job, Restarted, Status
from surefoot.tasks.by_value import ShippedTask

WARDEN = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from surefoot.engines.local.processes import end_all_without
end_all_without(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
"""
TRIES = 3
"""A job whose worker was lost by no fault of the job is started so often in all."""

POLL_SECONDS = 0.2  # how late a hang, or a death that left the pipe open, may be noticed
MEMORY_SECONDS = 0.5  # between two looks at what runs take
MEBIBYTE = 2**20
ROOM = 1.25
"""A limit of memory should leave a run at least this many times what its worker takes before it."""


class LocalEngine:
    """Runs jobs in worker processes.  For use from one thread, with whose end they end.

    A job whose worker is lost by no fault of the job, as far as one can know (it did not start, or was killed
    from outside), is started again, `TRIES` times in all; every other loss is the job's result.

    Args:
        workers: processes, and so slots; by default one for each GPU, or as many as fit on the processors
            that this process may use.
        threads: intra-op threads in each; one unless told otherwise, since small runs side by side use
            processors better than one run on all of them.
        timeout: seconds that one job may take before its worker is taken for hung and killed; None
            waits for ever.
        memory: bytes that one worker may take with all that it has started; None sets no limit.
        gpus: names for `CUDA_VISIBLE_DEVICES`, of which each worker sees one, in turn; empty leaves them
            what the parent sees.
        shipped: a task by value, which its workers inherit.
    """

    def __init__(
        self,
        workers: int | None = None,
        threads: int = 1,
        timeout: float | None = None,
        memory: int | None = None,
        gpus: Sequence[str] = (),
        shipped: ShippedTask | None = None,
    ) -> None:
        self.slots = workers if workers is not None else len(gpus) or max(1, _processors() // threads)
        if self.slots < 1 or threads < 1:
            raise InvalidInputError(f"workers and threads must be at least 1, not {self.slots} and {threads}")
        self._threads = threads
        self._timeout = math.inf if timeout is None else timeout
        self._memory = memory
        self._gpus = tuple(gpus)
        self._shipped = shipped.file() if shipped else None
        self._workers: list[WorkerProcess] = []
        self._mark = uuid.uuid4().hex
        self._numbers = count()
        self._warden: _Warden | None = None
        self._next_look = -math.inf
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
            OSError: the system has no room for another process.
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
                self._workers.remove(worker)
                worker.bury()

    def events(self, timeout: float | None = None) -> list[Event]:
        """What has happened since the last call; each job ends in exactly one `Finished`.

        Args:
            timeout: seconds to wait for something to happen; None waits as long as a job is running.

        Raises:
            InvalidInputError: the limit of memory is less than a worker takes before its first job.
            OSError: the system has no room for another process.
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
                worker.stop()

    def close(self) -> None:
        """End all workers.  May be called twice."""
        self._closed = True
        for worker in self._workers:
            worker.connection.close()
        for worker in self._workers:
            with contextlib.suppress(subprocess.TimeoutExpired):  # one that still starts does not listen yet
                worker.process.wait(2 * GRACE_SECONDS if worker.ready else 0.0)
            worker.bury()
        self._workers.clear()
        if self._shipped is not None:
            self._shipped.close()
        if self._warden is not None:
            self._warden.close()
            self._warden = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _fill(self) -> None:
        if self._closed:
            raise RuntimeError("the engine is closed")
        if self._warden is None:
            self._warden = _Warden(self._mark)
        taken = {worker.slot for worker in self._workers}
        for slot in sorted(set(range(self.slots)) - taken):
            self._spawn(slot)

    def _spawn(self, slot: int) -> WorkerProcess:
        gpu = self._gpus[slot % len(self._gpus)] if self._gpus else None
        mark = f"{self._mark}.{next(self._numbers)}."
        self._workers.append(WorkerProcess.spawn(slot, mark, self._threads, gpu, self._shipped))
        return self._workers[-1]

    def _gather(self, seconds: float) -> list[Event]:
        """Read what has arrived within `seconds`, and see who has died, is overdue or takes too much."""
        wait([worker.connection for worker in self._workers], seconds)
        found: list[Event] = []
        look = self._memory is not None and time.monotonic() >= self._next_look
        for worker in list(self._workers):
            ended = worker.process.poll() is not None  # asked first, so that its last messages are read
            started = worker.ready
            alive = worker.read(found, self._timeout)
            worker.drop_output()
            if ended or not alive:
                found += self._replace(worker, worker.death())
            elif time.monotonic() > worker.deadline:
                found += self._replace(worker, worker.overdue(self._timeout))
            elif worker.ready and not started:
                self._check_room(worker)
            elif look and started and worker.job is not None and (death := self._oversize(worker)):
                found += self._replace(worker, death)
        if look:
            self._next_look = time.monotonic() + MEMORY_SECONDS
        return found

    def _replace(self, worker: WorkerProcess, death: Death) -> list[Event]:
        """Remove a worker; what that means for its job, if it had one."""
        self._workers.remove(worker)
        worker.bury()
        if worker.job is None:
            return []
        if worker.stopping:  # whoever stops a job may want no other
            return [Finished(worker.job.id, Status.STOPPED)]
        successor = self._spawn(worker.slot)  # now, so that it is warm when the next job comes
        if death.innocent and worker.tries < TRIES:
            successor.begin(worker.job, self._timeout, worker.tries + 1)
            return [Restarted(worker.job.id, death.message)]
        return [Finished(worker.job.id, Status.FAILED, death.message, cause=death.cause)]

    def _oversize(self, worker: WorkerProcess) -> Death | None:
        """Why a worker that takes too much memory has to end."""
        assert self._memory is not None
        taken = worker.memory(enough=self._memory)
        if taken <= self._memory:
            return None
        return Death(
            f"it took {_mebibytes(taken)}, and its limit is {_mebibytes(self._memory)}", Cause.MEMORY
        )

    def _check_room(self, worker: WorkerProcess) -> None:
        """A worker that has just started takes what every run needs at least."""
        if self._memory is None:
            return
        taken = worker.memory(enough=self._memory)
        if taken > self._memory:
            raise InvalidInputError(
                f"a run may take {_mebibytes(self._memory)}, but its worker process takes "
                f"{_mebibytes(taken)} before any task: allow {_mebibytes(math.ceil(ROOM * taken))} at least"
            )


class _Warden:
    """The process that ends what the workers leave, should this process end without doing so."""

    def __init__(self, mark: str) -> None:
        reading, self._held = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", WARDEN, search_path(), str(os.getpid()), str(reading), mark],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Without a mark: it outlives its parent, should that be a worker of another engine.
            env={name: value for name, value in os.environ.items() if name != MARK},
            pass_fds=[reading],
            start_new_session=True,
        )
        os.close(reading)

    def close(self) -> None:
        """Dismiss it."""
        os.close(self._held)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2 * GRACE_SECONDS)


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _mebibytes(size: int) -> str:
    return f"{math.ceil(size / MEBIBYTE)}m"
