"""The paths of the optimizers on the ground: line, white casing, markers, and where one was lost.

trails = draw_trails(axes, animation)
trails[0].show(evaluations=40)      # only what had happened by then
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path as Outline
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Affine2D

from surefoot.report.style import Stroke
from surefoot.study.label import optimizer_label
from surefoot.surfaces.animation import Animation
from surefoot.surfaces.path import Path
from surefoot.surfaces.pictures.levels import Values
from surefoot.surfaces.pictures.strokes import optimizer_strokes
from surefoot.surfaces.surface import Pair, Surface

MARKS = 9
"""Markers along a path at most."""

_CASING = 1.5
_APART = 0.045
_ARROW = Outline([(1, 0), (-0.7, 0.6), (-0.3, 0), (-0.7, -0.6), (1, 0)], closed=True)  # to the right


@dataclass(frozen=True)
class Trail:
    """The artists of one optimizer, in the order in which they are drawn.

    Attributes:
        path: where it went.
        points: the same as an array of shape (points, 2).
        casing, line: through all points.
        marks: at some of them, a fixed way apart.
        head: where it is.
        lost: the cross or arrow where a lost one left, and its name; None if it was not lost.
        places: the points of the path that have a mark.
    """

    path: Path
    points: Values
    casing: Line2D
    line: Line2D
    marks: Line2D
    head: Line2D
    lost: tuple[Artist, ...]
    places: tuple[int, ...]

    @property
    def artists(self) -> tuple[Artist, ...]:
        """All, from the lowest to the highest."""
        return self.casing, self.line, self.marks, self.head, *self.lost

    def show(self, evaluations: int) -> None:
        """Show only the points that were reached within this many gradient evaluations."""
        count = int(np.searchsorted(self.path.evaluations, evaluations, side="right"))
        for line in (self.casing, self.line):
            line.set_data(*self.points[:count].T)
        self.marks.set_data(*self.points[list(self.places[: bisect_left(self.places, count)])].T)
        self.head.set_data(*self.points[count - 1 : count].T)
        gone = bool(self.path.end) and count == len(self.path.points)
        self.head.set_visible(not gone)
        for artist in self.lost:
            artist.set_visible(gone)


def draw_trails(axes: Axes, animation: Animation) -> list[Trail]:
    """Draw every path, the first optimizer's lowest."""
    marks = optimizer_strokes([path.spec.optimizer for path in animation.paths])
    named: list[Pair] = []
    return [
        _draw(axes, animation.surface, path, stroke, place, named)
        for place, (path, stroke) in enumerate(zip(animation.paths, marks, strict=True))
    ]


def _draw(axes: Axes, surface: Surface, path: Path, stroke: Stroke, place: int, named: list[Pair]) -> Trail:
    points = np.array(path.points)
    x, y = points.T
    high = 3 + 0.1 * place
    (casing,) = axes.plot(x, y, color="white", lw=1.7 + _CASING, alpha=0.85, zorder=high)
    (line,) = axes.plot(x, y, color=stroke.colour, ls=stroke.dash, lw=1.7, zorder=high + 0.01)
    line.set_gid(f"path-{place}")
    places = mark_places(path, surface)
    marks, head = (
        axes.plot(
            *points[list(where)].T, stroke.marker, ls="none", ms=size,
            color=stroke.colour, mec="white", mew=0.8, zorder=level,
        )[0]
        for where, size, level in ((places, 5.2, high + 0.02), ((len(x) - 1,), 8.5, 5 + 0.1 * place))
    )  # fmt: skip
    lost = _draw_lost(axes, surface, path, stroke, named) if path.end else ()
    if path.end:
        head.set_visible(False)
    return Trail(path, points, casing, line, marks, head, lost, places)


def _draw_lost(
    axes: Axes, surface: Surface, path: Path, stroke: Stroke, named: list[Pair]
) -> tuple[Artist, ...]:
    (x, y), angle = leaving(path, surface)
    around = [withStroke(linewidth=3.5, foreground="white")]
    marker = "x" if path.diverged else MarkerStyle(_ARROW, transform=Affine2D().rotate_deg(angle))
    (cross,) = axes.plot(
        [x], [y], ls="none", marker=marker, color=stroke.colour, ms=9 if path.diverged else 12,
        mew=2.6 if path.diverged else 0, clip_on=False, zorder=9, path_effects=around,
    )  # fmt: skip
    u, v = axes.transAxes.inverted().transform(axes.transData.transform((x, y)))
    apart = _APART if v < 0.5 else -_APART
    while any(abs(u - a) < 0.25 and abs(v - b) < _APART for a, b in named):
        v += apart
    named.append((u, v))
    right = u > 0.6
    name = axes.text(
        u + (-0.03 if right else 0.03), v,
        f"{optimizer_label(path.spec.optimizer)} {path.end.partition(':')[0]}",
        transform=axes.transAxes, ha="right" if right else "left",
        va="center" if 0.05 < v < 0.95 else "bottom" if v < 0.5 else "top",
        fontsize=7.5, color=stroke.colour, fontweight="bold", zorder=9, path_effects=around,
    )  # fmt: skip
    return cross, name


def mark_places(path: Path, surface: Surface) -> tuple[int, ...]:
    """The points that get a marker: inside the picture and the same way along the path apart."""
    inside = [_inside(point, surface) for point in path.points]
    steps = [
        math.dist(a, b) / surface.size if shown and before else 0.0
        for a, b, shown, before in zip(path.points, path.points[1:], inside[1:], inside, strict=False)
    ]
    apart = max(0.1, sum(steps) / MARKS)
    found, way = [], 0.0
    for place, step in enumerate(steps, start=1):
        way += step
        if way >= apart and inside[place]:
            found.append(place)
            way = 0.0
    return tuple(found)


def leaving(path: Path, surface: Surface) -> tuple[Pair, float]:
    """Where a lost optimizer was last seen in the picture, and in which direction it went, in degrees."""
    last = max((k for k, point in enumerate(path.points) if _inside(point, surface)), default=None)
    if last is None:
        (x, y), (a, b) = path.points[0], surface.centre
        return _clipped((a, b), (x, y), surface), math.degrees(math.atan2(y - b, x - a))
    here = path.points[last]
    if last + 1 == len(path.points) or not all(map(math.isfinite, path.points[last + 1])):
        return here, 90.0
    there = path.points[last + 1]
    return _clipped(here, there, surface), math.degrees(math.atan2(there[1] - here[1], there[0] - here[0]))


def _clipped(inside: Pair, outside: Pair, surface: Surface) -> Pair:
    """Where the line from a point inside to one outside crosses the edge."""
    share = 1.0
    for a, b, (low, high) in zip(inside, outside, (surface.x, surface.y), strict=True):
        if not low <= b <= high:
            share = min(share, ((high if b > high else low) - a) / (b - a))
    return inside[0] + share * (outside[0] - inside[0]), inside[1] + share * (outside[1] - inside[1])


def _inside(point: Pair, surface: Surface) -> bool:
    return all(low <= a <= high for a, (low, high) in zip(point, (surface.x, surface.y), strict=True))
