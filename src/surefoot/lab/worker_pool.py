"""The job queue's worker processes: started warm, replaced when they end, and none outlives the server.

pool = WorkerPool(2, serve)       # `serve(worker)` gives a free worker a job, False if there is none
pool.start()
pool.wake()                 # there may be a job
await pool.stop()
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from surefoot.lab.answers import JobResult, Refused
from surefoot.lab.pipe_framing import LENGTHS, Head, frame

START_SECONDS = 120.0
"""A worker that is not ready by then is started again: on a busy machine torch takes long to import."""

COMMAND = (sys.executable, "-P", "-m", "surefoot.lab.worker")
"""-P: a file in the user's folder that is named like a package must not stand in for it."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0  # seconds before a worker that failed to start is tried again

_log = logging.getLogger(__name__)


class Ended(Exception):  # noqa: N818 - reads as what it says
    """A worker is gone, or of no more use."""


class PooledWorker:
    """One worker process.

    Attributes:
        process: it.
    """

    def __init__(self, process: Process) -> None:
        self.process = process

    async def do(self, head: Head) -> JobResult:
        """Let it do a job.

        Raises:
            Refused: the job was refused.
            Ended: the worker ended meanwhile.
        """
        self._send(head)
        while True:
            told, body = await self.hear()
            if told.get("job") == head["job"]:
                break
        if "status" in told:
            raise Refused(told["status"], told["detail"], told["retry_after"])
        return JobResult(body, told["media"], told["name"])

    def stop(self, job: int) -> None:
        """Tell it that nobody waits for this job any more."""
        with contextlib.suppress(Ended):
            self._send({"stop": job})

    async def hear(self) -> tuple[Head, bytes]:
        """What it says next."""
        stream = self.process.stdout
        assert stream is not None
        try:
            head, body = LENGTHS.unpack(await stream.readexactly(LENGTHS.size))
            return json.loads(await stream.readexactly(head)), await stream.readexactly(body)
        except (asyncio.IncompleteReadError, OSError):
            raise Ended from None

    def _send(self, head: Head) -> None:
        stream = self.process.stdin
        assert stream is not None
        if stream.is_closing() or self.process.returncode is not None:
            raise Ended
        stream.write(frame(head))

    async def end(self) -> None:
        """Kill it and wait for its end."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


class WorkerPool:
    """So many workers, each replaced when it ends.

    Args:
        size: how many.
        serve: lets a free worker do one job; False if there is none; raises `Ended` where the worker is
            of no more use.
        command: starts a worker.
    """

    def __init__(
        self, size: int, serve: Callable[[Any], Awaitable[bool]], command: Sequence[str] = COMMAND
    ) -> None:
        self._size, self._serve, self._command = size, serve, command
        self._wake_events: list[asyncio.Event] = []
        self._keepers: list[asyncio.Task[None]] = []
        self.workers: list[PooledWorker] = []
        """Those that are ready."""

    def start(self) -> None:
        """Begin to start the workers."""
        for _ in range(self._size):
            wake_event = asyncio.Event()
            self._wake_events.append(wake_event)
            self._keepers.append(asyncio.create_task(self._keep_one(wake_event)))

    async def stop(self) -> None:
        """End all of them."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._keepers.clear()
        self._wake_events.clear()

    def wake(self) -> None:
        """Let free workers look for a job."""
        for wake_event in self._wake_events:
            wake_event.set()

    async def _keep_one(self, wake_event: asyncio.Event) -> None:
        """One worker after the other, for ever."""
        pause = _FIRST_PAUSE
        while True:
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, env=_environment()
            )
            worker = PooledWorker(process)
            try:
                async with asyncio.timeout(START_SECONDS):
                    await worker.hear()
                pause = _FIRST_PAUSE
                await self._work(worker, wake_event)
            except TimeoutError:
                _log.warning("a worker was not ready after %g seconds", START_SECONDS)
            except Ended:
                pass
            finally:
                await asyncio.shield(worker.end())
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _work(self, worker: PooledWorker, wake_event: asyncio.Event) -> None:
        ended = asyncio.create_task(worker.process.wait())
        ended.add_done_callback(lambda _: wake_event.set())
        self.workers.append(worker)
        try:
            while not ended.done():
                wake_event.clear()
                if not await self._serve(worker):
                    await wake_event.wait()
        finally:
            self.workers.remove(worker)
            ended.cancel()


def _environment() -> dict[str, str]:
    """One thread for each worker: they are as many as there are cores."""
    return {**os.environ, "OMP_NUM_THREADS": "1"}
