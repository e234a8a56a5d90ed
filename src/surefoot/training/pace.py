"""What a step costs with each optimizer, with kernels warm, and what compiling them costs once.

    paces, failed = measure_paces(load_task("digits"), [Candidate("Adam", {}), Candidate("SGD", {})])
    paces["Adam"].seconds  # per evaluation of the loss

The optimizers are timed in turn, a few steps each, round after round, so that a machine which is busy for a
while slows all of them down; the quickest step counts, since other processes only ever add.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from surefoot.formula.cpu import kernel_for
from surefoot.tasks import Task
from surefoot.training.loop import time_steps
from surefoot.training.meters import WARM_UP_STEPS
from surefoot.training.run import Candidate

ROUNDS = 6
TIMED_STEPS = 5
# After the first two rounds, none begins later than this: a few steps of a large model tell enough.
TIMING_SECONDS = 5.0


@dataclass(frozen=True)
class Pace:
    """What an optimizer's steps take, forward and backward pass included.

    Attributes:
        seconds: per evaluation of the loss, with kernels warm.
        compile_seconds: what the very first step takes beyond that.
    """

    seconds: float
    compile_seconds: float


def measure_paces(task: Task, candidates: Sequence[Candidate]) -> tuple[dict[str, Pace], dict[str, str]]:
    """The pace of each candidate's optimizer; and why it has none, of those that cannot take a step here."""
    first: dict[str, tuple[int, float]] = {}
    warm: dict[str, float] = {}
    failed: dict[str, str] = {}
    end = math.inf
    for number in range(ROUNDS):
        if time.perf_counter() > end:
            break
        if number == 1:
            end = time.perf_counter() + TIMING_SECONDS
        for candidate in candidates:
            name = candidate.optimizer
            if number == 0:
                kernel_for.cache_clear()  # of other optimizers, which may share them
            try:
                steps = time_steps(task, candidate, WARM_UP_STEPS + TIMED_STEPS)
            except Exception as error:  # whatever it is, the runs would fail alike
                failed[name] = f"{type(error).__name__}: {error}"
                continue
            first.setdefault(name, steps[0])
            speeds = [seconds / evaluations for evaluations, seconds in steps[WARM_UP_STEPS:] or steps[-1:]]
            warm[name] = min([*speeds, warm.get(name, math.inf)])
    paces = {
        name: Pace(warm[name], max(0.0, seconds - evaluations * warm[name]))
        for name, (evaluations, seconds) in first.items()
        if name not in failed
    }
    return paces, failed
