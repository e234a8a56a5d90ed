"""A line search for the strong Wolfe conditions: a pure function of an `evaluate` callback.

Nocedal & Wright, Numerical Optimization, algorithms 3.5 (bracket) and 3.6 (zoom), with cubic
interpolation and the safeguards of Schmidt's minFunc, which torch follows too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

SUFFICIENT_DECREASE = 1e-4
CURVATURE = 0.9
MARGIN = 0.1  # a trial this near an end of the bracket (share of its width) makes too little progress


@dataclass(frozen=True)
class Trial:
    """A point on the line: its step, the loss and gradient there, and the loss's slope along the line."""

    step: float
    loss: float
    gradient: Tensor
    slope: float


def strong_wolfe(
    evaluate: Callable[[float], Trial],
    origin: Trial,
    step: float,
    *,
    direction_size: float,
    tolerance: float,
    limit: int,
) -> tuple[Trial, int]:
    """Find a step that satisfies the strong Wolfe conditions.

    Args:
        evaluate: measures the point at a step.
        origin: the point at step 0; its slope is negative.
        step: the first trial.
        direction_size: the direction's largest element; a bracket shorter than tolerance / direction_size
            is not divided further.
        tolerance: see direction_size.
        limit: most trials after the first.

    Returns:
        The accepted trial, or the best one when the limit is reached, and the number of evaluations.
    """

    def too_high(trial: Trial) -> bool:
        return trial.loss > origin.loss + SUFFICIENT_DECREASE * trial.step * origin.slope

    def flat_enough(trial: Trial) -> bool:
        return abs(trial.slope) <= -CURVATURE * origin.slope

    previous, trial = origin, evaluate(step)
    trials = 0
    while trials < limit:
        if too_high(trial) or (trials > 1 and trial.loss >= previous.loss):
            break
        if flat_enough(trial):
            return trial, trials + 1
        if trial.slope >= 0:
            break
        nearest, farthest = trial.step + 0.01 * (trial.step - previous.step), 10 * trial.step
        previous, trial = trial, evaluate(_cubic_minimum(previous, trial, nearest, farthest))
        trials += 1
    else:
        previous = origin

    low, high = (previous, trial) if previous.loss <= trial.loss else (trial, previous)
    stalled = False
    while trials < limit and abs(high.step - low.step) * direction_size >= tolerance:
        step, stalled = _inside(low, high, stalled)
        trial = evaluate(step)
        trials += 1
        if too_high(trial) or trial.loss >= low.loss:
            low, high = (low, trial) if low.loss <= trial.loss else (trial, low)
        elif flat_enough(trial):
            return trial, trials + 1
        else:
            high = low if trial.slope * (high.step - low.step) >= 0 else high
            low = trial
    return low, trials + 1


def _cubic_minimum(a: Trial, b: Trial, nearest: float, farthest: float) -> float:
    """The minimum of the cubic through two points and their slopes, clipped; the middle if there is none."""
    step = _minimum(*((b, a) if a.step > b.step else (a, b)))
    return (nearest + farthest) / 2 if math.isnan(step) else min(max(step, nearest), farthest)


def _minimum(a: Trial, b: Trial) -> float:
    """Where the cubic through two points and their slopes is least, `a` being on the left; nan if nowhere."""
    if a.step == b.step:
        return math.nan
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.step - b.step)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return math.nan
    d2 = math.sqrt(square)
    share, denominator = b.slope + d2 - d1, b.slope - a.slope + 2 * d2
    # On a straight line the denominator is zero, and the minimum infinitely far downhill.
    share = share / denominator if denominator else share * math.inf
    return b.step - (b.step - a.step) * share


def _inside(low: Trial, high: Trial, stalled: bool) -> tuple[float, bool]:
    """The next trial of a bracket, kept off its ends, and whether this one came too near to an end."""
    left, right = min(low.step, high.step), max(low.step, high.step)
    step, margin = _cubic_minimum(low, high, left, right), MARGIN * (right - left)
    if min(right - step, step - left) >= margin:
        return step, False
    if not (stalled or step >= right or step <= left):
        return step, True
    return (right - margin if abs(step - right) < abs(step - left) else left + margin), False
