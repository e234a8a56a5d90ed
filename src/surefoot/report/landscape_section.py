"""The landscape of a study's model as a section of its report.

section(study)  # None where none was drawn
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from surefoot.report import landscape_words as words
from surefoot.report.landscape_figures import Drawn, drawn
from surefoot.study.format import number, share
from surefoot.study.records import StudyRecord

KIND = "landscape"
VERSION = 1
"""Of the documents that are understood here."""

COLUMNS = (
    "moved from the start",
    "of it on the plane",
    "on a plane of its own",
    "a random walk there",
    "loss at the end",
    "there on the plane",
)


@dataclass(frozen=True)
class Part:
    """The words of one picture, in the order of `landscape_figures.figures`."""

    title: str
    caption: str


@dataclass(frozen=True)
class Section:
    """All that the report shows.

    Attributes:
        rows: name and numbers of each path, in the order of `columns`.
    """

    summary: str
    method: str
    notes: Sequence[str]
    parts: Sequence[Part]
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str]]]


def section(study: StudyRecord) -> Section | None:
    """What to show of a study; None where no landscape was drawn, or one by a newer Surefoot."""
    document = study.documents.get(KIND)
    if not document or document.get("version") != VERSION:
        return None
    return Section(
        words.summary(document),
        words.method(document),
        words.notes(document),
        [Part(title, words.CAPTIONS[name]) for name, title in words.TITLES.items()],
        COLUMNS,
        [(one.name, _numbers(one)) for one in drawn(document, study)],
    )


def _numbers(one: Drawn) -> list[str]:
    path: Mapping[str, Any] = one.path
    return [
        number(path["distance"][-1]),
        share(path["share"]),
        share(sum(path["alone"])),
        share(sum(one.walk["alone"])),
        number(path["loss"][-1]),
        number(path["plane_loss"][-1]),
    ]
