"""The surface as a solid under the paths: its height is the shade, so that a deep valley is seen too.

draw_solid(axes, animation)      # axes with projection="3d"
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator

from surefoot.report.style import GRID, INK
from surefoot.surfaces.animation import Animation
from surefoot.surfaces.pictures.captions import brief
from surefoot.surfaces.pictures.ground import softened
from surefoot.surfaces.pictures.levels import HeightScale, Values, height_scale
from surefoot.surfaces.pictures.strokes import optimizer_strokes
from surefoot.surfaces.surface import Surface

_POINTS = 81
_ABOVE = 0.012
_TALL = 0.62  # of the width
_ELEVATION = 40.0
_ZOOM = 0.95
_ANGLES = (-60.0, -30.0, -120.0, -150.0, 30.0, 60.0, 120.0, 150.0)


def draw_solid(axes: Any, animation: Animation) -> None:
    """Draw the surface and the paths on it, seen from where they are hidden least."""
    surface, scale = animation.surface, height_scale(animation.surface)
    x, y, values = (part.numpy() for part in surface.grid(_POINTS))
    shades = scale.shade(values)
    colours = softened(0.25)(np.nan_to_num(shades))
    across, up = np.meshgrid(x, y)
    axes.computed_zorder = False
    axes.plot_surface(
        across, up, shades, facecolors=colours, rcount=_POINTS, ccount=_POINTS, lw=0, antialiased=False,
        shade=False, zorder=1,
    ).set_rasterized(True)  # fmt: skip
    tone = softened(0.0)
    if scale.levels:
        axes.contour(
            across, up, np.ma.masked_invalid(shades), levels=scale.levels, linewidths=0.5, alpha=0.6,
            colors=[tone(level) for level in scale.levels], zorder=1.5,
        )  # fmt: skip
    strokes = optimizer_strokes([path.spec.optimizer for path in animation.paths])
    for place, (path, stroke) in enumerate(zip(animation.paths, strokes, strict=True)):
        points, heights = _shown(surface, scale, path.points, path.values)
        high = 3 + 0.1 * place
        axes.plot(*points.T, heights, color="white", lw=2.9, alpha=0.8, zorder=high)
        axes.plot(*points.T, heights, color=stroke.colour, ls=stroke.dash, lw=1.6, zorder=high + 0.01)
        last = np.flatnonzero(np.isfinite(heights))[-1:]
        axes.plot(
            *points[last].T, heights[last], "x" if path.diverged else stroke.marker, ms=7,
            color=stroke.colour, mec=stroke.colour if path.diverged else "white",
            mew=2 if path.diverged else 0.7, zorder=high + 4,
        )  # fmt: skip
    start = (
        scale.shade(np.array([animation.paths[0].values[0]])) + _ABOVE if animation.paths else np.array([0.0])
    )
    axes.plot(*np.array([animation.start]).T, start, "o", ms=7, mfc="white", mec=INK.light, mew=1.3, zorder=9)
    every = [_shown(surface, scale, path.points, path.values) for path in animation.paths]
    angle = _clearest(surface, shades, *(np.concatenate(parts) for parts in zip(*every, strict=True)))
    _furnish(axes, surface, scale, angle)


def _shown(surface: Surface, scale: HeightScale, points: Any, values: Any) -> tuple[Values, Values]:
    """The path within the domain: there is no clipping at the sides of a solid."""
    places = np.array(points)
    inside = np.ones(len(places), dtype=bool)
    for column, (low, high) in enumerate((surface.x, surface.y)):
        inside &= (places[:, column] >= low) & (places[:, column] <= high)
    heights = scale.shade(np.array(values)) + _ABOVE
    return places, np.where(inside, heights, np.nan)


def _furnish(axes: Any, surface: Surface, scale: HeightScale, angle: float) -> None:
    axes.set_xlim(*surface.x)
    axes.set_ylim(*surface.y)
    axes.set_zlim(0, 1)
    axes.set_box_aspect((1, 1, _TALL), zoom=_ZOOM)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(4))
    heights = (0.0, 0.25, 0.5, 0.75, 1.0)
    axes.zaxis.set_major_locator(FixedLocator(heights))
    axes.zaxis.set_major_formatter(FixedFormatter([brief(scale.value(h)) for h in heights]))
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_pane_color((1, 1, 1, 0))
        axis.line.set_color(GRID.light)
        axis._axinfo["grid"].update(color=GRID.light, linewidth=0.5)
    axes.tick_params(labelsize=7, pad=-2)
    axes.view_init(elev=_ELEVATION, azim=angle)


def _clearest(surface: Surface, shades: Values, points: Values, heights: Values) -> float:
    """The angle, in degrees, from which the fewest points of the paths are hidden behind the surface."""
    low, size = (np.array(side) for side in zip(surface.x, surface.y, strict=True))
    size = size - low
    seen = np.isfinite(heights)
    places, above = (points[seen] - low) / size, heights[seen]
    ways = np.linspace(0.02, 1.4, 70)
    rise = ways * math.tan(math.radians(_ELEVATION)) / _TALL
    solid = np.nan_to_num(shades, nan=0.0)

    def hidden(angle: float) -> float:
        direction = np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
        along = places[:, None] + ways[:, None] * direction
        inside = ((along >= 0) & (along <= 1)).all(-1)
        columns, rows = (np.clip(along, 0, 1) * (len(solid) - 1)).round().astype(int).transpose(2, 0, 1)
        return float(((solid[rows, columns] > above[:, None] + rise) & inside).any(1).mean())

    return min(_ANGLES, key=hidden) if len(places) else _ANGLES[0]
