"""HTML templates of packages: what is filled in is escaped, and a name that is missing is an error.

environment("surefoot.report").get_template("report.html").render(study=study)
"""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from surefoot.study import format as told
from surefoot.study.label import optimizer_label

STUDY_STYLE = Path(__file__).parent / "templates" / "study.css"
"""The look of a study's sections, wherever they are shown; colours are the page's."""


@dataclass(frozen=True)
class PageLimits:
    """How much is shown of a large study; what is left out is counted.

    Attributes:
        rows: of a table; of decisions it is the last.
        columns, points: rungs of a table, and rates of a learning-rate curve, spread evenly.
        name, label, text, message, code: characters of an optimizer's name, of a candidate's label, of a
            sentence, of what a lost run said, and of code.
    """

    rows: int = sys.maxsize
    columns: int = sys.maxsize
    points: int = sys.maxsize
    name: int = sys.maxsize
    label: int = sys.maxsize
    text: int = sys.maxsize
    message: int = sys.maxsize
    code: int = sys.maxsize


ALL = PageLimits()


@functools.cache
def environment(*packages: str) -> Environment:
    """The templates in the folders `templates` of packages, without the blank lines that their tags leave.

    Numbers are told as everywhere: the functions of `study.format` are filters.
    """
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package, "templates") for package in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = ("number", "seconds", "size", "share", "fraction", "setting", "short")
    made.filters.update({name: getattr(told, name) for name in filters}, plain=optimizer_label)
    made.globals.update(plural=told.plural, spread=told.spread, interval=told.interval)
    return made
