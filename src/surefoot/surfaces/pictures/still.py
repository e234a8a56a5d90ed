"""One still picture of an animation: paths on the surface, losses, learning rates, conditions.

still_figure(animate(recipe)).savefig("paths.png")
"""

from __future__ import annotations

from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from surefoot.report.style import SOFT, styled
from surefoot.surfaces.animation import Animation
from surefoot.surfaces.pictures.captions import small_print, write_title
from surefoot.surfaces.pictures.ground import SMALL, draw_ground, draw_known, draw_start, ground_height, key
from surefoot.surfaces.pictures.layout import Sheet
from surefoot.surfaces.pictures.losses import draw_losses
from surefoot.surfaces.pictures.solid import draw_solid
from surefoot.surfaces.pictures.strips import draw_table, table_height
from surefoot.surfaces.pictures.trails import draw_trails

View = Literal["contour", "3d", "both"]

WIDTH = 8.5
"""Inches: at 100 dots per inch this is the width of a page on GitHub."""

_LEFT, _RIGHT = 0.45, 0.2
_GROUND = 4.45
_LOSS = 2.75
_TOP = 0.78
_LINE = 0.135
_ACROSS = 150


def still_figure(animation: Animation, view: View = "contour") -> Figure:
    """Draw an animation.

    Args:
        view: "contour": the surface from above; "3d": as a solid; "both": side by side, the losses below.
    """
    with styled():
        small = small_print(animation, _ACROSS)
        below = table_height(animation) + 0.2 + _LINE * len(small) + 0.12
        if view == "both":
            sheet, top = _both(animation, below)
        else:
            sheet, top = _one(animation, below, view)
        draw_table(sheet, animation, 0.3, top)
        for place, line in enumerate(small):
            sheet.write(0.3, top + table_height(animation) + 0.14 + _LINE * place, line, **SMALL)
    return sheet.figure


def _one(animation: Animation, below: float, view: View) -> tuple[Sheet, float]:
    tall = ground_height(animation.surface, _GROUND) if view == "contour" else 4.3
    sheet = Sheet(WIDTH, _TOP + tall + 0.62 + below)
    write_title(sheet, animation)
    if view == "contour":
        _draw_contour(sheet, animation, _LEFT, _TOP, _GROUND, tall)
    else:
        draw_solid(sheet.axes(0.0, _TOP - 0.2, _GROUND + 0.6, tall + 0.4, projection="3d"), animation)
    loss = sheet.axes(WIDTH - _RIGHT - _LOSS, _TOP + 0.22, _LOSS, tall - 0.22)
    draw_loss(loss, animation)
    return sheet, _TOP + tall + 0.55


def _both(animation: Animation, below: float) -> tuple[Sheet, float]:
    wide = 3.85
    tall = ground_height(animation.surface, wide)
    sheet = Sheet(WIDTH, _TOP + tall + 0.62 + 2.0 + 0.55 + below)
    write_title(sheet, animation)
    _draw_contour(sheet, animation, _LEFT, _TOP, wide, tall)
    left = _LEFT + wide - 0.05
    solid = sheet.axes(left, _TOP - 0.1, WIDTH - left - 0.2, tall + 0.2, projection="3d")
    draw_solid(solid, animation)
    draw_loss(sheet.axes(0.75, _TOP + tall + 0.72, WIDTH - 0.75 - _RIGHT, 1.75), animation)
    return sheet, _TOP + tall + 0.62 + 2.0 + 0.42


def draw_loss(axes: Axes, animation: Animation) -> None:
    """The losses with their own title."""
    draw_losses(axes, animation)
    axes.set_title("height above the floor", loc="left", fontsize=8.5, color=SOFT.light, pad=9)


def _draw_contour(
    sheet: Sheet, animation: Animation, left: float, top: float, width: float, height: float
) -> None:
    axes = sheet.axes(left, top, width, height)
    draw_ground(axes, animation.surface)
    draw_trails(axes, animation)
    draw_known(axes, animation.surface)
    draw_start(axes, animation.start)
    sheet.write(left + width, top + height + 0.22, key(animation.surface), ha="right", **SMALL)
