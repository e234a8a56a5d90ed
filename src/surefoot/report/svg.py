"""A matplotlib figure as SVG: `inline_svg` for an HTML page, `save_svg` for a file of its own."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from surefoot.errors import accessing
from surefoot.report.style import PALETTE, styled

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"


def inline_svg(figure: Figure, name: str, title: str) -> str:
    """An `<svg>` element that follows the page's theme.

    Args:
        name: distinguishes the figure's ids from those of other figures in the page.
        title: what a screen reader says.
    """
    root = ElementTree.fromstring(_draw(figure))
    _drop_metadata(root)
    for element in root.iter():
        _own_ids(element, name)
        _theme(element)
    for size in ("width", "height"):
        root.attrib.pop(size, None)
    root.set("role", "img")
    root.set("aria-label", title)
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _XLINK)
    return ElementTree.tostring(root, encoding="unicode")


def save_svg(figure: Figure, path: str | Path) -> None:
    """Write the figure; the same figure gives the same bytes.

    Raises:
        FileError: it cannot be written.
    """
    drawn = _draw(figure)
    with accessing("write", path):
        Path(path).write_bytes(drawn)


def _draw(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    with styled():
        FigureCanvasSVG(figure)
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _drop_metadata(root: ElementTree.Element) -> None:
    for child in list(root):
        if child.tag == f"{{{_SVG}}}metadata":
            root.remove(child)


def _own_ids(element: ElementTree.Element, name: str) -> None:
    """Ids must be unique in a page with several figures, and so must what refers to them."""
    attributes: dict[str, Any] = element.attrib
    if "id" in attributes:
        attributes["id"] = f"{name}-{attributes['id']}"
    for key in (f"{{{_XLINK}}}href", "href"):
        if str(attributes.get(key, "")).startswith("#"):
            attributes[key] = f"#{name}-{attributes[key][1:]}"
    if "clip-path" in attributes:
        attributes["clip-path"] = attributes["clip-path"].replace("url(#", f"url(#{name}-")


def _theme(element: ElementTree.Element) -> None:
    if style := element.get("style"):
        for colour in PALETTE:
            style = style.replace(colour.light, f"var(--{colour.name})")
        element.set("style", style)
