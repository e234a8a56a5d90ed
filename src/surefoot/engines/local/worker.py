"""A worker process: takes jobs from a pipe, one after another, and sends their events back.

It lives as long as its parent: when the pipe closes, for whatever reason, it ends.
Started by `LocalEngine`; not for people.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import queue
import resource
import signal
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

import torch

from surefoot import optim
from surefoot.engines.local.job import run_job
from surefoot.engines.local.messages import Outbox, Ready
from surefoot.study.run import Job
from surefoot.tasks import Task, TaskError, calling, load_task
from surefoot.tasks.by_value import ShippedTask, read

PARENT_CHECK_SECONDS = 1.0
# What a job may take to notice that it should end, before the process ends under it.
GRACE_SECONDS = 1.0
NO_FILE = -1
"""In place of a descriptor."""

DISCONNECTED = 76
"""Exit status of a worker whose pipe has closed: its parent is gone, or the run has closed it."""


@dataclass(frozen=True)
class WarmUp:
    """To a worker: load this task, so that the first job need not."""

    task: str


@dataclass(frozen=True)
class Stop:
    """To a worker: end this job."""

    job: int


class Orders:
    """What the parent has sent, read by a thread of its own so that it is heard during a job.

    Attributes:
        queue: jobs and warm-ups in order; None when there will be no more.
        stopped: ids of the jobs to end.
        orphaned: the parent is gone.
    """

    def __init__(self, connection: Connection) -> None:
        self.queue: queue.SimpleQueue[Job | WarmUp | None] = queue.SimpleQueue()
        self.stopped: set[int] = set()
        self.orphaned = False
        self._connection = connection
        self._parent = os.getppid()
        threading.Thread(target=self._listen, daemon=True, name="orders").start()

    def stops(self, job: int) -> bool:
        """Whether this job should end."""
        return self.orphaned or job in self.stopped

    def _listen(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while os.getppid() == self._parent:
                # A process that the parent has forked could hold the pipe open, hence the look at its id.
                if self._connection.poll(PARENT_CHECK_SECONDS):
                    order = self._connection.recv()
                    if isinstance(order, Stop):
                        self.stopped.add(order.job)
                        continue
                    if isinstance(order, Job):  # an id may be used again, and is then not stopped yet
                        self.stopped.discard(order.id)
                    self.queue.put(order)
        self.orphaned = True
        self.queue.put(None)
        time.sleep(GRACE_SECONDS)
        os._exit(DISCONNECTED)


def main(descriptor: int, threads: int, shipped: int = NO_FILE) -> None:
    """Work until the pipe closes.

    Args:
        descriptor: the worker's end of a duplex pipe.
        threads: intra-op threads of torch.
        shipped: an inherited file with a task by value, `NO_FILE` without one.
    """
    # Ctrl-C is for the parent, who decides what becomes of its jobs.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A hundred crashes would leave a hundred images of their memory; where it was is told without.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    connection = Connection(descriptor)
    orders, outbox = Orders(connection), Outbox(descriptor)
    by_value = read(shipped) if shipped != NO_FILE else None
    load = functools.cache(functools.partial(_loaded, by_value))
    _take_a_step()
    # What has been imported stays: no later collection need look at it, and the process ends a second sooner.
    gc.freeze()
    try:
        outbox.send(Ready())
        while (order := orders.queue.get()) is not None:
            if isinstance(order, WarmUp):
                with contextlib.suppress(TaskError):  # told by the job that uses the task
                    load(order.task)
                continue
            stopped = functools.partial(orders.stops, order.id)
            outbox.send(run_job(order, load, outbox.send, stopped))
    except OSError:  # nobody listens any more
        os._exit(DISCONNECTED)


def _take_a_step() -> None:
    """Pay for what the first optimizer of a process costs: torch imports its compiler, ours starts LLVM."""
    p = torch.ones(1, requires_grad=True)
    p.grad = torch.ones(1)
    optim.find("Adam")([p]).step()


def _loaded(shipped: ShippedTask | None, reference: str) -> Task:
    """The task, after one step of it, so that no run's seconds contain the reading of data."""
    if shipped is not None and shipped.reference == reference:
        with calling(f"{reference}: unpacking the task in a worker process"):
            task = shipped.task()
    else:
        task = load_task(reference)
    # What is wrong with a task is told by the job that uses it.
    with contextlib.suppress(Exception):
        task.loss(task.model(), next(iter(task.batches(0)))).backward()  # type: ignore[no-untyped-call]
    return task
