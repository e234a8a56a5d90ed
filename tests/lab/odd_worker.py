"""A worker as `surefoot.lab.worker`, with jobs that do what real ones should not. Needs no torch."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from surefoot.lab import worker
from surefoot.lab.answers import JobResult, Refused, as_json


def count(arguments: Any, stopped: Any) -> JobResult:
    """Note in a file that it was done, after a while."""
    with Path(arguments["file"]).open("a") as file:
        file.write("done\n")
    time.sleep(arguments.get("seconds", 0))
    return as_json({"process": os.getpid()})


def wait_for_file(arguments: Any, stopped: Any) -> JobResult:
    """Go on until a file is there, whatever the job queue says."""
    while not Path(arguments["file"]).exists():
        time.sleep(0.005)
    return as_json({"process": os.getpid()})


def until_stopped(arguments: Any, stopped: Any) -> JobResult:
    """Go on until it is told to stop, and say so in a file."""
    while not stopped():
        time.sleep(0.005)
    Path(arguments["file"]).touch()
    raise Refused(503, "stopped")


def die(arguments: Any, stopped: Any) -> JobResult:
    os._exit(7)


def chatter(arguments: Any, stopped: Any) -> JobResult:
    """Write to where answers go, as a library may."""
    print("x" * 100, flush=True)
    os.write(1, b"\0" * 100)
    return as_json({"process": os.getpid()})


def mistake(arguments: Any, stopped: Any) -> JobResult:
    raise KeyError("nobody foresaw this")


def large(arguments: Any, stopped: Any) -> JobResult:
    return JobResult(b"x" * arguments["bytes"])


JOBS = (count, wait_for_file, until_stopped, die, chatter, mistake, large)

if __name__ == "__main__":
    worker.main(lambda: {job.__name__: job for job in JOBS})
