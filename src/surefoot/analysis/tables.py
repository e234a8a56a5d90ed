"""What tables and figures need, picked out of a study: results, learning-rate curves, names.

    for result in results(study.answer):  # confirmed on fresh seeds, best first, the floor last
        print(result.label, result.mean, result.deviation)

A screening value is never a `Result`: the best of many one-seed runs flatters itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from surefoot.analysis.race_history import (
    RaceHistory,
    is_measured,
    measured,
    race_history,
    race_runs,
    race_steps,
)
from surefoot.study.answer import Answer, CandidateResult, LrWindow
from surefoot.study.direction import Direction
from surefoot.study.format import setting
from surefoot.study.label import candidate_label
from surefoot.study.records import RunRecord, StudyRecord
from surefoot.study.run import Candidate, Phase, Point, Status
from surefoot.study.strict_json import is_finite

FRESH = (Phase.CONFIRM, Phase.FLOOR)
"""What is measured on seeds that the search has not seen."""


@dataclass(frozen=True)
class Result:
    """A candidate as it was measured on fresh seeds.

    Attributes:
        candidate: what was measured.
        phase: `Phase.CONFIRM` or `Phase.FLOOR`.
        values: one per seed that did not diverge.
        seeds: how many seeds were run.
        estimate, interval: where its true mean lies, without the luck that made it lead; the mean and None
            where the answer does not say.
        misses: on how many seeds the target was missed, where there was one.
        compile_seconds: what its first step takes beyond later ones, where that was measured.
    """

    candidate: Candidate
    phase: Phase
    values: tuple[float, ...]
    seeds: int
    diverged: int
    seconds_per_step: float | None
    state_bytes: float | None
    recommended: bool
    baseline: bool
    estimate: float
    interval: tuple[float, float] | None = None
    misses: int = 0
    compile_seconds: float | None = None

    @property
    def optimizer(self) -> str:
        """The candidate's, as it names it."""
        return self.candidate.optimizer

    @property
    def label(self) -> str:
        """The candidate's name."""
        return candidate_label(self.candidate)

    @property
    def mean(self) -> float:
        """Mean over the seeds that did not diverge; nan where all did."""
        return fmean(self.values) if self.values else math.nan

    @property
    def deviation(self) -> float:
        """Standard deviation over those seeds; nan with fewer than two."""
        return stdev(self.values) if len(self.values) > 1 else math.nan

    @property
    def role(self) -> str:
        """Why it is in the table: "recommended", "baseline", "floor" or nothing."""
        if self.phase == Phase.FLOOR:
            return "floor"
        roles = [("recommended", self.recommended), ("baseline", self.baseline)]
        return ", ".join(role for role, holds in roles if holds)


@dataclass(frozen=True)
class RateLine:
    """What screening saw of one optimizer against the learning rate at one rung.

    Attributes:
        points: (learning rate, value) of every run measured there.
        best: the best value at each learning rate, in order of learning rate.
    """

    progress: float
    points: tuple[tuple[float, float], ...]
    best: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class RateCurve:
    """What screening saw of one optimizer against the learning rate.

    Attributes:
        lines: one for each rung, the earliest first.
        diverged: learning rates of the runs that diverged.
    """

    optimizer: str
    lines: tuple[RateLine, ...]
    diverged: tuple[float, ...]
    window: LrWindow | None

    @property
    def rates(self) -> tuple[float, ...]:
        """Every learning rate with a value, ascending."""
        return tuple(sorted({rate for line in self.lines for rate, _ in line.best}))


@dataclass(frozen=True)
class MeanCurve:
    """The mean learning curve of a candidate on fresh seeds, as far as all that were not lost have come."""

    candidate: Candidate
    seeds: int
    points: tuple[Point, ...]

    @property
    def label(self) -> str:
        """The candidate's name."""
        return candidate_label(self.candidate)


@dataclass(frozen=True)
class SettingEffect:
    """How a setting other than the learning rate did in the race.

    Attributes:
        progress: the furthest rung at which two of its values were measured.
        values: (value in words, the best result of the runs that had it), the best first.
    """

    optimizer: str
    setting: str
    progress: float
    values: tuple[tuple[str, float], ...]


def results(answer: Answer | None) -> tuple[Result, ...]:
    """The confirmed candidates, best mean first, then the floor."""
    if answer is None:
        return ()
    recommended = answer.recommendation.candidate.key
    baseline = answer.baseline.key if answer.baseline else ""
    found = [_result(entry, recommended, baseline) for entry in answer.candidates if entry.phase in FRESH]
    told = answer.direction.told
    return tuple(sorted(found, key=lambda r: (r.phase == Phase.FLOOR, math.isnan(r.mean), told(r.mean))))


def window(answer: Answer | None, optimizer: str) -> LrWindow | None:
    """The answer's learning-rate window of an optimizer, if it states one that can be drawn."""
    found = answer.lr_windows.get(optimizer) if answer else None
    return found if found and 0 < found.low <= found.high < math.inf else None


def history(study: StudyRecord) -> RaceHistory:
    """The history of its race, the confirmed optimizers first, by their result."""
    confirmed = [row.optimizer for row in results(study.answer)]
    return race_history(
        study.runs,
        study.decisions,
        confirmed,
        finished=study.finished,
        direction=study.direction,
        compared=study.compared,
    )


def rate_curves(study: StudyRecord, race: RaceHistory | None = None) -> tuple[RateCurve, ...]:
    """The learning-rate curves of each screened optimizer, in the order of `optimizers`.

    Args:
        study: whose.
        race: its history, where that is known already.
    """
    screened: dict[str, list[tuple[RunRecord, float]]] = {}
    for run in race_runs(study.runs):
        if (rate := _rate(run)) is not None:
            screened.setdefault(run.optimizer, []).append((run, rate))
    places = (race or history(study)).progresses
    curves = (
        _rate_curve(name, screened[name], places, window(study.answer, name), study.direction)
        for name in optimizers(study)
        if name in screened
    )
    return tuple(curve for curve in curves if curve.lines or curve.diverged)


def mean_curves(study: StudyRecord) -> tuple[MeanCurve, ...]:
    """The mean learning curves of what was confirmed, and of the floor, in the order of `results`."""
    groups: dict[str, list[RunRecord]] = {}
    for run in study.runs:
        if run.phase in FRESH and not run.lost:
            groups.setdefault(run.candidate.key, []).append(run)
    places = {row.candidate.key: place for place, row in enumerate(results(study.answer))}
    found = (
        MeanCurve(runs[0].candidate, len(runs), _mean_points([measured(run) for run in runs]))
        for _, runs in sorted(groups.items(), key=lambda group: places.get(group[0], len(places)))
    )
    return tuple(curve for curve in found if curve.points)


def setting_effects(study: StudyRecord, race: RaceHistory | None = None) -> tuple[SettingEffect, ...]:
    """Every setting besides lr that was varied in the race, by optimizer in the order of `optimizers`.

    Args:
        study: whose.
        race: its history, where that is known already.
    """
    found, raced, rungs = [], race_runs(study.runs), (race or history(study)).progresses
    for optimizer in optimizers(study):
        own = [run for run in raced if run.optimizer == optimizer]
        names = dict.fromkeys(name for run in own for name in run.candidate.settings if name != "lr")
        effects = (_setting_effect(optimizer, name, own, rungs, study.direction) for name in names)
        found += [effect for effect in effects if effect is not None]
    return tuple(found)


def optimizers(study: StudyRecord) -> tuple[str, ...]:
    """Names of all that ran or were judged, except the floor: the confirmed ones first, then by name."""
    confirmed = {run.optimizer for run in study.runs if run.phase == Phase.CONFIRM}
    floor = {run.optimizer for run in study.runs if run.phase == Phase.FLOOR} - confirmed
    judged = {step.candidate.optimizer for step in race_steps(d.decision for d in study.decisions)}
    names = {run.optimizer for run in study.runs} | judged
    return tuple(sorted(names - floor, key=lambda name: (name not in confirmed, name)))


def finite(value: Any) -> float:
    """`value` as a float, nan where it is missing or no number."""
    found = _number(value)
    return math.nan if found is None else found


def _result(entry: CandidateResult, recommended: str, baseline: str) -> Result:
    values = tuple(value for value in entry.values if value is not None and math.isfinite(value))
    confirmed = entry.phase == Phase.CONFIRM
    told = _number(entry.mean)
    return Result(
        candidate=entry.candidate,
        phase=entry.phase,
        values=values,
        seeds=len(entry.seeds),
        diverged=entry.diverged,
        seconds_per_step=_number(entry.seconds_per_step),
        state_bytes=entry.state_bytes,
        recommended=confirmed and entry.candidate.key == recommended,
        baseline=confirmed and entry.candidate.key == baseline,
        estimate=told if told is not None else fmean(values) if values else math.nan,
        interval=_interval(entry),
        misses=entry.misses,
        compile_seconds=entry.compile_seconds,
    )


def _interval(entry: CandidateResult) -> tuple[float, float] | None:
    low, high = _number(entry.low), _number(entry.high)
    return None if low is None or high is None else (low, high)


def _mean_points(curves: Sequence[Sequence[Point]]) -> tuple[Point, ...]:
    by_progress = [{point.progress: point for point in curve} for curve in curves]
    shared = sorted(set.intersection(*map(set, by_progress)))
    rows = [[curve[progress] for curve in by_progress] for progress in shared]
    return tuple(
        Point(row[0].progress, fmean(p.seconds for p in row), fmean(p.value for p in row)) for row in rows
    )


def _setting_effect(
    optimizer: str, name: str, runs: Sequence[RunRecord], rungs: Sequence[float], direction: Direction
) -> SettingEffect | None:
    for progress in reversed(rungs):
        best: dict[str, float] = {}
        for run in runs:
            for point in run.points:
                if point.progress == progress and is_measured(point):
                    value = setting(run.candidate.settings.get(name))
                    best[value] = min(point.value, best.get(value, point.value), key=direction.told)
        if len(best) > 1:
            values = sorted(best.items(), key=lambda pair: direction.told(pair[1]))
            return SettingEffect(optimizer, name, progress, tuple(values))
    return None


def _rate(run: RunRecord) -> float | None:
    rate = _number(run.candidate.hyperparameters.get("lr"))
    return rate if rate is not None and rate > 0 else None


def _rate_curve(
    optimizer: str,
    own: Sequence[tuple[RunRecord, float]],
    places: Sequence[float],
    flat: LrWindow | None,
    direction: Direction,
) -> RateCurve:
    lines = (_rate_line(own, progress, direction) for progress in places)
    return RateCurve(
        optimizer,
        tuple(line for line in lines if line.points),
        tuple(sorted({rate for run, rate in own if run.status == Status.DIVERGED})),
        flat,
    )


def _rate_line(own: Sequence[tuple[RunRecord, float]], progress: float, direction: Direction) -> RateLine:
    points = sorted(
        (rate, point.value)
        for run, rate in own
        for point in run.points
        if point.progress == progress and is_measured(point) and run.status != Status.DIVERGED
    )
    best = dict(sorted(points, key=lambda point: direction.told(point[1]), reverse=True))
    return RateLine(progress, tuple(points), tuple(sorted(best.items())))


def _number(value: Any) -> float | None:
    return float(value) if is_finite(value) else None
