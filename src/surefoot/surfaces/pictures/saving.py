"""An animation to a file, in the format that the file's name says.

save_picture(animation, "paths.svg"), save_picture(animation, "paths.gif", progress=print)
"""

from __future__ import annotations

import io
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg

from surefoot.errors import InvalidInputError, accessing
from surefoot.report.style import styled
from surefoot.report.svg import save_svg
from surefoot.surfaces.animation import Animation
from surefoot.surfaces.pictures.frames import Progress
from surefoot.surfaces.pictures.moving import save_gif, save_mp4, save_webp
from surefoot.surfaces.pictures.still import View, still_figure

MOVING = {".gif": save_gif, ".webp": save_webp, ".mp4": save_mp4}
FORMATS = (".png", ".svg", *MOVING)
"""Endings of file names that can be saved."""

DOTS = 200
"""Per inch, of a PNG: sharp on a screen of double density."""


def save_picture(
    animation: Animation,
    path: str | Path,
    view: View = "contour",
    progress: Progress = lambda done, total: None,
) -> None:
    """Draw an animation into a file; the same animation gives the same bytes.

    Args:
        animation: what is drawn.
        path: its ending says the format, one of `FORMATS`.
        view: of a still picture; one that moves shows the contour.
        progress: told of the frames that are done and of how many there are.

    Raises:
        InvalidInputError: there is no such format, or ffmpeg is missing for an MP4.
        FileError: the file cannot be written.
    """
    ending = Path(path).suffix.lower()
    if ending in MOVING:
        with accessing("write", path):
            MOVING[ending](animation, path, progress)
    elif ending == ".svg":
        save_svg(still_figure(animation, view), path)
    elif ending == ".png":
        drawn = png(animation, view)
        with accessing("write", path):
            Path(path).write_bytes(drawn)
    else:
        raise InvalidInputError(
            f"a picture is saved as {', '.join(FORMATS)}, not as {ending or 'a file without ending'}"
        )


def png(animation: Animation, view: View = "contour", dots: float = DOTS) -> bytes:
    """The still picture as PNG."""
    buffer = io.BytesIO()
    with styled():
        figure = still_figure(animation, view)
        FigureCanvasAgg(figure)
        figure.savefig(buffer, format="png", dpi=dots, metadata={"Software": None})
    return buffer.getvalue()
