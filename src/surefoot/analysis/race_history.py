"""The race and the confirmation as they happened: rung by rung, optimizer by optimizer, look by look.

for rung in rungs(study):
    print(rung.progress, rung.survivors, "went on, up to", rung.limit)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from surefoot.analysis.tables import is_measured, race_rungs, race_runs, race_steps, results
from surefoot.study.decisions import (
    BestOfOptimizer,
    Decision,
    Looked,
    PlayoffPlace,
    Promoted,
    RaceStep,
    Stopped,
    optimizer_of,
)
from surefoot.study.records import RunRecord, StudyRecord
from surefoot.study.run import Phase

_Record = TypeVar("_Record")


@dataclass(frozen=True)
class Rung:
    """All that was decided at one progress, best value first."""

    progress: float
    steps: tuple[Promoted | Stopped, ...]

    @property
    def survivors(self) -> int:
        """How many went on."""
        return sum(isinstance(step, Promoted) for step in self.steps)

    @property
    def best(self) -> float:
        """The lowest value; nan where none was measured."""
        return min((s.value for s in self.steps if math.isfinite(s.value)), default=math.nan)

    @property
    def limit(self) -> float:
        """The value that had to be reached: the best and the band; nan where no decision names one."""
        return self.best + max((s.band for s in self.steps if math.isfinite(s.band)), default=math.nan)


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


def rungs(study: StudyRecord) -> tuple[Rung, ...]:
    """The race rung by rung, from the promotions and eliminations that name theirs.

    A candidate that was stopped, and went on later when there was budget left, counts as gone on.
    """
    decided = {(step.rung, step.candidate.key): step for step in race_steps(study)}
    return tuple(
        Rung(progress, tuple(sorted((s for s in decided.values() if s.rung == progress), key=_by_value)))
        for progress in sorted({step.rung for step in decided.values()})
    )


def journeys(study: StudyRecord) -> tuple[Journey, ...]:
    """Every screened optimizer's way through the study: the confirmed by their result, then the furthest."""
    places = race_rungs(study)
    runs = _grouped(study.runs, lambda run: run.optimizer)
    raced = _grouped(race_runs(study), lambda run: run.optimizer)
    decided = _grouped((record.decision for record in study.decisions), optimizer_of)
    found = [_journey(name, own, runs[name], decided.get(name, ()), places) for name, own in raced.items()]
    confirmed = [row.optimizer for row in results(study.answer)]
    order = {name: place for place, name in reversed(list(enumerate(confirmed)))}
    found.sort(key=_distance, reverse=True)
    return tuple(sorted(found, key=lambda journey: order.get(journey.optimizer, len(order))))


def looks(study: StudyRecord) -> tuple[Looked, ...]:
    """The looks of confirmation, in order."""
    return tuple(record.decision for record in study.decisions if isinstance(record.decision, Looked))


def _grouped(records: Iterable[_Record], key: Callable[[_Record], Any]) -> dict[Any, list[_Record]]:
    groups: dict[Any, list[_Record]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return groups


def _journey(
    optimizer: str,
    raced: Sequence[RunRecord],
    runs: Sequence[RunRecord],
    decided: Sequence[Decision],
    places: Sequence[float],
) -> Journey:
    reached = [max((p.progress for p in run.points if is_measured(p)), default=0.0) for run in raced]
    stages = [Stage(rung, sum(r >= rung for r in reached), sum(r > rung for r in reached)) for rung in places]
    seeds = {
        phase: {run.seed for run in runs if run.phase == phase} for phase in (Phase.SCREEN, Phase.CONFIRM)
    }
    return Journey(
        optimizer,
        tuple(stages),
        diverged=sum(run.lost for run in raced),
        playoff_seeds=len(seeds[Phase.SCREEN]) - 1,
        confirmed_seeds=len(seeds[Phase.CONFIRM]),
        ended="" if seeds[Phase.CONFIRM] else _ended(decided),
    )


def _ended(own: Sequence[Decision]) -> str:
    """What stopped the optimizer's best candidate: the play-off, the race's end, or a rung."""
    if playoff := [d for d in own if isinstance(d, PlayoffPlace) and not d.goes_on]:
        return playoff[-1].text
    standing = [d for d in own if isinstance(d, BestOfOptimizer)]
    if standing and standing[-1].rung >= 1:
        return standing[-1].text
    stopped = (d for d in own if isinstance(d, Stopped))
    best = max(stopped, key=lambda d: (d.rung, -_worst_if_nan(d.value)), default=None)
    return best.text if best else ""


def _worst_if_nan(value: float) -> float:
    return math.inf if math.isnan(value) else value


def _distance(journey: Journey) -> tuple[int, int, list[int]]:
    return journey.confirmed_seeds, journey.playoff_seeds, [s.measured for s in reversed(journey.stages)]


def _by_value(step: RaceStep) -> tuple[bool, float]:
    return math.isnan(step.value), step.value
