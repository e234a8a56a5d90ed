"""The landscape of a real model in pictures: paths on a plane, a random control, and what the plane hides.

    for name, title, figure in figures(document, study):
        save_svg(figure, f"{name}.svg")
    save(document, "landscape.png", study)  # all in one

The loss is one colour in several strengths, so that paths stay legible and pages can be dark.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure, FigureBase
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from surefoot.errors import InvalidInputError, accessing
from surefoot.report import landscape_words as words
from surefoot.report.axes import scale_values, value_limits
from surefoot.report.figures import candidate_strokes
from surefoot.report.style import INK, SOFT, Stroke, strokes, styled
from surefoot.report.svg import save_svg
from surefoot.study.codec import decode
from surefoot.study.format import number, share, short
from surefoot.study.label import candidate_label
from surefoot.study.records import StudyRecord
from surefoot.study.run import Candidate

Document = Mapping[str, Any]

LEVELS = 14
CEILING = 3.0
"""Losses above so many times that of the start are one strength: there is nothing to see up there."""

STRENGTH = (0.04, 0.62)
COLUMNS = 3
NAME_LENGTH, TITLE_LENGTH = 60, 24
LINE = 0.16
"""Inches of one name below a picture."""
DOTS_PER_INCH = 150


@dataclass(frozen=True)
class Drawn:
    """One path as it is drawn."""

    name: str
    stroke: Stroke
    path: Mapping[str, Any]
    walk: Mapping[str, Any]


def figures(document: Document, study: StudyRecord | None = None) -> list[tuple[str, str, Figure]]:
    """Name, title and picture of each part.

    Args:
        document: from `surefoot.landscape.survey.survey`.
        study: whose it is: each optimizer then looks as in the study's other pictures.
    """
    paths = drawn(document, study)
    rows, names = math.ceil(len(paths) / COLUMNS), LINE * len(paths)
    parts: dict[str, tuple[tuple[float, float], Callable[[FigureBase], None]]] = {
        "plane": ((5.2, 4.6 + names), lambda figure: _plane(figure, document, paths)),
        "control": ((5.2, 4.6 + names), lambda figure: _control(figure, document, paths)),
        "loss": ((7.6, 0.5 + 1.75 * rows), lambda figure: _losses(figure, document, paths)),
        "off": ((7.6, 3.0 + names), lambda figure: _off(figure, document, paths)),
    }
    made = []
    for name, (inches, draw) in parts.items():
        with styled():
            figure = Figure(figsize=inches, layout="constrained")
            draw(figure)
        made.append((name, words.TITLES[name], figure))
    return made


def save(document: Document, path: str | Path, study: StudyRecord | None = None) -> None:
    """Write everything as one picture, .png or .svg.

    Raises:
        InvalidInputError: the name ends otherwise.
        FileError: it cannot be written.
    """
    if Path(path).suffix.lower() not in (".png", ".svg"):
        raise InvalidInputError(f"{path}: a picture of a landscape is a .png or .svg file")
    figure = together(document, study)
    if Path(path).suffix.lower() == ".svg":
        save_svg(figure, path)
    else:
        with styled(), accessing("write", path):
            figure.savefig(path, dpi=DOTS_PER_INCH)


def together(document: Document, study: StudyRecord | None = None) -> Figure:
    """All four parts with their titles and the summary, on white."""
    paths = drawn(document, study)
    rows = math.ceil(len(paths) / COLUMNS)
    heights = (5.0 + LINE * len(paths), max(0.9 + 1.75 * rows, 3.4 + LINE * len(paths)))
    with styled():
        figure = Figure(figsize=(12.4, 0.9 + sum(heights)), layout="constrained", facecolor="white")
        figure.suptitle(fill(words.summary(document), 160), fontsize=9.5, x=0.01, ha="left")
        places = np.ravel(np.array(figure.subfigures(2, 2, height_ratios=heights, wspace=0.03, hspace=0.03)))
        for place, name, draw in zip(places, words.TITLES, (_plane, _control, _losses, _off), strict=True):
            shade = f"; shade: {short(document['loss'], NAME_LENGTH)}" if name == "plane" else ""
            place.suptitle(words.TITLES[name] + shade, fontsize=10.5)
            draw(place, document, paths)
    return figure


def drawn(document: Document, study: StudyRecord | None) -> list[Drawn]:
    """Each path with its name and stroke."""
    paths = document["paths"]
    candidates = [decode(Candidate, path) for path in paths]
    known = candidate_strokes(study) if study else {}
    spare = strokes([candidate.key for candidate in candidates])
    return [
        Drawn(candidate_label(candidate), known.get(candidate.key) or spare[candidate.key], path, walk)
        for candidate, path, walk in zip(candidates, paths, document["control"]["paths"], strict=True)
    ]


def _plane(figure: FigureBase, document: Document, paths: Sequence[Drawn]) -> None:
    axes = figure.add_subplot()
    grid = document["grid"]
    _shade(axes, grid, [path.path["loss"][0] for path in paths])
    for one in paths:
        _path(axes, one.path["x"], one.path["y"], one.stroke)
    _start(axes)
    axes.set_xlim(grid["x"][0], grid["x"][-1])
    axes.set_ylim(grid["y"][0], grid["y"][-1])
    _name_axes(axes, words.axis(document, 0), words.axis(document, 1))
    _names(figure, paths)


def _control(figure: FigureBase, document: Document, paths: Sequence[Drawn]) -> None:
    axes = figure.add_subplot()
    for one in paths:
        _path(axes, one.walk["x"], one.walk["y"], one.stroke)
    _start(axes)
    axes.margins(0.1)
    mean = [np.mean([one.walk["alone"][place] for one in paths]) for place in (0, 1)]
    _name_axes(axes, *(f"its own main axis {place + 1} ({share(float(mean[place]))})" for place in (0, 1)))
    _names(figure, paths)


def _losses(figure: FigureBase, document: Document, paths: Sequence[Drawn]) -> None:
    columns = min(COLUMNS, len(paths))
    rows = math.ceil(len(paths) / columns)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    values = [v for one in paths for key in ("loss", "plane_loss") for v in _finite(one.path[key])]
    for axes, one in zip(grid.ravel(), paths, strict=False):
        at, true, seen = one.path["evaluations"], _array(one.path["loss"]), _array(one.path["plane_loss"])
        axes.fill_between(at, true, seen, color=one.stroke.colour, alpha=0.15, lw=0)
        axes.plot(at, seen, color=one.stroke.colour, lw=0.8)
        axes.plot(at, true, color=one.stroke.colour, lw=2)
        axes.set_title(short(one.name, TITLE_LENGTH), fontsize=8, loc="left")
        axes.xaxis.set_major_locator(MaxNLocator(4))
    for axes in grid.ravel()[len(paths) :]:
        axes.set_axis_off()
    scale_values(grid[0, 0], value_limits(values))
    figure.supxlabel(str(document["unit"]), fontsize=9.5, color=SOFT.light)
    figure.supylabel("loss", fontsize=9.5, color=SOFT.light)


def _off(figure: FigureBase, document: Document, paths: Sequence[Drawn]) -> None:
    left, right = figure.subplots(1, 2)
    for one in paths:
        at, off, distance = (_array(one.path[key]) for key in ("evaluations", "off", "distance"))
        moved = distance > 0
        style = {"color": one.stroke.colour, "ls": one.stroke.dash}
        left.plot(at, off, **style)
        right.plot(at[moved], off[moved] / distance[moved], **style)
    left.set_title("distance from the plane", fontsize=9, loc="left")
    right.set_title("… as a share of that from the start", fontsize=9, loc="left")
    left.set_ylim(bottom=0)
    right.set_ylim(0, 1.02)
    right.yaxis.set_major_formatter(FuncFormatter(lambda y, _: share(y)))
    for axes in (left, right):
        axes.set_xlabel(str(document["unit"]))
        axes.xaxis.set_major_locator(MaxNLocator(4))
    _names(figure, paths, markers=False)


def _shade(axes: Axes, grid: Document, starts: Iterable[float | None]) -> None:
    """The loss as strengths of one colour, with a few of its lines named; holes where it is not finite."""
    losses = np.ma.masked_invalid(np.array([_array(row) for row in grid["loss"]]))
    if losses.count() == 0:
        return
    low, high = float(losses.min()), float(losses.max())
    start = max(_finite(starts), default=high)
    high = min(high, low + CEILING * (start - low)) if start > low else high
    if not high > low:
        return
    spaced = np.geomspace if low > 0 and high / low > 1.5 else np.linspace
    levels = spaced(low, high, LEVELS)
    strengths = np.linspace(*STRENGTH, LEVELS)
    colours = [to_rgba(SOFT.light, strength) for strength in strengths]
    axes.contourf(grid["x"], grid["y"], losses, levels, colors=colours, extend="max", antialiased=True)
    lines = axes.contour(grid["x"], grid["y"], losses, levels[1:-1:2], colors=SOFT.light, linewidths=0.5)
    axes.clabel(lines, fontsize=7, fmt=lambda value: number(value), colors=INK.light, inline_spacing=2)


def _path(axes: Axes, x: Sequence[float], y: Sequence[float], stroke: Stroke) -> None:
    axes.plot(x, y, color=stroke.colour, ls=stroke.dash, lw=1.5)
    axes.plot(x[1:-1], y[1:-1], ".", color=stroke.colour, ms=2.5)
    axes.plot(x[-1:], y[-1:], stroke.marker, color=stroke.colour, ms=8)


def _start(axes: Axes) -> None:
    axes.plot([0], [0], "*", color=INK.light, ms=11)


def _name_axes(axes: Axes, x: str, y: str) -> None:
    # Angles and lengths on the plane are those of the metric only where both axes have one scale.
    axes.set_aspect("equal", adjustable="box")
    axes.grid(visible=False)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5))


def _names(figure: FigureBase, paths: Sequence[Drawn], *, markers: bool = True) -> None:
    """Names and strokes below."""
    handles = [
        Line2D([], [], color=s.colour, ls=s.dash, marker=s.marker if markers else "", lw=1.4)
        for s in (one.stroke for one in paths)
    ]
    figure.legend(
        handles,
        [" " + short(one.name, NAME_LENGTH) for one in paths],
        loc="outside lower center",
        ncols=1,
        fontsize=7.5,
        handlelength=3,
        columnspacing=1,
    )


def _array(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


def _finite(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None and math.isfinite(value)]
