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

from surefoot.analysis.race_history import OptimizerHistory, RaceHistory, Rung, Standing, measured
from surefoot.analysis.tables import RateCurve, RateLine, finite, rate_curves
from surefoot.report import words
from surefoot.study.answer import LrWindow
from surefoot.study.decisions import Promoted
from surefoot.study.format import fraction, number, plural, setting, short
from surefoot.study.label import optimizer_label
from surefoot.study.records import RunRecord, StudyRecord

MOST_OPTIMIZERS = 40
MOST_RUNGS = 10
MOST_POINTS = 24
"""Of a line against the learning rate; more are thinned out evenly."""
NAME_LENGTH = 80
TEXT_LENGTH = 600

STANDINGS = {**{standing: standing.value for standing in Standing}, Standing.LOST: "diverged or failed"}

_Item = TypeVar("_Item")


def thinned(items: Sequence[_Item], most: int) -> list[_Item]:
    """At most so many, evenly spread, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[round(place * (len(items) - 1) / (most - 1))] for place in range(most)]


def fingerprint(*parts: object) -> str:
    """Short, and another one where what is drawn is another: the page fetches a figure anew by it."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=8).hexdigest()


def stage_columns(race: RaceHistory) -> list[dict[str, Any]]:
    """The rungs of the race as columns: progress and its words."""
    columns = thinned(race.progresses, MOST_RUNGS)
    return [{"progress": p, "text": "to the end" if p >= 1 else fraction(p)} for p in columns]


def optimizer_views(study: StudyRecord, race: RaceHistory) -> dict[str, Any]:
    """Every screened optimizer, the confirmed by their result, then the furthest.

    Each has its standing, its way rung by rung, its leading run so far, what stopped it and its
    learning-rate curve; `"rates"` is the place of that curve's figure, None where there is none.
    """
    found = race.optimizers
    curves = {curve.optimizer: curve for curve in rate_curves(study)}
    drawn = [own.optimizer for own in found if own.optimizer in curves]
    columns = [column["progress"] for column in stage_columns(race)]
    most = max((count.measured for own in found for count in own.counts), default=1)
    return {
        "count": len(found),
        "shown": [
            {
                **_way(own, columns, most),
                **_standing(own),
                "leading": _leader(own.leading),
                "rates": drawn.index(own.optimizer) if own.optimizer in curves else None,
                "curve": _curve(curves.get(own.optimizer), finished=study.finished),
            }
            for own in found[:MOST_OPTIMIZERS]
        ],
    }


def rung_views(race: RaceHistory) -> list[dict[str, Any]]:
    """The race rung by rung: how many went on, and up to which value."""
    found = list(enumerate(race.rungs))
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


def _way(own: OptimizerHistory, columns: Sequence[float], most: int) -> dict[str, Any]:
    by_progress = {count.progress: count for count in own.counts}
    last = own.counts[-1].progress if own.counts else 0.0
    counts = [by_progress[progress] for progress in columns]
    return {
        "name": optimizer_label(own.optimizer, NAME_LENGTH),
        "optimizer": short(own.optimizer, 2 * NAME_LENGTH),
        "stages": [
            {
                "measured": count.measured,
                "went_on": count.went_on,
                "share": round(100 * count.measured / most, 1),
                "text": _stage(count.measured, count.went_on, last=count.progress == last),
            }
            for count in counts
        ],
        "diverged": own.diverged,
        "playoff_seeds": own.playoff_seeds,
        "confirmed_seeds": own.confirmed_seeds,
        "playoff": plural(own.playoff_seeds + 1, "seed") if own.playoff_seeds else "·",
        "confirmed": plural(own.confirmed_seeds, "seed") if own.confirmed_seeds else "·",
    }


def _stage(measured: int, went_on: int, *, last: bool) -> str:
    if not measured:
        return "·"
    return str(measured) if last else f"{measured} → {went_on or '✕'}"


def _standing(own: OptimizerHistory) -> dict[str, Any]:
    ended = own.ended if own.standing in (Standing.OUT, Standing.LOST) else ""
    return {
        "standing": own.standing.value,
        "standing_text": STANDINGS[own.standing] + (_where(own) if own.standing is Standing.OUT else ""),
        "reached": own.reached,
        "ended": short(ended, TEXT_LENGTH),
    }


def _where(own: OptimizerHistory) -> str:
    if own.playoff_seeds:
        return " in the play-off"
    return f" at {fraction(own.reached)}" if own.reached else ""


def _leader(run: RunRecord | None) -> dict[str, Any] | None:
    if run is None:
        return None
    last = measured(run)[-1]
    rate = finite(run.hyperparameters.get("lr"))
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
