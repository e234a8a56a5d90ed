"""The report's figures, each drawn from a study by one function.

    forest(study).savefig("forest.svg")  # None where the study has nothing to draw

Nothing is global: no pyplot, and no font or colour from the user's matplotlibrc.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from surefoot.evidence.records import PointRecord, RunRecord, StudyRecord
from surefoot.show.format import number, setting, share, short
from surefoot.show.reading import (
    RateCurve,
    Result,
    Rung,
    Verdict,
    finite,
    optimizers,
    rate_curves,
    results,
    rungs,
)
from surefoot.show.style import FLOOR, INK, SOFT, Stroke, strokes, styled

_WIDE = (4.7, 3.6)
_PANEL = (3.3, 2.3)


def forest(study: StudyRecord) -> Figure | None:
    """Finalists, baseline and floor: a dot per seed, the mean, and the interval against the baseline."""
    rows = results(study.answer)
    if not any(row.values for row in rows):
        return None
    with styled():
        figure, axes = _blank((4.7, 0.75 + 0.52 * len(rows)))
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
            axes.set_title(short(curve.optimizer, 30), fontsize=10, loc="left", color=INK.light)
            panels.append((curve, figure))
    return panels


def race_panels(study: StudyRecord) -> list[tuple[Rung, Figure]]:
    """One small figure per rung: who went on (marker), who was out (cross), and the band between them."""
    marks = strokes(optimizers(study))
    panels = []
    with styled():
        for rung in rungs(study):
            if any(math.isfinite(verdict.value) for verdict in rung.verdicts):
                figure, axes = _blank((3.6, 3.1))
                draw_rung(axes, rung, marks)
                panels.append((rung, figure))
    return panels


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


def draw_rate_curve(
    axes: Axes, curve: RateCurve, stroke: Stroke, limits: tuple[float, float], top: float = 1.0
) -> None:
    """Value against learning rate: flat window shaded, diverged runs as crosses at the top edge.

    `top` is the height of the crosses as a share of the axes'; several curves need several.
    """
    rates = [rate for rate, _ in curve.points] + list(curve.diverged)
    axes.set_xscale("log")
    _scale_values(axes, limits)
    axes.set_xlim(min(rates) / 1.6, max(rates) * 1.6)
    _rate_ticks(axes)
    if curve.window is not None:
        axes.axvspan(curve.window.low, curve.window.high, color=stroke.colour, alpha=0.16, lw=0)
    axes.plot(*_columns(curve.points), stroke.marker, color=stroke.colour, alpha=0.45, ms=3.5)
    axes.plot(*_columns(curve.best), stroke.marker, ls=stroke.dash, color=stroke.colour)
    _cross_at_top(axes, curve.diverged, stroke, top)
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


def draw_rung(axes: Axes, rung: Rung, marks: dict[str, Stroke]) -> None:
    """A column per optimizer, the value upwards, the band shaded."""
    measured = [verdict for verdict in rung.verdicts if math.isfinite(verdict.value)]
    here = {verdict.optimizer for verdict in measured}
    names = [name for name in marks if name in here]
    _scale_values(axes, _value_limits([verdict.value for verdict in measured]))
    if math.isfinite(rung.band):
        axes.axhspan(
            0 if axes.get_yscale() == "linear" else 1e-300, rung.band, color=SOFT.light, alpha=0.14, lw=0
        )
        axes.axhline(rung.band, color=SOFT.light, lw=1)
    for verdict in measured:
        _draw_verdict(axes, names.index(verdict.optimizer), verdict, marks[verdict.optimizer])
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set_xticks(range(len(names)), [short(name, 12) for name in names], rotation=55, ha="right")
    axes.tick_params(axis="x", length=0, pad=1)
    axes.grid(axis="x", visible=False)


# Learning curves.


@dataclass(frozen=True)
class _Curve:
    """One line of the picture; `loud` are the finalists' means and the best run of every other optimizer."""

    optimizer: str
    points: tuple[PointRecord, ...]
    loud: bool
    diverged: bool


def _curves(study: StudyRecord, *, against_seconds: bool) -> Figure | None:
    curves = _lines(study)
    if not curves:
        return None
    marks = strokes(optimizers(study))
    with styled():
        figure, axes = _blank(_WIDE)
        values = [point.value for curve in curves for point in curve.points]
        _scale_values(axes, _value_limits(values, ceiling=1.3 * median(c.points[0].value for c in curves)))
        for curve in curves:
            _draw_curve(axes, curve, marks.get(curve.optimizer, FLOOR), against_seconds)
        axes.set_ylabel(_measure(study))
        if against_seconds:
            axes.set_xlabel("training seconds")
            axes.set_xlim(left=0)
        else:
            axes.set_xlabel("share of the full training")
            axes.set_xlim(0, 1.02)
            axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: share(x)))
        drawn = {curve.optimizer for curve in curves}
        _legend(figure, {name: marks.get(name, FLOOR) for name in (*marks, *drawn) if name in drawn})
    return figure


def _lines(study: StudyRecord) -> list[_Curve]:
    """Faint lines first, so that the loud ones lie on top."""
    runs = [run for run in study.runs if any(math.isfinite(point.value) for point in run.points)]
    confirmed = [run for run in runs if run.phase in ("confirm", "floor")]
    known = {run.optimizer for run in confirmed}
    others = [run for run in runs if run.optimizer not in known]
    best = [min((run for run in others if run.optimizer == name), key=_standing) for name in optimizers(study)
            if any(run.optimizer == name for run in others)]  # fmt: skip
    quiet = [_Curve(run.optimizer, _measured(run), False, run.status == "diverged") for run in runs]
    loud = [_Curve(run.optimizer, _measured(run), True, False) for run in best]
    return quiet + loud + _means(confirmed)


def _means(runs: Iterable[RunRecord]) -> list[_Curve]:
    """Each candidate's mean curve over its seeds, as far as all of those that did not diverge have come."""
    groups: dict[str, list[RunRecord]] = {}
    for run in runs:
        if run.status != "diverged":
            candidate = repr((run.optimizer, run.hyperparameters, run.schedule))
            groups.setdefault(candidate, []).append(run)
    means = [
        (group[0].optimizer, _mean_points([_measured(run) for run in group])) for group in groups.values()
    ]
    return [_Curve(name, points, True, False) for name, points in means if points]


def _mean_points(curves: Sequence[Sequence[PointRecord]]) -> tuple[PointRecord, ...]:
    by_progress = [{point.progress: point for point in curve} for curve in curves]
    shared = sorted(set(by_progress[0]).intersection(*by_progress))
    rows = [[curve[progress] for curve in by_progress] for progress in shared]
    return tuple(
        PointRecord(row[0].progress, fmean(p.seconds for p in row), fmean(p.value for p in row))
        for row in rows
    )


def _measured(run: RunRecord) -> tuple[PointRecord, ...]:
    return tuple(point for point in run.points if math.isfinite(point.value))


def _standing(run: RunRecord) -> tuple[float, float]:
    last = _measured(run)[-1]
    return -last.progress, last.value


def _draw_curve(axes: Axes, curve: _Curve, stroke: Stroke, against_seconds: bool) -> None:
    places = [point.seconds if against_seconds else point.progress for point in curve.points]
    values = [point.value for point in curve.points]
    if curve.loud:
        axes.plot(places, values, ls=stroke.dash, marker=stroke.marker, color=stroke.colour, ms=4)
    else:
        axes.plot(places, values, color=stroke.colour, lw=0.7, alpha=0.3)
    if curve.diverged:
        _cross_at_top(axes, places[-1:], stroke)


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
    """The baseline's mean as a dashed line and, from there, the interval of the recommended candidate."""
    baseline = next((row for row in rows if row.baseline and row.values), None)
    if baseline is None:
        return
    axes.axvline(baseline.mean, color=SOFT.light, lw=1, ls=(0, (4, 3)))
    effect = (study.answer or {}).get("effect") or {}
    low, high = finite(effect.get("low")), finite(effect.get("high"))
    if not baseline.recommended and math.isfinite(low) and math.isfinite(high):
        axes.axvspan(baseline.mean + low, baseline.mean + high, color=SOFT.light, alpha=0.18, lw=0)


def _draw_row(axes: Axes, place: int, row: Result, stroke: Stroke, edge: float) -> None:
    title = short(row.label, 52) + (f"  ({row.role})" if row.role else "")
    if row.diverged:
        title += f"  ✕ {row.diverged} diverged"
    axes.text(
        0, place - 0.26, title, transform=axes.get_yaxis_transform(), fontsize=8.5,
        fontweight="bold" if row.recommended else "normal", in_layout=False,
    )  # fmt: skip
    axes.plot(
        row.values, [place + 0.12] * len(row.values), stroke.marker, color=stroke.colour, alpha=0.5, mew=0
    )
    if row.values and row.mean > edge:
        axes.text(
            1, place + 0.12, f"off the scale: {number(row.mean)} →", transform=axes.get_yaxis_transform(),
            ha="right", va="center", fontsize=8.5, color=SOFT.light, in_layout=False,
        )  # fmt: skip
    elif row.values:
        axes.plot([row.mean], [place + 0.12], "|", color=INK.light, ms=13, mew=2)


# The race.


def _draw_verdict(axes: Axes, place: float, verdict: Verdict, stroke: Stroke) -> None:
    if verdict.survived:
        axes.plot([place], [verdict.value], stroke.marker, color=stroke.colour, ms=5, alpha=0.85)
    else:
        axes.plot([place], [verdict.value], "x", color=stroke.colour, ms=5, mew=1.2)


# Axes.


def _cross_at_top(axes: Axes, places: Sequence[float], stroke: Stroke, top: float = 1.0) -> None:
    """Mark what diverged: a value without bound belongs at the top edge."""
    if not places:  # an empty line outside the axes would still claim room at the figure's corner
        return
    axes.plot(
        places, [top] * len(places), "x", color=stroke.colour, ms=7, mew=2,
        transform=axes.get_xaxis_transform(), clip_on=False,
    )  # fmt: skip


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


def _legend(figure: Figure, marks: Mapping[str, Stroke]) -> None:
    handles = [Line2D([], [], color=m.colour, ls=m.dash, marker=m.marker, lw=1.4) for m in marks.values()]
    # A leading blank: matplotlib leaves out labels that begin with an underscore.
    labels = [" " + short(name, 14) for name in marks]
    figure.legend(
        handles, labels, loc="outside lower center", ncols=3, fontsize=8.5, handlelength=3, columnspacing=1
    )
