"""The race of a study as the lab shows it: who is in it, how far each came, who fell and why.

    for row in optimizer_views(study)["shown"]:
        print(row["name"], row["standing"], row["stages"], row["ended"])

Part of `study_view`; bounded as it is.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from surefoot.analysis.race_history import Journey, Rung, journeys, rungs
from surefoot.analysis.tables import (
    RateCurve,
    RateLine,
    finite,
    is_measured,
    race_rungs,
    race_runs,
    rate_curves,
)
from surefoot.report import words
from surefoot.study.answer import LrWindow
from surefoot.study.decisions import BestOfOptimizer, PlayoffPlace, Promoted, RaceStep, Stopped, optimizer_of
from surefoot.study.format import fraction, number, plural, setting, short
from surefoot.study.label import optimizer_label
from surefoot.study.records import RunRecord, StudyRecord

MOST_OPTIMIZERS = 40
MOST_RUNGS = 10
MOST_POINTS = 24
"""Of a line against the learning rate; more are thinned out evenly."""
NAME_LENGTH = 80
TEXT_LENGTH = 600

STANDINGS = {
    "confirmed": "confirmed",
    "finalist": "finalist",
    "racing": "racing",
    "lost": "diverged or failed",
    "out": "out",
}

_Item = TypeVar("_Item")


def thinned(items: Sequence[_Item], most: int) -> list[_Item]:
    """At most so many, evenly spread, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[round(place * (len(items) - 1) / (most - 1))] for place in range(most)]


def fingerprint(*parts: object) -> str:
    """Short, and another one where what is drawn is another: the page fetches a figure anew by it."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=8).hexdigest()


def stage_columns(study: StudyRecord) -> list[dict[str, Any]]:
    """The rungs of the race as columns: progress and its words."""
    columns = thinned(race_rungs(study), MOST_RUNGS)
    return [{"progress": p, "text": "to the end" if p >= 1 else fraction(p)} for p in columns]


def optimizer_views(study: StudyRecord) -> dict[str, Any]:
    """Every screened optimizer, the confirmed by their result, then the furthest.

    Each has its standing, its way rung by rung, its leading run so far, what stopped it and its
    learning-rate curve; `"rates"` is the place of that curve's figure, None where there is none.
    """
    found = journeys(study)
    curves = {curve.optimizer: curve for curve in rate_curves(study)}
    drawn = [journey.optimizer for journey in found if journey.optimizer in curves]
    leading, alive = _leading(study), _alive(study)
    columns = [column["progress"] for column in stage_columns(study)]
    shown = found[:MOST_OPTIMIZERS]
    most = max((stage.measured for journey in found for stage in journey.stages), default=1)
    return {
        "count": len(found),
        "shown": [
            {
                **_way(journey, columns, most),
                **_standing(study, journey, alive),
                "leading": _leader(leading.get(journey.optimizer)),
                "rates": drawn.index(journey.optimizer) if journey.optimizer in curves else None,
                "curve": _curve(curves.get(journey.optimizer), finished=study.finished),
            }
            for journey in shown
        ],
    }


def rung_views(study: StudyRecord) -> list[dict[str, Any]]:
    """The race rung by rung: how many went on, and up to which value."""
    found = list(enumerate(rungs(study)))
    return [_rung(place, rung) for place, rung in thinned(found, MOST_RUNGS)]


def _rung(place: int, rung: Rung) -> dict[str, Any]:
    text = f"{rung.survivors} of {plural(len(rung.steps), 'candidate')} went on"
    if math.isfinite(rung.limit):
        text += f"; the band reached from {number(rung.best)} up to {number(rung.limit)}"
    return {
        "place": place,
        "progress": rung.progress,
        "at": fraction(rung.progress),
        "went_on": rung.survivors,
        "judged": len(rung.steps),
        "best": rung.best,
        "limit": rung.limit,
        "text": text + ".",
        "drawn": any(math.isfinite(step.value) for step in rung.steps),
        "version": fingerprint(
            [(s.candidate.optimizer, s.value, isinstance(s, Promoted)) for s in rung.steps]
        ),
    }


def _way(journey: Journey, columns: Sequence[float], most: int) -> dict[str, Any]:
    by_progress = {stage.progress: stage for stage in journey.stages}
    last = journey.stages[-1].progress if journey.stages else 0.0
    stages = [by_progress[progress] for progress in columns]
    return {
        "name": optimizer_label(journey.optimizer, NAME_LENGTH),
        "optimizer": short(journey.optimizer, 2 * NAME_LENGTH),
        "stages": [
            {
                "measured": stage.measured,
                "went_on": stage.went_on,
                "share": round(100 * stage.measured / most, 1),
                "text": _stage(stage.measured, stage.went_on, last=stage.progress == last),
            }
            for stage in stages
        ],
        "diverged": journey.diverged,
        "playoff_seeds": journey.playoff_seeds,
        "confirmed_seeds": journey.confirmed_seeds,
        "playoff": plural(journey.playoff_seeds + 1, "seed") if journey.playoff_seeds else "·",
        "confirmed": plural(journey.confirmed_seeds, "seed") if journey.confirmed_seeds else "·",
    }


def _stage(measured: int, went_on: int, *, last: bool) -> str:
    if not measured:
        return "·"
    return str(measured) if last else f"{measured} → {went_on or '✕'}"


def _standing(study: StudyRecord, journey: Journey, alive: set[str]) -> dict[str, Any]:
    """Where it stands; while the study goes on, an optimizer is out only when all its candidates are."""
    reached = max((stage.progress for stage in journey.stages if stage.measured), default=0.0)
    if journey.confirmed_seeds:
        standing = "confirmed"
    elif not study.finished and journey.optimizer in alive:
        standing = "finalist" if _is_finalist(study, journey.optimizer) else "racing"
    elif not reached and journey.diverged:
        standing = "lost"
    else:
        standing = "out"
    ended = journey.ended if standing in ("out", "lost") else ""
    return {
        "standing": standing,
        "standing_text": STANDINGS[standing] + (_where(journey, reached) if standing == "out" else ""),
        "reached": reached,
        "ended": short(ended, TEXT_LENGTH),
    }


def _where(journey: Journey, reached: float) -> str:
    if journey.playoff_seeds:
        return " in the play-off"
    if not reached:
        return ""
    return f" at {fraction(reached)}"


def _is_finalist(study: StudyRecord, optimizer: str) -> bool:
    own = [d.decision for d in study.decisions if optimizer_of(d.decision) == optimizer]
    last = own[-1] if own else None
    return isinstance(last, BestOfOptimizer) or (isinstance(last, PlayoffPlace) and last.goes_on)


def _alive(study: StudyRecord) -> set[str]:
    """Optimizers that have a candidate which no decision has stopped and which has not been lost.

    At its end the race names the best of every optimizer; of those that were stopped on their way, only
    who is in the play-off goes on.
    """
    stopped: dict[str, bool] = {}
    gone: set[str] = set()
    for record in study.decisions:
        match record.decision:
            case RaceStep() as step:
                early = isinstance(step, BestOfOptimizer) and step.rung < 1
                stopped[step.candidate.key] = early or isinstance(step, Stopped)
            case PlayoffPlace(goes_on=False) as place:
                gone.add(place.candidate.optimizer)
    race = race_runs(study)
    standing = {run.optimizer for run in race if not run.lost and not stopped.get(run.candidate.key)}
    seeds = {run.seed for run in race}
    playoff = {run.optimizer for run in study.runs if run.phase == "screen" and run.seed not in seeds}
    return (standing | playoff) - gone


def _leading(study: StudyRecord) -> dict[str, RunRecord]:
    """Each optimizer's best run in the race: the furthest, then the lowest."""
    best: dict[str, tuple[tuple[float, float], RunRecord]] = {}
    for run in race_runs(study):
        if run.lost or not run.points or not is_measured(run.points[-1]):
            continue
        order = -run.points[-1].progress, run.points[-1].value
        if run.optimizer not in best or order < best[run.optimizer][0]:
            best[run.optimizer] = order, run
    return {name: run for name, (_, run) in best.items()}


def _leader(run: RunRecord | None) -> dict[str, Any] | None:
    if run is None:
        return None
    last = run.points[-1]
    rate = finite(run.candidate.hyperparameters.get("lr"))
    at = "" if math.isnan(rate) else f" with lr {setting(rate)}"
    return {
        "value": last.value,
        "progress": last.progress,
        "lr": rate,
        "text": f"{number(last.value)} at {fraction(last.progress)}{at}",
    }


# Learning rates.


def _curve(curve: RateCurve | None, *, finished: bool) -> dict[str, Any] | None:
    if curve is None:
        return None
    lines = thinned(curve.lines, MOST_RUNGS)
    return {
        "lines": [_line(line) for line in lines],
        "diverged": thinned(curve.diverged, MOST_POINTS),
        "diverged_count": len(curve.diverged),
        "diverged_text": _rates(curve.diverged),
        "window": None if curve.window is None else _window(curve.window),
        "text": words.window(curve, finished=finished),
        "version": fingerprint(curve),
    }


def _line(line: RateLine) -> dict[str, Any]:
    return {
        "progress": line.progress,
        "at": fraction(line.progress),
        "count": len(line.points),
        "points": thinned(line.points, MOST_POINTS),
        "best": [
            {"lr": rate, "value": value, "text": [setting(rate), number(value)]}
            for rate, value in thinned(line.best, MOST_POINTS)
        ],
    }


def _rates(rates: Iterable[float]) -> str:
    told = [setting(rate) for rate in rates]
    more = len(told) - MOST_POINTS
    return ", ".join(told[:MOST_POINTS]) + (f" and {more} more" if more > 0 else "")


def _window(window: LrWindow) -> dict[str, Any]:
    return {
        "low": window.low,
        "high": window.high,
        "best": window.best,
        "decades": window.decades,
        "blow_up": window.blow_up,
        "progress": window.progress,
        "open": window.open,
    }
