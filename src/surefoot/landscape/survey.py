"""The landscape of a study's model: its finalists' paths on one plane, what that plane hides, and a control.

    with Store.at("sqlite:///.surefoot/evidence.db") as store:
        document = survey(store.study("digits-1f2e3d4c"), folder)
        store.keep("digits-1f2e3d4c", "landscape", document)

The paths are those of the first seed that all finalists were confirmed on.  Where snapshots were kept they
are used; otherwise the finalists are trained again from the same start, which gives the same paths.
`survey_document.py` says what the document holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from surefoot.errors import InvalidInputError
from surefoot.landscape.finalists import Finalist, finalists
from surefoot.landscape.losses import measure
from surefoot.landscape.plane import axes, fit_plane, gram, metric, steps
from surefoot.landscape.survey_document import Survey, document
from surefoot.landscape.trainings import Subject, Training, open_subject
from surefoot.study.records import StudyRecord
from surefoot.training import random_state as draws
from surefoot.training.revisit import Atlas, Place
from surefoot.training.snapshots import MOST

Progress = Callable[[str, int, int], None]
"""Told what is going on, how much of it is done, and of how much."""

SIZE = 31
BATCHES = 8


def survey(
    study: StudyRecord,
    folder: Path,
    *,
    size: int = SIZE,
    batches: int = BATCHES,
    most: int = MOST,
    optimizers: Sequence[str] | None = None,
    progress: Progress = lambda what, done, total: None,
) -> dict[str, Any]:
    """Draw up the landscape of a study; without snapshots its finalists are trained once more for it.

    Args:
        study: a `surefoot.store.StudyRecord`, finished or not.
        folder: where its snapshots lie, `training.snapshots.snapshots_folder`; those of runs that are made
            again here are left there too.
        size: points along each side of the plane at which the loss is measured.
        batches: of training data, whose mean loss that is; a script has its own.
        most: snapshots of each run that is made again.
        optimizers: whose paths; None: all that were confirmed.
        progress: told how it goes on.

    Raises:
        InvalidInputError: the study has no finalists, or its task or script is not what it was.
        TaskError: the task cannot be loaded or trained.
    """
    chosen = finalists(study, optimizers)
    with draws.untouched():
        subject = open_subject(study, folder, batches, most)
        trainings, lost = _trainings(subject, chosen, progress)
        if not trainings:
            raise InvalidInputError(
                f"every finalist of study {study.name!r} diverged at once: there is no path to draw"
            )
        if any(training.path.layout != trainings[0].path.layout for training in trainings):
            raise InvalidInputError(
                f"the snapshots in {folder} are of different models; remove it, to train again"
            )
        return document(_surveyed(study, subject, trainings, lost, size, progress))


def _trainings(
    subject: Subject, chosen: Sequence[Finalist], progress: Progress
) -> tuple[list[Training], list[Finalist]]:
    """The paths that there are, and the finalists without one."""
    made = [(finalist, subject.training(finalist, progress)) for finalist in chosen]
    lost = [finalist for finalist, training in made if training is None]
    return [training for _, training in made if training is not None], lost


def _surveyed(
    study: StudyRecord,
    subject: Subject,
    trainings: Sequence[Training],
    lost: Sequence[Finalist],
    size: int,
    progress: Progress,
) -> Survey:
    """Find the plane, and measure on it and beside it."""
    paths = [training.path for training in trainings]
    points = [path.points for path in paths]
    lengths, origin = list(map(len, points)), points[0][0]
    scale = metric(paths[0].layout, [path[-1] for path in points])
    products = gram(points, origin, scale)
    fit = fit_plane(products, lengths)
    atlas = Atlas(paths, axes(points, origin, scale, fit))
    evaluator = subject.evaluator(trainings[0].finalist.seed)
    healthy = [n for n, training in enumerate(trainings) if training.finalist.status != "diverged"]

    def told(done: int, total: int) -> None:
        progress("measure the loss on the plane", done, total)

    losses = measure(evaluator, atlas, fit.coordinates, healthy or range(len(paths)), size, told)
    ends = evaluator.values(atlas, [Place(path, length - 1) for path, length in enumerate(lengths)])
    moves = steps(products, lengths)
    return Survey(study, subject.unit, evaluator, trainings, lost, fit, moves, losses, ends)
