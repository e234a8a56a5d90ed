"""The colours of every picture, and the stroke (colour, dash, marker) that stands for an optimizer.

Colours are Okabe–Ito's without yellow, which is lost on white.  Each has a variant for dark pages:
a figure is drawn in the light colours and the report exchanges them for CSS variables.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from matplotlib import rc_context, rcParamsDefault


@dataclass(frozen=True)
class Colour:
    """One colour of a picture: its CSS name and its values on a light and on a dark page."""

    name: str
    light: str
    dark: str


INK = Colour("ink", "#1b2228", "#e6eaed")
SOFT = Colour("soft", "#56616b", "#a3afb9")
GRID = Colour("grid", "#dbe0e4", "#333c44")

SERIES = (
    Colour("blue", "#0072b2", "#4ba6e0"),
    Colour("vermillion", "#d55e00", "#f0803c"),
    Colour("green", "#009e73", "#2fc79b"),
    Colour("purple", "#cc79a7", "#dd97bd"),
    Colour("orange", "#e69f00", "#f2b632"),
    Colour("sky", "#56b4e9", "#8fd0f5"),
    Colour("black", "#0a0a0a", "#ffffff"),  # a pure black fill would be left out of the SVG as its default
)
PALETTE = (INK, SOFT, GRID, *SERIES)

# Lengths coprime to the number of colours: two optimizers of one colour differ in dash and marker.
DASHES: tuple[str | tuple[float, tuple[float, ...]], ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (1.5, 1.2)),
    (0, (6, 1.5, 1.5, 1.5)),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "<", "X", ">", "p")


@dataclass(frozen=True)
class Stroke:
    """How the curves of one optimizer are drawn, in matplotlib's words."""

    colour: str
    dash: str | tuple[float, tuple[float, ...]]
    marker: str


FLOOR = Stroke(SOFT.light, (0, (1, 1)), "h")
BASELINE = Stroke(INK.light, (0, (4, 3)), "d")
OTHERS = Stroke(SOFT.light, "-", ".")


def strokes(optimizers: Iterable[str]) -> dict[str, Stroke]:
    """A stroke for each name, the most different ones first."""
    return {
        name: Stroke(SERIES[i % len(SERIES)].light, DASHES[i % len(DASHES)], MARKERS[i % len(MARKERS)])
        for i, name in enumerate(optimizers)
    }


@contextmanager
def styled() -> Iterator[None]:
    """Draw with Surefoot's style and matplotlib's defaults, whatever the user's matplotlibrc says."""
    defaults = {name: value for name, value in rcParamsDefault.items() if not name.startswith("backend")}
    with rc_context({**defaults, **_MATPLOTLIB}):
        yield


_MATPLOTLIB: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be searched, copied and read aloud
    "svg.hashsalt": "surefoot",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "text.parse_math": False,  # names may hold dollar signs
    "text.color": INK.light,
    "axes.labelcolor": SOFT.light,
    "axes.edgecolor": GRID.light,
    "xtick.color": SOFT.light,
    "ytick.color": SOFT.light,
    "axes.grid": True,
    "grid.color": GRID.light,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}
