"""A row for each optimizer: its stroke, its settings, how it ended, and its learning-rate strip.

draw_table(sheet, animation, left=0.3, top=5.2)

A strip is high where a learning rate makes progress; the bar below it is what works too, crosses diverged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from surefoot.report.style import GRID, INK, SOFT, Stroke
from surefoot.study.format import decades, short
from surefoot.study.label import optimizer_label
from surefoot.surfaces.animation import Animation
from surefoot.surfaces.path import Path
from surefoot.surfaces.pictures.captions import brief, mark, outcome, settings
from surefoot.surfaces.pictures.layout import Sheet
from surefoot.surfaces.pictures.strokes import optimizer_strokes
from surefoot.surfaces.tuning import Strip

ROW = 0.335
"""Inches of a row."""

HEADER = 0.22
AXIS = 0.36

_TALL = 0.78
_SETTINGS = 46
_NAME, _OUTCOME, _STRIP, _WORDS = 0.5, 2.95, 3.95, 7.1  # inches from the left of the table
_COLUMN = 4.1
_ROOM = 8.0


def table_height(animation: Animation) -> float:
    """Inches that the table takes."""
    if not any(animation.strips):
        return HEADER + ROW * math.ceil(len(animation.paths) / 2)
    return HEADER + ROW * len(animation.paths) + AXIS


def draw_table(sheet: Sheet, animation: Animation, left: float, top: float) -> None:
    """Draw the rows; in two columns where no strip was measured."""
    strokes = optimizer_strokes([path.spec.optimizer for path in animation.paths])
    rows = len(animation.paths)
    with_strips = any(animation.strips)
    per_column = rows if with_strips else math.ceil(rows / 2)
    for column in range(1 if with_strips else math.ceil(rows / per_column)):
        _head(sheet, left + _COLUMN * column, top, "height at the end", _OUTCOME)
    for place, (path, stroke) in enumerate(zip(animation.paths, strokes, strict=True)):
        column, row = divmod(place, per_column)
        x, y = left + _COLUMN * column, top + HEADER + ROW * row
        draw_stroke(sheet, stroke, x, y + ROW / 2)
        name, told = optimizer_label(path.spec.optimizer), short(settings(path), _SETTINGS)
        _two_lines(sheet, x + _NAME, y, name, told)
        first, second = outcome(path, animation.surface)
        _two_lines(sheet, x + _OUTCOME, y, f"{mark(path)} {first}".strip(), second)
    if with_strips:
        _head(sheet, left, top, "progress at each learning rate", _STRIP)
        _head(sheet, left, top, "what works", _WORDS)
        axes = sheet.axes(left + _STRIP, top + HEADER, _WORDS - _STRIP - 0.12, ROW * rows)
        _draw_strips(axes, animation, strokes)
        for row, (path, strip) in enumerate(zip(animation.paths, animation.strips, strict=True)):
            first, second = working(path, strip)
            _two_lines(sheet, left + _WORDS, top + HEADER + ROW * row, first, second)


def draw_stroke(sheet: Sheet, stroke: Stroke, left: float, middle: float) -> None:
    """A piece of the line with its marker, as in a legend."""
    y = 1 - middle / sheet.height
    ends = [(left + inches) / sheet.width for inches in (0.0, 0.38)]
    for colour, wide, dash in (("white", 3.2, "-"), (stroke.colour, 1.7, stroke.dash)):
        sheet.figure.add_artist(Line2D(ends, [y, y], color=colour, lw=wide, ls=dash))
    sheet.figure.add_artist(
        Line2D([sum(ends) / 2], [y], marker=stroke.marker, color=stroke.colour, ms=6.5, mec="white", mew=0.7)
    )


def working(path: Path, strip: Strip | None) -> tuple[str, str]:
    """The working width in words, and the rates it reaches between."""
    if strip is None:
        return "", "no learning rate"
    what = "" if strip.setting == "lr" else f"{strip.setting} "
    if not any(score < 1 for score in strip.scores):
        return "nothing works", f"{what}from {brief(strip.rates[0])} to {brief(strip.rates[-1])}"
    return decades(strip.decades), f"{what}{brief(strip.low)} to {brief(strip.high)}"


def _two_lines(sheet: Sheet, left: float, top: float, first: str, second: str) -> None:
    alone = 0.0 if first and second else 0.07
    if first:
        sheet.write(left, top + 0.035 + alone, first, fontsize=8.5, color=INK.light)
    if second:
        sheet.write(left, top + (0.18 if first else 0.11), second, fontsize=7.5, color=SOFT.light)


def _head(sheet: Sheet, left: float, top: float, text: str, place: float) -> None:
    sheet.write(left + place, top + 0.02, text, fontsize=7.5, color=SOFT.light)


def _draw_strips(axes: Axes, animation: Animation, strokes: Sequence[Stroke]) -> None:
    rows = len(animation.paths)
    axes.set_xscale("log")
    axes.set_xlim(*_rates_shown(animation))
    axes.set_ylim(rows, 0)
    axes.set_yticks([])
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(LogLocator(numticks=7))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: brief(float(value))))
    axes.tick_params(length=0, labelsize=7.5)
    axes.set_xlabel("learning rate (marker: in use; bar: works; ×: diverged)", fontsize=7.5, labelpad=2)
    most = max((1 - min(strip.scores) for strip in animation.strips if strip), default=1.0) or 1.0
    for row, (path, strip, stroke) in enumerate(zip(animation.paths, animation.strips, strokes, strict=True)):
        axes.axhline(row + 0.92, color=GRID.light, lw=0.8)
        if strip:
            _draw_strip(axes, path, strip, stroke, row + 0.92, _TALL / most)


def _draw_strip(axes: Axes, path: Path, strip: Strip, stroke: Stroke, base: float, tall: float) -> None:
    """One row: `base` is where no progress is, and progress goes up, which is down in the axes' numbers."""
    progress = np.array([base - tall * (1 - score) for score in strip.scores])
    axes.fill_between(strip.rates, progress, base, color=stroke.colour, alpha=0.16, lw=0)
    axes.plot(strip.rates, progress, color=stroke.colour, lw=1.2)
    if strip.decades:
        axes.plot([strip.low, strip.high], [base, base], color=stroke.colour, lw=3, solid_capstyle="butt")
    lost = [rate for rate, diverged in zip(strip.rates, strip.diverged, strict=True) if diverged]
    axes.plot(lost, [base - 0.1] * len(lost), "x", color=stroke.colour, ms=3.6, mew=0.9)
    used = path.spec.hyperparameters.get(strip.setting)
    if isinstance(used, (int, float)) and used > 0:
        height = float(np.interp(math.log(used), np.log(strip.rates), progress))
        axes.plot([used, used], [base, height], color=stroke.colour, lw=1)
        axes.plot(
            [used], [height], stroke.marker, color=stroke.colour, ms=6, mec="white", mew=0.7, clip_on=False,
            zorder=5,
        )  # fmt: skip


def _rates_shown(animation: Animation) -> tuple[float, float]:
    """What works for any optimizer and what is in use, with some room: the trials span far more."""
    strips = [(path, strip) for path, strip in zip(animation.paths, animation.strips, strict=True) if strip]
    used = [float(path.spec.hyperparameters.get(strip.setting) or strip.best) for path, strip in strips]
    low = min([*(strip.low for _, strip in strips), *used])
    high = max([*(strip.high for _, strip in strips), *used])
    return low / _ROOM, high * _ROOM
