"""A race as one HTML file that opens from disk: it plays, it can be stepped, and it asks nobody for anything.

    Path("race.html").write_text(page_html(run_race(recipe)), encoding="utf-8")

The pictures are drawn by the very modules of the lab, which are copied into the file; a content security
policy lets these and nothing else run.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from base64 import b64encode
from importlib.resources import files
from typing import Any

from jinja2 import Template
from markupsafe import Markup

from surefoot.report.pages import environment
from surefoot.study.format import number
from surefoot.surfaces.path import Path
from surefoot.surfaces.pictures.contours import contour_document
from surefoot.surfaces.pictures.document import document
from surefoot.surfaces.pictures.strokes import racer_strokes, stroke_document
from surefoot.surfaces.pictures.words import caption, label, title
from surefoot.surfaces.race import Race
from surefoot.surfaces.surface import Surface

MODULES = (
    *("dom", "icons", "format", "ground", "marks", "player", "race", "words", "swatch", "table", "transport"),
    "exported",
)
"""Of the lab, each after those that it imports from."""

SHEETS = ("style", "playground")

_IMPORT = re.compile(r"^import \{[^}]*\} from \"\./([a-z]+)\.js\";\n", re.MULTILINE)


def page_html(race: Race) -> str:
    """The whole page of a race."""
    told = document(race)
    named, formula = title(race.surface)
    return _template().render(
        policy=Markup(_policy()),
        style=Markup(_style()),
        script=Markup(_script()),
        data=Markup(_data(race, told)),
        title=named,
        formula=formula,
        about=race.surface.about,
        caption=caption(race),
        racers=[_row(path, race.surface) for path in race.paths],
        command=told["command"],
        snippet=told["snippet"],
    )


def _row(path: Path, surface: Surface) -> dict[str, Any]:
    """A racer at its end, for whoever has scripts switched off."""
    value = path.values[-1]
    return {"label": label(path), "value": value, "height": max(value - surface.floor, 0.0), "end": path.end}


def _data(race: Race, told: dict[str, Any]) -> str:
    """What the script reads, as JSON that no HTML parser takes for a tag and no script for a line's end."""
    strokes = [stroke_document(s) for s in racer_strokes([path.racer.optimizer for path in race.paths])]
    shown = {"race": told | {"strokes": strokes}, "contours": contour_document(race.surface)}
    text = json.dumps(shown, allow_nan=False, separators=(",", ":"))  # plain ASCII: U+2028 is escaped too
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


@functools.cache
def _script() -> str:
    """The modules one after another, without their imports of one another."""
    parts = []
    for place, name in enumerate(MODULES):
        text = _read(f"{name}.js")
        unknown = set(_IMPORT.findall(text)) - set(MODULES[:place])
        if unknown:
            raise RuntimeError(f"{name}.js imports {', '.join(sorted(unknown))}, which must come before it")
        parts.append(_IMPORT.sub("", text))
    return _closed("\n".join(parts), "script")


@functools.cache
def _style() -> str:
    return _closed("\n".join(_read(f"{name}.css") for name in SHEETS), "style")


@functools.cache
def _policy() -> str:
    return (
        f"default-src 'none'; script-src '{_hash(_script())}'; style-src '{_hash(_style())}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _closed(text: str, tag: str) -> str:
    """The text, which must not end its own element."""
    if f"</{tag}" in text.lower() or "<!--" in text:
        raise RuntimeError(f"a file of the lab would end the page's <{tag}>")
    return text


def _read(name: str) -> str:
    return files("surefoot.lab").joinpath("static", name).read_text(encoding="utf-8")


@functools.cache
def _template() -> Template:
    made = environment()
    made.filters["number"] = number
    return made.get_template("race.html")
