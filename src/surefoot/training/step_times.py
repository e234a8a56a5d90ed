"""What a step costs with each optimizer, with kernels warm, and what compiling them costs once.

    times, failed = time_each(load_task("digits"), [Candidate("Adam", {}), Candidate("SGD", {})])
    times["Adam"].seconds  # per evaluation of the loss

The optimizers are timed in turn, a few steps each, round after round, without what they wait for a processor.
Each is held against the others of the same round: a machine that is busy for a while slows all down alike.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

from surefoot.formula.cpu import kernel_for
from surefoot.study.profile import StepTime
from surefoot.study.run import Candidate
from surefoot.tasks import Task
from surefoot.training.loop import time_steps
from surefoot.training.meters import WARM_UP_STEPS, one_thread

ROUNDS = 9
TIMED_STEPS = 5
# After the first round, none begins later than this: a few steps of a large model tell enough.
TIMING_SECONDS = 8.0


def time_each(
    task: Task, candidates: Sequence[Candidate], left: Callable[[], float] = lambda: math.inf, needed: int = 0
) -> tuple[dict[str, StepTime], dict[str, str]]:
    """What a step takes with each candidate's optimizer.

    Args:
        task: what is trained.
        candidates: one of each optimizer.
        left: seconds that there are for it, asked before each candidate's turn.
        needed: so many, the first, are timed whatever it takes.

    Returns:
        By optimizer, the times; and why there is none of the others, as a sentence begins after their name.
    """
    first: dict[str, tuple[int, float]] = {}
    rounds: list[dict[str, float]] = []
    failed: dict[str, str] = {}
    end = math.inf
    while len(rounds) < ROUNDS and time.perf_counter() < end:
        quickest: dict[str, float] = {}
        for place, candidate in enumerate(candidates):
            name = candidate.optimizer
            if name in failed or (rounds and left() <= 0):
                continue
            if not rounds:
                if place >= needed and left() <= 0:
                    failed[name] = "was not timed: there was no time left for that"
                    continue
                kernel_for.cache_clear()  # of other optimizers, which may share them
            try:
                with one_thread():
                    steps = time_steps(task, candidate, WARM_UP_STEPS + TIMED_STEPS)
            except Exception as error:  # whatever it is, the runs would fail alike
                failed[name] = f"cannot take a step here: {type(error).__name__}: {error}"
                continue
            first.setdefault(name, steps[0])
            warm = steps[WARM_UP_STEPS:] or steps[-1:]
            quickest[name] = min(seconds / evaluations for evaluations, seconds in warm)
        if not rounds:
            end = time.perf_counter() + TIMING_SECONDS
        rounds.append(quickest)
        if left() <= 0:
            break
    names = [name for name in first if name not in failed]
    whole = [each for each in rounds if all(name in each for name in names)]
    seconds = typical({name: [each[name] for each in whole] for name in names})
    found = {
        name: StepTime(warm, max(0.0, first[name][1] - first[name][0] * warm))
        for name, warm in seconds.items()
    }
    return found, failed


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
