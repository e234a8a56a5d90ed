"""What a survey of a real model has found, and how it is written down as JSON.

The document, JSON (numbers with six digits; null where a loss is not finite):

    {"version": 1, "study", "task", "seed",
     "loss": what is measured, in words, "measure": what the study compares by, in words,
     "unit": "evaluations" | "steps", "statistics": where batch norm has its own from, in words, or "",
     "parameters", "filters": how many, "source": "kept" | "trained again" | "both",
     "explained": [shares of the squared distance from the start along the main axes, largest first],
     "grid": {"x": [...], "y": [...], "loss": [[...] for each y]},
     "paths": [{"optimizer", "hyperparameters", "schedule", "status", "message",
                "evaluations": [...], "x": [...], "y": [...], "distance": [from the start],
                "off": [distance from the plane],
                "loss": [at the snapshots], "plane_loss": [at their projections],
                "share": of its squared distance on the plane, "alone": [what two axes of its own explain],
                "value": measured at its end, or null, "recorded": the study's value there, or null}],
     "control": {"dimensions", "seed", "explained": as above, of all walks on one plane,
                 "paths": [{"x": [...], "y": [...], each on the plane of its own, "alone"}, for each path]},
     "notes": [sentences: whatever is not as it should be]}
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from surefoot.landscape.finalists import Finalist
from surefoot.landscape.loss_evaluators import LossEvaluator
from surefoot.landscape.losses import Losses
from surefoot.landscape.plane import Fit, filters, fit_plane
from surefoot.landscape.random_walks import MOST_DIMENSIONS, walk
from surefoot.landscape.trainings import Training, agree
from surefoot.study.format import number
from surefoot.study.label import optimizer_label
from surefoot.study.records import StudyRecord

VERSION = 1
DIGITS = 6
CONTROL_SEED = 0


@dataclass(frozen=True)
class Survey:
    """What was found.

    Attributes:
        unit: of the paths' evaluations.
        evaluator: where losses were measured.
        trainings: whose paths there are; at least one.
        lost: finalists that diverged before there was a path.
        fit: the paths on their plane.
        moves: lengths of the steps between each path's points.
        losses: along the paths and on the plane.
        ends: what each path measures at its end; None where that cannot be had.
    """

    study: StudyRecord
    unit: str
    evaluator: LossEvaluator
    trainings: Sequence[Training]
    lost: Sequence[Finalist]
    fit: Fit
    moves: Sequence[Tensor]
    losses: Losses
    ends: Sequence[float | None]


def document(survey: Survey) -> dict[str, Any]:
    """The survey as JSON types."""
    first, losses = survey.trainings[0], survey.losses
    parameters = first.path.points.shape[1]
    return {
        "version": VERSION,
        "study": survey.study.name,
        "task": survey.study.task,
        "seed": first.finalist.seed,
        "loss": survey.evaluator.loss,
        "measure": str(survey.study.look.get("measure", "")),
        "unit": survey.unit,
        "statistics": survey.evaluator.statistics,
        "parameters": parameters,
        "filters": int(filters(first.path.layout)[-1]) + 1,
        "source": _source(survey.trainings),
        "explained": _digits(survey.fit.explained),
        "grid": {"x": _digits(losses.x), "y": _digits(losses.y), "loss": list(map(_digits, losses.grid))},
        "paths": [_path(survey, number) for number in range(len(survey.trainings))],
        "control": _control(survey.moves, parameters),
        "notes": _notes(survey),
    }


def _path(survey: Survey, number: int) -> dict[str, Any]:
    training, fit, losses = survey.trainings[number], survey.fit, survey.losses
    finalist = training.finalist
    x, y = fit.coordinates[number].T.tolist()
    return {
        "optimizer": finalist.candidate.optimizer,
        "hyperparameters": dict(finalist.candidate.hyperparameters),
        "schedule": asdict(finalist.candidate.schedule),
        "status": finalist.status,
        "message": finalist.message,
        "evaluations": list(training.path.evaluations),
        "x": _digits(x),
        "y": _digits(y),
        "distance": _digits(fit.distance[number].tolist()),
        "off": _digits(fit.off[number].tolist()),
        "loss": _digits(losses.own[number]),
        "plane_loss": _digits(losses.projected[number]),
        "share": _digit(fit.shares[number]),
        "alone": _digits(fit.alone[number]),
        "value": _digit(survey.ends[number]),
        "recorded": _digit(finalist.value),
    }


def _control(moves: Sequence[Tensor], parameters: int) -> dict[str, Any]:
    """Random walks with the same steps: together on one plane, and each on its own, where all are smooth."""
    products = walk(moves, parameters, CONTROL_SEED)
    lengths = [len(own) + 1 for own in moves]
    paths, begin = [], 0
    for length in lengths:
        own = slice(begin, begin + length)
        alone = fit_plane(products[own, own], [length])
        x, y = alone.coordinates[0].T.tolist()
        paths.append({"x": _digits(x), "y": _digits(y), "alone": _digits(alone.alone[0])})
        begin += length
    together = fit_plane(products, lengths).explained
    dimensions = min(parameters, MOST_DIMENSIONS)
    return {
        "dimensions": dimensions,
        "seed": CONTROL_SEED,
        "explained": _digits(together),
        "paths": paths,
    }


def _digits(values: Sequence[float]) -> list[float | None]:
    return [_digit(value) for value in values]


def _digit(value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{DIGITS}g}")


def _source(trainings: Sequence[Training]) -> str:
    kept = {training.kept for training in trainings}
    return "both" if len(kept) == 2 else "kept" if kept == {True} else "trained again"


def _notes(survey: Survey) -> list[str]:
    """What a reader should know before believing the picture."""
    notes, start = [], survey.trainings[0].path.points[0]
    for training, end in zip(survey.trainings, survey.ends, strict=True):
        finalist = training.finalist
        name = _name(finalist)
        if not torch.equal(training.path.points[0], start):
            notes.append(f"{name} did not start where the first path did: its start lies off the plane.")
        if finalist.status == "diverged":
            notes.append(f"{name} diverged on this seed; its path is drawn as far as it was finite.")
        elif end is not None and finalist.value is not None and not agree(end, finalist.value):
            notes.append(
                f"{name}'s path ends at {number(end, 6)}, where the study recorded "
                f"{number(finalist.value, 6)}: it is not the very same training."
            )
        if training.trouble:
            notes.append(f"{name}: {training.trouble}.")
    return notes + [
        f"{_name(finalist)} diverged on this seed before there was a path to draw; it is left out."
        for finalist in survey.lost
    ]


def _name(finalist: Finalist) -> str:
    return optimizer_label(finalist.candidate.optimizer)
