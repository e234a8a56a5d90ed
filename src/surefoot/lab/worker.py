"""A worker of the job queue: a warm process that does one job after the other, as its pipe tells it.

python -m surefoot.lab.worker   (started by `worker_pool.py`; it ends as soon as its pipe is closed)
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from surefoot.lab.answers import JobResult, Refused, in_one_line
from surefoot.lab.pipe_framing import Head, read_frame, write_frame

Job = Callable[[Mapping[str, Any], Callable[[], bool]], JobResult]
Jobs = Mapping[str, Job]

NICENESS = 5
"""The server answers at once while every core works for it, and a study on this machine keeps its pace."""

NOTHING = JobResult(b"")


class JobInbox:
    """What the job queue has sent; read by its own thread, so that a request to stop is heard in mid-job."""

    def __init__(self, stream: BinaryIO) -> None:
        self.jobs: queue.SimpleQueue[Head] = queue.SimpleQueue()
        self._stopped = -1
        self._stream = stream
        threading.Thread(target=self._listen, daemon=True, name="inbox").start()

    def stopped(self, job: int) -> bool:
        """Whether nobody waits for this job any more."""
        return self._stopped == job

    def _listen(self) -> None:
        while found := read_frame(self._stream):
            head = found[0]
            if "stop" in head:
                self._stopped = head["stop"]
            else:
                self.jobs.put(head)
        os._exit(0)  # the server is gone, whatever this process is doing


def main(load: Callable[[], Jobs]) -> None:
    """Work until the pipe is closed.

    Args:
        load: gives the jobs by name, once all that they need is imported.
    """
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is meant for the server, which then ends this
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    inbox = JobInbox(sys.stdin.buffer)
    jobs = load()
    write_frame(answers, {"ready": os.getpid()})
    while True:
        head = inbox.jobs.get()
        answer, error = _do(jobs[head["work"]], head, inbox)
        told = {"job": head["job"], "media": answer.media, "name": answer.name, **error}
        write_frame(answers, told, answer.body)


def _do(work: Job, head: Head, inbox: JobInbox) -> tuple[JobResult, Head]:
    """The job's answer, or why there is none."""
    end = time.monotonic() + head["seconds"]

    def stopped() -> bool:
        return time.monotonic() > end or inbox.stopped(head["job"])

    try:
        return work(head["arguments"], stopped), {}
    except Refused as refused:
        return NOTHING, _why(refused.status, refused.detail, refused.retry_after)
    except Exception as error:
        traceback.print_exc()
        return NOTHING, _why(500, f"a mistake in the lab itself, in {head['work']}: {in_one_line(error)}")


def _why(status: int, detail: str, retry_after: int | None = None) -> Head:
    return {"status": status, "detail": detail, "retry_after": retry_after}


def load_jobs() -> Jobs:
    """The jobs of the lab, warm."""
    from surefoot.lab import jobs

    jobs.warm()
    return jobs.JOBS


if __name__ == "__main__":
    main(load_jobs)
