"""One still picture of a race: the paths on the surface, the losses, every learning rate, how fair it was.

race_figure(run_race(recipe)).savefig("race.png")
"""

from __future__ import annotations

from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from surefoot.report.style import SOFT, styled
from surefoot.surfaces.pictures.ground import SMALL, draw_ground, draw_known, draw_start, ground_height, key
from surefoot.surfaces.pictures.layout import Sheet
from surefoot.surfaces.pictures.losses import draw_losses
from surefoot.surfaces.pictures.solid import draw_solid
from surefoot.surfaces.pictures.strips import draw_table, table_height
from surefoot.surfaces.pictures.trails import draw_trails
from surefoot.surfaces.pictures.words import small_print, write_title
from surefoot.surfaces.race import Race

View = Literal["contour", "3d", "both"]

WIDTH = 8.5
"""Inches: at 100 dots per inch this is the width of a page on GitHub."""

_LEFT, _RIGHT = 0.45, 0.2
_GROUND = 4.45
_LOSS = 2.75
_TOP = 0.78
_LINE = 0.135
_ACROSS = 150


def race_figure(race: Race, view: View = "contour") -> Figure:
    """Draw a race.

    Args:
        view: "contour": the surface from above; "3d": as a solid; "both": side by side, the losses below.
    """
    with styled():
        small = small_print(race, _ACROSS)
        below = table_height(race) + 0.2 + _LINE * len(small) + 0.12
        if view == "both":
            sheet, top = _both(race, below)
        else:
            sheet, top = _one(race, below, view)
        draw_table(sheet, race, 0.3, top)
        for place, line in enumerate(small):
            sheet.write(0.3, top + table_height(race) + 0.14 + _LINE * place, line, **SMALL)
    return sheet.figure


def _one(race: Race, below: float, view: View) -> tuple[Sheet, float]:
    tall = ground_height(race.surface, _GROUND) if view == "contour" else 4.3
    sheet = Sheet(WIDTH, _TOP + tall + 0.62 + below)
    write_title(sheet, race)
    if view == "contour":
        _draw_contour(sheet, race, _LEFT, _TOP, _GROUND, tall)
    else:
        draw_solid(sheet.axes(0.0, _TOP - 0.2, _GROUND + 0.6, tall + 0.4, projection="3d"), race)
    loss = sheet.axes(WIDTH - _RIGHT - _LOSS, _TOP + 0.22, _LOSS, tall - 0.22)
    draw_loss(loss, race)
    return sheet, _TOP + tall + 0.55


def _both(race: Race, below: float) -> tuple[Sheet, float]:
    wide = 3.85
    tall = ground_height(race.surface, wide)
    sheet = Sheet(WIDTH, _TOP + tall + 0.62 + 2.0 + 0.55 + below)
    write_title(sheet, race)
    _draw_contour(sheet, race, _LEFT, _TOP, wide, tall)
    left = _LEFT + wide - 0.05
    solid = sheet.axes(left, _TOP - 0.1, WIDTH - left - 0.2, tall + 0.2, projection="3d")
    draw_solid(solid, race)
    draw_loss(sheet.axes(0.75, _TOP + tall + 0.72, WIDTH - 0.75 - _RIGHT, 1.75), race)
    return sheet, _TOP + tall + 0.62 + 2.0 + 0.42


def draw_loss(axes: Axes, race: Race) -> None:
    """The losses with their own title."""
    draw_losses(axes, race)
    axes.set_title("height above the floor", loc="left", fontsize=8.5, color=SOFT.light, pad=9)


def _draw_contour(sheet: Sheet, race: Race, left: float, top: float, width: float, height: float) -> None:
    axes = sheet.axes(left, top, width, height)
    draw_ground(axes, race.surface)
    draw_trails(axes, race)
    draw_known(axes, race.surface)
    draw_start(axes, race.start)
    sheet.write(left + width, top + height + 0.22, key(race.surface), ha="right", **SMALL)
