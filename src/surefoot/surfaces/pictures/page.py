"""An animation as one HTML file that opens from disk: it plays, it can be stepped, and it loads nothing.

    Path("paths.html").write_text(page_html(animate(recipe)), encoding="utf-8")

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
from surefoot.surfaces.animation import Animation
from surefoot.surfaces.path import Path
from surefoot.surfaces.pictures.captions import caption, label, title
from surefoot.surfaces.pictures.contours import contour_document
from surefoot.surfaces.pictures.document import document
from surefoot.surfaces.pictures.strokes import optimizer_strokes, stroke_document
from surefoot.surfaces.surface import Surface

MODULES = (
    *("dom", "icons", "format", "ground", "marks", "player", "animation", "words", "swatch", "path_table"),
    "transport",
    "exported",
)
"""Of the lab, each after those that it imports from."""

SHEETS = ("style", "playground")

_IMPORT = re.compile(r"^import \{[^}]*\} from \"\./([a-z_]+)\.js\";\n", re.MULTILINE)


def page_html(animation: Animation) -> str:
    """The whole page of an animation."""
    told = document(animation)
    named, formula = title(animation.surface)
    return _template().render(
        policy=Markup(_policy()),
        style=Markup(_style()),
        script=Markup(_script()),
        data=Markup(_data(animation, told)),
        title=named,
        formula=formula,
        about=animation.surface.about,
        caption=caption(animation),
        rows=[_row(path, animation.surface) for path in animation.paths],
        command=told["command"],
        snippet=told["snippet"],
    )


def _row(path: Path, surface: Surface) -> dict[str, Any]:
    """An optimizer at its end, for whoever has scripts switched off."""
    value = path.values[-1]
    return {"label": label(path), "value": value, "height": max(value - surface.floor, 0.0), "end": path.end}


def _data(animation: Animation, told: dict[str, Any]) -> str:
    """What the script reads, as JSON that no HTML parser takes for a tag and no script for a line's end."""
    strokes = [
        stroke_document(s) for s in optimizer_strokes([path.spec.optimizer for path in animation.paths])
    ]
    shown = {"animation": told | {"strokes": strokes}, "contours": contour_document(animation.surface)}
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
    return environment("surefoot.surfaces.pictures").get_template("animation.html")
