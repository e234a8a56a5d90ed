"""What every figure's axes share: limits that one bad run cannot spoil, log scales in plain numbers, crosses.

figure, axes = blank((4.7, 3.6))
scale_values(axes, value_limits([0.08, 0.12, 900.0]))  # holds three decades from the best
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from surefoot.report.style import Stroke
from surefoot.study.direction import Direction
from surefoot.study.format import rounded, short

DECADES = 3
MOST_TICKS = 6


def blank(inches: tuple[float, float]) -> tuple[Figure, Axes]:
    """A figure of this size with one set of axes."""
    figure = Figure(figsize=inches, layout="constrained")
    return figure, figure.add_subplot()


def value_limits(
    values: Sequence[float], worst: float | None = None, direction: Direction = Direction.MINIMIZE
) -> tuple[float, float]:
    """Limits that hold the best three decades: one bad run must not flatten all others.

    Args:
        values: what is drawn.
        worst: values that are worse still need no room.
        direction: which way of them is better.
    """
    low, high = (min(values), max(values)) if values else (0.1, 1.0)
    if direction is Direction.MAXIMIZE:
        low = max(low, worst if worst is not None and worst < high else low)
    else:
        high = min(high, worst if worst is not None and worst > low else high)
    if low > 0 and direction is Direction.MINIMIZE:
        high = min(high, low * 10**DECADES)
        room = max(math.log(high / low), 0.05)
        return low * math.exp(-0.06 * room), high * math.exp(0.1 * room)
    room = (high - low) or 1.0
    return low - 0.06 * room, high + 0.1 * room


def scale_values(
    axes: Axes,
    limits: tuple[float, float],
    direction: Direction = Direction.MINIMIZE,
    *,
    across: bool = False,
) -> None:
    """A log axis wherever the values allow one, with ticks in plain numbers.

    Values of which higher is better have a linear one: a log axis would give the worst of them the most room.

    Args:
        direction: which way of the values is better.
        across: scale the horizontal axis instead of the vertical one.
    """
    low, high = limits
    axis: Axis = axes.xaxis if across else axes.yaxis
    limit = axes.set_xlim if across else axes.set_ylim
    limit(low, high)
    if low <= 0 or direction is Direction.MAXIMIZE:
        axis.set_major_locator(MaxNLocator(5))
        return
    (axes.set_xscale if across else axes.set_yscale)("log")
    limit(low, high)
    decades = math.log10(high / low)
    some = (1.0,) if across and decades > 2 else (1.0, 2.0, 5.0)
    subs = some if decades > 0.6 else (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)
    axis.set_major_locator(LogLocator(subs=subs) if decades > 0.2 else MaxNLocator(4 if across else 5))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: rounded(float(value), 3)))


def rate_scale(axes: Axes, rates: Sequence[float]) -> None:
    """A log axis of learning rates that holds these."""
    axes.set_xscale("log")
    axes.set_xlim(min(rates) / 1.6, max(rates) * 1.6)
    axes.xaxis.set_major_locator(LogLocator(numticks=MOST_TICKS))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: rounded(float(x), 3)))


def cross_at_edge(
    axes: Axes,
    places: Sequence[float],
    stroke: Stroke,
    direction: Direction = Direction.MINIMIZE,
    inset: float = 0.0,
) -> None:
    """Mark what diverged: a value without bound belongs at the edge of the worst values.

    Args:
        inset: how far from that edge, as a share of the axis.
    """
    height = inset if direction is Direction.MAXIMIZE else 1 - inset
    if not places:  # an empty line outside the axes would still claim room at the figure's corner
        return
    axes.plot(
        places, [height] * len(places), "x", color=stroke.colour, ms=7, mew=2,
        transform=axes.get_xaxis_transform(), clip_on=False,
    )  # fmt: skip


def columns(pairs: Iterable[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Pairs as two lists, which is what `plot` takes."""
    rows = list(pairs)
    return [x for x, _ in rows], [y for _, y in rows]


def legend(figure: Figure, marks: Mapping[str, Stroke], *, ncols: int = 2, length: int = 28) -> None:
    """Names and strokes below the axes."""
    handles = [Line2D([], [], color=m.colour, ls=m.dash, marker=m.marker, lw=1.4) for m in marks.values()]
    # A leading blank: matplotlib leaves out labels that begin with an underscore.
    labels = [" " + short(name, length) for name in marks]
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=ncols,
        fontsize=8.5,
        handlelength=3,
        columnspacing=1,
    )
