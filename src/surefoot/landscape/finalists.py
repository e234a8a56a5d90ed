"""Whose paths a landscape shows: a study's confirmed candidates, trained from its first fresh seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from surefoot.errors import InvalidInputError
from surefoot.naming import nearest
from surefoot.study.records import RunRecord, StudyRecord
from surefoot.study.run import Candidate, Schedule

CONFIRMED = "confirm"


@dataclass(frozen=True)
class Finalist:
    """A confirmed candidate.

    Attributes:
        seed: of the run.
        status, message: how the run ended.
        value: what it measured at the end of a whole training; nan where it diverged, None where it ended at
            its target before.
    """

    candidate: Candidate
    seed: int
    status: str
    message: str
    value: float | None


def finalists(study: StudyRecord, optimizers: Sequence[str] | None = None) -> list[Finalist]:
    """Those that were confirmed, on the first seed that they share; without those that failed there.

    Args:
        study: finished or not.
        optimizers: whose; by class name, in any case. None: all.

    Raises:
        InvalidInputError: the study has confirmed none yet, or not the ones that are asked for.
    """
    confirmed = [run for run in study.runs if run.phase == CONFIRMED]
    seed = min((run.seed for run in confirmed), default=0)
    runs = [run for run in confirmed if run.seed == seed and run.status in ("completed", "diverged")]
    if not runs:
        raise InvalidInputError(
            f"study {study.name!r} has no finalists yet; its landscape can be drawn once some are confirmed"
        )
    if optimizers:
        runs = _those(runs, optimizers, study.name)
    return [_finalist(run) for run in runs]


def _those(runs: Sequence[RunRecord], optimizers: Sequence[str], study: str) -> list[RunRecord]:
    known = {_plain(run.optimizer) for run in runs}
    for name in optimizers:
        if _plain(name) not in known:
            shown = sorted({run.optimizer.rpartition(":")[2] for run in runs})
            raise InvalidInputError(f"study {study!r} has confirmed no {name}{nearest(name, shown)}")
    wanted = {_plain(name) for name in optimizers}
    return [run for run in runs if _plain(run.optimizer) in wanted]


def _plain(optimizer: str) -> str:
    return optimizer.rpartition(":")[2].lower()


def _finalist(run: RunRecord) -> Finalist:
    candidate = Candidate(run.optimizer, run.hyperparameters, Schedule(**run.schedule))
    ended = bool(run.points) and (run.status == "diverged" or run.points[-1].progress >= 1)
    value = float(run.points[-1].value) if ended else None
    return Finalist(candidate, run.seed, run.status, run.message, value)
