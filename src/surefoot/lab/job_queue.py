"""The job queue: a bounded queue before a few warm processes, which are replaced when they fail.

    job_queue = JobQueue(QueueLimits(workers=2))
    await job_queue.open()
    answer = await job_queue.ask(JobRequest("animate", recipe, seconds=10.0), client="127.0.0.1")
    await job_queue.close()

Equal requests in flight are done once, answers are kept, and whoever goes away gives up a place in the queue.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from surefoot.lab.answers import JobResult, Refused, to_bytes
from surefoot.lab.options import QueueLimits
from surefoot.lab.worker_pool import COMMAND, Ended, PooledWorker, WorkerPool

MOST_CLIENTS = 1000
"""Of whom it is known which worker has served them last."""

LONG_WAIT = 1.0
"""Seconds after which a job is no longer passed over for one whose animation a worker has in memory."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobRequest:
    """Something to do.

    Attributes:
        work: the name of a job in `jobs.py`.
        arguments: in JSON types; equal ones give equal answers.
        seconds: that it may take once it has begun.
        slow: a picture or a report: one worker is left free of such requests, so that animations go on.
        quick: done in a moment: it does not wait behind animations.
        keep: the answer is kept for whoever asks the same later.
    """

    work: str
    arguments: Mapping[str, Any]
    seconds: float
    slow: bool = False
    quick: bool = False
    keep: bool = True

    @property
    def key(self) -> str:
        """The same for equal requests."""
        text = to_bytes([self.work, sorted_deeply(self.arguments)])
        return hashlib.sha256(text).hexdigest()


@dataclass(eq=False)
class _Job:
    """A request that somebody waits for."""

    number: int
    request: JobRequest
    key: str
    client: str
    since: float = field(default_factory=time.monotonic)
    answer: asyncio.Future[JobResult] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    askers: int = 0
    worker: PooledWorker | None = None
    """The worker that does it; None while it waits."""


class JobQueue:
    """Takes requests and gives answers.

    Args:
        limits: what it does at most.
        command: starts a worker.
    """

    def __init__(self, limits: QueueLimits, command: Sequence[str] = COMMAND) -> None:
        self._limits = limits
        self._pool = WorkerPool(limits.workers, self._serve, command)
        self._cache = AnswerCache(limits.cache_bytes)
        self._waiting: list[_Job] = []
        self._running: set[_Job] = set()
        self._current: dict[str, _Job] = {}  # by key: what waits or runs, and somebody wants
        self._of_client: Counter[str] = Counter()
        self._last: OrderedDict[str, PooledWorker] = (
            OrderedDict()
        )  # by client: the worker that served it last
        self._number = 0
        self.longest = 0
        """The most jobs that have waited at once."""

    @property
    def workers(self) -> list[int]:
        """Process ids of the workers that are ready."""
        return [worker.process.pid for worker in self._pool.workers]

    @property
    def waiting(self) -> int:
        """How many jobs wait for a worker to be free; one that a free worker is about to take does not."""
        free, taken = len(self._pool.workers) - self.running, 0
        room = self._room_for_slow()
        for job in self._waiting:
            if taken < free and (room > 0 or not job.request.slow):
                taken, room = taken + 1, room - job.request.slow
        return len(self._waiting) - taken

    @property
    def running(self) -> int:
        """How many jobs are being done."""
        return len(self._running)

    async def open(self) -> None:
        """Start the workers; requests may come at once and wait for them."""
        self._pool.start()

    async def close(self) -> None:
        """End the workers, and refuse whoever waits."""
        await self._pool.stop()
        for job in list(self._current.values()):
            _refuse(job, _closing())
        self._waiting.clear()
        self._current.clear()

    async def ask(self, request: JobRequest, client: str) -> JobResult:
        """The answer to a request.

        Args:
            request: what is asked for.
            client: who asks; each has so many places in the queue.

        Raises:
            Refused: it cannot be done, the queue is full, or it took too long.
        """
        key = request.key
        if kept := self._cache.get(key):
            return kept
        if self._of_client[client] >= self._limits.waiting_per_client:
            raise Refused(429, f"{self._limits.waiting_per_client} requests of this page wait already", 1)
        job = self._current.get(key) or self._enqueue(request, key, client)
        job.askers += 1
        self._of_client[client] += 1
        try:
            async with asyncio.timeout(self._limits.queue_seconds + request.seconds):
                return await asyncio.shield(job.answer)
        except TimeoutError:
            raise Refused(503, "the lab has too much to do: nothing was ready in time", 10) from None
        finally:
            job.askers -= 1
            self._of_client -= Counter([client])
            if not job.askers and not job.answer.done():
                self._abandon(job)

    def _enqueue(self, request: JobRequest, key: str, client: str) -> _Job:
        if self.waiting >= self._limits.waiting:
            raise Refused(503, f"the lab has too much to do: {self.waiting} jobs wait", 2)
        self._number += 1
        job = _Job(self._number, request, key, client)
        self._waiting.append(job)
        self._current[key] = job
        self._pool.wake()
        self.longest = max(self.longest, self.waiting)
        return job

    def _abandon(self, job: _Job) -> None:
        """Nobody waits for it any more."""
        if self._current.get(job.key) is job:
            del self._current[job.key]
        if job in self._waiting:
            self._waiting.remove(job)
        elif job.worker is not None:
            job.worker.stop(job.number)
        job.answer.cancel()

    def _take(self, worker: PooledWorker) -> _Job | None:
        """The next job that a free worker may do: a slow one only beside a worker without.

        Of those that may begin, one of a client whom this worker has served last, and whose paths it so has
        in memory, or whom nobody has; only if there is none, or the oldest has waited for long, any.  Of
        these a quick one; of these the oldest.
        """
        room = self._room_for_slow()
        able = [job for job in self._waiting if room > 0 or not job.request.slow]
        others = [other for other in self._pool.workers if other is not worker]
        own = [job for job in able if self._last.get(job.client) not in others]
        if able and time.monotonic() - able[0].since > LONG_WAIT:
            own = able
        job = min(own or able, key=lambda job: not job.request.quick, default=None)
        if job is not None:
            self._waiting.remove(job)
            self._last[job.client] = worker
            self._last.move_to_end(job.client)
            if len(self._last) > MOST_CLIENTS:
                self._last.popitem(last=False)
        return job

    def _room_for_slow(self) -> int:
        """How many more slow jobs may begin."""
        return max(1, self._limits.workers - 1) - sum(job.request.slow for job in self._running)

    async def _serve(self, worker: PooledWorker) -> bool:
        """Let a free worker do one job, if there is one; False if there is none.

        Raises:
            Ended: the worker is of no more use.
        """
        job = self._take(worker)
        if job is None:
            return False
        job.worker = worker
        self._running.add(job)
        request = job.request
        try:
            head = {
                "job": job.number,
                "work": request.work,
                "arguments": request.arguments,
                "seconds": request.seconds,
            }
            async with asyncio.timeout(request.seconds + self._limits.grace_seconds):
                answer = await worker.do(head)
        except TimeoutError:
            _log.warning(
                "%s took longer than %g seconds; its worker is replaced", request.work, request.seconds
            )
            _refuse(job, Refused(503, f"it took longer than {request.seconds:g} seconds and was ended", 5))
            raise Ended from None
        except Ended:
            _log.warning("a worker ended in the middle of %s; it is replaced", request.work)
            _refuse(job, Refused(503, "the process that worked on it ended", 1))
            raise
        except asyncio.CancelledError:
            _refuse(job, _closing())
            raise
        except Refused as refused:
            _refuse(job, refused)
        else:
            if request.keep:
                self._cache.put(job.key, answer)
            if not job.answer.done():
                job.answer.set_result(answer)
        finally:
            job.worker = None
            self._running.discard(job)
            if self._current.get(job.key) is job:
                del self._current[job.key]
            self._pool.wake()  # a slow one may wait for this moment
        return True


class AnswerCache:
    """Answers, the last used ones, up to so many bytes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[str, JobResult] = OrderedDict()
        self.bytes = 0

    def get(self, key: str) -> JobResult | None:
        """The answer under a key, if it is still there."""
        if key in self._answers:
            self._answers.move_to_end(key)
        return self._answers.get(key)

    def put(self, key: str, answer: JobResult) -> None:
        """Keep an answer; one that would push out most of the others is not kept."""
        if key in self._answers or len(answer.body) > self._most // 4:
            return
        self._answers[key] = answer
        self.bytes += len(answer.body)
        while self.bytes > self._most:
            self.bytes -= len(self._answers.popitem(last=False)[1].body)


def sorted_deeply(value: Any) -> Any:
    """Mappings as sorted pairs, at every level."""
    if isinstance(value, Mapping):
        return [[key, sorted_deeply(value[key])] for key in sorted(value)]
    if isinstance(value, list | tuple):
        return [sorted_deeply(item) for item in value]
    return value


def _closing() -> Refused:
    return Refused(503, "the lab is closing", 5)


def _refuse(job: _Job, refused: Refused) -> None:
    if job.askers and not job.answer.done():
        job.answer.set_exception(refused)
    else:
        job.answer.cancel()
