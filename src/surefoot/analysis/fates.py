"""How far each optimizer came before confirmation, and what stopped it, from what was recorded.

fates(runs, decisions)["SGD"]
# Fate("SGD", stage="rung", progress=1/3, behind=0.13, band=0.09, runs=9, diverged=2)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from surefoot.study.decisions import PlayoffPlace, Stopped
from surefoot.study.records import DecisionRecord, RunRecord


@dataclass(frozen=True)
class Fate:
    """An optimizer's way through screening, told of the candidate that came furthest.

    Attributes:
        stage: where it ended: in the "playoff", at the "end" of the race, at a "rung" before that, or
            "diverged", in every run.
        progress: the furthest rung it was measured at.
        behind: how far it was behind the best there, in units of the value.
        band: how far behind it could have been and go on; nan where no band decided.
        runs, diverged: how many it had in screening.
        best, seeds: in the play-off, whom its mean was behind, and over how many seeds.
    """

    optimizer: str
    stage: Literal["playoff", "end", "rung", "diverged"]
    progress: float
    behind: float
    band: float
    runs: int
    diverged: int
    best: str = ""
    seeds: int = 0

    @property
    def within(self) -> bool:
        """Whether it was within the band, and stopped for the budget alone."""
        return self.behind <= self.band


def fates(runs: Sequence[RunRecord], decisions: Sequence[DecisionRecord]) -> dict[str, Fate]:
    """The fate of every screened optimizer, by name; of finalists it is the last thing before."""
    screened = [run for run in runs if run.phase == "screen"]
    return {
        name: _fate(name, [run for run in screened if run.optimizer == name], screened, decisions)
        for name in dict.fromkeys(run.optimizer for run in screened)
    }


def _fate(
    name: str, own: Sequence[RunRecord], screened: Sequence[RunRecord], decisions: Sequence[DecisionRecord]
) -> Fate:
    lost = sum(run.lost for run in own)
    if played := _playoff(name, decisions):
        best, seeds = played.best.optimizer, played.seeds
        return Fate(name, "playoff", 1.0, played.behind, math.nan, len(own), lost, best, seeds)
    seed = min(run.seed for run in screened)  # the race's; those of the play-off follow it
    values = _values(run for run in own if run.seed == seed)
    if not values:
        return Fate(name, "diverged", 0.0, math.inf, math.nan, len(own), lost)
    reached = max(values)
    everyone = _values(run for run in screened if run.seed == seed)
    behind = values[reached] - everyone[reached]
    stage: Literal["end", "rung"] = "end" if reached >= 1 else "rung"
    return Fate(name, stage, reached, behind, _band(name, reached, decisions), len(own), lost)


def _values(runs: Iterable[RunRecord]) -> dict[float, float]:
    """The lowest value at every progress, of runs that ended well."""
    lowest: dict[float, float] = {}
    for run in runs:
        for point in run.points if not run.lost else ():
            if math.isfinite(point.value):
                lowest[point.progress] = min(point.value, lowest.get(point.progress, math.inf))
    return lowest


def _playoff(name: str, decisions: Sequence[DecisionRecord]) -> PlayoffPlace | None:
    """How the optimizer stood in the play-off; None where it was in none."""
    stood = (record.decision for record in decisions if isinstance(record.decision, PlayoffPlace))
    return next((place for place in stood if place.candidate.optimizer == name), None)


def _band(name: str, rung: float, decisions: Sequence[DecisionRecord]) -> float:
    """The widest band that stopped the optimizer at this rung."""
    stopped = (record.decision for record in decisions if isinstance(record.decision, Stopped))
    here = (d for d in stopped if d.candidate.optimizer == name and math.isclose(d.rung, rung))
    return max((d.band for d in here if math.isfinite(d.band)), default=math.nan)
