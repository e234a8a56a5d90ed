"""An animation as a file: pictures, a page that plays it, its numbers, and the program that repeats it.

animation_file(animation, "gif", "contour", lambda: False).name      # "paths-beale.gif"
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from surefoot.errors import InvalidInputError
from surefoot.lab.answers import JobResult, Refused, file_name, to_bytes
from surefoot.surfaces.animation import Animation

FORMATS: Mapping[str, str] = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "gif": "image/gif",
    "webp": "image/webp",
    "mp4": "video/mp4",
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "py": "text/x-python; charset=utf-8",
}
"""Endings, with their media types."""

QUICK = ("json", "py", "html")
"""Nothing is drawn for these."""

View = Literal["contour", "3d", "both"]


def animation_file(animation: Animation, format: str, view: View, stopped: Callable[[], bool]) -> JobResult:
    """The file.

    Raises:
        Refused: it cannot be made here, or `stopped` said so.
    """
    name = file_name(f"paths-{animation.surface.name}", f".{format}")
    return JobResult(_content(animation, format, view, stopped), FORMATS[format], name)


def _content(animation: Animation, format: str, view: View, stopped: Callable[[], bool]) -> bytes:
    match format:
        case "json":
            from surefoot.surfaces.pictures.document import document

            return to_bytes(document(animation))
        case "py":
            from surefoot.surfaces.recipe_text import snippet

            return snippet(animation).encode()
        case "html":
            from surefoot.surfaces.pictures.page import page_html

            return page_html(animation).encode()
        case _:
            return _picture(animation, format, view, stopped)


def _picture(animation: Animation, format: str, view: View, stopped: Callable[[], bool]) -> bytes:
    from surefoot.surfaces.pictures.saving import save_picture

    def go_on(*_: Any) -> None:
        if stopped():
            raise Refused(503, "the picture took too long: lower the steps, or take fewer optimizers")

    with tempfile.TemporaryDirectory(prefix="surefoot-lab-") as folder:
        path = Path(folder) / f"paths.{format}"
        try:
            save_picture(animation, path, view, go_on)
        except InvalidInputError as error:  # no ffmpeg
            raise Refused(422, str(error)) from None
        return path.read_bytes()
