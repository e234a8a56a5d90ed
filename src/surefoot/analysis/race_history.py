"""The race and the confirmation as they happened: rung by rung, optimizer by optimizer, look by look.

for rung in rungs(study):
    print(rung.progress, rung.survivors, "went on, up to", rung.limit)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from surefoot.analysis.tables import (
    at_a_rung,
    count,
    finite,
    identity,
    is_measured,
    labels,
    race_rungs,
    race_runs,
    results,
)
from surefoot.study.label import stored_label
from surefoot.study.records import DecisionRecord, RunRecord, StudyRecord

_Record = TypeVar("_Record")


@dataclass(frozen=True)
class Verdict:
    """What the race decided about one candidate at one rung.

    Attributes:
        survived: whether it was promoted.
        band: how far behind the best it could be and go on; nan where the decision names none.
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
    def best(self) -> float:
        """The lowest value; nan where none was measured."""
        return min((v.value for v in self.verdicts if math.isfinite(v.value)), default=math.nan)

    @property
    def limit(self) -> float:
        """The value that had to be reached: the best and the band; nan where no decision names one."""
        return self.best + max((v.band for v in self.verdicts if math.isfinite(v.band)), default=math.nan)


@dataclass(frozen=True)
class Stage:
    """One optimizer at one rung: how many of its candidates were measured there, and how many further on."""

    progress: float
    measured: int
    went_on: int


@dataclass(frozen=True)
class Journey:
    """One optimizer's way through the study.

    Attributes:
        stages: one for each rung of the race, also for those it never reached.
        diverged: how many of its candidates diverged or failed in the race.
        playoff_seeds, confirmed_seeds: on how many further seeds its best candidate was trained.
        ended: the decision that stopped its best candidate, in words; empty for a finalist.
    """

    optimizer: str
    stages: tuple[Stage, ...]
    diverged: int
    playoff_seeds: int
    confirmed_seeds: int
    ended: str


@dataclass(frozen=True)
class Look:
    """One look at the seeds of confirmation.

    Attributes:
        seeds: how many each candidate in play had.
        margin: differences below it were a tie; nan if none.
        differences: by rival, how far it was behind the leader: (estimate, low, high, decision).
    """

    seeds: int
    leader: str
    margin: float
    differences: Mapping[str, tuple[float, float, float, str]]


def rungs(study: StudyRecord) -> tuple[Rung, ...]:
    """The race rung by rung, from the promotions and eliminations that name theirs.

    A candidate that was stopped, and went on later when there was budget left, counts as gone on.
    """
    names = labels(study)
    schedule = study.runs[0].schedule if study.runs else {}
    decided = {}
    for decision in study.decisions:
        if at_a_rung(decision):
            candidate = identity(decision.details, schedule)
            decided[decision.details["rung"], candidate] = _verdict(decision, names.get(candidate))
    return tuple(
        Rung(progress, tuple(sorted((v for v in decided.values() if v.rung == progress), key=_by_value)))
        for progress in sorted({verdict.rung for verdict in decided.values()})
    )


def journeys(study: StudyRecord) -> tuple[Journey, ...]:
    """Every screened optimizer's way through the study: the confirmed by their result, then the furthest."""
    places = race_rungs(study)
    runs = _grouped(study.runs, lambda run: run.optimizer)
    raced = _grouped(race_runs(study), lambda run: run.optimizer)
    decided = _grouped(study.decisions, lambda decision: str(decision.details.get("optimizer", "")))
    found = [_journey(name, own, runs[name], decided.get(name, ()), places) for name, own in raced.items()]
    confirmed = [row.optimizer for row in results(study.answer)]
    order = {name: place for place, name in reversed(list(enumerate(confirmed)))}
    found.sort(key=_distance, reverse=True)
    return tuple(sorted(found, key=lambda journey: order.get(journey.optimizer, len(order))))


def looks(study: StudyRecord) -> tuple[Look, ...]:
    """The looks of confirmation, in order."""
    return tuple(_look(decision.details) for decision in study.decisions if "comparisons" in decision.details)


def _grouped(records: Iterable[_Record], key: Callable[[_Record], Any]) -> dict[Any, list[_Record]]:
    groups: dict[Any, list[_Record]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return groups


def _journey(
    optimizer: str,
    raced: Sequence[RunRecord],
    runs: Sequence[RunRecord],
    decided: Sequence[DecisionRecord],
    places: Sequence[float],
) -> Journey:
    reached = [max((p.progress for p in run.points if is_measured(p)), default=0.0) for run in raced]
    stages = [Stage(rung, sum(r >= rung for r in reached), sum(r > rung for r in reached)) for rung in places]
    seeds = {phase: {run.seed for run in runs if run.phase == phase} for phase in ("screen", "confirm")}
    return Journey(
        optimizer,
        tuple(stages),
        diverged=sum(run.lost for run in raced),
        playoff_seeds=len(seeds["screen"]) - 1,
        confirmed_seeds=len(seeds["confirm"]),
        ended="" if seeds["confirm"] else _ended(decided),
    )


def _ended(own: Sequence[DecisionRecord]) -> str:
    """What stopped the optimizer's best candidate: the play-off, the race's end, or a rung."""
    if playoff := [d for d in own if d.kind == "eliminated" and not at_a_rung(d)]:
        return playoff[-1].text
    standing = [d for d in own if d.kind == "finalist"]
    if standing and finite(standing[-1].details.get("rung")) >= 1:
        return standing[-1].text
    stopped = (d for d in own if d.kind == "eliminated")
    best = max(stopped, key=lambda d: (finite(d.details["rung"]), -_worst_if_nan(d)), default=None)
    return best.text if best else ""


def _worst_if_nan(decision: DecisionRecord) -> float:
    value = finite(decision.details.get("value"))
    return math.inf if math.isnan(value) else value


def _distance(journey: Journey) -> tuple[int, int, list[int]]:
    return journey.confirmed_seeds, journey.playoff_seeds, [s.measured for s in reversed(journey.stages)]


def _look(details: Mapping[str, Any]) -> Look:
    return Look(
        count(details.get("seeds"), 0),
        str(details.get("leader", "")),
        finite(details.get("margin")),
        {
            str(rival): (
                finite(c.get("estimate")),
                finite(c.get("low")),
                finite(c.get("high")),
                str(c.get("decision", "")),
            )
            for rival, c in details["comparisons"].items()
        },
    )


def _by_value(verdict: Verdict) -> tuple[bool, float]:
    return math.isnan(verdict.value), verdict.value


def _verdict(decision: DecisionRecord, label: str | None) -> Verdict:
    details = decision.details
    optimizer = str(details.get("optimizer", ""))
    return Verdict(
        optimizer=optimizer,
        label=label
        or stored_label(optimizer, details.get("hyperparameters") or {}, details.get("schedule") or {}),
        rung=finite(details["rung"]),
        value=finite(details.get("value")),
        band=finite(details.get("band")),
        survived=decision.kind == "promoted",
        text=decision.text,
        seconds=decision.seconds,
    )
