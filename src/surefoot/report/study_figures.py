"""Every figure of a study's page by its name, which an address can hold: what there is, and drawing it.

[figure.name for figure in catalogue(study)]     # ["forest", "progress", …, "rates-0", "rung-0", …]
draw(study, "rates")                             # {"rates-0": Figure, …}: most of the work is the same
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from matplotlib.figure import Figure

from surefoot.analysis.race_history import RaceHistory, Rung, is_measured
from surefoot.analysis.tables import history, results
from surefoot.report import figures, landscape_figures, race_figures
from surefoot.report.landscape_section import section
from surefoot.study.decisions import Promoted
from surefoot.study.format import fraction
from surefoot.study.label import optimizer_label
from surefoot.study.records import StudyRecord
from surefoot.study.run import Phase, Status

SINGLE: Mapping[str, Callable[[StudyRecord], Figure | None]] = {
    "forest": figures.forest,
    "progress": figures.curves_by_progress,
    "seconds": figures.curves_by_seconds,
    "cost": figures.quality_by_cost,
    "looks": race_figures.look_figure,
}
SERIES = ("rates", "rung", "landscape")
"""Of which there are several: rates-0, rates-1, …"""


@dataclass(frozen=True)
class StudyFigure:
    """A figure that can be drawn.

    Attributes:
        title: what a screen reader says.
        data: what it is drawn of: where this is another, so is the figure.
    """

    name: str
    title: str
    data: object


def sort_of(figure: str) -> str | None:
    """What is drawn together with the figure of this name; None where there is none of this name."""
    if figure in SINGLE:
        return figure
    found = re.fullmatch(rf"({'|'.join(SERIES)})-\d{{1,3}}", figure)
    return found[1] if found else None


def catalogue(study: StudyRecord, race: RaceHistory | None = None) -> list[StudyFigure]:
    """Every figure that the study has something to show in."""
    race = race or history(study)
    return [
        *_of_results(study, race),
        *(
            StudyFigure(f"rates-{place}", f"{optimizer_label(curve.optimizer)} against learning rate", curve)
            for place, curve in enumerate(race_figures.ordered_curves(study, race))
        ),
        *(
            StudyFigure(
                f"rung-{place}", f"The race at {fraction(rung.progress)} of the training", _data(rung)
            )
            for place, rung in enumerate(race.rungs)
            if any(math.isfinite(step.value) for step in rung.steps)
        ),
        *_of_landscape(study),
    ]


def _of_results(study: StudyRecord, race: RaceHistory) -> Iterator[StudyFigure]:
    rows = results(study.answer)
    answered = [(row.candidate.key, row.values, row.interval, row.role) for row in rows]
    if any(row.values for row in rows):
        yield StudyFigure("forest", "Confirmed candidates against the baseline", answered)
    measured = [run for run in study.runs if run.points and run.status != Status.DIVERGED]
    if any(is_measured(point) for run in measured for point in run.points):
        told = answered, len(measured), sum(len(run.points) for run in measured)
        yield StudyFigure("progress", "Learning curves against the share of the full training", told)
        yield StudyFigure("seconds", "Learning curves against training seconds", told)
    if any(row.phase == Phase.CONFIRM and row.values and row.seconds_per_step for row in rows):
        yield StudyFigure("cost", "Final value against seconds per step", answered)
    if found := [look for look in race.looks if look.rivals]:
        yield StudyFigure("looks", "Confirmation, look by look", found)


def _data(rung: Rung) -> object:
    return [(step.candidate.optimizer, step.value, isinstance(step, Promoted)) for step in rung.steps]


def _of_landscape(study: StudyRecord) -> Iterator[StudyFigure]:
    if found := section(study):
        for place, part in enumerate(found.parts):
            yield StudyFigure(f"landscape-{place}", part.title, (found.rows, found.summary))


def draw(study: StudyRecord, sort: str) -> Iterator[tuple[str, Figure]]:
    """The figures of one sort that the study has something to show in, by name."""
    drawn: Iterator[tuple[str, Figure | None]]
    if sort in SINGLE:
        drawn = iter([(sort, SINGLE[sort](study))])
    elif sort == "rates":
        drawn = ((f"rates-{i}", figure) for i, (_, figure) in enumerate(race_figures.rate_panels(study)))
    elif sort == "landscape":
        document = study.documents.get("landscape") if section(study) else None
        parts = landscape_figures.figures(document, study) if document else []
        drawn = ((f"landscape-{i}", figure) for i, (_, _, figure) in enumerate(parts))
    else:
        places = {rung.progress: place for place, rung in enumerate(history(study).rungs)}
        drawn = (
            (f"rung-{places[rung.progress]}", figure) for rung, figure in race_figures.race_panels(study)
        )
    yield from ((name, figure) for name, figure in drawn if figure is not None)
