"""The processes of a run: its worker and whatever that has started; finds, measures and ends them.

Every process that a worker starts inherits a mark in its environment.  The mark also finds a process that
has a session of its own, as `torchrun` gives its ranks, or whose parent is gone: a kill of the worker's
process group, or a walk from parent to child, would miss those.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from pathlib import Path

import psutil

MARK = "SUREFOOT_WORKER"
"""The environment variable that holds a worker's mark."""

END_SECONDS = 5.0
"""How long to wait for killed processes: one that the kernel holds, for a lost disk, cannot be waited for."""

PARENT_CHECK_SECONDS = 1.0
PR_SET_PDEATHSIG = 1  # of prctl(2)
VIRTUAL_MEMORY_EVENTS = Path("/proc/vmstat")


def end_with_parent(parent: int) -> None:
    """Let the kernel kill this process as soon as its parent is gone, whatever it is doing then (Linux).

    Args:
        parent: its process id; if it is gone already, this process ends here.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def end_all(mark: str) -> None:
    """Kill every process whose mark begins so; returns when none is left, or after `END_SECONDS`."""
    end = time.monotonic() + END_SECONDS
    while (found := _marked(mark)) and time.monotonic() < end:
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(0.01)  # and look again: one may just have started another


def end_all_without(parent: int, descriptor: int, mark: str) -> None:
    """Wait until the parent is gone, however it ended, and then end everything that its workers have left.

    Args:
        parent: its process id.
        descriptor: the reading end of a pipe into which nobody writes, and whose other end it holds.
        mark: what the marks of its workers begin with.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # meant for the parent
        signal.signal(number, signal.SIG_IGN)
    # A process that the parent has forked could hold the pipe open, hence the look at its id.
    while os.getppid() == parent and not select.select([descriptor], [], [], PARENT_CHECK_SECONDS)[0]:
        pass
    end_all(mark)


def memory_of(process: int, enough: int = 0) -> int:
    """Bytes of memory that a process and all below it take.

    Counted is the proportional set size: a page that several of them share, such as a data set loaded before
    data-loading processes were forked, counts once, where resident sizes would count it for each and unique
    sizes for none.  Where the system does not tell it (other than Linux) it is the resident size.

    Args:
        process: its id; 0 bytes if it is gone.
        enough: the cheaper sum of resident sizes, which is never less, is returned where it is no more.
    """
    try:
        root = psutil.Process(process)
        family = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0
    resident = sum(map(_resident, family))
    return resident if resident <= enough else sum(map(_proportional, family))


def oom_kills() -> int:
    """How many processes the kernel has killed so far for lack of memory; 0 where it does not tell."""
    with contextlib.suppress(OSError, ValueError):
        for line in VIRTUAL_MEMORY_EVENTS.read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def _marked(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):  # gone meanwhile, or another user's
            if process.environ().get(MARK, "").startswith(mark):
                found.append(process)
    return found


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def _proportional(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error, OSError):
        memory = process.memory_full_info()
        return int(getattr(memory, "pss", memory.rss))
    return 0
