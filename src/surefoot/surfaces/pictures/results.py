"""A table for the terminal: where each optimizer ended, and how wide its learning rates are.

console.print(path_table(animation))
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from surefoot.study.format import MISSING, decades, number, printable, rounded, short
from surefoot.surfaces.animation import Animation
from surefoot.surfaces.path import Path
from surefoot.surfaces.pictures.captions import caption, label
from surefoot.surfaces.tuning import Strip

COLUMNS = ("optimizer", "ended at", "above the lowest", "learning rates that work")


def path_table(animation: Animation) -> RenderableType:
    """The optimizers, the lowest first and the lost ones last, and under which conditions they ran."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for place, heading in enumerate(COLUMNS):
        table.add_column(heading, justify="right" if place == 2 else "left", overflow="fold")
    rows = sorted(zip(animation.paths, animation.strips, strict=True), key=lambda row: _standing(row[0]))
    for path, strip in rows:
        table.add_row(*map(Text, _cells(animation, path, strip)))
    name, formula = printable(animation.surface.name), printable(animation.surface.formula)
    title = Text(name if name == formula else f"{name}: {formula}", style="bold")
    lost = [Text(f"✕ {label(path)} {short(path.end, 100)}") for path, _ in rows if path.end]
    return Group(title, "", table, "", *lost, Text(" ".join(caption(animation)), style="dim"))


def _standing(path: Path) -> tuple[bool, float]:
    value = path.values[-1]
    return path.diverged, value if math.isfinite(value) else math.inf


def _cells(animation: Animation, path: Path, strip: Strip | None) -> Sequence[str]:
    x, y = (rounded(coordinate, 3) for coordinate in path.points[-1])
    height = max(0.0, path.values[-1] - animation.surface.floor)
    reached = path.end.partition(":")[0] if path.end else number(height)
    return label(path), f"({x}, {y})", reached, _window(strip)


def _window(strip: Strip | None) -> str:
    if strip is None:
        return MISSING
    name = "" if strip.setting == "lr" else f"{strip.setting} "
    return f"{name}{rounded(strip.low)} to {rounded(strip.high)}, {decades(strip.decades)}"
