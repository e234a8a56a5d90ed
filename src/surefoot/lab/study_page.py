"""One study as its page in the lab shows it: the report's sections, small however large the study is.

    page_html(store.study("digits"))      # '<div class="study" data-state="finished" …>'

A figure is a place that the page fills when it is seen; `data-version` changes with what is drawn.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable
from urllib.parse import quote

from markupsafe import Markup

from surefoot.analysis.spending import last_decided
from surefoot.lab.answers import Refused, file_name
from surefoot.lab.plain_svg import plain_svg
from surefoot.report.pages import PageLimits
from surefoot.report.study_figures import StudyFigure, catalogue, draw
from surefoot.report.study_page import render
from surefoot.report.svg import inline_svg
from surefoot.study.format import printable
from surefoot.study.records import StudyRecord

MOST = PageLimits(rows=60, columns=10, points=24, name=80, label=160, text=600, message=1200, code=20_000)

_PLACE = Markup('<div class="drawing" data-keep data-figure="{}" data-version="{}" data-title="{}"></div>')


def page_html(study: StudyRecord) -> str:
    """The page's content; all texts in it are anybody's, and escaped."""
    address = f"/api/studies/{quote(study.name, safe='')}"
    places = {figure.name: _place(address, figure) for figure in catalogue(study)}
    return render(
        "study_page.html",
        study,
        places,
        MOST,
        "surefoot.lab",
        live=True,
        address=address,
        file=file_name(study.name, ""),
        decided=last_decided(study),
        quoted=shlex.quote,
        python_text=repr,
    )


def _place(address: str, figure: StudyFigure) -> Markup:
    version = hashlib.blake2b(repr(figure.data).encode(), digest_size=8).hexdigest()
    return _PLACE.format(f"{address}/figures/{figure.name}.svg", version, printable(figure.title))


def figures(study: StudyRecord, sort: str, stopped: Callable[[], bool] = lambda: False) -> dict[str, str]:
    """The figures of one sort that the study has something to show in, as SVG by name.

    Raises:
        Refused: `stopped` said so.
    """
    titles = {figure.name: figure.title for figure in catalogue(study)}
    drawn = {}
    for name, figure in draw(study, sort):
        if stopped():
            raise Refused(503, "the figures took too long to draw", 5)
        drawn[name] = plain_svg(inline_svg(figure, name, printable(titles[name])))
    return drawn
