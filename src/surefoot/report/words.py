"""What an answer's numbers say, in sentences that the terminal and the report share.

forest_note(answer, rows)  # "A dot per seed; a bar at the estimate, …"
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from surefoot.analysis.race_history import OptimizerHistory, OptimizerStatus, Rung, is_measured
from surefoot.analysis.tables import RateCurve, Result, finite
from surefoot.study.answer import Answer, Level, Verdict
from surefoot.study.direction import Direction
from surefoot.study.format import (
    MISSING,
    decades,
    fraction,
    number,
    plural,
    rounded,
    setting,
    share,
    signed,
)
from surefoot.study.records import RunRecord

VERDICTS = {
    Verdict.WIN: "Win",
    Verdict.TIE: "Tie",
    Verdict.BUDGET: "Budget spent",
    Verdict.TRAINED: "Trained",
    Verdict.DIVERGED: "Diverged",
}

LEVELS = {
    Level.CONFIRMED: "Confirmed on fresh seeds",
    Level.MEASURED: "Measured on one seed",
    Level.FORECAST: "Forecast from shorter trainings",
    Level.PRIOR: "Prior, from other tasks",
}
"""What an answer rests on."""

MARKS = {
    OptimizerStatus.CONFIRMED: "●",
    OptimizerStatus.FINALIST: "◆",
    OptimizerStatus.RACING: "▶",
    OptimizerStatus.OUT: "✕",
    OptimizerStatus.LOST: "✕",
}
"""Before the words of a standing."""


def verdict(answer: Answer | None) -> str:
    """The verdict as a heading; where nothing was confirmed, what the answer rests on."""
    if answer and answer.comparative and answer.level is not Level.CONFIRMED:
        return LEVELS[answer.level]
    return VERDICTS[answer.verdict] if answer else "Unfinished"


def level(answer: Answer) -> str:
    """What a comparison rests on, in a sentence; nothing of a full training, which compares nothing."""
    return f"{LEVELS[answer.level]}." if answer.comparative else ""


def pairing(answer: Answer) -> str:
    """Whether arms were compared seed by seed, and why."""
    found = answer.pairing
    if found is None or not math.isfinite(found.correlation):
        return ""
    used = "compared seed by seed" if found.used else "not paired by seed"
    correlation = signed(found.correlation)
    return f"Two candidates' results on the same seeds correlate by {correlation}; they were {used}."


def forest_note(answer: Answer, rows: Sequence[Result]) -> str:
    """How to read the picture of the confirmed candidates."""
    if any(row.interval for row in rows):
        words = (
            "A dot per seed; a bar at the estimate, which undoes the luck of leading, and its 95 % interval."
        )
    else:
        words = "A dot per seed, a bar at the mean."
    if any(row.baseline for row in rows):
        words += " Dashed: the baseline's mean."
    if any(row.recommended and not row.baseline for row in rows) and _has_effect(answer):
        words += (
            " Grey: the interval of the recommended candidate against it;"
            " where it stays clear of the dashed line, chance alone does not explain the difference."
        )
    return words


def window(curve: RateCurve, *, finished: bool = True) -> str:
    """The flat window of an optimizer's learning rates, which the answer of a finished study tells."""
    found = curve.window
    if not finished:
        return ""
    if found is None:
        return "Too few learning rates came far enough to show a flat window."
    edge = "at least " if found.open else ""
    at = f" at {fraction(found.progress)} of the training" if math.isfinite(found.progress) else ""
    words = f"Flat from {rounded(found.low)} to {rounded(found.high)}{at}: {edge}{decades(found.decades)}"
    return words + (f"; {share(found.blow_up)} of its runs blew up." if found.blow_up else ".")


def standing(own: OptimizerHistory) -> str:
    """Where an optimizer stands: `confirmed`, `out at 1/27`, `out in the play-off`."""
    if own.standing is OptimizerStatus.LOST:
        return "diverged or failed"
    if own.standing is not OptimizerStatus.OUT:
        return own.standing.value
    if own.playoff_seeds:
        return "out in the play-off"
    return f"out at {fraction(own.reached)}" if own.reached else "out"


def leading(own: OptimizerHistory) -> str:
    """The best run of an optimizer in the race: `0.31 at 1/3 with lr 0.003`."""
    if own.leading is None:
        return MISSING
    rate = finite(own.leading.candidate.hyperparameters.get("lr"))
    return come_to(own.leading) + ("" if math.isnan(rate) else f" with lr {setting(rate)}")


def come_to(run: RunRecord) -> str:
    """How far a run has come: `0.31 at 1/3`; without a value the progress alone."""
    if not run.points:
        return "begun"
    last = run.points[-1]
    at = fraction(last.progress)
    return f"{number(last.value)} at {at}" if is_measured(last) else at


def rung(found: Rung) -> str:
    """How many went on there, and up to which value: `5 of 12 candidates went on; the band reached …`."""
    text = f"{found.survivors} of {plural(len(found.steps), 'candidate')} went on"
    if math.isfinite(found.limit):
        way = "down" if found.direction is Direction.MAXIMIZE else "up"
        text += f"; the band reached from {number(found.best)} {way} to {number(found.limit)}"
    return text


def _has_effect(answer: Answer) -> bool:
    return answer.effect is not None and math.isfinite(answer.effect.low)
