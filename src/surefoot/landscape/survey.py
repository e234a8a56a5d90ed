"""The landscape of a study's model: its finalists' paths on one plane, what that plane hides, and a control.

    with Store.at("sqlite:///.surefoot/evidence.db") as store:
        document = survey(store.study("digits-1f2e3d4c"), folder)
        store.keep("digits-1f2e3d4c", "landscape", document)

The paths are those of the first seed that all finalists were confirmed on.  Where snapshots were kept they
are used; otherwise the finalists are trained again from the same start, which gives the same paths.

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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from surefoot.landscape.control import MOST_DIMENSIONS, walk
from surefoot.landscape.finalists import Finalist, StudyRead, finalists
from surefoot.landscape.losses import Losses, measure
from surefoot.landscape.plane import Fit, axes, filters, fit_plane, gram, metric, steps
from surefoot.landscape.trainings import Training, agree, open_subject
from surefoot.training import draws
from surefoot.training.revisit import Atlas, Place
from surefoot.training.snapshots import MOST

Progress = Callable[[str, int, int], None]
"""Told what is going on, how much of it is done, and of how much."""

VERSION = 1
SIZE = 31
BATCHES = 8
DIGITS = 6
CONTROL_SEED = 0


def survey(
    study: StudyRead,
    folder: Path,
    *,
    size: int = SIZE,
    batches: int = BATCHES,
    most: int = MOST,
    optimizers: Sequence[str] | None = None,
    progress: Progress = lambda what, done, total: None,
) -> dict[str, Any]:
    """Draw up the landscape of a study; takes about as long as training its finalists once.

    Args:
        study: a `surefoot.evidence.StudyRecord`, finished or not.
        folder: where its snapshots lie, `training.snapshots.snapshots_folder`; those of runs that are made
            again here are left there too.
        size: points along each side of the plane at which the loss is measured.
        batches: of training data, whose mean loss that is; a script has its own.
        most: snapshots of each run that is made again.
        optimizers: whose paths; None: all that were confirmed.
        progress: told how it goes on.

    Raises:
        ValueError: the study has no finalists, or its task or script is not what it was.
        TaskError: the task cannot be loaded or trained.
    """
    with draws.untouched():
        return _survey(study, folder, finalists(study, optimizers), size, batches, most, progress)


def explained(document: Mapping[str, Any]) -> tuple[float, float]:
    """How much of the squared distance from the start one plane holds: of all paths, and of random walks."""
    return sum(document["explained"][:2]), sum(document["control"]["explained"][:2])


def _survey(
    study: StudyRead,
    folder: Path,
    chosen: Sequence[Finalist],
    size: int,
    batches: int,
    most: int,
    progress: Progress,
) -> dict[str, Any]:
    subject = open_subject(study, folder, batches, most)
    made = [subject.training(finalist, progress) for finalist in chosen]
    trainings = [training for training in made if training is not None]
    if not trainings:
        raise ValueError(
            f"study {study.name!r}: every finalist diverged at once, and there is no path to draw"
        )
    lost = [finalist for finalist, training in zip(chosen, made, strict=True) if training is None]
    paths = [training.path for training in trainings]
    if any(path.layout != paths[0].layout for path in paths):
        raise ValueError(f"the snapshots in {folder} are of different models; remove it, to train again")
    points, origin, layout = [path.points for path in paths], paths[0].points[0], paths[0].layout
    lengths = list(map(len, points))
    scale = metric(layout, [path[-1] for path in points])
    products = gram(points, origin, scale)
    fit = fit_plane(products, lengths)
    atlas = Atlas(paths, axes(points, origin, scale, fit))
    ground = subject.ground(chosen[0].seed)
    healthy = [n for n, training in enumerate(trainings) if training.finalist.status != "diverged"]
    losses = measure(
        ground,
        atlas,
        fit.coordinates,
        healthy or range(len(paths)),
        size,
        lambda done, total: progress("measure the loss on the plane", done, total),
    )
    ends = ground.values(atlas, [Place(number, length - 1) for number, length in enumerate(lengths)])
    return {
        "version": VERSION,
        "study": study.name,
        "task": study.task,
        "seed": chosen[0].seed,
        "loss": ground.loss,
        "measure": str(study.look.get("measure", "")),
        "unit": subject.unit,
        "statistics": ground.statistics,
        "parameters": len(origin),
        "filters": int(filters(layout)[-1]) + 1,
        "source": _source(trainings),
        "explained": _digits(fit.explained),
        "grid": {"x": _digits(losses.x), "y": _digits(losses.y), "loss": list(map(_digits, losses.grid))},
        "paths": [
            _path(number, training, fit, losses, end)
            for number, (training, end) in enumerate(zip(trainings, ends, strict=True))
        ],
        "control": _control(steps(products, lengths), len(origin)),
        "notes": [*_notes(trainings, ends), *map(_left_out, lost)],
    }


def _path(number: int, training: Training, fit: Fit, losses: Losses, end: float | None) -> dict[str, Any]:
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
        "value": _digit(end),
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


def _notes(trainings: Sequence[Training], ends: Sequence[float | None]) -> list[str]:
    """What a reader should know before believing the picture."""
    notes, start = [], trainings[0].path.points[0]
    for training, end in zip(trainings, ends, strict=True):
        finalist = training.finalist
        name = _name(finalist)
        if not torch.equal(training.path.points[0], start):
            notes.append(f"{name} did not start where the first path did: its start lies off the plane.")
        if finalist.status == "diverged":
            notes.append(f"{name} diverged on this seed; its path is drawn as far as it was finite.")
        elif end is not None and finalist.value is not None and not agree(end, finalist.value):
            notes.append(
                f"{name}'s path ends at {end:.4g}, where the study recorded {finalist.value:.4g}: "
                "it is not the very same training."
            )
        if training.trouble:
            notes.append(f"{name}: {training.trouble}.")
    return notes


def _left_out(finalist: Finalist) -> str:
    return f"{_name(finalist)} diverged on this seed before there was a path to draw; it is left out."


def _name(finalist: Finalist) -> str:
    return finalist.candidate.optimizer.rpartition(":")[2]
