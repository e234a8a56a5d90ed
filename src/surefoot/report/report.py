"""A study as one HTML file: opens from disk, light and dark, wide and narrow, no script, no request.

write_report(store.study("digits"), "digits.html")
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup

from surefoot.errors import accessing
from surefoot.report.pages import ALL, STUDY_STYLE
from surefoot.report.study_figures import SERIES, SINGLE, catalogue, draw
from surefoot.report.study_page import render
from surefoot.report.style import PALETTE
from surefoot.report.svg import inline_svg
from surefoot.study.format import printable
from surefoot.study.records import StudyRecord


def write_report(study: StudyRecord, path: str | Path) -> None:
    """Write the report; folders on the way to it are created.

    Raises:
        FileError: it cannot be written.
    """
    page = report_html(study)
    with accessing("write", path):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(page, encoding="utf-8")


def report_html(study: StudyRecord) -> str:
    """The whole page; a study without an answer, or without a single good run, has one too."""
    style = Markup(STUDY_STYLE.read_text(encoding="utf-8"))  # ours, with no text of anybody's in it
    return render("report.html", study, _pictures(study), ALL, palette=PALETTE, style=style)


def _pictures(study: StudyRecord) -> Mapping[str, Markup]:
    """Safe as markup: the SVG comes from an XML serializer, which escapes every name in it."""
    titles = {figure.name: figure.title for figure in catalogue(study)}
    return {
        name: Markup(inline_svg(figure, name, printable(titles[name])))
        for sort in (*SINGLE, *SERIES)
        for name, figure in draw(study, sort)
    }
