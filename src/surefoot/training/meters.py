"""What a run costs: seconds per evaluation, bytes of optimizer state, peak memory."""

from __future__ import annotations

import contextlib
import resource
import statistics
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

SCHEDULER = Path("/proc/thread-self/schedstat")  # nanoseconds on a processor, nanoseconds in line, turns

# The first steps of a process compile kernels, allocate state and fill caches.
WARM_UP_STEPS = 3


def median_seconds(seconds_per_evaluation: list[float]) -> float:
    """The median over all but the first few steps (over all, if there are only a few); nan of nothing."""
    settled = seconds_per_evaluation[WARM_UP_STEPS:] or seconds_per_evaluation
    return statistics.median(settled) if settled else float("nan")


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Compute as a worker does: at its speed, and with the same rounding of sums."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def seconds_in_line() -> float:
    """How long this thread has been ready to run and waited for a processor, while other threads had it.

    Linux tells; elsewhere it is 0.
    """
    try:
        return int(SCHEDULER.read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def state_bytes(optimizer: torch.optim.Optimizer) -> int:
    """Bytes of all tensors in the optimizer's state."""
    return sum(t.numel() * t.element_size() for t in _tensors(optimizer.state.values()))


def peak_memory() -> int:
    """The largest resident memory of this process so far, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _tensors(values: Iterable[Any]) -> Iterable[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, dict):
            yield from _tensors(value.values())
        elif isinstance(value, list | tuple):
            yield from _tensors(value)
