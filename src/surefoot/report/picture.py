"""One still picture of an answer, for a README or a slide: who won, and how each learning rate did.

save_svg(answer_figure(study), "answer.svg")
"""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from surefoot.analysis.tables import RateCurve, optimizers, rate_curves, results
from surefoot.errors import InvalidInputError
from surefoot.report.axes import columns, cross_at_edge, rate_scale, scale_values
from surefoot.report.figures import draw_forest, measure
from surefoot.report.race_figures import rate_limits
from surefoot.report.style import Stroke, strokes, styled
from surefoot.study.direction import Direction
from surefoot.study.format import fraction
from surefoot.study.label import optimizer_label
from surefoot.study.records import StudyRecord


def answer_figure(study: StudyRecord) -> Figure:
    """The confirmed candidates beside the learning-rate curves, on white.

    Raises:
        InvalidInputError: if the study has no answer yet.
    """
    rows = results(study.answer)
    if not rows:
        raise InvalidInputError(f"study {study.name!r} has no answer to draw yet")
    with styled():
        figure = Figure(figsize=(11, 4.3), layout="constrained", facecolor="white")
        left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
        left.set_title("Fresh seeds; grey: interval against the baseline (dashed)", loc="left", fontsize=10.5)
        draw_forest(left, study, rows)
        _draw_rates(right, study)
    return figure


def _draw_rates(axes: Axes, study: StudyRecord) -> None:
    """The first rung of every optimizer in one picture: later ones hold too few to compare."""
    curves = [curve for curve in rate_curves(study) if curve.lines]
    if not curves:
        axes.set_axis_off()
        return
    rung = min(curve.lines[0].progress for curve in curves)
    marks = strokes(optimizers(study))
    first = [RateCurve(curve.optimizer, curve.lines[:1], curve.diverged, None) for curve in curves]
    direction = study.direction
    low, high = rate_limits(first, direction)
    room = low > 0 and direction is Direction.MINIMIZE  # for the crosses
    scale_values(axes, (low, high * (high / low) ** 0.12 if room else high), direction)
    for place, curve in enumerate(first):
        stroke = marks[curve.optimizer]
        axes.plot(*columns(curve.lines[0].best), stroke.marker, ls=stroke.dash, color=stroke.colour)
        cross_at_edge(axes, curve.diverged, stroke, direction, 0.01 + 0.02 * place)
    rate_scale(axes, [rate for c in first for rate in (*dict(c.lines[0].points), *c.diverged)])
    axes.set_title(
        f"Screening: {measure(study)} at {fraction(rung)} of the training", loc="left", fontsize=10.5
    )
    axes.set_xlabel("learning rate (crosses: diverged)")
    handles = [_handle(marks[curve.optimizer]) for curve in first]
    labels = [f" {optimizer_label(curve.optimizer, 14)}" for curve in first]
    axes.legend(
        handles,
        labels,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.15),
        ncols=4,
        fontsize=8.5,
        handlelength=3,
    )


def _handle(stroke: Stroke) -> Line2D:
    return Line2D([], [], color=stroke.colour, ls=stroke.dash, marker=stroke.marker, lw=1.4)
