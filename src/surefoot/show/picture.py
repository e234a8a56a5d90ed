"""One still picture of an answer, for a README or a slide: who won, and how each learning rate did.

save_svg(answer_figure(study), "answer.svg")
"""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from surefoot.evidence.records import StudyRecord
from surefoot.show.figures import draw_forest, draw_rate_curve, rate_limits
from surefoot.show.format import share, short
from surefoot.show.reading import RateCurve, common_rung, optimizers, rate_curves, results
from surefoot.show.style import Stroke, strokes, styled


def answer_figure(study: StudyRecord) -> Figure:
    """The confirmed candidates beside the learning-rate curves, on white.

    Raises:
        ValueError: if the study has no answer yet.
    """
    rows = results(study.answer)
    if not rows:
        raise ValueError(f"study {study.name!r} has no answer to draw yet")
    with styled():
        figure = Figure(figsize=(11, 4.3), layout="constrained", facecolor="white")
        left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
        left.set_title("Fresh seeds; grey: interval against the baseline (dashed)", loc="left", fontsize=10.5)
        draw_forest(left, study, rows)
        _draw_rates(right, study)
    return figure


def _draw_rates(axes: Axes, study: StudyRecord) -> None:
    curves = [curve for curve in rate_curves(study) if curve.best]
    rung = common_rung(study)
    if not curves or rung is None:
        axes.set_axis_off()
        return
    measure = (study.answer or {}).get("measure", "value")
    marks = strokes(optimizers(study))
    low, high = rate_limits(curves)
    limits = low, high * (high / low) ** 0.12 if low > 0 else high  # room for the crosses
    for place, curve in enumerate(curves):
        draw_rate_curve(axes, _without_details(curve), marks[curve.optimizer], limits, 0.99 - 0.02 * place)
    rates = [rate for curve in curves for rate in (*dict(curve.points), *curve.diverged)]
    axes.set_xlim(min(rates) / 1.6, max(rates) * 1.6)
    axes.set_title(f"Screening: {measure} after {share(rung)} of the training", loc="left", fontsize=10.5)
    axes.set_xlabel("learning rate (crosses: diverged)")
    handles = [_handle(marks[curve.optimizer]) for curve in curves]
    labels = [f" {short(curve.optimizer, 14)}" for curve in curves]
    axes.legend(
        handles,
        labels,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.15),
        ncols=4,
        fontsize=8.5,
        handlelength=3,
    )


def _without_details(curve: RateCurve) -> RateCurve:
    """Only the lower envelope: windows and single runs of many optimizers would hide each other."""
    return RateCurve(curve.optimizer, curve.best, curve.best, curve.diverged, None)


def _handle(stroke: Stroke) -> Line2D:
    return Line2D([], [], color=stroke.colour, ls=stroke.dash, marker=stroke.marker, lw=1.4)
