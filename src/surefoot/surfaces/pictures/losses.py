"""The loss of every optimizer against gradient evaluations, as height above the floor on a log scale.

curves = draw_losses(axes, animation)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from surefoot.surfaces.animation import Animation
from surefoot.surfaces.path import Path
from surefoot.surfaces.pictures.captions import brief
from surefoot.surfaces.pictures.levels import HeightScale, Values
from surefoot.surfaces.pictures.strokes import optimizer_strokes

DEEPEST = 1e-8
"""Of the height at the start: curves are clipped below."""

_ROOM = 8.0


@dataclass(frozen=True)
class LossCurve:
    """The artists of one optimizer: its line, a marker at its end, and a cross where it was lost."""

    path: Path
    heights: Values
    line: Line2D
    head: Line2D
    lost: tuple[Line2D, ...]

    @property
    def artists(self) -> tuple[Artist, ...]:
        """All, from the lowest to the highest."""
        return self.line, self.head, *self.lost

    def show(self, evaluations: int) -> None:
        """Show only what was reached within this many gradient evaluations."""
        count = int(np.searchsorted(self.path.evaluations, evaluations, side="right"))
        self.line.set_data(self.path.evaluations[:count], self.heights[:count])
        self.head.set_data(self.path.evaluations[count - 1 : count], self.heights[count - 1 : count])
        gone = bool(self.path.end) and count == len(self.heights)
        self.head.set_visible(not gone)
        for artist in self.lost:
            artist.set_visible(gone)


def draw_losses(axes: Axes, animation: Animation) -> list[LossCurve]:
    """Draw every curve; the axis holds the start and what is below, and a little above."""
    scale = HeightScale(animation.surface.floor, 1.0, 0.0)
    heights = [scale.heights(np.array(path.values)) for path in animation.paths]
    low, high = height_limits(heights)
    _scale(
        axes, low, high, max([animation.recipe.steps, *(path.evaluations[-1] for path in animation.paths)])
    )
    found = []
    strokes = optimizer_strokes([path.spec.optimizer for path in animation.paths])
    for place, (path, above, stroke) in enumerate(zip(animation.paths, heights, strokes, strict=True)):
        clipped = np.maximum(above, low)
        order = 3 + 0.1 * place
        (line,) = axes.plot(
            path.evaluations, clipped, color=stroke.colour, ls=stroke.dash, lw=1.4, zorder=order
        )
        line.set_gid(f"loss-{place}")
        (head,) = axes.plot(
            path.evaluations[-1:], clipped[-1:], stroke.marker, ls="none", color=stroke.colour, ms=6.5,
            mec="white", mew=0.7, zorder=order + 4, clip_on=False, visible=not path.end,
        )  # fmt: skip
        lost: tuple[Line2D, ...] = ()
        if path.end:
            edge = high if path.diverged else low
            lost = tuple(
                axes.plot(
                    path.evaluations[-1:], [edge], "x" if path.diverged else "v", color=stroke.colour, ms=7,
                    mew=2, clip_on=False, zorder=order + 4,
                )
            )  # fmt: skip
        found.append(LossCurve(path, clipped, line, head, lost))
    return found


def height_limits(heights: list[Values]) -> tuple[float, float]:
    """From the lowest height, or `DEEPEST` of the start's, to a little above the start."""
    known = np.concatenate([above[np.isfinite(above) & (above > 0)] for above in heights])
    if not len(known):
        return 0.1, 1.0
    starts = [float(above[0]) for above in heights if np.isfinite(above[0]) and above[0] > 0]
    start = max(starts, default=float(known.max()))
    low = max(float(known.min()), DEEPEST * start)
    high = min(start * _ROOM, max(float(known.max()), start) * 1.5)
    return low / 1.5, high


def _scale(axes: Axes, low: float, high: float, most: int) -> None:
    axes.set_xlim(0, most)
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    wide = math.log10(high / low) > 1.5
    axes.yaxis.set_major_locator(LogLocator(numticks=7) if wide else LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: brief(float(value))))
    axes.tick_params(length=0, pad=5, labelsize=8)
    axes.set_xlabel("gradient evaluations", fontsize=8.5)
