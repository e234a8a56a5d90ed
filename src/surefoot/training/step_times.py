"""What a step costs with each optimizer, with kernels warm, and what compiling them costs once.

    paces, failed = measure_paces(load_task("digits"), [Candidate("Adam", {}), Candidate("SGD", {})])
    paces["Adam"].seconds  # per evaluation of the loss

The optimizers are timed in turn, a few steps each, round after round, without what they wait for a processor.
Each is held against the others of the same round: a machine that is busy for a while slows all down alike.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from surefoot.formula.cpu import kernel_for
from surefoot.study.run import Candidate
from surefoot.tasks import Task
from surefoot.training.loop import time_steps
from surefoot.training.meters import WARM_UP_STEPS, one_thread

ROUNDS = 9
TIMED_STEPS = 5
# After the first round, none begins later than this: a few steps of a large model tell enough.
TIMING_SECONDS = 8.0


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
    rounds: list[dict[str, float]] = []
    failed: dict[str, str] = {}
    end = math.inf
    while len(rounds) < ROUNDS and time.perf_counter() < end:
        quickest: dict[str, float] = {}
        for candidate in candidates:
            name = candidate.optimizer
            if not rounds:
                kernel_for.cache_clear()  # of other optimizers, which may share them
            try:
                with one_thread():
                    steps = time_steps(task, candidate, WARM_UP_STEPS + TIMED_STEPS)
            except Exception as error:  # whatever it is, the runs would fail alike
                failed[name] = f"{type(error).__name__}: {error}"
                continue
            first.setdefault(name, steps[0])
            warm = steps[WARM_UP_STEPS:] or steps[-1:]
            quickest[name] = min(seconds / evaluations for evaluations, seconds in warm)
        if not rounds:
            end = time.perf_counter() + TIMING_SECONDS
        rounds.append(quickest)
    seconds = typical({name: [each[name] for each in rounds] for name in first if name not in failed})
    paces = {
        name: Pace(warm, max(0.0, first[name][1] - first[name][0] * warm)) for name, warm in seconds.items()
    }
    return paces, failed


def typical(times: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Each one's time on a machine as quiet as it was in the quietest round.

    Args:
        times: by name, one for each round, all rounds alike.

    Returns:
        The median, over rounds, of the time in proportion to the middle one of its round, times the lowest
        middle of all rounds.
    """
    middles = [median(column) for column in zip(*times.values(), strict=True)]
    return {
        name: min(middles) * median(own / middle for own, middle in zip(row, middles, strict=True))
        for name, row in times.items()
    }
