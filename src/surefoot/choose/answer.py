"""The answer: what was found, in numbers and in words, from what was recorded."""

from __future__ import annotations

import json
import math
import statistics as descriptive
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from surefoot.choose.confirm import COST_NOISE, Costs, Outcome
from surefoot.choose.label import candidate_label, label
from surefoot.choose.question import Question
from surefoot.choose.request import run_key
from surefoot.choose.snippet import snippet
from surefoot.choose.statistics import Interval
from surefoot.choose.window import blow_up_share, flat_window
from surefoot.evidence import RunRecord
from surefoot.training.run import Candidate

FLAT_DEVIATIONS = 2.0
"""A learning rate whose loss is within two seed standard deviations of the best might as well be the best."""


def costs(runs: Iterable[RunRecord]) -> Costs:
    """Median seconds per step and bytes of state, by candidate."""
    found: dict[str, list[RunRecord]] = {}
    for run in runs:
        if math.isfinite(run.seconds_per_step):
            found.setdefault(_key(run), []).append(run)
    return {
        key: (
            descriptive.median(r.seconds_per_step for r in of_one),
            max(r.state_bytes for r in of_one),
        )
        for key, of_one in found.items()
    }


def build_answer(
    question: Question,
    seen: Mapping[str, Any],
    runs: Sequence[RunRecord],
    outcome: Outcome,
    seconds: float,
) -> dict[str, Any]:
    """The document that `--json` writes.

    Args:
        question: what was asked.
        seen: what the Look phase found.
        runs: every run of the study.
        outcome: how confirmation ended.
        seconds: the study took, over all its sittings.
    """
    steps = int(seen["steps"])
    runs = sorted(runs, key=lambda run: (run.phase, _key(run), run.seed))  # whatever the order of arrival
    recommended = outcome.recommended
    windows = rate_windows(runs, FLAT_DEVIATIONS * _deviation(outcome.values[recommended.key]))
    return {
        "study": question.study,
        "task": question.task,
        "measure": seen["measure"],
        "verdict": outcome.verdict,
        "sentence": _sentence(outcome, str(seen["measure"])),
        "why": _why(outcome, runs, windows, str(seen["measure"])),
        "recommendation": _document(recommended) | {"snippet": snippet(recommended, steps)},
        "baseline": _document(outcome.baseline),
        "effect": asdict(outcome.effect),
        "margin": outcome.margin,
        "p_best": outcome.p_best,
        "expected_regret": outcome.expected_regret,
        "minimum_detectable_difference": outcome.minimum_detectable_difference,
        "trainings_needed": outcome.trainings_needed,
        "pairing": asdict(outcome.pairing),
        "candidates": _candidates(runs, outcome.means),
        "lr_windows": windows,
        "runs": len(runs),
        "seconds": seconds,
        "command": question.command,
    }


def rate_windows(runs: Sequence[RunRecord], band: float) -> dict[str, dict[str, float]]:
    """Each optimizer's flat window of learning rates in screening, by optimizer.

    The window is taken on the settings that reached furthest, at the furthest rung that three learning rates
    were measured at; it holds the rates whose value is within `band` of the best.
    """
    windows = {}
    screened = [run for run in runs if run.phase == "screen" and "lr" in run.hyperparameters]
    for optimizer in dict.fromkeys(run.optimizer for run in screened):
        own = [run for run in screened if run.optimizer == optimizer]
        lost = blow_up_share([run.status == "diverged" for run in own])
        line = _longest_line(own)
        if line is None:
            continue
        rates, values = zip(*line, strict=True)
        best = min(values)
        low, high = flat_window(rates, values, band)
        windows[optimizer] = {
            "low": low,
            "high": high,
            "decades": math.log10(high / low),
            "best": rates[values.index(best)],
            "blow_up": lost,
        }
    return windows


def _longest_line(runs: Sequence[RunRecord]) -> list[tuple[float, float]] | None:
    """(lr, value) of the settings with most learning rates, at the furthest rung that three reached."""
    by_settings: dict[str, list[RunRecord]] = {}
    for run in runs:
        others = {name: value for name, value in run.hyperparameters.items() if name != "lr"}
        by_settings.setdefault(json.dumps([others, run.schedule], sort_keys=True), []).append(run)
    line = max(by_settings.values(), key=lambda line: (_furthest(line), len(line)))
    at: dict[float, dict[float, list[float]]] = {}
    for run in line:
        for point in run.points:
            if math.isfinite(point.value):
                at.setdefault(point.progress, {}).setdefault(run.hyperparameters["lr"], []).append(
                    point.value
                )
    rungs = [rung for rung, values in at.items() if len(values) >= 3]
    if not rungs:
        return None
    return sorted((rate, descriptive.fmean(values)) for rate, values in at[max(rungs)].items())


def _furthest(runs: Iterable[RunRecord]) -> float:
    return max((point.progress for run in runs for point in run.points), default=0.0)


def _key(run: RunRecord) -> str:
    return run_key(run.optimizer, run.hyperparameters, run.schedule)


def _sentence(outcome: Outcome, measure: str) -> str:
    best, base = candidate_label(outcome.recommended), candidate_label(outcome.baseline)
    effect = outcome.effect
    if outcome.recommended.key == outcome.baseline.key:
        against = "It is the baseline itself."
    elif not math.isfinite(effect.estimate):
        against = f"The baseline {base} or it diverged on some seed, so their difference has no interval."
    else:
        word = "lower" if effect.estimate <= 0 else "higher"
        against = (
            f"Its {measure} is {abs(effect.estimate):.3g} {word} than that of {base} "
            f"({effect.level:.0%} interval {effect.low:.3g} to {effect.high:.3g})."
        )
    others = ", ".join(candidate_label(c) for c in outcome.tied[1:])
    if outcome.verdict == "win":
        return f"Use {best}: it beats every rival. {against}"
    if outcome.verdict == "tie":
        return f"A tie: use {best}, the cheapest of those that are equal; the others are {others}. {against}"
    more = outcome.trainings_needed
    needed = (
        f" To tell them apart or call them equal would need about {more} more full trainings." if more else ""
    )
    return f"Use {best}: it is ahead, but the budget could not tell it from {others}.{needed} {against}"


def _why(
    outcome: Outcome, runs: Sequence[RunRecord], windows: Mapping[str, Mapping[str, float]], measure: str
) -> list[str]:
    """The reasons in plain words: rivals, costs, windows, the floor."""
    why = []
    cost = costs(runs)
    own = cost.get(outcome.recommended.key)
    for rival, comparison in outcome.comparisons.items():
        candidate = next(c for c in outcome.arms if c.key == rival)
        difference = comparison.difference
        if comparison.decision == "better":
            lost = (
                "it diverged on a seed"
                if math.isnan(difference.estimate)
                else f"{difference.estimate:.3g} behind"
            )
            why.append(f"{candidate_label(candidate)} lost: {lost}.")
        elif own and rival in cost and cost[rival][0] > own[0] * COST_NOISE:
            extra = cost[rival][0] / own[0] - 1
            why.append(
                f"{candidate_label(candidate)} is not told apart and costs {extra:.0%} more seconds per step."
            )
        else:
            why.append(f"{candidate_label(candidate)} is not told apart (p = {comparison.p:.2g}).")
    window = windows.get(outcome.recommended.optimizer)
    if window:
        why.append(
            f"{outcome.recommended.optimizer} works for lr from {window['low']:g} to {window['high']:g} "
            f"({window['decades']:.1f} decades); {window['blow_up']:.0%} of its screening runs blew up."
        )
    narrow = [
        f"{name} ({w['decades']:.1f})"
        for name, w in windows.items()
        if w["decades"] < 0.5 and name != outcome.recommended.optimizer
    ]
    if narrow:
        why.append(f"A narrow lr window, in decades: {', '.join(narrow)}.")
    floor = [v for v in outcome.values[outcome.floor.key] if math.isfinite(v)]
    if floor:
        why.append(f"Random search, the floor, reaches a {measure} of {descriptive.fmean(floor):.3g}.")
    return why


def _candidates(runs: Sequence[RunRecord], means: Mapping[str, Interval]) -> list[dict[str, Any]]:
    """Every candidate by phase, with one value per seed: that at the furthest progress.

    A confirmed one has its mean with the interval too.
    """
    groups: dict[tuple[str, str], list[RunRecord]] = {}
    for run in runs:
        key = _key(run)
        groups.setdefault((run.phase, key), []).append(run)
    return [
        _candidate(phase, sorted(group, key=lambda r: r.seed)) | _mean(means.get(key), phase)
        for (phase, key), group in sorted(groups.items())
    ]


def _mean(mean: Interval | None, phase: str) -> dict[str, float]:
    if mean is None or phase != "confirm":
        return {}
    return {"mean": mean.estimate, "low": mean.low, "high": mean.high}


def _candidate(phase: str, runs: Sequence[RunRecord]) -> dict[str, Any]:
    speeds = [run.seconds_per_step for run in runs if math.isfinite(run.seconds_per_step)]
    return {
        "optimizer": runs[0].optimizer,
        "label": _label(runs[0]),
        "hyperparameters": dict(runs[0].hyperparameters),
        "schedule": dict(runs[0].schedule),
        "phase": phase,
        "seeds": [run.seed for run in runs],
        "progress": _furthest(runs),
        "values": [_last_value(run) for run in runs],
        "seconds_per_step": descriptive.median(speeds) if speeds else None,
        "state_bytes": max(run.state_bytes for run in runs),
        "diverged": sum(run.status in ("diverged", "failed") for run in runs),
    }


def _label(run: RunRecord) -> str:
    return label(run.optimizer, {**run.hyperparameters, "warmup": run.schedule["warmup"]})


def _last_value(run: RunRecord) -> float | None:
    healthy = run.points and run.status not in ("diverged", "failed") and math.isfinite(run.points[-1].value)
    return run.points[-1].value if healthy else None


def _document(candidate: Candidate) -> dict[str, Any]:
    return asdict(candidate) | {"hyperparameters": dict(candidate.hyperparameters)}


def _deviation(values: Sequence[float]) -> float:
    healthy = [value for value in values if math.isfinite(value)]
    return descriptive.stdev(healthy) if len(healthy) > 1 else 0.0
