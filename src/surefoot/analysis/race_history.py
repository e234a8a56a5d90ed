"""The race and the confirmation as they happened: who came how far, and who fell when.

    history = race_history(study.runs, study.decisions)
    for rung in history.rungs:
        print(rung.progress, rung.survivors, "went on, up to", rung.limit)
    for own in history.optimizers:
        print(own.optimizer, own.standing, own.reached, own.behind, own.ended)

A study as a whole is read by `tables.history`, which puts the confirmed first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

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
from surefoot.study.direction import Direction
from surefoot.study.records import DecisionRecord, RunRecord
from surefoot.study.run import Phase, Point

_Record = TypeVar("_Record")


class OptimizerStatus(StrEnum):
    """Where an optimizer stands; while a study goes on it is out only when all its candidates are."""

    CONFIRMED = "confirmed"
    FINALIST = "finalist"
    RACING = "racing"
    OUT = "out"
    LOST = "lost"  # every run diverged or failed


class Fell(StrEnum):
    """Where an optimizer's way through screening ended, told of the candidate that came furthest."""

    PLAYOFF = "playoff"
    END = "end"  # of the race
    RUNG = "rung"
    LOST = "lost"


@dataclass(frozen=True)
class Rung:
    """All that was decided at one progress, best value first."""

    progress: float
    steps: tuple[Promoted | Stopped, ...]
    direction: Direction = Direction.MINIMIZE

    @property
    def survivors(self) -> int:
        """How many went on."""
        return sum(isinstance(step, Promoted) for step in self.steps)

    @property
    def best(self) -> float:
        """The best value; nan where none was measured."""
        values = (s.value for s in self.steps if math.isfinite(s.value))
        return min(values, key=self.direction.told, default=math.nan)

    @property
    def limit(self) -> float:
        """The value that had to be reached: the best and the band; nan where no decision names one."""
        band = max((s.band for s in self.steps if math.isfinite(s.band)), default=math.nan)
        return self.direction.own(self.direction.told(self.best) + band)


@dataclass(frozen=True)
class RungCount:
    """One optimizer at one rung: how many of its candidates were measured there, and how many further on."""

    progress: float
    measured: int
    went_on: int


@dataclass(frozen=True)
class OptimizerHistory:
    """One optimizer's way through the study.

    Attributes:
        counts: one for each rung of the race, also for those it never reached.
        runs, diverged: how many of its candidates raced, and how many of them diverged or failed.
        leading: its best run in the race: the furthest, then the best; None where all were lost.
        reached: the furthest progress that this run was measured at.
        behind: how far it was behind the best there, in units of the value; in the play-off, behind its best.
        band: how far behind it could have been and go on; nan where no band decided.
        playoff: how it stood in the play-off, where it was in one.
        playoff_seeds, confirmed_seeds: on how many further seeds its best candidate was trained.
        ended: the decision that stopped its best candidate, in words; empty of those who were not stopped.
    """

    optimizer: str
    counts: tuple[RungCount, ...] = ()
    runs: int = 0
    diverged: int = 0
    leading: RunRecord | None = None
    reached: float = 0.0
    behind: float = math.inf
    band: float = math.nan
    playoff: PlayoffPlace | None = None
    playoff_seeds: int = 0
    confirmed_seeds: int = 0
    standing: OptimizerStatus = OptimizerStatus.OUT
    ended: str = ""

    @property
    def fell(self) -> Fell:
        """Where it ended before confirmation; of those that were confirmed it is the last thing before."""
        if self.playoff:
            return Fell.PLAYOFF
        if not self.reached:
            return Fell.LOST
        return Fell.END if self.reached >= 1 else Fell.RUNG

    @property
    def within(self) -> bool:
        """Whether it was within the band, and stopped for the budget alone."""
        return self.behind <= self.band


@dataclass(frozen=True)
class RaceHistory:
    """What happened between the first run and the answer.

    Attributes:
        progresses: at which the race compared anything, ascending; points between them are no rungs.
        rungs: what was decided, of those at which anything was.
        optimizers: all that were screened, the confirmed first, then the furthest.
        looks: of confirmation, in order.
    """

    progresses: tuple[float, ...]
    rungs: tuple[Rung, ...]
    optimizers: tuple[OptimizerHistory, ...]
    looks: tuple[Looked, ...]


def race_history(
    runs: Sequence[RunRecord],
    decisions: Sequence[DecisionRecord],
    first: Sequence[str] = (),
    *,
    finished: bool = True,
    direction: Direction = Direction.MINIMIZE,
    compared: Direction | None = None,
) -> RaceHistory:
    """The whole history, from what was recorded.

    Args:
        runs: every run of the study.
        decisions: every decision of the study.
        first: the optimizers to stand first, in their order.
        finished: whether nothing more will come.
        direction: which way of the runs' values is better.
        compared: the same of the values in decisions; None: of both.
    """
    compared = compared or direction
    decided = [record.decision for record in decisions]
    raced = race_runs(runs)
    progresses = _progresses(raced, decided)
    alive = set() if finished else _alive(runs, raced, decided)
    best = _best(raced, direction)
    of_race = _grouped(raced, lambda run: run.optimizer)
    of_study = _grouped(runs, lambda run: run.optimizer)
    of_decisions = _grouped(decided, optimizer_of)
    found = [
        _optimizer(
            name,
            own,
            of_study[name],
            of_decisions.get(name, ()),
            progresses,
            best,
            alive,
            direction,
            compared,
        )
        for name, own in of_race.items()
    ]
    order = {name: place for place, name in reversed(list(enumerate(first)))}
    found.sort(key=_distance, reverse=True)
    found.sort(key=lambda own: order.get(own.optimizer, len(order)))
    looks = tuple(decision for decision in decided if isinstance(decision, Looked))
    return RaceHistory(progresses, _rungs(decided, compared), tuple(found), looks)


def race_runs(runs: Iterable[RunRecord]) -> list[RunRecord]:
    """The screening runs on the race's own seed; those of the play-off have the seeds after it."""
    screened = [run for run in runs if run.phase == Phase.SCREEN]
    seed = min((run.seed for run in screened), default=0)
    return [run for run in screened if run.seed == seed]


def race_steps(decisions: Iterable[Decision]) -> list[Promoted | Stopped]:
    """Whom the race let go on and whom it stopped, at which rung, in the order in which it decided."""
    return [decision for decision in decisions if isinstance(decision, Promoted | Stopped)]


def is_measured(point: Point) -> bool:
    """Whether the point has a value; where a run diverged it has none."""
    return math.isfinite(point.value)


def measured(run: RunRecord) -> tuple[Point, ...]:
    """The run's points that have a value."""
    return tuple(point for point in run.points if is_measured(point))


# Rungs.


def _progresses(raced: Iterable[RunRecord], decided: Iterable[Decision]) -> tuple[float, ...]:
    rungs = {step.rung for step in race_steps(decided)}
    seen = {point.progress for run in raced for point in measured(run)}
    return tuple(sorted(p for p in seen if p >= 1 or not rungs or any(math.isclose(p, r) for r in rungs)))


def _rungs(decided: Iterable[Decision], compared: Direction) -> tuple[Rung, ...]:
    """A candidate that was stopped, and went on later when there was budget left, counts as gone on."""
    last = {(step.rung, step.candidate.key): step for step in race_steps(decided)}
    rungs = _grouped(last.values(), lambda step: step.rung)

    def by_value(step: RaceStep) -> tuple[bool, float]:
        return math.isnan(step.value), compared.told(step.value)

    return tuple(Rung(rung, tuple(sorted(rungs[rung], key=by_value)), compared) for rung in sorted(rungs))


# Optimizers.


def _optimizer(
    name: str,
    raced: Sequence[RunRecord],
    runs: Sequence[RunRecord],
    decided: Sequence[Decision],
    progresses: Sequence[float],
    best: Mapping[float, float],
    alive: Collection[str],
    direction: Direction,
    compared: Direction,
) -> OptimizerHistory:
    def order(run: RunRecord) -> tuple[float, float]:
        progress, value = _last(run)
        return -progress, direction.told(value)

    leading = min((run for run in raced if not run.lost and measured(run)), key=order, default=None)
    reached, value = (0.0, direction.own(math.inf)) if leading is None else _last(leading)
    playoff = next((decision for decision in decided if isinstance(decision, PlayoffPlace)), None)
    seeds = {
        phase: {run.seed for run in runs if run.phase == phase} for phase in (Phase.SCREEN, Phase.CONFIRM)
    }
    if seeds[Phase.CONFIRM]:
        standing = OptimizerStatus.CONFIRMED
    elif name in alive:
        standing = OptimizerStatus.FINALIST if _is_finalist(decided) else OptimizerStatus.RACING
    else:
        standing = (
            OptimizerStatus.LOST
            if leading is None and any(run.lost for run in raced)
            else OptimizerStatus.OUT
        )
    return OptimizerHistory(
        name,
        _counts(raced, progresses),
        runs=len(raced),
        diverged=sum(run.lost for run in raced),
        leading=leading,
        reached=reached,
        behind=playoff.behind if playoff else direction.behind(value, best.get(reached, 0.0)),
        band=math.nan if playoff else _band(decided, reached),
        playoff=playoff,
        playoff_seeds=len(seeds[Phase.SCREEN]) - 1,
        confirmed_seeds=len(seeds[Phase.CONFIRM]),
        standing=standing,
        ended=_ended(decided, compared) if standing in (OptimizerStatus.OUT, OptimizerStatus.LOST) else "",
    )


def _counts(raced: Iterable[RunRecord], progresses: Iterable[float]) -> tuple[RungCount, ...]:
    reached = [max((point.progress for point in measured(run)), default=0.0) for run in raced]
    return tuple(RungCount(p, sum(r >= p for r in reached), sum(r > p for r in reached)) for p in progresses)


def _last(run: RunRecord) -> tuple[float, float]:
    point = measured(run)[-1]
    return point.progress, point.value


def _best(raced: Iterable[RunRecord], direction: Direction) -> dict[float, float]:
    """The best value at every progress, of runs that ended well."""
    best: dict[float, float] = {}
    for run in raced:
        for point in measured(run) if not run.lost else ():
            known = best.get(point.progress, point.value)
            best[point.progress] = min(point.value, known, key=direction.told)
    return best


def _band(decided: Iterable[Decision], rung: float) -> float:
    """The widest band that stopped the optimizer at this rung."""
    here = (d.band for d in decided if isinstance(d, Stopped) and math.isclose(d.rung, rung))
    return max((band for band in here if math.isfinite(band)), default=math.nan)


def _ended(decided: Sequence[Decision], compared: Direction) -> str:
    """What stopped the optimizer's best candidate: the play-off, the race's end, or a rung."""
    if playoff := [d for d in decided if isinstance(d, PlayoffPlace) and not d.goes_on]:
        return playoff[-1].text
    standing = [d for d in decided if isinstance(d, BestOfOptimizer)]
    if standing and standing[-1].rung >= 1:
        return standing[-1].text
    stopped = (d for d in decided if isinstance(d, Stopped))

    def order(step: Stopped) -> tuple[float, float]:
        return step.rung, -math.inf if math.isnan(step.value) else -compared.told(step.value)

    best = max(stopped, key=order, default=None)
    return best.text if best else ""


def _distance(own: OptimizerHistory) -> tuple[int, int, list[int]]:
    return own.confirmed_seeds, own.playoff_seeds, [count.measured for count in reversed(own.counts)]


# While it goes on.


def _is_finalist(decided: Sequence[Decision]) -> bool:
    last = decided[-1] if decided else None
    return isinstance(last, BestOfOptimizer) or (isinstance(last, PlayoffPlace) and last.goes_on)


def _alive(runs: Iterable[RunRecord], raced: Iterable[RunRecord], decided: Iterable[Decision]) -> set[str]:
    """Optimizers that have a candidate which no decision has stopped and which has not been lost.

    At its end the race names the best of every optimizer; of those that were stopped on their way, only
    who is in the play-off goes on.
    """
    stopped: dict[str, bool] = {}
    gone: set[str] = set()
    for decision in decided:
        match decision:
            case RaceStep() as step:
                early = isinstance(step, BestOfOptimizer) and step.rung < 1
                stopped[step.candidate.key] = early or isinstance(step, Stopped)
            case PlayoffPlace(goes_on=False) as place:
                gone.add(place.candidate.optimizer)
    standing = {run.optimizer for run in raced if not run.lost and not stopped.get(run.candidate.key)}
    seeds = {run.seed for run in raced}
    playoff = {run.optimizer for run in runs if run.phase == Phase.SCREEN and run.seed not in seeds}
    return (standing | playoff) - gone


def _grouped(records: Iterable[_Record], key: Callable[[_Record], Any]) -> dict[Any, list[_Record]]:
    groups: dict[Any, list[_Record]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return groups
