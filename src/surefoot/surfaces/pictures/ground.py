"""The surface below the paths, seen from above: shades and contour lines, minima, saddles, the start.

draw_ground(axes, surface), draw_known(axes, surface), draw_start(axes, start)
"""

from __future__ import annotations

from itertools import pairwise

import matplotlib
import numpy as np
from contourpy import contour_generator
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, ListedColormap
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from surefoot.report.style import GRID, INK, SOFT
from surefoot.surfaces.pictures.levels import height_scale
from surefoot.surfaces.surface import Pair, Surface

_POINTS = 301
_FLATTEST, _TALLEST = 0.62, 1.1


def softened(share: float) -> LinearSegmentedColormap:
    """Cividis with this share of white, so that the colours of the optimizers stand out on it."""
    colours = matplotlib.colormaps["cividis"](np.linspace(0, 1, 64))[:, :3]
    return LinearSegmentedColormap.from_list("soft", colours * (1 - share) + share)


def draw_ground(axes: Axes, surface: Surface) -> None:
    """Draw everything that does not move, and set the limits to the domain."""
    scale = height_scale(surface)
    x, y, values = (part.numpy() for part in surface.grid(_POINTS))
    shades = np.ma.masked_invalid(scale.shade(values))
    axes.set_xlim(*surface.x)
    axes.set_ylim(*surface.y)
    axes.grid(visible=False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5))
    axes.tick_params(length=0, labelsize=8)
    if shades.mask.any():
        _draw_nothing(axes, surface)
    edges = [0.0, *scale.levels, 1.0 + 1e-9]
    middles = np.array([(low + high) / 2 for low, high in pairwise(edges)])
    colours = ListedColormap(softened(0.66)(middles))
    # Filled outlines of a hundred pits would fill an SVG; the lines on top hide the pixels' edges.
    axes.contourf(x, y, shades, levels=edges, colors=colours.colors, zorder=1).set_rasterized(True)
    generator = contour_generator(x, y, shades)
    tone = softened(0.3)
    for level in scale.levels:
        lines = [np.asarray(line) for line in generator.lines(level)]
        axes.add_collection(
            LineCollection(lines, colors=[tone(level)], linewidths=0.5, zorder=1.5), autolim=False
        )


def draw_known(axes: Axes, surface: Surface) -> None:
    """Minima as stars and saddles as squares, above the paths and below the heads of the optimizers."""
    _draw_points(axes, surface.saddles, "s", 5, fill="white")
    _draw_points(axes, surface.minima, "*", 9.5, fill=INK.light)


def _draw_points(axes: Axes, points: tuple[Pair, ...], marker: str, size: float, fill: str) -> None:
    """Mark places of the surface in ink with a white edge, or in white with an edge of ink."""
    edge = "white" if fill == INK.light else INK.light
    axes.plot(
        [x for x, _ in points], [y for _, y in points], marker, ls="none", ms=size, mfc=fill, mec=edge,
        mew=0.8, zorder=4.9,
    )  # fmt: skip


def draw_start(axes: Axes, start: Pair) -> None:
    """A white ring above all paths."""
    axes.plot([start[0]], [start[1]], "o", ms=8, mfc="white", mec=INK.light, mew=1.4, zorder=8)


def ground_height(surface: Surface, width: float) -> float:
    """The height of the axes for this width: true to scale where the domain is not too narrow."""
    aspect = (surface.y[1] - surface.y[0]) / (surface.x[1] - surface.x[0])
    return width * min(max(aspect, _FLATTEST), _TALLEST)


def _draw_nothing(axes: Axes, surface: Surface) -> None:
    """Hatching where the surface has no value."""
    (left, right), (low, high) = surface.x, surface.y
    axes.add_patch(
        Rectangle(
            (left, low), right - left, high - low, facecolor="white", edgecolor=GRID.light, hatch="////",
            lw=0, zorder=0.5,
        )
    )  # fmt: skip


def key(surface: Surface) -> str:
    """What the marks mean."""
    known = [("★ minimum", surface.minima), ("□ saddle", surface.saddles)]
    return "   ".join(["○ start", *(mark for mark, points in known if points)])


SMALL = {"fontsize": 7.5, "color": SOFT.light}
"""How small print looks."""
