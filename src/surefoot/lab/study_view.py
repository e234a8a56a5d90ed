"""One study as the lab shows it: JSON types only, and small however large the study is.

    view = study_view(store.study("digits"))
    view["state"], view["answer"]["headline"], [row["label"] for row in view["results"]]

Every number comes twice: as it was measured, and in the words that a page prints (`"text"`), so that no page
rounds in a way of its own. Long lists are cut, and each says how long it was (`"count"`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from statistics import fmean
from typing import Any

from surefoot.analysis.race_history import is_measured
from surefoot.analysis.tables import Result, finite, history, identity_of, labels, results
from surefoot.lab.study_landscape import landscape_view
from surefoot.lab.study_race import (
    NAME_LENGTH,
    TEXT_LENGTH,
    fingerprint,
    optimizer_views,
    rung_views,
    stage_columns,
    thinned,
)
from surefoot.report import words
from surefoot.report.figures import compared_by, measure
from surefoot.report.report import fact_rows
from surefoot.study.decisions import GivenUp, Looked, RuledOut
from surefoot.study.format import fraction, interval, number, rounded, seconds, short, size, spread
from surefoot.study.label import optimizer_label
from surefoot.study.records import RunRecord, StudyRecord
from surefoot.study.run import Point
from surefoot.study.strict_json import without_nan

MOST_DECISIONS = 100
MOST_RUNS = 50
"""Of those that failed, and of those that run now."""
MOST_RESULTS = 60
MOST_SEEDS = 60
MOST_LOOKS = 12
MOST_FACTS = 120
MOST_MARKS = 10
"""Of a learning curve."""
_CODE_LENGTH = 20_000


def study_view(record: StudyRecord) -> dict[str, Any]:
    """Everything the study's page shows.

    `"state"` is "finished", "running" (runs have begun that did not end: they run, or were killed) or
    "unfinished"; whether a process is alive no store can know, but `"latest"` says when it last decided.
    """
    found = history(record)
    race, steps = optimizer_views(record, found), rung_views(found)
    view = {
        "name": record.name,
        "task": record.task,
        "created": record.created,
        "measure": measure(record),
        "compared_by": compared_by(record),
        **_state(record),
        "answer": _answer(record),
        "results": [_result(row) for row in results(record.answer)[:MOST_RESULTS]],
        "columns": stage_columns(found),
        "optimizers": race,
        "ruled_out": _ruled_out(record),
        "rungs": steps,
        "looks": [_look(look) for look in thinned(found.looks, MOST_LOOKS)],
        "curves": _curves(record),
        "decisions": _decisions(record),
        "figures": list(_figures(record, found.looks, race["shown"], steps)),
        "facts": _facts(record),
        "landscape": landscape_view(record),
        **_runs(record),
    }
    told: dict[str, Any] = without_nan(view)
    return told


# How far it is.


def _state(record: StudyRecord) -> dict[str, Any]:
    going = any(run.status == "running" for run in record.runs)
    state = "finished" if record.finished else "running" if going else "unfinished"
    answer = record.answer
    command = record.settings.get("command") or (answer and answer.command)
    given_up = [each for each in record.decisions if isinstance(each.decision, GivenUp)]
    return {
        "state": state,
        "state_text": {"finished": "Finished", "running": "Running or stopped"}.get(state, "Unfinished"),
        "given_up": short(given_up[-1].text, TEXT_LENGTH) if given_up and not record.finished else "",
        "latest": _latest(record),
        "budget": _budget(record),
        "command": None if command is None else str(command)[:_CODE_LENGTH],
    }


def _latest(record: StudyRecord) -> dict[str, Any] | None:
    """The last decision's time: the study's own seconds, and as ISO 8601 where it began is known."""
    spent = [d.seconds for d in record.decisions if math.isfinite(d.seconds)]
    if not spent:
        return None
    try:
        at = (datetime.fromisoformat(record.created) + timedelta(seconds=max(spent))).isoformat()
    except (ValueError, OverflowError):
        at = None
    return {"seconds": max(spent), "text": seconds(max(spent)), "at": at}


def _budget(record: StudyRecord) -> dict[str, Any]:
    """What is spent: full trainings measured (the sum of all progress) or seconds, of what was allowed."""
    answer, settings = record.answer, record.settings
    trainings = math.fsum(run.points[-1].progress for run in record.runs if run.points)
    latest = _latest(record)
    clock = answer.seconds if answer else finite((latest or {}).get("seconds"))
    allowed_runs, allowed_seconds = finite(settings.get("runs")), finite(settings.get("budget_seconds"))
    text = f"{rounded(trainings, 3)} full trainings measured"
    if math.isfinite(allowed_runs):
        text += f", {allowed_runs:g} allowed"
    if math.isfinite(clock):
        text += f"; {seconds(clock)}"
        text += f" of {seconds(allowed_seconds)}" if math.isfinite(allowed_seconds) else ""
    return {
        "trainings": trainings,
        "trainings_allowed": allowed_runs,
        "seconds": clock,
        "seconds_allowed": allowed_seconds,
        "text": text,
    }


# The answer.


def _answer(record: StudyRecord) -> dict[str, Any] | None:
    answer = record.answer
    if answer is None:
        return None
    headline, rest = words.halves(answer.sentence)
    return {
        "verdict": answer.verdict.value,
        "heading": words.verdict(answer),
        "headline": short(headline, 2 * TEXT_LENGTH),
        "rest": short(rest, 2 * TEXT_LENGTH),
        "certainty": words.certainty(answer),
        "pairing": words.pairing(answer),
        "why": [short(reason, TEXT_LENGTH) for reason in answer.why[:MOST_RESULTS]],
        "snippet": answer.recommendation.snippet[:_CODE_LENGTH],
        "forest_note": words.forest_note(answer, results(answer)),
    }


def _result(row: Result) -> dict[str, Any]:
    low, high = row.interval or (None, None)
    told = "" if row.interval is None else interval(low, high)
    return {
        "label": short(row.label, 2 * NAME_LENGTH),
        "optimizer": optimizer_label(row.optimizer, NAME_LENGTH),
        "role": row.role,
        "seeds": row.seeds,
        "values": list(row.values[:MOST_SEEDS]),
        "mean": row.mean,
        "deviation": row.deviation,
        "estimate": row.estimate,
        "low": low,
        "high": high,
        "diverged": row.diverged,
        "misses": row.misses,
        "seconds_per_step": row.seconds_per_step,
        "state_bytes": row.state_bytes,
        "text": {
            "value": spread(row.mean, row.deviation),
            "estimate": number(row.estimate) if row.interval else "",
            "interval": told,
            "values": ", ".join(number(value) for value in row.values[:MOST_SEEDS]),
            "seconds_per_step": seconds(row.seconds_per_step),
            "state_bytes": size(row.state_bytes),
        },
    }


def _look(look: Looked) -> dict[str, Any]:
    return {
        "seeds": look.seeds,
        "leader": short(look.leader, 2 * NAME_LENGTH),
        "margin": look.margin,
        "rivals": [
            {
                "label": short(rival.rival, 2 * NAME_LENGTH),
                "estimate": rival.estimate,
                "low": rival.low,
                "high": rival.high,
                "decision": short(rival.decision, NAME_LENGTH),
                "text": f"{number(rival.estimate)} ({interval(rival.low, rival.high)})",
            }
            for rival in look.rivals[:MOST_RESULTS]
        ],
    }


def _curves(record: StudyRecord) -> list[dict[str, Any]]:
    """The mean learning curve of each confirmed candidate, as far as all good seeds have come."""
    groups: dict[str, list[RunRecord]] = {}
    for run in record.runs:
        if run.phase in ("confirm", "floor") and not run.lost:
            groups.setdefault(identity_of(run), []).append(run)
    names = labels(replace(record, runs=tuple(runs[0] for runs in groups.values())))
    places = {row.identity: place for place, row in enumerate(results(record.answer))}
    order = sorted(groups, key=lambda key: places.get(key, len(places)))[:MOST_RESULTS]
    return [
        {
            "label": short(names[key], 2 * NAME_LENGTH),
            "seeds": len(groups[key]),
            "points": _mean_curve(groups[key]),
        }
        for key in order
    ]


def _mean_curve(runs: Sequence[RunRecord]) -> list[dict[str, Any]]:
    values = [{point.progress: point.value for point in run.points if is_measured(point)} for run in runs]
    shared = sorted(set.intersection(*map(set, values)))
    means = [(progress, fmean(own[progress] for own in values)) for progress in thinned(shared, MOST_MARKS)]
    return [{"progress": p, "at": fraction(p), "value": value, "text": number(value)} for p, value in means]


# What happened.


def _ruled_out(record: StudyRecord) -> list[dict[str, str]]:
    found = [each.decision for each in record.decisions if isinstance(each.decision, RuledOut)]
    return [
        {"name": short(ruled.optimizer, NAME_LENGTH), "text": short(ruled.text, TEXT_LENGTH)}
        for ruled in found[:MOST_RUNS]
    ]


def _decisions(record: StudyRecord) -> dict[str, Any]:
    """The latest first; the kinds with how many there are of each."""
    latest = record.decisions[: -MOST_DECISIONS - 1 : -1]
    kinds = Counter(decision.kind for decision in record.decisions)
    return {
        "count": len(record.decisions),
        "kinds": {short(kind, NAME_LENGTH): count for kind, count in kinds.most_common(MOST_FACTS)},
        "shown": [
            {
                "number": decision.number,
                "seconds": decision.seconds,
                "after": seconds(decision.seconds),
                "kind": short(decision.kind.replace("_", " "), NAME_LENGTH),
                "text": short(decision.text, TEXT_LENGTH),
            }
            for decision in latest
        ],
    }


def _runs(record: StudyRecord) -> dict[str, Any]:
    """How many there are in each state; those that run now, and the last that were lost, by name."""
    now = [run for run in record.runs if run.status == "running"]
    lost = [run for run in record.runs if run.lost]
    states = Counter(run.status for run in record.runs)
    shown = now[-MOST_RUNS:] + lost[-MOST_RUNS:]
    concerned = {run.optimizer for run in shown}
    named = replace(record, runs=tuple(run for run in record.runs if run.optimizer in concerned))
    names = labels(named) if shown else {}
    return {
        "runs": {"count": len(record.runs), "by_status": dict(states.most_common(MOST_LOOKS))},
        "running": {"count": len(now), "shown": [_run(run, names) for run in reversed(now[-MOST_RUNS:])]},
        "failures": {"count": len(lost), "shown": [_run(run, names) for run in reversed(lost[-MOST_RUNS:])]},
    }


def _run(run: RunRecord, names: Mapping[str, str]) -> dict[str, Any]:
    last = run.points[-1] if run.points else None
    outcome = f"{run.status} ({run.cause})" if run.cause else run.status
    return {
        "label": short(names[identity_of(run)], 2 * NAME_LENGTH),
        "phase": short(run.phase, NAME_LENGTH),
        "seed": run.seed,
        "outcome": short(outcome, NAME_LENGTH),
        "reached": last.progress if last else 0.0,
        "value": last.value if last else None,
        "at": _place(last) if last else "begun",
        "message": run.message[: 2 * TEXT_LENGTH],
    }


def _place(point: Point) -> str:
    return (
        f"{number(point.value)} at {fraction(point.progress)}"
        if is_measured(point)
        else fraction(point.progress)
    )


# Figures and facts.


def _figures(
    record: StudyRecord,
    looks: Sequence[Looked],
    race: Sequence[Mapping[str, Any]],
    steps: Sequence[Mapping[str, Any]],
) -> Iterator[dict[str, Any]]:
    """What the server can draw: its name, a title, and a version that changes with the data."""
    rows = results(record.answer)
    answered = fingerprint([(row.identity, row.values, row.interval, row.role) for row in rows])
    if any(row.values for row in rows):
        yield _figure("forest", "Confirmed candidates against the baseline", answered)
    measured = [run for run in record.runs if run.points and run.status != "diverged"]
    if any(is_measured(point) for run in measured for point in run.points):
        told = fingerprint(answered, len(measured), sum(len(run.points) for run in measured))
        yield _figure("progress", "Learning curves against the share of the full training", told)
        yield _figure("seconds", "Learning curves against training seconds", told)
    if any(row.phase == "confirm" and row.values and row.seconds_per_step for row in rows):
        yield _figure("cost", "Final value against seconds per step", answered)
    if found := [look for look in looks if look.rivals]:
        yield _figure("looks", "Confirmation, look by look", fingerprint(found))
    for row in race:
        if row["rates"] is not None:
            title = f"{row['name']}: value against learning rate"
            yield _figure(f"rates-{row['rates']}", title, row["curve"]["version"])
    for step in steps:
        if step["drawn"]:
            yield _figure(
                f"rung-{step['place']}", f"The race at {step['at']} of the training", step["version"]
            )


def _figure(name: str, title: str, version: str) -> dict[str, Any]:
    return {"name": name, "title": title, "version": version}


def _facts(record: StudyRecord) -> list[dict[str, Any]]:
    sections = {"The model": record.look, "Settings": record.settings, "Environment": record.environment}
    found = []
    for title, facts in sections.items():
        rows = [(name, value) for name, value in fact_rows(facts) if name != "command"]
        cut = [[short(name, 2 * NAME_LENGTH), short(value, TEXT_LENGTH)] for name, value in rows[:MOST_FACTS]]
        if cut:
            found.append({"title": title, "count": len(rows), "rows": cut})
    return found
