"""The answer in pictures: who won on fresh seeds, how they learned, what a step of each costs.

    forest(study).savefig("forest.svg")  # None where the study has nothing to draw

What was confirmed is in colour; whatever else ran is grey, behind it.
Nothing is global: no pyplot, and no font or colour from the user's matplotlibrc.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from surefoot.analysis.race_history import measured
from surefoot.analysis.tables import Result, history, mean_curves, optimizers, results
from surefoot.report.axes import blank, cross_at_edge, legend, scale_values, value_limits
from surefoot.report.style import BASELINE, FLOOR, INK, OTHERS, SOFT, Stroke, strokes, styled
from surefoot.study.direction import Direction
from surefoot.study.format import number, seconds, share, short
from surefoot.study.label import optimizer_label
from surefoot.study.records import RunRecord, StudyRecord
from surefoot.study.run import Phase, Point, Status

_WIDE = (3.9, 3.8)
MEASURE_LENGTH = 44
_OTHERS = "others: best run each"


def forest(study: StudyRecord) -> Figure | None:
    """Finalists, baseline and floor: a dot per seed, the mean, and the interval against the baseline."""
    rows = results(study.answer)
    if not any(row.values for row in rows):
        return None
    with styled():
        figure, axes = blank((4.7, 0.75 + 0.52 * len(rows)))
        draw_forest(axes, study, rows)
    return figure


def curves_by_progress(study: StudyRecord) -> Figure | None:
    """Learning curves against the share of the full training."""
    return _curves(study, against_seconds=False)


def curves_by_seconds(study: StudyRecord) -> Figure | None:
    """Learning curves against training seconds."""
    return _curves(study, against_seconds=True)


def quality_by_cost(study: StudyRecord) -> Figure | None:
    """The final value against seconds per step: confirmed candidates, and the best full run of the others."""
    rows = [row for row in results(study.answer) if row.phase == Phase.CONFIRM and row.values]
    rows = [row for row in rows if row.seconds_per_step]
    if not rows:
        return None
    marks = candidate_strokes(study)
    others = [run for run in _best_of_the_others(study) if run.points[-1].progress >= 1]
    if compared_by(study) != measure(study):
        others = []  # their points are no seconds
    with styled():
        figure, axes = blank(_WIDE)
        values = [row.estimate for row in rows] + [run.points[-1].value for run in others]
        values += [edge for row in rows for edge in row.interval or ()]
        worst = 20 * min(values) if min(values) > 0 and study.compared is Direction.MINIMIZE else None
        scale_values(axes, value_limits(values, worst, study.compared), study.compared)
        costs = [row.seconds_per_step or 0.0 for row in rows]
        costs += [run.seconds_per_step for run in others if math.isfinite(run.seconds_per_step)]
        # Costs that differ by less than the noise of timing must look alike.
        axes.set_xlim(min(costs) / 1.3, max(costs) * 1.3)
        for row in rows:
            _draw_cost(axes, row, marks[row.candidate.key])
        _draw_others_cost(axes, others)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: seconds(float(x))))
        axes.set_xlabel("seconds per step")
        axes.set_ylabel(compared_by(study))
        shown = {row.label: marks[row.candidate.key] for row in rows}
        legend(figure, shown | ({"others, on one seed": OTHERS} if others else {}), ncols=1, length=44)
    return figure


def compared_by(study: StudyRecord) -> str:
    """What candidates are compared by: the task's measure, or the seconds to a target."""
    return short(study.answer.measure if study.answer else measure(study), MEASURE_LENGTH)


def measure(study: StudyRecord) -> str:
    """What the points of a learning curve are."""
    found = (known.measure for known in (study.profile, study.answer) if known and known.measure)
    return short(next(found, "validation loss"), MEASURE_LENGTH)


def candidate_strokes(study: StudyRecord) -> dict[str, Stroke]:
    """The stroke of every confirmed candidate by its key: its optimizer's, but the baseline's own."""
    marks = strokes(optimizers(study))
    return {
        row.candidate.key: FLOOR
        if row.phase == Phase.FLOOR
        else BASELINE
        if row.baseline and not row.recommended
        else marks.get(row.optimizer, FLOOR)
        for row in results(study.answer)
    }


def draw_forest(axes: Axes, study: StudyRecord, rows: Sequence[Result]) -> None:
    """Draw `forest` into given axes."""
    marks = candidate_strokes(study)
    low, high = _forest_limits(rows, study.compared)
    axes.set_xlim(low, high)
    axes.set_ylim(len(rows) - 0.35, -0.75)
    axes.set_yticks([])
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel(f"{compared_by(study)} ({study.compared.better} is better)")
    _draw_effect(axes, study, rows)
    for place, row in enumerate(rows):
        _draw_row(axes, place, row, marks[row.candidate.key], (low, high))


# Learning curves.


@dataclass(frozen=True)
class _Curve:
    """One line of the picture; `name` is empty for a faint single run."""

    name: str
    stroke: Stroke
    points: tuple[Point, ...]
    diverged: bool = False


def _curves(study: StudyRecord, *, against_seconds: bool) -> Figure | None:
    curves = _lines(study)
    if not curves:
        return None
    with styled():
        figure, axes = blank(_WIDE)
        values = [point.value for curve in curves for point in curve.points]
        begin, direction = median(curve.points[0].value for curve in curves), study.direction
        worst = begin - 0.3 * abs(begin) if direction is Direction.MAXIMIZE else 1.3 * begin
        scale_values(axes, value_limits(values, worst, direction), direction)
        for curve in curves:
            _draw_curve(axes, curve, against_seconds, direction)
        axes.set_ylabel(measure(study))
        target = study.answer.target if study.answer else None
        if target is not None and math.isfinite(target):
            axes.axhline(target, color=SOFT.light, lw=1, ls=(0, (2, 2)))
        if against_seconds:
            axes.set_xlabel("training seconds")
            axes.set_xlim(left=0)
        else:
            axes.set_xlabel("share of the full training")
            axes.set_xlim(0, 1.02)
            axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: share(x)))
        legend(
            figure, {curve.name: curve.stroke for curve in reversed(curves) if curve.name}, ncols=1, length=44
        )
    return figure


def _lines(study: StudyRecord) -> list[_Curve]:
    """Grey lines first, so that what was confirmed lies on top, the best at the very top."""
    marks = candidate_strokes(study)
    others = [_Curve(_OTHERS, OTHERS, measured(run)) for run in _best_of_the_others(study)]
    fresh = [run for run in study.runs if run.phase in (Phase.CONFIRM, Phase.FLOOR)]
    single = [
        _Curve("", marks.get(run.candidate.key, FLOOR), measured(run), run.status == Status.DIVERGED)
        for run in fresh
    ]
    means = [_Curve(own.label, marks.get(own.candidate.key, FLOOR), own.points) for own in mean_curves(study)]
    means.sort(key=lambda curve: -study.direction.told(curve.points[-1].value))
    return others + [curve for curve in single if curve.points] + means


def _best_of_the_others(study: StudyRecord) -> list[RunRecord]:
    """The race's best run of every optimizer that was not confirmed: the furthest, then the best."""
    known = {run.optimizer for run in study.runs if run.phase in (Phase.CONFIRM, Phase.FLOOR)}
    others = [own.leading for own in history(study).optimizers if own.optimizer not in known]
    return [run for run in others if run is not None]


def _draw_curve(axes: Axes, curve: _Curve, against_seconds: bool, direction: Direction) -> None:
    stroke = curve.stroke
    places = [point.seconds if against_seconds else point.progress for point in curve.points]
    values = [point.value for point in curve.points]
    if not curve.name:
        axes.plot(places, values, color=stroke.colour, lw=0.7, alpha=0.3)
    elif stroke == OTHERS:
        axes.plot(places, values, stroke.marker, color=stroke.colour, ls=stroke.dash, lw=0.8, ms=3, alpha=0.4)
    else:
        axes.plot(places, values, ls=stroke.dash, marker=stroke.marker, color=stroke.colour, ms=4)
    if curve.diverged:
        cross_at_edge(axes, places[-1:], stroke, direction)


# Cost.


def _draw_cost(axes: Axes, row: Result, stroke: Stroke) -> None:
    cost = row.seconds_per_step or math.nan
    if row.interval:
        axes.plot([cost, cost], row.interval, color=stroke.colour, lw=1.6)
    axes.plot([cost], [row.estimate], stroke.marker, color=stroke.colour, ms=7)


def _draw_others_cost(axes: Axes, others: Iterable[RunRecord]) -> None:
    named: list[tuple[float, float]] = []
    for run in others:
        place, value = run.seconds_per_step, run.points[-1].value
        axes.plot([place], [value], OTHERS.marker, color=OTHERS.colour, ms=5)
        x, y = axes.transAxes.inverted().transform(axes.transData.transform((place, value)))
        if any(abs(x - a) < 0.25 and abs(y - b) < 0.045 for a, b in named):
            continue  # the name would cover another
        named.append((x, y))
        axes.annotate(
            optimizer_label(run.optimizer, 12), (place, value), (4, 0), textcoords="offset points",
            va="center", fontsize=7.5, color=SOFT.light, in_layout=False, annotation_clip=True,
        )  # fmt: skip


# Rows of the forest plot.


def _forest_limits(rows: Sequence[Result], direction: Direction) -> tuple[float, float]:
    """Room for what is close to the best; what is far away is named at the edge instead."""
    best = min((row.mean for row in rows if row.values), key=direction.told)
    shown = [
        v
        for row in rows
        if row.phase != Phase.FLOOR and (row.recommended or row.baseline)
        for v in row.values
    ]
    shown = shown or [value for row in rows if row.mean == best for value in row.values]
    span = max(max(shown) - min(shown), 1e-3 * abs(best), 1e-12)
    near = [value for row in rows for value in row.values if abs(value - best) <= 4 * span]
    low, high = min(shown + near), max(shown + near)
    room = max(high - low, span)
    if direction is Direction.MAXIMIZE:
        return low - 0.12 * room, high + 0.06 * room
    return low - 0.06 * room, high + 0.12 * room


def _draw_effect(axes: Axes, study: StudyRecord, rows: Sequence[Result]) -> None:
    """The baseline's mean as a dashed line and, from there, the interval of the recommended candidate."""
    baseline = next((row for row in rows if row.baseline and row.values), None)
    if baseline is None:
        return
    axes.axvline(baseline.mean, color=SOFT.light, lw=1, ls=(0, (4, 3)))
    effect = study.answer.effect if study.answer else None
    if effect is None or baseline.recommended:
        return
    if math.isfinite(effect.low) and math.isfinite(effect.high):
        edges = baseline.mean + effect.low, baseline.mean + effect.high
        axes.axvspan(*edges, color=SOFT.light, alpha=0.18, lw=0)


def _draw_row(axes: Axes, place: int, row: Result, stroke: Stroke, edges: tuple[float, float]) -> None:
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
    low, high = edges
    if row.values and not low <= row.mean <= high:
        beyond, told = row.mean > high, f"off the scale: {number(row.mean)}"
        axes.text(
            int(beyond), place + 0.12, f"{told} →" if beyond else f"← {told}",
            transform=axes.get_yaxis_transform(), ha="right" if beyond else "left",
            va="center", fontsize=8.5, color=SOFT.light, in_layout=False,
        )  # fmt: skip
        return
    if row.interval:
        axes.plot(row.interval, [place + 0.12] * 2, color=INK.light, lw=1.2)
    if row.values:
        axes.plot([row.estimate], [place + 0.12], "|", color=INK.light, ms=13, mew=2)
