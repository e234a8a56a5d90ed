"""What a full training is to be, and how it stands: plan and result, as a model's folder keeps them.

plan = TrainingPlan("digits", Candidate("AdamW", {"lr": 2e-3}), seed=0, steps=400)
compare(plan, ModelFolder("model"))      # ["seed is 1, asked for 0"], or [] for the same or none
standing(ModelFolder("model")).best      # Point(progress=0.95, seconds=…, value=0.08)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch

from surefoot import __version__
from surefoot.study.direction import Direction
from surefoot.study.question import TrainingPlan
from surefoot.study.run import Point, Status
from surefoot.study.strict_json import or_nan
from surefoot.tasks import Task
from surefoot.training.full.model_folder import TASK, TRAINING, About, FolderError, ModelFolder


@dataclass(frozen=True)
class TrainingState:
    """How a training stands.

    Attributes:
        status: completed, diverged, stopped by the caller, or still running, to be gone on with.
        evaluations: of the loss so far; where it diverged, up to there.
        curve: everything that was measured; the value is nan where it diverged.
        best: the best of them; None before there is one.
        message: why it diverged.
        metrics: further measures of the best model, by the task's `metrics`.
        seconds_per_step: median, in the latest sitting; nan where nothing was trained.
        state_bytes: of the optimizer.
        direction: which way of the measure is better.
    """

    status: Status
    evaluations: int
    curve: tuple[Point, ...]
    message: str = ""
    metrics: Mapping[str, float] | None = None
    seconds_per_step: float = math.nan
    state_bytes: int = 0
    direction: Direction = Direction.MINIMIZE

    @property
    def best(self) -> Point | None:
        """The point of the best weights: the first of the best values."""
        measured = [point for point in self.curve if math.isfinite(point.value)]
        return min(measured, key=lambda point: self.direction.told(point.value), default=None)

    @property
    def last(self) -> Point | None:
        """The point of the last good weights."""
        measured = [point for point in self.curve if math.isfinite(point.value)]
        return measured[-1] if measured else None


def compare(plan: TrainingPlan, folder: ModelFolder) -> list[str]:
    """How the training in the folder differs from the plan, in words; empty for the same, or for none.

    Raises:
        FolderError: its training.json is damaged.
    """
    if not (folder.path / TRAINING).exists():
        return []
    there = folder.read_json(TRAINING).get("plan")
    if not isinstance(there, dict):
        raise FolderError(f"{folder.path / TRAINING} says nothing of a plan")
    found, asked = _flat(there), _flat(plan.document)
    return [
        f"{name} is {_told(found, name)}, asked for {_told(asked, name)}"
        for name in dict.fromkeys([*asked, *found])
        if _told(found, name) != _told(asked, name)
    ]


def standing(folder: ModelFolder) -> TrainingState | None:
    """How the training in a folder ended; None where it has not, or there is none."""
    if not (folder.path / TRAINING).exists():
        return None
    found = folder.read_json(TRAINING)
    if found.get("status") not in (Status.COMPLETED, Status.DIVERGED):
        return None
    try:
        return TrainingState(
            Status(found["status"]),
            int(found["evaluations"]),
            tuple(Point(*map(or_nan, row)) for row in found["curve"]),
            str(found["message"]),
            {name: or_nan(value) for name, value in found["metrics"].items()},
            or_nan(found["seconds_per_step"]),
            int(found["state_bytes"]),
            Direction(found.get("plan", {}).get("direction", Direction.MINIMIZE)),
        )
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise FolderError(f"{folder.path / TRAINING} is not as it was written: {error}") from None


def write(folder: ModelFolder, plan: TrainingPlan, task: Task, result: TrainingState) -> None:
    """Keep what the folder is of, and how its training stands.

    Raises:
        FileError: the disk is full or the folder cannot be written.
    """
    labels = tuple(map(str, getattr(task, "labels", None) or ()))
    best, last = result.best, result.last
    folder.write_json(TASK, About(plan.task, task.name, labels, task.measure, __version__).document())
    folder.write_json(
        TRAINING,
        {
            "plan": plan.document,
            "status": result.status,
            "evaluations": result.evaluations,
            "message": result.message,
            "values": {"best": best and asdict(best), "last": last and asdict(last)},
            "metrics": {name: _finite(value) for name, value in (result.metrics or {}).items()},
            "seconds_per_step": _finite(result.seconds_per_step),
            "state_bytes": result.state_bytes,
            "curve": [[p.progress, p.seconds, _finite(p.value)] for p in result.curve],
            "surefoot": __version__,
            "torch": torch.__version__,
        },
    )


def _flat(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by their own names: {"hyperparameters": {"lr": 0.1}} is {"lr": 0.1}."""
    found: dict[str, Any] = {}
    for name, value in plan.items():
        found |= value if isinstance(value, dict) else {name: value}
    return found


def _told(plan: Mapping[str, Any], name: str) -> str:
    return repr(plan[name]) if name in plan else "not set"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
