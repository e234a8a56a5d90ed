"""The frames of an animation: everything that stands still is drawn once, the rest on top of it.

film = Film(animation)
for picture in film.pictures():     # arrays of shape (height, width, 3), bytes
    ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from numpy.typing import NDArray

from surefoot.report.style import INK, SOFT, Stroke, styled
from surefoot.study.format import short
from surefoot.surfaces.animation import Animation
from surefoot.surfaces.path import Path
from surefoot.surfaces.pictures.captions import label, mark, outcome, small_print, write_title
from surefoot.surfaces.pictures.ground import SMALL, draw_ground, draw_known, draw_start, ground_height, key
from surefoot.surfaces.pictures.layout import Sheet
from surefoot.surfaces.pictures.losses import draw_losses
from surefoot.surfaces.pictures.strips import draw_stroke
from surefoot.surfaces.pictures.strokes import optimizer_strokes
from surefoot.surfaces.pictures.trails import draw_trails

Picture = NDArray[np.uint8]
Progress = Callable[[int, int], None]

FRAMES = 90
"""At most."""

DOTS = 100
"""Per inch: the film is 900 wide."""

_WIDTH = 9.0
_TOP = 0.78
_GROUND = 4.9
_SIDE = 5.95  # inches from the left to the axes of the losses
_ROW = 0.235
_LABEL = 27
_LINE = 0.135
_ACROSS = 158


class Film:
    """The pictures of an animation at equal progress in gradient evaluations.

    Args:
        animation: what is shown.
        frames: pictures at most; an animation of fewer evaluations has one for each.
        dots: per inch; the picture is 9 inches wide.
    """

    def __init__(self, animation: Animation, frames: int = FRAMES, dots: float = DOTS) -> None:
        self.animation = animation
        self.last = max([animation.recipe.steps, *(path.evaluations[-1] for path in animation.paths)])
        self.times = [round(t) for t in np.linspace(0, self.last, min(frames, self.last + 1))]
        with styled():
            self._draw(dots)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the pictures, both even."""
        height, width = self._taken().shape[:2]
        return width, height

    def pictures(self, progress: Progress = lambda done, total: None) -> Iterator[Picture]:
        """Each frame in turn; `progress` is told after each."""
        with styled():
            for done, evaluations in enumerate(self.times, start=1):
                yield self.picture(evaluations)
                progress(done, len(self.times))

    def picture(self, evaluations: int) -> Picture:
        """What is seen when this many gradient evaluations were made, of shape (height, width, 3)."""
        for trail, curve in zip(self._trails, self._curves, strict=True):
            trail.show(evaluations)
            curve.show(evaluations)
        self._counter.set_text(f"{evaluations:,} of {self.last:,} gradients")
        for path, text in zip(self.animation.paths, self._endings, strict=True):
            text.set_text(_now(path, self.animation, evaluations))
        self._canvas.restore_region(self._still)
        renderer = self._canvas.get_renderer()
        for artist in self._moving:
            artist.draw(renderer)
        return self._taken()

    def _draw(self, dots: float) -> None:
        animation = self.animation
        tall = max(ground_height(animation.surface, _GROUND), 1.5 + _ROW * len(animation.paths) + 0.75)
        small = small_print(animation, _ACROSS)
        sheet = Sheet(_WIDTH, _TOP + tall + 0.5 + _LINE * len(small) + 0.06)
        write_title(sheet, animation)
        ground = sheet.axes(0.45, _TOP, _GROUND, tall)
        draw_ground(ground, animation.surface)
        self._trails = draw_trails(ground, animation)
        before = set(ground.get_children())
        draw_known(ground, animation.surface)
        draw_start(ground, animation.start)
        above = [artist for artist in ground.get_children() if artist not in before]
        sheet.write(0.45 + _GROUND, _TOP + tall + 0.22, key(animation.surface), ha="right", **SMALL)
        rows = _TOP + tall - _ROW * len(animation.paths)
        losses = sheet.axes(_SIDE, _TOP + 0.2, _WIDTH - 0.2 - _SIDE, rows - _TOP - 0.85)
        self._curves = draw_losses(losses, animation)
        losses.set_title("height above the floor", loc="left", fontsize=8.5, color=SOFT.light)
        self._counter = sheet.write(
            _WIDTH - 0.2, _TOP + 0.02, "", ha="right", fontsize=8.5, fontweight="bold", color=INK.light
        )
        strokes = optimizer_strokes([path.spec.optimizer for path in animation.paths])
        self._endings = [
            self._row(sheet, path, stroke, rows + _ROW * place)
            for place, (path, stroke) in enumerate(zip(animation.paths, strokes, strict=True))
        ]
        for place, line in enumerate(small):
            sheet.write(0.3, _TOP + tall + 0.44 + _LINE * place, line, **SMALL)
        self._hold_still(sheet, above, dots)

    @staticmethod
    def _row(sheet: Sheet, path: Path, stroke: Stroke, top: float) -> Text:
        draw_stroke(sheet, stroke, _SIDE - 0.4, top + _ROW / 2)
        how = {"fontsize": 8, "va": "center", "color": INK.light}
        sheet.write(_SIDE + 0.1, top + _ROW / 2, short(label(path), _LABEL), **how)
        return sheet.write(_WIDTH - 0.2, top + _ROW / 2, "", ha="right", **how)

    def _hold_still(self, sheet: Sheet, above: list[Artist], dots: float) -> None:
        """Draw what does not move and keep it; the marks above the paths are drawn again with each frame."""
        moving = [artist for trail in self._trails for artist in trail.artists]
        moving += [artist for curve in self._curves for artist in curve.artists]
        self._moving = sorted([*moving, *above], key=lambda artist: artist.zorder)
        self._moving += [self._counter, *self._endings]
        for artist in self._moving:
            artist.set_animated(True)
        sheet.figure.set_dpi(dots)
        canvas: Any = FigureCanvasAgg(sheet.figure)
        canvas.draw()
        self._canvas, self._still = canvas, canvas.copy_from_bbox(sheet.figure.bbox)

    def _taken(self) -> Picture:
        """What the canvas holds, without transparency, and of even width and height, as video wants it."""
        picture = np.asarray(self._canvas.buffer_rgba())
        height, width = (side // 2 * 2 for side in picture.shape[:2])
        return picture[:height, :width, :3].copy()


def _now(path: Path, animation: Animation, evaluations: int) -> str:
    """The height that an optimizer is at, or what happened to it."""
    count = int(np.searchsorted(path.evaluations, evaluations, side="right"))
    if count == len(path.points):
        first, _ = outcome(path, animation.surface)
        return f"{mark(path)} {first}".strip()
    return outcome(Path(path.spec, path.evaluations[:count], path.points[:count], path.values[:count]),
                   animation.surface)[0]  # fmt: skip
