"""The surface as a solid under the race: its height is the shade, so that a deep valley is seen too.

draw_solid(axes, race)      # axes with projection="3d"
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator

from surefoot.landscape.race import Race
from surefoot.landscape.surface import Surface
from surefoot.show.format import setting
from surefoot.show.style import GRID, INK
from surefoot.show.surfaces.ground import softened
from surefoot.show.surfaces.levels import HeightScale, Values, height_scale
from surefoot.show.surfaces.strokes import racer_strokes

_POINTS = 81
_ABOVE = 0.012


def draw_solid(axes: Any, race: Race) -> None:
    """Draw the surface and the paths on it, seen from its lowest corner."""
    surface, scale = race.surface, height_scale(race.surface)
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
    for level in scale.levels:
        axes.contour(across, up, np.ma.masked_invalid(shades), levels=[level], colors=[tone(level)],
                     linewidths=0.5, alpha=0.6, zorder=1.5)  # fmt: skip
    strokes = racer_strokes([path.racer.optimizer for path in race.paths])
    for place, (path, stroke) in enumerate(zip(race.paths, strokes, strict=True)):
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
    start = scale.shade(np.array([race.paths[0].values[0]])) + _ABOVE if race.paths else np.array([0.0])
    axes.plot(*np.array([race.start]).T, start, "o", ms=7, mfc="white", mec=INK.light, mew=1.3, zorder=9)
    _furnish(axes, surface, scale, shades)


def _shown(surface: Surface, scale: HeightScale, points: Any, values: Any) -> tuple[Values, Values]:
    """The path within the domain: there is no clipping at the sides of a solid."""
    places = np.array(points)
    inside = np.ones(len(places), dtype=bool)
    for column, (low, high) in enumerate((surface.x, surface.y)):
        inside &= (places[:, column] >= low) & (places[:, column] <= high)
    heights = scale.shade(np.array(values)) + _ABOVE
    return places, np.where(inside, heights, np.nan)


def _furnish(axes: Any, surface: Surface, scale: HeightScale, shades: Values) -> None:
    axes.set_xlim(*surface.x)
    axes.set_ylim(*surface.y)
    axes.set_zlim(0, 1)
    axes.set_box_aspect((1, 1, 0.62), zoom=1.12)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(4))
    heights = (0.0, 0.25, 0.5, 0.75, 1.0)
    axes.zaxis.set_major_locator(FixedLocator(heights))
    axes.zaxis.set_major_formatter(FixedFormatter([setting(float(f"{scale.value(h):.2g}")) for h in heights]))
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_pane_color((1, 1, 1, 0))
        axis.line.set_color(GRID.light)
        axis._axinfo["grid"].update(color=GRID.light, linewidth=0.5)
    axes.tick_params(labelsize=7, pad=-2)
    axes.view_init(elev=36, azim=_lowest_corner(shades))


def _lowest_corner(shades: Values) -> float:
    """The angle of the quarter of the picture that is lowest, a little off the diagonal."""
    filled, half = np.nan_to_num(shades, nan=1.0), len(shades) // 2
    quarters = {
        -135.0: filled[:half, :half],
        -45.0: filled[:half, half:],
        135.0: filled[half:, :half],
        45.0: filled[half:, half:],
    }
    return min(quarters, key=lambda angle: (round(float(quarters[angle].mean()), 2), abs(angle + 60))) - 12.0
