"""What tables and figures need, picked out of a study: results, learning-rate curves, eliminations.

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

from surefoot.evidence.records import DecisionRecord, RunRecord, StudyRecord
from surefoot.show.format import candidate_label


@dataclass(frozen=True)
class Result:
    """A candidate as it was measured on fresh seeds.

    Attributes:
        phase: "confirm" or "floor".
        values: one per seed that did not diverge.
        seeds: how many seeds were run.
    """

    label: str
    optimizer: str
    phase: str
    values: tuple[float, ...]
    seeds: int
    diverged: int
    seconds_per_step: float | None
    state_bytes: float | None
    recommended: bool
    baseline: bool

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
    """The range of learning rates within which an optimizer is about as good as at its best."""

    low: float
    high: float
    best: float
    decades: float
    blow_up: float


@dataclass(frozen=True)
class RateCurve:
    """What screening saw of one optimizer against the learning rate, all at the same rung.

    Attributes:
        points: (learning rate, value) of every screening run that had not diverged.
        best: the lowest value at each learning rate, in order of learning rate.
        diverged: learning rates of the runs that diverged.
    """

    optimizer: str
    points: tuple[tuple[float, float], ...]
    best: tuple[tuple[float, float], ...]
    diverged: tuple[float, ...]
    window: Window | None


@dataclass(frozen=True)
class Verdict:
    """What the race decided about one candidate at one rung.

    Attributes:
        survived: whether it was promoted.
        band: values up to this one went on; nan where the decision names none.
    """

    optimizer: str
    label: str
    rung: float
    value: float
    band: float
    survived: bool
    text: str
    seconds: float


@dataclass(frozen=True)
class Rung:
    """All that was decided at one progress, best value first."""

    progress: float
    verdicts: tuple[Verdict, ...]

    @property
    def survivors(self) -> int:
        """How many went on."""
        return sum(verdict.survived for verdict in self.verdicts)

    @property
    def band(self) -> float:
        """The value that had to be reached; nan where no decision names one."""
        return max((v.band for v in self.verdicts if math.isfinite(v.band)), default=math.nan)


def results(answer: Mapping[str, Any] | None) -> tuple[Result, ...]:
    """The confirmed candidates, lowest mean first, then the floor."""
    if answer is None:
        return ()
    recommended, baseline = _identity(answer.get("recommendation")), _identity(answer.get("baseline"))
    found = [
        _result(entry, recommended, baseline)
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
    )


def common_rung(study: StudyRecord) -> float | None:
    """The progress that every screening run which ended well has reached."""
    reached = [
        run.points[-1].progress for run in _screening(study) if run.status == "completed" and run.points
    ]
    return min(reached, default=None)


def rate_curves(study: StudyRecord) -> tuple[RateCurve, ...]:
    """The learning-rate curve of each screened optimizer, by name."""
    rung = common_rung(study)
    names = sorted({run.optimizer for run in _screening(study) if _rate(run) is not None})
    curves = (_rate_curve(study, name, rung) for name in names)
    return tuple(curve for curve in curves if curve.points or curve.diverged)


def rungs(study: StudyRecord) -> tuple[Rung, ...]:
    """The race rung by rung, from the promotions and eliminations that name theirs."""
    decided = [_verdict(decision) for decision in study.decisions if at_a_rung(decision)]
    return tuple(
        Rung(progress, tuple(sorted((v for v in decided if v.rung == progress), key=_by_value)))
        for progress in sorted({verdict.rung for verdict in decided})
    )


def at_a_rung(decision: DecisionRecord) -> bool:
    """Whether the decision is a step of the race, and not one about the study as a whole."""
    return decision.kind in ("promoted", "eliminated") and _number(decision.details.get("rung")) is not None


def optimizers(study: StudyRecord) -> tuple[str, ...]:
    """Names of all that ran or were judged, except the floor: the confirmed ones first, then by name."""
    confirmed = {run.optimizer for run in study.runs if run.phase == "confirm"}
    floor = {run.optimizer for run in study.runs if run.phase == "floor"} - confirmed
    judged = {verdict.optimizer for rung in rungs(study) for verdict in rung.verdicts}
    names = {run.optimizer for run in study.runs} | judged
    return tuple(sorted(names - floor, key=lambda name: (name not in confirmed, name)))


def value_at(run: RunRecord, progress: float) -> float:
    """The last value measured up to `progress`; nan before the first."""
    seen = [point.value for point in run.points if point.progress <= progress + 1e-9]
    return seen[-1] if seen else math.nan


def finite(value: Any) -> float:
    """`value` as a float, nan where it is missing or no number."""
    found = _number(value)
    return math.nan if found is None else found


def _result(entry: Mapping[str, Any], recommended: str | None, baseline: str | None) -> Result:
    measured = list(entry.get("values") or ())
    values = tuple(float(value) for value in measured if _number(value) is not None)
    identity, confirmed = _identity(entry), entry["phase"] == "confirm"
    return Result(
        label=entry.get("label") or candidate_label(entry["optimizer"], entry.get("hyperparameters") or {}),
        optimizer=entry["optimizer"],
        phase=entry["phase"],
        values=values,
        seeds=_count(entry.get("seeds"), len(measured)),
        diverged=int(entry.get("diverged") or 0),
        seconds_per_step=_number(entry.get("seconds_per_step")),
        state_bytes=_number(entry.get("state_bytes")),
        recommended=confirmed and identity == recommended,
        baseline=confirmed and identity == baseline,
    )


def _count(seeds: Any, default: int) -> int:
    """`seeds` may be their number or the list of them."""
    if isinstance(seeds, Sequence) and not isinstance(seeds, str):
        return len(seeds)
    return default if seeds is None else int(seeds)


def _identity(entry: Mapping[str, Any] | None) -> str | None:
    if not entry:
        return None
    parts = [entry.get("optimizer"), entry.get("hyperparameters") or {}, entry.get("schedule") or {}]
    return json.dumps(parts, sort_keys=True, default=str)


def _screening(study: StudyRecord) -> Iterable[RunRecord]:
    return (run for run in study.runs if run.phase == "screen")


def _rate(run: RunRecord) -> float | None:
    rate = _number(run.hyperparameters.get("lr"))
    return rate if rate is not None and rate > 0 else None


def _rate_curve(study: StudyRecord, optimizer: str, rung: float | None) -> RateCurve:
    points: list[tuple[float, float]] = []
    diverged: set[float] = set()
    for run in _screening(study):
        rate = _rate(run)
        if run.optimizer != optimizer or rate is None:
            continue
        if run.status == "diverged":
            diverged.add(rate)
        elif rung is not None and run.points[-1:] and run.points[-1].progress >= rung - 1e-9:
            points.append((rate, value_at(run, rung)))
    points = sorted(point for point in points if math.isfinite(point[1]))
    best = dict(sorted(points, reverse=True))
    return RateCurve(
        optimizer,
        tuple(points),
        tuple(sorted(best.items())),
        tuple(sorted(diverged)),
        window(study.answer, optimizer),
    )


def _by_value(verdict: Verdict) -> tuple[bool, float]:
    return math.isnan(verdict.value), verdict.value


def _verdict(decision: DecisionRecord) -> Verdict:
    details = decision.details
    optimizer = str(details.get("optimizer", ""))
    band = details.get("band")
    if isinstance(band, Sequence) and not isinstance(band, str):
        band = max((finite(edge) for edge in band), default=math.nan)
    return Verdict(
        optimizer=optimizer,
        label=details.get("label") or candidate_label(optimizer, details.get("hyperparameters") or {}),
        rung=finite(details["rung"]),
        value=finite(details.get("value")),
        band=finite(band),
        survived=decision.kind == "promoted",
        text=decision.text,
        seconds=decision.seconds,
    )


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
