"""The answer: what was found, in numbers and in words, from what was recorded."""

from __future__ import annotations

import math
import statistics as descriptive
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from surefoot.analysis.fates import fates
from surefoot.analysis.lr_windows import furthest, rate_windows
from surefoot.scripts.runner import script_name
from surefoot.search.answer.reasons import reasons
from surefoot.search.answer.snippet import snippet
from surefoot.search.confirm.confirmation import Confirmation, Cost, Costs, Outcome
from surefoot.search.confirm.sequential_test import Interval
from surefoot.search.fastest.sentences import Times
from surefoot.search.fastest.stopwatch import Stopwatch
from surefoot.search.question import Question
from surefoot.study.decisions import RuledOut
from surefoot.study.format import interval, number, share
from surefoot.study.label import candidate_label
from surefoot.study.records import DecisionRecord, RunRecord
from surefoot.study.requests import key_of
from surefoot.study.run import Candidate

Windows = Mapping[str, Mapping[str, float | bool]]


def _windows(runs: Sequence[RunRecord], ahead: Sequence[float], initial: float | None) -> Windows:
    """The flat windows of the learning rate by optimizer, wide as the leader's confirmed results spread."""
    return rate_windows(runs, _deviation(ahead), _mean(ahead), initial)


def _costs(runs: Iterable[RunRecord], windows: Windows) -> Costs:
    """Median seconds per step, bytes of state and the width of the lr window, by candidate."""
    found: dict[str, list[RunRecord]] = {}
    for run in runs:
        if math.isfinite(run.seconds_per_step):
            found.setdefault(key_of(run), []).append(run)
    return {
        key: Cost(
            descriptive.median(r.seconds_per_step for r in of_one),
            max(r.state_bytes for r in of_one),
            windows.get(of_one[0].optimizer, {}).get("decades", 0.0),
        )
        for key, of_one in found.items()
    }


def build_answer(
    question: Question,
    seen: Mapping[str, Any],
    runs: Sequence[RunRecord],
    decisions: Sequence[DecisionRecord],
    confirmation: Confirmation,
    seconds: float,
    stopwatch: Stopwatch | None = None,
) -> dict[str, Any]:
    """The document that `--json` writes.

    Args:
        question: what was asked.
        seen: what the Look phase found.
        runs: every run of the study.
        decisions: every decision of the study.
        confirmation: with nothing left to ask.
        seconds: the study took, over all its sittings.
        stopwatch: where the goal is the least time; every value and difference is then in seconds.
    """
    steps, measure, made = int(seen["steps"]), str(seen["measure"]), len(runs)
    runs = sorted(runs, key=lambda run: (run.phase, key_of(run), run.seed))  # whatever the order of arrival
    compiling = {name: pace["compile_seconds"] for name, pace in seen.get("paces", {}).items()}
    times = Times(stopwatch, runs, measure, compiling, candidate_label) if stopwatch else None
    if times:
        runs, measure = times.in_seconds(), times.measure
    flat = _windows(runs, confirmation.ahead, None if times else seen.get("initial_value"))
    cost = _costs(runs, flat)
    outcome = confirmation.outcome(cost)
    recommended, unit = outcome.recommended, "s" if times else ""
    why = reasons(outcome, fates(runs, decisions), cost, flat, candidate_label, unit)
    return {
        "study": question.study,
        "task": question.task,
        "goal": question.goal,
        "target": times.target if times else None,
        "measure": measure,
        "verdict": outcome.verdict,
        "sentence": _sentence(
            outcome, times.against(outcome) if times else _against_the_baseline(outcome, measure)
        ),
        "why": [
            *_deaf_to_seeds(question, runs),
            *why,
            *(times.notes(outcome) if times else ()),
            *_never_tried(decisions),
        ],
        "recommendation": _document(recommended) | {"snippet": snippet(recommended, steps)},
        "baseline": _document(outcome.baseline),
        "effect": asdict(outcome.effect) | ({"ratio": times.ratio(outcome)} if times else {}),
        "margin": outcome.margin,
        "p_best": outcome.p_best,
        "expected_regret": outcome.expected_regret,
        "minimum_detectable_difference": outcome.minimum_detectable_difference,
        "trainings_needed": outcome.trainings_needed,
        "pairing": asdict(outcome.pairing),
        "candidates": [
            entry | (times.of_candidate(entry) if times else {}) for entry in _candidates(runs, outcome.means)
        ],
        "lr_windows": flat,
        "runs": made,
        "seconds": seconds,
        "command": question.command,
    }


def _sentence(outcome: Outcome, against: str) -> str:
    """Who is recommended, by which right, and how much better than the baseline."""
    best = candidate_label(outcome.recommended)
    others = ", ".join(candidate_label(c) for c in outcome.tied[1:])
    claim = {
        "win": f"Use {best}: it beats every rival.",
        "tie": f"A tie: use {best}, the cheapest of equals; as good are {others}.",
        "budget": f"Use {best}: it is ahead, but the budget could not tell it from {others}.",
    }[outcome.verdict]
    return f"{claim} {against}"


def _against_the_baseline(outcome: Outcome, measure: str) -> str:
    effect, base = outcome.effect, candidate_label(outcome.baseline)
    if outcome.recommended.key == outcome.baseline.key:
        return "It is the baseline itself."
    if not math.isfinite(effect.estimate):
        return f"The baseline {base} or it diverged on some seed, so their difference has no interval."
    # Told as "lower", a difference below 0 is a positive number, and the edges of its interval change place.
    sign, word = (-1, "lower") if effect.estimate <= 0 else (1, "higher")
    low, high = sorted((sign * effect.low, sign * effect.high))
    told = f"{share(effect.level)} interval {interval(low, high)}"
    return (
        f"Its {measure} is {number(abs(effect.estimate))} {word} than that of {base}, the baseline ({told})."
    )


def _deaf_to_seeds(question: Question, runs: Iterable[RunRecord]) -> list[str]:
    """A script that seeds itself alike in every run: its seeds say nothing of chance."""
    ends: dict[str, list[float]] = {}
    for run in runs:
        if run.phase == "confirm" and (value := _last_value(run)) is not None:
            ends.setdefault(key_of(run), []).append(value)
    several = [values for values in ends.values() if len(values) > 1]
    if not question.script or not several or any(len(set(values)) > 1 for values in several):
        return []
    return [
        f"Every seed ended alike, so nothing here says what chance does: {script_name(question.script)} "
        "seeds itself with a constant. Let it use surefoot.run.seed(), and choose under another --study name."
    ]


def _never_tried(decisions: Iterable[DecisionRecord]) -> list[str]:
    texts = [record.text.rstrip(".") for record in decisions if isinstance(record.decision, RuledOut)]
    return [f"Not tried: {'; '.join(texts)}."] if texts else []


def _candidates(runs: Sequence[RunRecord], means: Mapping[str, Interval]) -> list[dict[str, Any]]:
    """Every candidate by phase, with one value per seed: that at the furthest progress.

    A confirmed one has its mean with the interval too.
    """
    groups: dict[tuple[str, str], list[RunRecord]] = {}
    for run in runs:
        key = key_of(run)
        groups.setdefault((run.phase, key), []).append(run)
    return [
        _candidate(phase, sorted(group, key=lambda r: r.seed)) | _own_mean(means.get(key), phase)
        for (phase, key), group in sorted(groups.items())
    ]


def _own_mean(mean: Interval | None, phase: str) -> dict[str, float]:
    if mean is None or phase != "confirm":
        return {}
    return {"mean": mean.estimate, "low": mean.low, "high": mean.high}


def _candidate(phase: str, runs: Sequence[RunRecord]) -> dict[str, Any]:
    speeds = [run.seconds_per_step for run in runs if math.isfinite(run.seconds_per_step)]
    return {
        "label": candidate_label(runs[0]),
        "optimizer": runs[0].optimizer,
        "hyperparameters": dict(runs[0].hyperparameters),
        "schedule": dict(runs[0].schedule),
        "phase": phase,
        "seeds": [run.seed for run in runs],
        "progress": furthest(runs),
        "values": [_last_value(run) for run in runs],
        "seconds_per_step": descriptive.median(speeds) if speeds else None,
        "state_bytes": max(run.state_bytes for run in runs),
        "diverged": sum(run.lost for run in runs),
    }


def _last_value(run: RunRecord) -> float | None:
    healthy = run.points and not run.lost and math.isfinite(run.points[-1].value)
    return run.points[-1].value if healthy else None


def _document(candidate: Candidate) -> dict[str, Any]:
    return asdict(candidate) | {"hyperparameters": dict(candidate.hyperparameters)}


def _mean(values: Sequence[float]) -> float:
    """Over the seeds that did not diverge; nan of none."""
    healthy = [value for value in values if math.isfinite(value)]
    return descriptive.fmean(healthy) if healthy else math.nan


def _deviation(values: Sequence[float]) -> float:
    healthy = [value for value in values if math.isfinite(value)]
    return descriptive.stdev(healthy) if len(healthy) > 1 else 0.0
