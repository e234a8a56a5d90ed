"""The report's figures, each drawn from a study by one function.

    forest(study).savefig("forest.svg")  # None where the study has nothing to draw

Nothing is global: no pyplot, and no font or colour from the user's matplotlibrc.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from surefoot.evidence.records import RunRecord, StudyRecord
from surefoot.show.format import number, setting, share
from surefoot.show.reading import (
    RateCurve,
    Result,
    Verdict,
    finite,
    optimizers,
    rate_curves,
    results,
    verdicts,
)
from surefoot.show.style import FLOOR, INK, SOFT, Stroke, strokes, styled

_WIDE = (5.8, 3.9)
_PANEL = (3.3, 2.3)


def forest(study: StudyRecord) -> Figure | None:
    """Finalists, baseline and floor: a dot per seed, the mean, and the interval against the baseline."""
    rows = results(study.answer)
    if not any(row.values for row in rows):
        return None
    with styled():
        figure, axes = _blank((5.8, 0.75 + 0.52 * len(rows)))
        draw_forest(axes, study, rows)
    return figure


def curves_by_progress(study: StudyRecord) -> Figure | None:
    """Learning curves against the share of the full training."""
    return _curves(study, against_seconds=False)


def curves_by_seconds(study: StudyRecord) -> Figure | None:
    """Learning curves against training seconds."""
    return _curves(study, against_seconds=True)


def rate_panels(study: StudyRecord) -> list[tuple[RateCurve, Figure]]:
    """One small figure per optimizer: value against learning rate, all on the same scale."""
    curves = rate_curves(study)
    marks = strokes(optimizers(study))
    panels = []
    with styled():
        for curve in curves:
            figure, axes = _blank(_PANEL)
            draw_rate_curve(axes, curve, marks[curve.optimizer], rate_limits(curves))
            draw_diverged_names(axes, curve)
            axes.set_title(curve.optimizer, fontsize=10, loc="left", color=INK.light)
            panels.append((curve, figure))
    return panels


def race(study: StudyRecord) -> Figure | None:
    """Every rung as a column: who went on (filled), who was out (cross), and the band between them."""
    decided = [v for v in verdicts(study) if math.isfinite(v.value)]
    if not decided:
        return None
    marks = strokes({*optimizers(study), *(v.optimizer for v in decided)})
    with styled():
        figure, axes = _blank((7.2, 4.2))
        draw_race(axes, decided, marks, _measure(study))
        _legend(figure, sorted({v.optimizer for v in decided}), marks, dashes=False)
    return figure


def draw_forest(axes: Axes, study: StudyRecord, rows: Sequence[Result]) -> None:
    """Draw `forest` into given axes."""
    marks = strokes(optimizers(study))
    low, high = _forest_limits(study, rows)
    axes.set_xlim(low, high)
    axes.set_ylim(len(rows) - 0.35, -0.75)
    axes.set_yticks([])
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel(f"{_measure(study)} (lower is better)")
    _draw_effect(axes, study, rows)
    for place, row in enumerate(rows):
        stroke = FLOOR if row.phase == "floor" else marks.get(row.optimizer, FLOOR)
        _draw_row(axes, place, row, stroke, high)


def draw_rate_curve(axes: Axes, curve: RateCurve, stroke: Stroke, limits: tuple[float, float]) -> None:
    """Value against learning rate: flat window shaded, diverged runs as crosses at the top edge."""
    rates = [rate for rate, _ in curve.points] + list(curve.diverged)
    axes.set_xscale("log")
    _scale_values(axes, limits)
    axes.set_xlim(min(rates) / 1.6, max(rates) * 1.6)
    _rate_ticks(axes)
    if curve.window is not None:
        axes.axvspan(curve.window.low, curve.window.high, color=stroke.colour, alpha=0.16, lw=0)
    axes.plot(*_columns(curve.points), stroke.marker, color=stroke.colour, alpha=0.45, ms=3.5)
    axes.plot(*_columns(curve.best), stroke.marker, ls=stroke.dash, color=stroke.colour)
    # A value without bound belongs at the top edge.
    axes.plot(
        curve.diverged, [1.0] * len(curve.diverged), "x", color=stroke.colour, ms=7, mew=2,
        transform=axes.get_xaxis_transform(), clip_on=False,
    )  # fmt: skip
    axes.set_xlabel("learning rate")


def rate_limits(curves: Iterable[RateCurve]) -> tuple[float, float]:
    """One value axis for all learning-rate curves, so that they compare."""
    return _value_limits([value for curve in curves for _, value in curve.points])


def draw_diverged_names(axes: Axes, curve: RateCurve) -> None:
    """Say in words which runs the crosses at the top edge stand for."""
    if curve.diverged:
        text = "diverged: lr " + ", ".join(setting(rate) for rate in curve.diverged)
        axes.text(
            0.98, 0.93, text, transform=axes.transAxes, ha="right", va="top", fontsize=8, color=SOFT.light
        )


def draw_race(axes: Axes, decided: Sequence[Verdict], marks: dict[str, Stroke], measure: str) -> None:
    """Draw `race` into given axes."""
    rungs = sorted({verdict.rung for verdict in decided})
    names = sorted({verdict.optimizer for verdict in decided})
    _scale_values(axes, _value_limits([verdict.value for verdict in decided]))
    for column, rung in enumerate(rungs):
        here = [verdict for verdict in decided if verdict.rung == rung]
        bands = [verdict.band for verdict in here if math.isfinite(verdict.band)]
        if bands:
            _draw_band(axes, column, [verdict.value for verdict in here], median(bands))
        for verdict in here:
            place = column + 0.72 * ((names.index(verdict.optimizer) + 0.5) / len(names) - 0.5)
            _draw_verdict(axes, place, verdict, marks[verdict.optimizer])
    axes.set_xlim(-0.5, len(rungs) - 0.5)
    axes.set_xticks(range(len(rungs)), [_rung_title(rung, decided) for rung in rungs])
    axes.grid(axis="x", visible=False)
    axes.set_ylabel(measure)


# Learning curves.


@dataclass(frozen=True)
class _Curve:
    """A run's curve; `loud` ones are the finalists' and each optimizer's best."""

    run: RunRecord
    loud: bool


def _curves(study: StudyRecord, *, against_seconds: bool) -> Figure | None:
    curves = _drawn_curves(study)
    if not curves:
        return None
    marks = strokes(optimizers(study))
    with styled():
        figure, axes = _blank(_WIDE)
        starts = [curve.run.points[0].value for curve in curves if math.isfinite(curve.run.points[0].value)]
        values = [p.value for curve in curves for p in curve.run.points if math.isfinite(p.value)]
        _scale_values(axes, _value_limits(values, ceiling=1.3 * median(starts) if starts else None))
        for curve in curves:
            _draw_curve(axes, curve, marks[curve.run.optimizer], against_seconds)
        axes.set_ylabel(_measure(study))
        if against_seconds:
            axes.set_xlabel("training seconds")
            axes.set_xlim(left=0)
        else:
            axes.set_xlabel("share of the full training")
            axes.set_xlim(0, 1.02)
            axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: share(x)))
        _legend(figure, sorted({curve.run.optimizer for curve in curves}), marks)
    return figure


def _drawn_curves(study: StudyRecord) -> list[_Curve]:
    """Faint screening runs first, so that the loud ones lie on top."""
    runs = [run for run in study.runs if any(math.isfinite(point.value) for point in run.points)]
    loud = {id(run) for run in runs if run.phase in ("confirm", "floor")}
    confirmed = {run.optimizer for run in runs if id(run) in loud}
    for name, group in groupby(sorted(runs, key=lambda run: run.optimizer), lambda run: run.optimizer):
        if name not in confirmed:
            loud.add(id(min(group, key=lambda run: (-run.points[-1].progress, _last_value(run)))))
    return sorted((_Curve(run, id(run) in loud) for run in runs), key=lambda curve: curve.loud)


def _last_value(run: RunRecord) -> float:
    value = run.points[-1].value
    return value if math.isfinite(value) else math.inf


def _draw_curve(axes: Axes, curve: _Curve, stroke: Stroke, against_seconds: bool) -> None:
    points = [point for point in curve.run.points if math.isfinite(point.value)]
    places = [point.seconds if against_seconds else point.progress for point in points]
    values = [point.value for point in points]
    if curve.loud:
        axes.plot(
            places,
            values,
            ls=stroke.dash,
            marker=stroke.marker,
            color=stroke.colour,
            lw=1.2,
            ms=3.2,
            alpha=0.85,
        )
    else:
        axes.plot(places, values, color=stroke.colour, lw=0.7, alpha=0.28)
    if curve.run.status == "diverged":
        top = axes.get_xaxis_transform()
        axes.plot(places[-1:], [1.0], "x", color=stroke.colour, ms=6, mew=1.6, transform=top, clip_on=False)


# Rows of the forest plot.


def _forest_limits(study: StudyRecord, rows: Sequence[Result]) -> tuple[float, float]:
    """Room for what is close to the best; what is far away is named at the edge instead."""
    best = min(row.mean for row in rows if row.values)
    shown = [
        v for row in rows if row.phase != "floor" and (row.recommended or row.baseline) for v in row.values
    ]
    shown = shown or [value for row in rows if row.mean == best for value in row.values]
    span = max(max(shown) - min(shown), 1e-3 * abs(best), 1e-12)
    near = [value for row in rows for value in row.values if abs(value - best) <= 4 * span]
    low, high = min(shown + near), max(shown + near)
    room = max(high - low, span)
    return low - 0.06 * room, high + 0.12 * room


def _draw_effect(axes: Axes, study: StudyRecord, rows: Sequence[Result]) -> None:
    baseline = next((row for row in rows if row.baseline and row.values), None)
    if baseline is None:
        return
    axes.axvline(baseline.mean, color=SOFT.light, lw=1, ls=(0, (4, 3)))
    effect = (study.answer or {}).get("effect") or {}
    low, high = finite(effect.get("low")), finite(effect.get("high"))
    if math.isfinite(low) and math.isfinite(high):
        axes.axvspan(baseline.mean + low, baseline.mean + high, color=SOFT.light, alpha=0.18, lw=0)


def _draw_row(axes: Axes, place: int, row: Result, stroke: Stroke, edge: float) -> None:
    title = row.label + (f"  ({row.role})" if row.role else "")
    if row.diverged:
        title += f"  ✕ {row.diverged} diverged"
    axes.text(
        0, place - 0.26, title, transform=axes.get_yaxis_transform(), fontsize=8.5,
        fontweight="bold" if row.recommended else "normal",
    )  # fmt: skip
    axes.plot(
        row.values, [place + 0.12] * len(row.values), stroke.marker, color=stroke.colour, alpha=0.5, mew=0
    )
    if row.values and row.mean > edge:
        axes.text(
            1, place + 0.12, f"off the scale: {number(row.mean)} →", transform=axes.get_yaxis_transform(),
            ha="right", va="center", fontsize=8.5, color=SOFT.light,
        )  # fmt: skip
    elif row.values:
        axes.plot([row.mean], [place + 0.12], "|", color=INK.light, ms=13, mew=2)


# The race.


def _draw_band(axes: Axes, column: int, values: Sequence[float], band: float) -> None:
    axes.fill_between([column - 0.44, column + 0.44], min(values), band, color=SOFT.light, alpha=0.14, lw=0)
    axes.plot([column - 0.44, column + 0.44], [band, band], color=SOFT.light, lw=1)


def _draw_verdict(axes: Axes, place: float, verdict: Verdict, stroke: Stroke) -> None:
    if verdict.survived:
        axes.plot([place], [verdict.value], stroke.marker, color=stroke.colour, ms=5)
    else:
        axes.plot([place], [verdict.value], "x", color=stroke.colour, ms=4.5, mew=1.1, alpha=0.8)


def _rung_title(rung: float, decided: Iterable[Verdict]) -> str:
    here = [verdict for verdict in decided if verdict.rung == rung]
    survivors = sum(verdict.survived for verdict in here)
    return f"{share(rung)} of the training\n{survivors} of {len(here)} went on"


# Axes.


def _blank(inches: tuple[float, float]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=inches, layout="constrained")
    return figure, figure.add_subplot()


def _measure(study: StudyRecord) -> str:
    return str((study.answer or {}).get("measure") or "validation loss")


def _columns(pairs: Iterable[tuple[float, float]]) -> tuple[list[float], list[float]]:
    rows = list(pairs)
    return [x for x, _ in rows], [y for _, y in rows]


def _value_limits(values: Sequence[float], ceiling: float | None = None) -> tuple[float, float]:
    """Limits that hold the best three decades: one bad run must not flatten all others."""
    low, high = (min(values), max(values)) if values else (0.1, 1.0)
    high = min(high, ceiling if ceiling is not None and ceiling > low else high)
    if low > 0:
        high = min(high, low * 1000)
        room = max(math.log(high / low), 0.05)
        return low * math.exp(-0.06 * room), high * math.exp(0.1 * room)
    room = (high - low) or 1.0
    return low - 0.06 * room, high + 0.1 * room


def _scale_values(axes: Axes, limits: tuple[float, float]) -> None:
    """A log axis wherever the values allow one, with ticks in plain numbers."""
    low, high = limits
    axes.set_ylim(low, high)
    if low <= 0:
        return
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    subs = (1, 2, 5) if high / low > 4 else (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)
    axes.yaxis.set_major_locator(LogLocator(subs=subs) if high / low > 1.5 else MaxNLocator(5))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: setting(float(y))))


def _rate_ticks(axes: Axes) -> None:
    axes.xaxis.set_major_locator(LogLocator(numticks=6))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: setting(float(x))))


def _legend(figure: Figure, names: Sequence[str], marks: dict[str, Stroke], *, dashes: bool = True) -> None:
    handles = [
        Line2D(
            [],
            [],
            color=marks[n].colour,
            ls=marks[n].dash if dashes else "none",
            marker=marks[n].marker,
            lw=1.4,
        )
        for n in names
    ]
    # A leading blank: matplotlib leaves out labels that begin with an underscore.
    labels = [f" {name}" for name in names]
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=4,
        fontsize=8.5,
        handlelength=3.2,
        columnspacing=1.2,
    )
