"""The race in pictures: values against learning rate, who fell at which rung, and confirmation look by look.

    for rung, figure in race_panels(study):
        figure.savefig(f"rung-{rung.progress:.3f}.svg")

Small multiples, so that twenty optimizers and hundreds of runs stay readable.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from surefoot.analysis.race_history import RaceHistory, Rung
from surefoot.analysis.tables import RateCurve, RateLine, history, optimizers, rate_curves
from surefoot.report.axes import blank, columns, cross_at_edge, rate_scale, scale_values, value_limits
from surefoot.report.style import INK, SERIES, SOFT, Stroke, strokes, styled
from surefoot.study.decisions import Looked, Promoted
from surefoot.study.direction import Direction
from surefoot.study.format import setting, short
from surefoot.study.label import optimizer_label
from surefoot.study.records import StudyRecord

_PANEL = (3.3, 2.4)
_FAINTEST = 0.25
_UNDECIDED = Stroke(SERIES[0].light, "-", "D")
_DECISIONS = {"better": Stroke(SERIES[1].light, "-", "o"), "equivalent": Stroke(SERIES[2].light, "-", "s")}
_STATES = {"better": "lost", "equivalent": "equal", "undecided": "undecided"}


def rate_panels(study: StudyRecord) -> list[tuple[RateCurve, Figure]]:
    """One small figure per optimizer, the confirmed first: value against lr, all on the same scale."""
    curves = ordered_curves(study, history(study))
    marks = strokes(optimizers(study))
    panels = []
    with styled():
        for curve in curves:
            figure, axes = blank(_PANEL)
            limits = rate_limits(curves, study.direction)
            draw_rate_curve(axes, curve, marks[curve.optimizer], limits, study.direction)
            draw_diverged_names(axes, curve)
            axes.set_title(optimizer_label(curve.optimizer, 30), fontsize=10, loc="left", color=INK.light)
            panels.append((curve, figure))
    return panels


def ordered_curves(study: StudyRecord, race: RaceHistory) -> list[RateCurve]:
    """The learning-rate curves in the order of the race."""
    order = {own.optimizer: place for place, own in enumerate(race.optimizers)}
    return sorted(rate_curves(study, race), key=lambda curve: order.get(curve.optimizer, len(order)))


def race_panels(study: StudyRecord) -> list[tuple[Rung, Figure]]:
    """One small figure per rung: who went on (marker), who was out (cross), and the band between them."""
    marks = strokes(optimizers(study))
    found = history(study)
    order = [own.optimizer for own in found.optimizers]
    panels = []
    with styled():
        for rung in found.rungs:
            here = {step.candidate.optimizer for step in rung.steps if math.isfinite(step.value)}
            if here:
                names = [name for name in (*order, *sorted(here.difference(order))) if name in here]
                figure, axes = blank((3.7, 1.0 + 0.21 * len(names)))
                draw_rung(axes, rung, names, marks)
                panels.append((rung, figure))
    return panels


def look_figure(study: StudyRecord) -> Figure | None:
    """Confirmation as it went: at each look, how far every rival was behind who led (a star) then."""
    found = [look for look in history(study).looks if look.rivals]
    if not found:
        return None
    rivals = {rival.rival for look in found for rival in look.rivals}
    seen = (name for look in reversed(found) for name in (look.leader, *(r.rival for r in look.rivals)))
    names = [name for name in dict.fromkeys(seen) if name in rivals]
    with styled():
        figure = Figure(figsize=(2.35 * len(names) + 0.3, 2.6), layout="constrained")
        panels = figure.subplots(1, len(names), squeeze=False, sharey=True)[0]
        limits = _look_limits(found)
        for axes, name in zip(panels, names, strict=True):
            _draw_looks(axes, name, found, limits)
        panels[0].set_ylabel("behind the leader")
    return figure


def draw_rate_curve(
    axes: Axes,
    curve: RateCurve,
    stroke: Stroke,
    limits: tuple[float, float],
    direction: Direction = Direction.MINIMIZE,
) -> None:
    """A line per rung, the later the stronger; flat window shaded, diverged runs as crosses at the edge."""
    scale_values(axes, limits, direction)
    rate_scale(axes, [rate for line in curve.lines for rate, _ in line.points] + list(curve.diverged))
    if curve.window is not None:
        axes.axvspan(curve.window.low, curve.window.high, color=stroke.colour, alpha=0.16, lw=0)
    for place, line in enumerate(curve.lines, 1):
        strength = _FAINTEST + (1 - _FAINTEST) * place / len(curve.lines)
        _draw_rate_line(axes, line, stroke, strength)
    cross_at_edge(axes, curve.diverged, stroke, direction)
    axes.set_xlabel("learning rate")


def rate_limits(
    curves: Iterable[RateCurve], direction: Direction = Direction.MINIMIZE
) -> tuple[float, float]:
    """One value axis for all learning-rate curves, so that they compare."""
    values = [value for curve in curves for line in curve.lines for _, value in line.points]
    return value_limits(values, direction=direction)


def draw_diverged_names(axes: Axes, curve: RateCurve) -> None:
    """Say in words which runs the crosses at the edge stand for."""
    if curve.diverged:
        text = "diverged: lr " + ", ".join(setting(rate) for rate in curve.diverged)
        axes.text(
            0.98, 0.93, text, transform=axes.transAxes, ha="right", va="top", fontsize=8, color=SOFT.light
        )


def draw_rung(axes: Axes, rung: Rung, names: Sequence[str], marks: dict[str, Stroke]) -> None:
    """A row per optimizer, the value to the right, the band shaded."""
    measured = [step for step in rung.steps if math.isfinite(step.value)]
    limits = value_limits([step.value for step in measured], direction=rung.direction)
    scale_values(axes, limits, rung.direction, across=True)
    if math.isfinite(rung.limit):
        best_edge = axes.get_xlim()[rung.direction is Direction.MAXIMIZE]
        axes.axvspan(*sorted((best_edge, rung.limit)), color=SOFT.light, alpha=0.14, lw=0)
        axes.axvline(rung.limit, color=SOFT.light, lw=1)
    for step in measured:
        stroke, height = marks[step.candidate.optimizer], names.index(step.candidate.optimizer)
        if isinstance(step, Promoted):
            axes.plot([step.value], [height], stroke.marker, color=stroke.colour, ms=5, alpha=0.85)
        else:
            axes.plot([step.value], [height], "x", color=SOFT.light, ms=4.5, mew=1)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_yticks(range(len(names)), [optimizer_label(name, 14) for name in names])
    axes.tick_params(axis="y", length=0, pad=1)


def _draw_rate_line(axes: Axes, line: RateLine, stroke: Stroke, strength: float) -> None:
    best = dict(line.best)
    others = [point for point in line.points if best[point[0]] != point[1]]
    axes.plot(*columns(others), ".", color=stroke.colour, alpha=0.35 * strength, ms=3, mew=0)
    axes.plot(
        *columns(line.best), stroke.marker, ls=stroke.dash, color=stroke.colour, alpha=strength,
        lw=0.6 + strength, ms=2 + 2.5 * strength,
    )  # fmt: skip


def _look_limits(found: Sequence[Looked]) -> tuple[float, float]:
    """Every estimate, and the intervals of the last look."""
    estimates = [rival.estimate for look in found for rival in look.rivals]
    edges = [edge for rival in found[-1].rivals for edge in (rival.low, rival.high)]
    values = [value for value in (*estimates, *edges, 0.0) if math.isfinite(value)]
    room = 0.08 * ((max(values) - min(values)) or 1.0)
    return min(values) - room, max(values) + room


def _draw_looks(axes: Axes, name: str, found: Sequence[Looked], limits: tuple[float, float]) -> None:
    axes.set_ylim(*limits)
    axes.axhline(0, color=INK.light, lw=1)
    seen = [(look, rival) for look in found for rival in look.rivals if rival.rival == name]
    for look, rival in seen:
        if look.margin is not None:
            axes.axhspan(-look.margin, look.margin, color=SOFT.light, alpha=0.12 / len(seen), lw=0)
        if not math.isfinite(rival.estimate):
            cross_at_edge(axes, [look.seeds], Stroke(SOFT.light, "-", "x"), inset=0.02)
            continue
        mark = _DECISIONS.get(rival.decision, _UNDECIDED)
        axes.plot([look.seeds] * 2, [rival.low, rival.high], color=mark.colour, lw=1.6)
        axes.plot([look.seeds], [rival.estimate], mark.marker, color=mark.colour, ms=5)
    led = [look.seeds for look in found if look.leader == name]
    axes.plot(led, [0] * len(led), "*", color=INK.light, ms=9)
    state = "led at the end" if found[-1].leader == name else _STATES.get(seen[-1][1].decision, "")
    axes.set_title(f"{short(name, 26)}\n{state}", fontsize=8.5, loc="left")
    axes.set_xlim(found[0].seeds - 1, found[-1].seeds + 1)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_xlabel("seeds")
