r"""The learning rate over one run, as a pure factor of its base value.

With "trunk", every run of a candidate and seed moves along the same trunk (linear warmup, then constant);
a rung is a short branch off it, on which the rate cools down to zero.  A long run therefore contains the
trunk of every shorter one, and results at one rung can be compared:

    factor
     1 |   ____________________________ trunk ...
       |  /         \               \
     0 | /           \ rung 1        \ rung 2
"""

from __future__ import annotations

import math

from surefoot.study.run import Schedule


def evaluations(progress: float, full: int) -> int:
    """Evaluations of the loss in a run that reaches `progress` of a training of `full` evaluations."""
    return max(1, round(progress * full))


def branch(schedule: Schedule, steps: int) -> int:
    """The evaluation at which a run of `steps` evaluations leaves what longer runs share with it.

    0 for "cosine", whose whole course depends on its length; `steps` for "constant".
    """
    if schedule.kind == "cosine":
        return 0
    return steps if schedule.kind == "constant" else steps - round(schedule.cooldown * steps)


def factor(schedule: Schedule, step: int, steps: int, full: int) -> float:
    """What the base learning rate is multiplied with at an evaluation.

    Args:
        schedule: kind, warmup and cooldown.
        step: number of the evaluation, from 0.
        steps: evaluations in this run, up to its rung.
        full: evaluations in a full training; sets the length of the warmup, so that it is the same at
            every rung (with "cosine" it is rescaled to the rung as the rest is).

    Returns:
        In (0, 1] for step < steps; 0 from there on with "trunk" and "cosine".
    """
    if schedule.kind == "cosine":
        warmup = round(schedule.warmup * steps)
        share = (step - warmup) / max(1, steps - warmup)
        return _warmup(step, warmup) * (1 + math.cos(math.pi * min(max(share, 0.0), 1.0))) / 2
    start = branch(schedule, steps)
    # A branch that starts during warmup cools down from the rate reached there.
    level = _warmup(min(step, start), round(schedule.warmup * full))
    if schedule.kind == "constant" or step < start:
        return level
    return level * max(0.0, (steps - step) / max(1, steps - start))


def _warmup(step: int, length: int) -> float:
    """Linear, and never zero: the first step would be wasted."""
    return min(1.0, (step + 1) / (length + 1))
