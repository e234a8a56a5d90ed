"""The sections that show a study, from templates that its report and its page in the lab share.

    render("report.html", study, pictures, ALL)

What is drawn where is the caller's: `pictures` holds a figure, or a place for one, by its name.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from markupsafe import Markup

from surefoot.analysis.race_history import OptimizerHistory, RaceHistory, measured
from surefoot.analysis.spending import spending
from surefoot.analysis.tables import history, mean_curves, results, setting_effects
from surefoot.report import answer_lines, words
from surefoot.report.facts import facts, versions
from surefoot.report.figures import measure
from surefoot.report.landscape_section import section
from surefoot.report.pages import PageLimits, environment
from surefoot.report.race_figures import ordered_curves
from surefoot.study.decisions import GivenUp, RuledOut
from surefoot.study.direction import Direction
from surefoot.study.label import candidate_label
from surefoot.study.records import RunRecord, StudyRecord
from surefoot.study.run import Status

FEW = 12
"""A longer list is closed at first."""

MOST_MARKS = 10
"""Of a learning curve, in its table."""

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Shown:
    """Of a list that may be long, what is shown of it and how long it is."""

    items: Sequence[Any]
    count: int


def render(
    template: str,
    study: StudyRecord,
    pictures: Mapping[str, Markup],
    most: PageLimits,
    *packages: str,
    **more: Any,
) -> str:
    """A template that includes `study.html`, filled in.

    Args:
        template: its name.
        study: what is shown.
        pictures: by the names of `study_figures`.
        most: how much is shown.
        packages: whose templates there are besides those of the report.
        more: what the template itself asks for; `live` where there is a script that makes buttons work.
    """
    page = environment(*packages, "surefoot.report").get_template(template)
    return page.render(**_answer(study), **_race(study, pictures, most), **_rest(study, most), most=most,
                       picture=lambda name: pictures.get(name, ""), **{"live": False, **more})  # fmt: skip


def thinned(items: Sequence[_Item], most: int) -> list[_Item]:
    """At most so many, evenly spread, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[round(place * (len(items) - 1) / (most - 1))] for place in range(most)]


def shown(items: Sequence[Any], most: int) -> Shown:
    """The first of a list."""
    return Shown(items[:most], len(items))


def latest(items: Sequence[Any], most: int) -> Shown:
    """All of a list in its order, or the last of it, the latest first."""
    return Shown(items if most >= sys.maxsize else items[: -most - 1 : -1], len(items))


def _answer(study: StudyRecord) -> dict[str, Any]:
    answer, rows = study.answer, results(study.answer)
    going = any(run.status == Status.RUNNING for run in study.runs)
    given_up = [each.text for each in study.decisions if isinstance(each.decision, GivenUp)]
    return {
        "study": study,
        "answer": answer,
        "words": words,
        "lines": answer_lines,
        "state": words.verdict(answer) if answer else "Running or stopped" if going else "Unfinished",
        "kind": answer.verdict.value if answer else "unfinished",
        "given_up": given_up[-1] if given_up else "",
        "results": rows,
        "intervals": any(row.interval for row in rows),
        "timed": any(row.compile_seconds is not None for row in rows),
        "each_seed": True,
        "begun": _day_and_time(study.created),
        "spent": spending(study),
        "succeeded": any(
            run.status == Status.COMPLETED or (run.points and not run.lost) for run in study.runs
        ),
        "command": study.question.command or (answer and answer.command),
    }


def _race(study: StudyRecord, pictures: Mapping[str, Markup], most: PageLimits) -> dict[str, Any]:
    race = history(study)
    rungs = [(f"rung-{place}", rung) for place, rung in enumerate(race.rungs)]
    rates = [(f"rates-{place}", curve) for place, curve in enumerate(ordered_curves(study, race))]
    drawn = [(name, rung) for name, rung in rungs if name in pictures]
    return {
        "race": shown(race.optimizers, most.rows),
        "columns": _columns(race, most),
        "by_leading": _by_leading(race.optimizers, study.direction),
        "most_measured": max((count.measured for own in race.optimizers for count in own.counts), default=1),
        "rungs": thinned(drawn, most.columns),
        "rates": [(name, curve) for name, curve in rates if name in pictures][: most.rows],
        "looks": Shown(thinned(race.looks, most.columns), len(race.looks)),
        "settings": shown(setting_effects(study, race), most.rows),
        "thinned": thinned,
        "few": FEW,
    }


def _columns(race: RaceHistory, most: PageLimits) -> list[dict[str, Any]]:
    places = range(len(race.progresses))
    return [
        {"index": i, "progress": race.progresses[i], "last": i == places[-1]}
        for i in thinned(places, most.columns)
    ]


def _by_leading(race: Sequence[OptimizerHistory], direction: Direction) -> dict[str, int]:
    """The place of each optimizer by its leading run: the furthest, then the best."""

    def order(own: OptimizerHistory) -> tuple[float, float]:
        value = direction.told(measured(own.leading)[-1].value) if own.leading else math.inf
        return -own.reached, value

    return {own.optimizer: place for place, own in enumerate(sorted(race, key=order))}


def _rest(study: StudyRecord, most: PageLimits) -> dict[str, Any]:
    curves = mean_curves(study)[: most.rows]
    marks = sorted({point.progress for curve in curves for point in curve.points})
    kinds = Counter(decision.kind.value for decision in study.decisions)
    return {
        "measure": measure(study),
        "curves": [(curve, {point.progress: point.value for point in curve.points}) for curve in curves],
        "marks": thinned(marks, MOST_MARKS),
        "landscape": section(study),
        "decisions": latest(study.decisions, most.rows),
        "kinds": kinds.most_common(),
        "never_raced": [d.text for d in study.decisions if isinstance(d.decision, RuledOut)][: most.rows],
        "running": latest(_in_state(study, Status.RUNNING), most.rows),
        "failures": latest([run for run in study.runs if run.lost], most.rows),
        "name_of": lambda run: candidate_label(run.candidate),
        "facts": {title: shown(rows, most.rows) for title, rows in facts(study).items()},
        "versions": versions(study),
    }


def _in_state(study: StudyRecord, status: Status) -> list[RunRecord]:
    return [run for run in study.runs if run.status == status]


def _day_and_time(created: str) -> str:
    """`2026-11-24 16:42 UTC` of an ISO 8601 time in UTC; anything else as it is."""
    try:
        return datetime.fromisoformat(created).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return created
