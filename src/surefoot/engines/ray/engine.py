"""The Ray engine: runs as Ray tasks, on this machine or on a cluster.

    with RayEngine("cluster-head:6379", references=["my_task.py:task"]) as engine:
        engine.start(Job(0, "my_task.py:task", Candidate("Adam", {"lr": 1e-2}), seed=0, progress=1.0))
        while events := engine.events():  # nothing more once no job is running
            print(events)

The current folder and this package are shipped to the nodes. A node that is lost takes no run with it: Ray
is asked to make its runs again elsewhere, and since runs are deterministic, a point that was reported twice
is the same point. Needs the package ray: pip install 'surefoot[ray]'.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

# Ray counts its users over the network unless it is told not to, before it is imported.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray
from ray.exceptions import OutOfMemoryError, RayError, RayTaskError, RuntimeEnvSetupError

import surefoot
from surefoot.engines.base import Event
from surefoot.engines.ray.packaging import Shipment, pack
from surefoot.engines.ray.task import Carried, make_run
from surefoot.errors import InvalidInputError, NotPossibleError, SurefootError
from surefoot.study.run import Cause, Finished, Job, Restarted, Status
from surefoot.training.own_files import remove_own_folder

SLOTS_SECONDS = 2.0  # how old the count of slots may be
POLL_SECONDS = 0.5
STOP_SECONDS = 10.0  # what a run may take to stop, before its process is killed
PATIENCE_SECONDS = 300.0  # how long a cluster may be without any node that can hold a run
KEEP_WARM = {"idle_worker_killing_time_threshold_ms": 600_000}
"""Ray ends an idle process after a second where there are more of them than processors, as with half a one
for each run; the next run would wait for torch to be imported again."""

PLACES = 3
"""So many places may be lost under one run: after that it is taken for what brings them down."""


class RayEngine:
    """Runs jobs on a Ray cluster.  One at a time in a process, for use from one thread.

    Attributes:
        slots: how many runs fit on the cluster's nodes; changes as nodes come and go, unless `workers` is
            given.
        started: no cluster was found, so one was started on this machine; it ends with the engine.

    Args:
        address: of the cluster, such as "host:6379"; None takes the environment's RAY_ADDRESS, or the
            cluster that this machine belongs to, or starts one on this machine.
        references: tasks and optimizers of the jobs to come; those that are files are shipped.
        cpus, gpus: what Ray sets aside for each run; a run has one intra-op thread all the same.
        workers: runs at once, whatever the cluster's size: for a cluster that grows on demand.
        shared_checkpoints: the jobs' `checkpoints` lie on storage that every node sees; otherwise trunks
            travel through Ray's object store and are gone when the engine closes.
        limits: arguments of `LocalEngine` that limit a run, such as `timeout`.

    Raises:
        ClusterError: there is no cluster at `address`.
        InvalidInputError: no node has what a run needs, or there is too much to ship.
        NotPossibleError: Ray is in use in this process already.
    """

    def __init__(
        self,
        address: str | None = None,
        references: Iterable[str] = (),
        cpus: float = 1.0,
        gpus: float = 0.0,
        workers: int | None = None,
        shared_checkpoints: bool = False,
        **limits: Any,
    ) -> None:
        if ray.is_initialized():
            raise NotPossibleError("Ray is in use in this process already: call ray.shutdown() first")
        self._needs = {name: amount for name, amount in (("CPU", cpus), ("GPU", gpus)) if amount}
        self._workers = workers
        self._shared = shared_checkpoints
        self._limits = limits
        self._runs: dict[int, _Run] = {}
        self._trunks: dict[str, ray.ObjectRef[bytes]] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="surefoot-ship-"))
        try:
            self._shipment: Shipment = pack(references, self._folder)
            with _keeping_sigterm():
                self.started = _connect(address, self._folder)
            self._make = ray.remote(make_run).options(
                num_cpus=cpus, num_gpus=gpus, num_returns="streaming", max_retries=0
            )
            self.slots = self._count_slots()
            if not self.slots:
                raise InvalidInputError(_too_small(self._needs))
        except BaseException:
            self.close()
            raise
        self._counted = self._had_slots = time.monotonic()

    @property
    def where(self) -> str:
        """The place, for people."""
        return "a Ray cluster started on this machine" if self.started else "the Ray cluster"

    def start(self, job: Job) -> None:
        """Begin a job without waiting for it.

        Raises:
            RuntimeError: every slot is taken, or the engine is closed.
            InvalidInputError: its task or optimizer is a file that was not among the `references`.
        """
        if not ray.is_initialized():
            raise RuntimeError("the engine is closed")
        if len(self._runs) >= self.slots:
            raise RuntimeError(f"all {self.slots} slots are taken")
        run = _Run(job, self._shipment.address(job))
        self._submit(run)
        self._runs[job.id] = run

    def events(self, timeout: float | None = None) -> list[Event]:
        """What has happened since the last call; each job ends in exactly one `Finished`.

        Args:
            timeout: seconds to wait for something to happen; None waits as long as a job is running.

        Raises:
            ClusterError: for minutes no node could hold a run.
        """
        end = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            self._refresh()
            self._kill_deaf()
            left = end - time.monotonic()
            found = [
                event for run in self._ready(max(0.0, min(left, POLL_SECONDS))) for event in self._read(run)
            ]
            if found or not self._runs or left <= 0:
                return found

    def stop(self, job_id: int) -> None:
        """End a job soon; a process that does not listen is killed.  Nothing happens if it is not running."""
        run = self._runs.get(job_id)
        if run is not None and run.stop_until is None and run.end is None:
            run.stop_until = time.monotonic() + STOP_SECONDS
            ray.cancel(run.stream)

    def close(self) -> None:
        """End all runs and leave the cluster.  May be called twice."""
        self._runs.clear()
        self._trunks.clear()
        ray.shutdown()
        remove_own_folder(self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _submit(self, run: _Run) -> None:
        trunk = Carried(self._trunks.get(_identity(run.job))) if self._carries(run.job) else None
        run.stream = self._make.remote(run.order, trunk, self._limits)

    def _carries(self, job: Job) -> bool:
        """Whether its trunk travels through the object store."""
        return job.checkpoints is not None and not self._shared

    def _ready(self, seconds: float) -> list[_Run]:
        """The runs that have something to tell, waited for as long as `seconds`."""
        if not self._runs:
            return []
        runs = {run.stream: run for run in self._runs.values()}
        # Not fetched: what is large is a trunk, and for another node.
        ready, others = ray.wait(list(runs), timeout=seconds, fetch_local=False)
        if ready and others:
            ready += ray.wait(others, num_returns=len(others), timeout=0, fetch_local=False)[0]
        return [runs[stream] for stream in ready]

    def _read(self, run: _Run) -> list[Event]:
        """The next item of a run's stream."""
        try:
            item = next(run.stream)
            if run.end is not None:
                return [self._finish(run, trunk=item)]
            events: list[Event] = ray.get(item)
        except (StopIteration, RayError) as error:
            return self._after(error, run)
        if isinstance(last := events[-1], Finished):
            run.end = last
            if self._carries(run.job) and last.status == Status.COMPLETED and run.job.progress < 1:
                return events[:-1]
            self._finish(run)
        return events

    def _after(self, error: Exception, run: _Run) -> list[Event]:
        """Its stream has ended: that is the end of the run too, or it is made again."""
        if run.end is None:
            run.end = self._end(error, run)
        if run.end is None:
            self._submit(run)
            return [Restarted(run.job.id, f"its place on the cluster was lost: {str(error).strip()}")]
        return [self._finish(run)]

    def _end(self, error: Exception, run: _Run) -> Finished | None:
        """How a run ended whose stream told no end; None if it was not the run's doing."""
        if run.stop_until is not None:
            return Finished(run.job.id, Status.STOPPED)
        if isinstance(
            error, RayTaskError | RuntimeEnvSetupError
        ):  # not even begun, as where a package is missing
            return Finished(run.job.id, Status.FAILED, str(error).strip(), cause=Cause.RAISED)
        run.lost += 1
        if run.lost < PLACES:
            return None
        message = f"its place on the cluster was lost {PLACES} times: {str(error).strip()}"
        cause: Cause = Cause.MEMORY if isinstance(error, OutOfMemoryError) else Cause.CRASHED
        return Finished(run.job.id, Status.FAILED, message, cause=cause)

    def _finish(self, run: _Run, trunk: ray.ObjectRef[bytes] | None = None) -> Finished:
        del self._runs[run.job.id]
        assert run.end is not None
        if trunk is not None:
            self._trunks[_identity(run.job)] = trunk
        elif run.job.progress >= 1:
            self._trunks.pop(_identity(run.job), None)
        return run.end

    def _kill_deaf(self) -> None:
        for run in self._runs.values():
            if run.stop_until is not None and time.monotonic() > run.stop_until:
                run.stop_until = math.inf
                ray.cancel(run.stream, force=True)

    def _refresh(self) -> None:
        """Count the slots anew now and then."""
        now = time.monotonic()
        if now - self._counted < SLOTS_SECONDS:
            return
        self._counted, self.slots = now, self._count_slots()
        if self.slots:
            self._had_slots = now
        elif now - self._had_slots > PATIENCE_SECONDS:
            raise ClusterError(_too_small(self._needs))

    def _count_slots(self) -> int:
        if self._workers is not None:
            return self._workers
        return sum(_fits(node, self._needs) for node in _nodes())


class ClusterError(SurefootError, ConnectionError):
    """There is no cluster, or none that can hold a run; the message is one line."""


@dataclass(eq=False)
class _Run:
    """A job and what the driver knows of it.

    Attributes:
        order: the job as it is called on the nodes.
        stream: what it yields, see `make_run`.
        end: how it ended, while its trunk is awaited.
        stop_until: when, by `time.monotonic`, it is killed; None unless it was told to stop.
        lost: how often its place was lost.
    """

    job: Job
    order: Job
    stream: Any = None
    end: Finished | None = None
    stop_until: float | None = None
    lost: int = 0


def _connect(address: str | None, folder: Path) -> bool:
    """Enter the cluster, with the code that runs need; True if one had to be started on this machine."""
    settings: dict[str, Any] = {
        "runtime_env": {"working_dir": str(folder), "py_modules": [str(Path(surefoot.__file__).parent)]},
        # A live display is drawn on this terminal; what a run prints is told where it fails.
        "log_to_driver": False,
        "logging_level": logging.ERROR,
    }
    try:
        ray.init(address or "auto", **settings)
        return False
    except ConnectionError as error:
        if address is not None or "RAY_ADDRESS" in os.environ:
            place = address or os.environ["RAY_ADDRESS"]
            raise ClusterError(
                f"there is no Ray cluster at {place!r}: start one by ray start --head"
            ) from error
    except ValueError as error:
        raise ClusterError(f"{address!r} is not the address of a Ray cluster: {error}") from error
    ray.init("local", include_dashboard=False, _system_config=KEEP_WARM, **settings)
    return True


@contextmanager
def _keeping_sigterm() -> Iterator[None]:
    """Ray takes this signal for itself; whoever had taken it before keeps it."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if callable(before) and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)


def _identity(job: Job) -> str:
    """Of the run that a job takes further."""
    return f"{job.checkpoints} {job.task} {job.candidate.key} {job.seed}"


def _nodes() -> list[dict[str, float]]:
    """The resources of each node of the cluster."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]


def _fits(resources: Mapping[str, float], needs: Mapping[str, float]) -> int:
    """How many runs a node can hold."""
    # A sum of fractions may fall short of the whole by a rounding error.
    return min((int(resources.get(name, 0.0) / amount + 1e-9) for name, amount in needs.items()), default=0)


def _too_small(needs: Mapping[str, float]) -> str:
    wanted = " and ".join(f"{amount:g} {name}" for name, amount in needs.items())
    largest = max((tuple(node.get(name, 0.0) for name in needs) for node in _nodes()), default=())
    offer = (
        " and ".join(f"{amount:g} {name}" for name, amount in zip(needs, largest, strict=False)) or "nothing"
    )
    return (
        f"no node of the cluster has the {wanted} that a run asks for, the largest has {offer}: "
        "ask for less, or say how many --workers where the cluster grows on demand"
    )
