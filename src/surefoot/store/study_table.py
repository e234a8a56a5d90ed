"""A study as a curve table: every run's learning curve, to be replayed or read by other programs.

    write_study_table(store.study("digits"), "digits.csv.gz")  # and beside it digits.json

An arm is an optimizer with its hyperparameters and its warmup, which `choose` varies like one of them.
Where the question was who is the fastest, values are distances to the target.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from surefoot.store.curve_table import write_table
from surefoot.store.errors import TableError
from surefoot.study.decisions import TargetSet
from surefoot.study.records import RunRecord, StudyRecord
from surefoot.study.run import Phase, Point

EARLY_ENDS = (
    "a run that the race stopped early ends there: its last value is not that of a whole training, and the "
    "scores of a replay say which candidate was ahead where its run ended"
)


def write_study_table(study: StudyRecord, path: str | Path) -> int:
    """Write the table and what says how to score it; returns the number of curves.

    The race's own seed is replayed, since on it every candidate ran; the table holds the others too.

    Raises:
        TableError: the study has no curve yet.
    """
    runs = list(_longest(study).values())
    if not runs:
        raise TableError(f"study {study.name!r} has no learning curve yet")
    target = _target(study)
    about = {
        "name": study.name,
        "source": f"surefoot study {study.name}, begun {study.created}",
        "value": study.profile.measure if study.profile else "validation measure",
        "score": "final" if target is None else "time_to_target",
        "replay": {"seeds": [_race_seed(runs)], "rungs": _rungs(runs)},
        "notes": [EARLY_ENDS],
        "runs": len(runs),
    }
    write_table(path, _rows(study.task, runs, target or 0.0), about)
    return len(runs)


def _rows(task: str, runs: list[RunRecord], target: float) -> Iterator[tuple[Any, ...]]:
    for run in runs:
        arm = task, run.optimizer, run.candidate.settings, run.seed
        for point in _curve(run):
            yield *arm, point.progress, point.seconds, point.value - target


def _target(study: StudyRecord) -> float | None:
    """The value that a study of the fastest wants reached; None for the goal "best"."""
    decided = (record.decision for record in study.decisions)
    return next((decision.target for decision in decided if isinstance(decision, TargetSet)), None)


def _longest(study: StudyRecord) -> dict[str, RunRecord]:
    """The run that came furthest, for each arm and seed: two phases may have made the same one."""
    found: dict[str, RunRecord] = {}
    for run in study.runs:
        if curve := _curve(run):
            key = repr((run.optimizer, sorted(run.candidate.settings.items()), run.seed))
            if key not in found or curve[-1].progress > _curve(found[key])[-1].progress:
                found[key] = run
    return found


def _curve(run: RunRecord) -> list[Point]:
    return [point for point in run.points if 0 < point.progress <= 1]


def _race_seed(runs: list[RunRecord]) -> int:
    return min([run.seed for run in runs if run.phase == Phase.SCREEN] or [run.seed for run in runs])


def _rungs(runs: list[RunRecord]) -> list[float]:
    """Where the race measured; a replay goes to the end in any case."""
    seed = _race_seed(runs)
    measured = {
        point.progress
        for run in runs
        if run.seed == seed
        for point in _curve(run)
        if math.isfinite(point.value)
    }
    return sorted(measured | {1.0})
