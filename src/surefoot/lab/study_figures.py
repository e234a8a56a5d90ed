"""A study's figures as SVG for its page: the same as in the report, by names that addresses can hold.

draw(record, "rates")       # {"rates-0": "<svg …", "rates-1": …}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from matplotlib.figure import Figure

from surefoot.analysis.tables import history
from surefoot.lab.answers import Refused
from surefoot.lab.plain_svg import plain_svg
from surefoot.report import figures, landscape_figures, race_figures
from surefoot.report.svg import inline_svg
from surefoot.study.format import fraction, printable
from surefoot.study.label import optimizer_label
from surefoot.study.records import StudyRecord

Named = Iterator[tuple[str, Figure | None, str]]

SINGLE: Mapping[str, tuple[Callable[[StudyRecord], Figure | None], str]] = {
    "forest": (figures.forest, "Confirmed candidates against the baseline"),
    "progress": (figures.curves_by_progress, "Learning curves against progress"),
    "seconds": (figures.curves_by_seconds, "Learning curves against training seconds"),
    "cost": (figures.quality_by_cost, "Final value against seconds per step"),
    "looks": (race_figures.look_figure, "Confirmation, look by look"),
}
SERIES = ("rates", "rung", "landscape")
"""Of which there are several: rates-0, rates-1, …"""


def sort_of(figure: str) -> str | None:
    """What is drawn together with the figure of this name; None where there is none of this name."""
    if figure in SINGLE:
        return figure
    found = re.fullmatch(rf"({'|'.join(SERIES)})-\d{{1,3}}", figure)
    return found[1] if found else None


def draw(study: StudyRecord, sort: str, stopped: Callable[[], bool] = lambda: False) -> dict[str, str]:
    """The figures of one sort that the study has something to show in, by name.

    Raises:
        Refused: `stopped` said so.
    """
    drawn = {}
    for name, figure, title in _figures(study, sort):
        if stopped():
            raise Refused(503, "the figures took too long to draw", 5)
        if figure is not None:
            drawn[name] = plain_svg(inline_svg(figure, name, printable(title)))
    return drawn


def _figures(study: StudyRecord, sort: str) -> Named:
    if sort in SINGLE:
        make, title = SINGLE[sort]
        yield sort, make(study), title
    elif sort == "rates":
        for place, (curve, figure) in enumerate(race_figures.rate_panels(study)):
            yield f"rates-{place}", figure, f"{optimizer_label(curve.optimizer)} against learning rate"
    elif sort == "landscape":
        document = study.documents.get("landscape")
        parts = landscape_figures.figures(document, study) if document else []
        for place, (_, title, figure) in enumerate(parts):
            yield f"landscape-{place}", figure, title
    else:
        panels = {rung.progress: figure for rung, figure in race_figures.race_panels(study)}
        for place, rung in enumerate(history(study).rungs):
            yield (
                f"rung-{place}",
                panels.get(rung.progress),
                f"Rung at {fraction(rung.progress)} of the training",
            )
