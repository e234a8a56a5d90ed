"""Each optimizer's flat window of learning rates, from what screening saw.

    rate_windows(runs, deviation=0.004, initial=2.3)["SGD"]
    # LrWindow(low=0.08, high=0.25, decades=0.5, best=0.1, blow_up=0.25, progress=0.33, …)

Inside the window the loss might as well be the best; outside it differs by more than seeds do.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from surefoot.study.answer import LrWindow
from surefoot.study.direction import bound
from surefoot.study.records import RunRecord
from surefoot.study.run import Candidate, Phase, Status

FLAT_DEVIATIONS = 2.0
"""A learning rate whose loss is within two seed standard deviations of the best might as well be the best."""

FEWEST_RATES = 3
"""Two learning rates show no window: one of them is the best, and nothing bounds it on the other side."""

NARROWEST = 0.05
"""In decades. What is narrower is one learning rate, and would be told as 0.0 decades."""

Line = Sequence[tuple[float, float]]
"""(learning rate, value) in order of learning rate."""


def rate_windows(
    runs: Sequence[RunRecord], deviation: float, final: float = math.nan, initial: float | None = None
) -> dict[str, LrWindow]:
    """The flat window of each screened optimizer that has one, by name.

    It is taken at the furthest rung at which three learning rates were measured.  Edges lie where the line
    through the measured values, over log lr, leaves the band.  Noise shrinks with the loss, or the share of
    errors: earlier in the training the band is wider in their proportion.

    Args:
        runs: of the study, with values that are minimised; those of screening count.
        deviation: standard deviation between seeds at the end of the training, in units of the value.
        final: the value at the end that it belongs to; nan if unknown: the band is then the same everywhere.
        initial: the value before training; an optimizer that has not left it by more than the band has no
            window yet.
    """
    windows = {}
    screened = [run for run in runs if run.phase == Phase.SCREEN and "lr" in run.candidate.hyperparameters]
    for optimizer in dict.fromkeys(run.optimizer for run in screened):
        own = [run for run in screened if run.optimizer == optimizer]
        progress, line = lowest_line(own)
        if not line:
            continue
        best = min(value for _, value in line)
        band = FLAT_DEVIATIONS * deviation * _noise_ratio(best, final)
        if initial is not None and best >= initial - band:
            continue
        blow_up = sum(run.status == Status.DIVERGED for run in own) / len(own)
        windows[optimizer] = _window(line, band, blow_up, progress)
    return windows


def window_around(
    candidate: Candidate,
    runs: Sequence[RunRecord],
    deviation: float,
    final: float = math.nan,
    initial: float | None = None,
) -> LrWindow | None:
    """The flat window of a candidate's own settings around its own learning rate.

    Like `rate_windows`, but over the runs that differ from the candidate in their learning rate alone; where
    those show nothing, over all of its optimizer.  None where the window that is seen leaves the candidate's
    own rate out, or is no wider than a digit.
    """
    rate = candidate.hyperparameters.get("lr")
    if not isinstance(rate, int | float) or not 0 < rate < math.inf:
        return None
    own = [run for run in runs if run.optimizer == candidate.optimizer]
    alike = [run for run in own if _but_for_the_rate(run.candidate) == _but_for_the_rate(candidate)]
    for some in (alike, own):
        found = rate_windows(some, deviation, final, initial).get(candidate.optimizer)
        if found is not None and _holds(found, rate):
            return found
    return None


def _but_for_the_rate(candidate: Candidate) -> dict[str, Any]:
    return {name: value for name, value in candidate.settings.items() if name != "lr"}


def _holds(window: LrWindow, rate: float) -> bool:
    slack = 1e-9
    return window.decades >= NARROWEST and window.low * (1 - slack) <= rate <= window.high * (1 + slack)


def _noise_ratio(value: float, final: float) -> float:
    end = bound((value, final)) if math.isfinite(final) else None
    ratio = (value - end) / (final - end) if end is not None else value / final if final else math.nan
    return max(1.0, ratio) if math.isfinite(ratio) else 1.0


def _window(line: Line, band: float, blow_up: float, progress: float) -> LrWindow:
    place = min(range(len(line)), key=lambda i: line[i][1])
    limit = line[place][1] + band
    low, open_low = _edge(line[place::-1], limit)
    high, open_high = _edge(line[place:], limit)
    decades = math.log10(high) - math.log10(low)
    return LrWindow(low, high, decades, line[place][0], blow_up, progress, open_low, open_high)


def _edge(outwards: Line, limit: float) -> tuple[float, bool]:
    """Where the values, from the best outwards, first pass the limit, and whether they never do."""
    for (rate, value), (next_rate, next_value) in pairwise(outwards):
        if next_value > limit:
            share = (limit - value) / (next_value - value) if math.isfinite(next_value) else 0.0
            return float(rate * (next_rate / rate) ** share), False
    return outwards[-1][0], True


def lowest_line(runs: Sequence[RunRecord]) -> tuple[float, Line]:
    """The furthest rung at which three learning rates were measured, and the lowest value of each there.

    Whatever the other settings: what is asked is how an optimizer does at a rate if they suit it.  A rate
    that only diverged counts as infinitely bad.  The race's seed alone counts: the play-off saw only some.

    Returns:
        (progress, line); (0, ()) where there is none.
    """
    first = min((run.seed for run in runs), default=0)
    runs = [run for run in runs if run.seed == first]
    at: dict[float, dict[float, float]] = {}
    for run in runs:
        rate = run.candidate.hyperparameters["lr"]
        for point in run.points if not run.lost else ():
            if math.isfinite(point.value):
                line = at.setdefault(point.progress, {})
                line[rate] = min(point.value, line.get(rate, math.inf))
    rungs = [rung for rung, line in at.items() if len(line) >= FEWEST_RATES]
    if not rungs:
        return 0.0, ()
    lost = {run.candidate.hyperparameters["lr"]: math.inf for run in runs if run.lost}
    healthy = {rate for line in at.values() for rate in line}
    lost = {rate: value for rate, value in lost.items() if rate not in healthy}
    return max(rungs), sorted((lost | at[max(rungs)]).items())


def furthest(runs: Iterable[RunRecord]) -> float:
    """The furthest progress that any of the runs has reached; 0 of none."""
    return max((point.progress for run in runs for point in run.points), default=0.0)
