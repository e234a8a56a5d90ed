"""What tables and figures need, picked out of a study: results, learning-rate curves, names.

    for result in results(study.answer):  # confirmed on fresh seeds, best first, the floor last
        print(result.label, result.mean, result.deviation)

A screening value is never a `Result`: the best of many one-seed runs flatters itself.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from surefoot.study.decisions import Promoted, Stopped
from surefoot.study.format import setting
from surefoot.study.label import candidate_label, stored_label
from surefoot.study.records import RunRecord, StudyRecord
from surefoot.study.run import Point
from surefoot.study.strict_json import is_finite


@dataclass(frozen=True)
class Result:
    """A candidate as it was measured on fresh seeds.

    Attributes:
        phase: "confirm" or "floor".
        values: one per seed that did not diverge.
        seeds: how many seeds were run.
        estimate, interval: where its true mean lies, without the luck that made it lead; the mean and None
            where the answer does not say.
        misses: on how many seeds the target was missed, where there was one.
        compile_seconds: what its first step takes beyond later ones, where that was measured.
    """

    label: str
    identity: str
    optimizer: str
    phase: str
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
        if self.phase == "floor":
            return "floor"
        roles = [("recommended", self.recommended), ("baseline", self.baseline)]
        return ", ".join(role for role, holds in roles if holds)


@dataclass(frozen=True)
class Window:
    """The range of learning rates within which an optimizer is about as good as at its best.

    Attributes:
        blow_up: share of its runs that diverged.
        progress: the rung it was seen at; nan where the answer does not say.
        open: whether what was tried ends before the window does.
    """

    low: float
    high: float
    best: float
    decades: float
    blow_up: float
    progress: float = math.nan
    open: bool = False


@dataclass(frozen=True)
class RateLine:
    """What screening saw of one optimizer against the learning rate at one rung.

    Attributes:
        points: (learning rate, value) of every run measured there.
        best: the lowest value at each learning rate, in order of learning rate.
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
    window: Window | None


@dataclass(frozen=True)
class SettingEffect:
    """How a setting other than the learning rate did in the race.

    Attributes:
        progress: the furthest rung at which two of its values were measured.
        values: (value in words, the lowest result of the runs that had it), the best first.
    """

    optimizer: str
    setting: str
    progress: float
    values: tuple[tuple[str, float], ...]


def results(answer: Mapping[str, Any] | None) -> tuple[Result, ...]:
    """The confirmed candidates, lowest mean first, then the floor."""
    if answer is None:
        return ()
    schedule = _usual_schedule(answer)
    recommended, baseline = (
        identity(answer.get(role) or {}, schedule) for role in ("recommendation", "baseline")
    )
    found = [
        _result(entry, schedule, recommended, baseline)
        for entry in answer.get("candidates", ())
        if entry.get("phase") in ("confirm", "floor")
    ]
    return tuple(sorted(found, key=lambda r: (r.phase == "floor", math.isnan(r.mean), r.mean)))


def window(answer: Mapping[str, Any] | None, optimizer: str) -> Window | None:
    """The answer's learning-rate window of an optimizer, if it states one."""
    entry = ((answer or {}).get("lr_windows") or {}).get(optimizer)
    if not entry or not 0 < finite(entry.get("low")) <= finite(entry.get("high")):
        return None
    return Window(
        low=float(entry["low"]),
        high=float(entry["high"]),
        best=finite(entry.get("best")),
        decades=math.log10(entry["high"] / entry["low"]),
        blow_up=finite(entry.get("blow_up")),
        progress=finite(entry.get("progress")),
        open=bool(entry.get("open_low") or entry.get("open_high")),
    )


def race_rungs(study: StudyRecord) -> tuple[float, ...]:
    """The progresses at which the race compared anything, ascending; points between them are no rungs."""
    decided = {step.rung for step in race_steps(study)}
    measured = {point.progress for run in race_runs(study) for point in run.points if is_measured(point)}
    return tuple(sorted(p for p in measured if p >= 1 or not decided or _is_among(p, decided)))


def rate_curves(study: StudyRecord) -> tuple[RateCurve, ...]:
    """The learning-rate curves of each screened optimizer, in the order of `optimizers`."""
    screened: dict[str, list[tuple[RunRecord, float]]] = {}
    for run in race_runs(study):
        if (rate := _rate(run)) is not None:
            screened.setdefault(run.optimizer, []).append((run, rate))
    places = race_rungs(study)
    curves = (
        _rate_curve(name, screened[name], places, window(study.answer, name))
        for name in optimizers(study)
        if name in screened
    )
    return tuple(curve for curve in curves if curve.lines or curve.diverged)


def setting_effects(study: StudyRecord) -> tuple[SettingEffect, ...]:
    """Every setting besides lr that was varied in the race, by optimizer in the order of `optimizers`."""
    found = []
    for optimizer in optimizers(study):
        own = [run for run in race_runs(study) if run.optimizer == optimizer]
        names = dict.fromkeys(name for run in own for name in _settings(run) if name != "lr")
        effects = (_setting_effect(optimizer, name, own, race_rungs(study)) for name in names)
        found += [effect for effect in effects if effect is not None]
    return tuple(found)


def labels(study: StudyRecord) -> Mapping[str, str]:
    """Each candidate's name for people by its `identity`."""
    schedule = _usual_schedule(study.answer)
    answered = (study.answer or {}).get("candidates", ())
    return {identity_of(run): candidate_label(run) for run in study.runs} | {
        identity(entry, schedule): _label(entry, schedule) for entry in answered
    }


def race_steps(study: StudyRecord) -> tuple[Promoted | Stopped, ...]:
    """Whom the race let go on and whom it stopped, at which rung, in the order in which it decided."""
    decided = (record.decision for record in study.decisions)
    return tuple(decision for decision in decided if isinstance(decision, Promoted | Stopped))


def optimizers(study: StudyRecord) -> tuple[str, ...]:
    """Names of all that ran or were judged, except the floor: the confirmed ones first, then by name."""
    confirmed = {run.optimizer for run in study.runs if run.phase == "confirm"}
    floor = {run.optimizer for run in study.runs if run.phase == "floor"} - confirmed
    judged = {step.candidate.optimizer for step in race_steps(study)}
    names = {run.optimizer for run in study.runs} | judged
    return tuple(sorted(names - floor, key=lambda name: (name not in confirmed, name)))


def finite(value: Any) -> float:
    """`value` as a float, nan where it is missing or no number."""
    found = _number(value)
    return math.nan if found is None else found


def _result(entry: Mapping[str, Any], schedule: Mapping[str, Any], recommended: str, baseline: str) -> Result:
    own = identity(entry, schedule)
    measured = list(entry.get("values") or ())
    values = tuple(float(value) for value in measured if _number(value) is not None)
    confirmed = entry["phase"] == "confirm"
    told = _number(entry.get("mean"))
    estimate = told if told is not None else fmean(values) if values else math.nan
    return Result(
        label=_label(entry, schedule),
        identity=own,
        optimizer=entry["optimizer"],
        phase=entry["phase"],
        values=values,
        seeds=count(entry.get("seeds"), len(measured)),
        diverged=int(entry.get("diverged") or 0),
        seconds_per_step=_number(entry.get("seconds_per_step")),
        state_bytes=_number(entry.get("state_bytes")),
        recommended=confirmed and own == recommended,
        baseline=confirmed and own == baseline,
        estimate=estimate,
        interval=_interval(entry),
        misses=int(entry.get("misses") or 0),
        compile_seconds=_number(entry.get("compile_seconds")),
    )


def _label(entry: Mapping[str, Any], schedule: Mapping[str, Any]) -> str:
    return stored_label(
        entry["optimizer"], entry.get("hyperparameters") or {}, entry.get("schedule") or schedule
    )


def _interval(entry: Mapping[str, Any]) -> tuple[float, float] | None:
    low, high = _number(entry.get("low")), _number(entry.get("high"))
    return None if low is None or high is None else (low, high)


def count(seeds: Any, default: int) -> int:
    """`seeds` may be their number or the list of them."""
    if isinstance(seeds, Sequence) and not isinstance(seeds, str):
        return len(seeds)
    return default if seeds is None else int(seeds)


def identity(entry: Mapping[str, Any], schedule: Mapping[str, Any]) -> str:
    """Equal for equal candidates, also after a way through JSON.

    Args:
        entry: with "optimizer", "hyperparameters" and "schedule".
        schedule: of an entry that has none, as those of older studies, in which all had the same.
    """
    parts = [entry.get("optimizer"), entry.get("hyperparameters") or {}, entry.get("schedule") or schedule]
    return json.dumps(parts, sort_keys=True, default=str)


def identity_of(run: RunRecord) -> str:
    """The identity of a run's candidate."""
    return identity({"optimizer": run.optimizer, "hyperparameters": run.hyperparameters}, run.schedule)


def _usual_schedule(answer: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return ((answer or {}).get("recommendation") or {}).get("schedule") or {}


def _settings(run: RunRecord) -> dict[str, Any]:
    return {**run.hyperparameters, "warmup": run.schedule.get("warmup")}


def _is_among(progress: float, rungs: Iterable[float]) -> bool:
    return any(math.isclose(progress, rung) for rung in rungs)


def _setting_effect(
    optimizer: str, name: str, runs: Sequence[RunRecord], rungs: Sequence[float]
) -> SettingEffect | None:
    for progress in reversed(rungs):
        lowest: dict[str, float] = {}
        for run in runs:
            for point in run.points:
                if point.progress == progress and is_measured(point):
                    value = setting(_settings(run).get(name))
                    lowest[value] = min(point.value, lowest.get(value, math.inf))
        if len(lowest) > 1:
            values = sorted(lowest.items(), key=lambda pair: pair[1])
            return SettingEffect(optimizer, name, progress, tuple(values))
    return None


def race_runs(study: StudyRecord) -> Sequence[RunRecord]:
    """The screening runs on the race's own seed; those of the play-off have the seeds after it."""
    screened = [run for run in study.runs if run.phase == "screen"]
    seed = min((run.seed for run in screened), default=0)
    return [run for run in screened if run.seed == seed]


def is_measured(point: Point) -> bool:
    """Whether the point has a value; where a run diverged it has none."""
    return math.isfinite(point.value)


def _rate(run: RunRecord) -> float | None:
    rate = _number(run.hyperparameters.get("lr"))
    return rate if rate is not None and rate > 0 else None


def _rate_curve(
    optimizer: str, own: Sequence[tuple[RunRecord, float]], places: Sequence[float], flat: Window | None
) -> RateCurve:
    lines = (_rate_line(own, progress) for progress in places)
    return RateCurve(
        optimizer,
        tuple(line for line in lines if line.points),
        tuple(sorted({rate for run, rate in own if run.status == "diverged"})),
        flat,
    )


def _rate_line(own: Sequence[tuple[RunRecord, float]], progress: float) -> RateLine:
    points = sorted(
        (rate, point.value)
        for run, rate in own
        for point in run.points
        if point.progress == progress and is_measured(point) and run.status != "diverged"
    )
    best = dict(sorted(points, reverse=True))
    return RateLine(progress, tuple(points), tuple(sorted(best.items())))


def _number(value: Any) -> float | None:
    return float(value) if is_finite(value) else None
