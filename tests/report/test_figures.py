import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import matplotlib
import pytest

from surefoot.report import figures, race_figures
from surefoot.report.picture import answer_figure
from surefoot.report.style import SERIES, strokes
from surefoot.report.svg import inline_svg, save_svg
from surefoot.study.run import Phase
from tests.report.sample_study import HOSTILE, empty_study, sample_study

DRAWN = (
    figures.forest,
    figures.curves_by_progress,
    figures.curves_by_seconds,
    figures.quality_by_cost,
    race_figures.look_figure,
)


def texts(svg: str) -> str:
    return "\n".join("".join(element.itertext()) for element in ElementTree.fromstring(svg).iter())


@pytest.mark.parametrize("draw", DRAWN)
def test_the_same_study_gives_the_same_picture(draw, study):
    first, second = (inline_svg(draw(study), "figure", "title") for _ in range(2))
    assert first == second
    assert "metadata" not in first


@pytest.mark.parametrize("draw", DRAWN)
def test_nothing_is_drawn_from_nothing(draw):
    assert draw(empty_study()) is None


def test_the_forest_names_every_result_and_what_is_off_the_scale(study):
    words = texts(inline_svg(figures.forest(study), "forest", "title"))
    for name in (
        "Adam lr=0.003",
        "SGD",
        "Adamax",
        "AdamW",
        "RandomSearch",
        "1 diverged",
        "off the scale: 1.90",
    ):
        assert name in words


def test_learning_rate_panels_mark_and_name_what_diverged(study):
    panels = {curve.optimizer: figure for curve, figure in race_figures.rate_panels(study)}
    assert "diverged: lr 0.1" in texts(inline_svg(panels["Adam"], "a", "title"))
    assert "diverged" not in texts(inline_svg(panels["Adagrad"], "b", "title"))
    crosses = [line for line in panels["Adam"].axes[0].lines if line.get_marker() == "x"]
    assert [list(line.get_xdata()) for line in crosses] == [[0.1]]


def test_learning_rate_panels_share_their_value_axis(study):
    assert len({figure.axes[0].get_ylim() for _, figure in race_figures.rate_panels(study)}) == 1


def test_a_later_rung_is_a_stronger_line(study):
    panels = {curve.optimizer: (curve, figure) for curve, figure in race_figures.rate_panels(study)}
    curve, figure = panels["Adam"]
    lines = [line for line in figure.axes[0].lines if line.get_marker() not in (".", "x", "None")]
    assert len(lines) == len(curve.lines)
    assert [line.get_alpha() for line in lines] == sorted(line.get_alpha() for line in lines)


def test_the_band_reaches_from_the_best_to_its_limit(study):
    for rung, figure in race_figures.race_panels(study):
        edges = [line.get_xdata()[0] for line in figure.axes[0].lines if len(set(line.get_xdata())) == 1]
        assert rung.limit in edges
        out = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
        assert len(out) == len(rung.steps) - rung.survivors
        assert all(line.get_xdata()[0] > rung.limit for line in out)


def test_the_looks_have_a_panel_per_rival_and_a_star_for_who_led(study):
    figure = race_figures.look_figure(study)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[0] == "Adam lr=0.003\nled at the end"
    assert "Adamax lr=0.01\nlost" in titles
    stars = [line.get_xdata() for line in figure.axes[0].lines if line.get_marker() == "*"]
    assert [list(places) for places in stars] == [[6]]


def test_the_baseline_has_a_stroke_of_its_own_and_others_are_grey(study):
    words = texts(inline_svg(figures.curves_by_progress(study), "curves", "title"))
    for name in ("Adam lr=0.003", "AdamW lr=0.001", "others: best run each"):
        assert name in words
    assert "Adagrad" not in words
    marks = figures.candidate_strokes(study)
    assert len(set(marks.values())) == len(marks)


def test_names_beside_each_other_do_not_cover_each_other(study):
    full = [replace(run, points=(replace(run.points[-1], progress=1.0),)) for run in study.runs
            if run.phase == Phase.SCREEN and run.status == "completed"]  # fmt: skip
    confirmed = [run for run in study.runs if run.phase == "confirm"]
    close = [replace(run, points=(replace(run.points[0], value=0.1),), seconds_per_step=3e-4) for run in full]
    figure = figures.quality_by_cost(replace(study, runs=(*close, *confirmed)))
    assert len([text for text in figure.axes[0].texts if text.get_text()]) == 1


def test_ids_of_two_figures_in_one_page_do_not_meet(study):
    found = [
        {element.get("id") for element in ElementTree.fromstring(svg).iter() if element.get("id")}
        for svg in (inline_svg(figures.forest(study), name, "title") for name in ("one", "two"))
    ]
    assert found[0]
    assert not found[0] & found[1]


def test_every_reference_inside_a_figure_has_its_target(study):
    svg = inline_svg(figures.curves_by_progress(study), "curves", "title")
    elements = list(ElementTree.fromstring(svg).iter())
    ids = {element.get("id") for element in elements}
    links = [element.get("{http://www.w3.org/1999/xlink}href") for element in elements]
    assert any(links)
    assert all(link[1:] in ids for link in links if link)


def test_colours_follow_the_page(study):
    svg = inline_svg(figures.curves_by_progress(study), "curves", "title")
    assert "var(--blue)" in svg
    assert not any(colour.light in svg for colour in SERIES)


def test_names_that_look_like_mathematics_or_privacy_are_drawn(study):
    def renamed(run):
        return replace(run, candidate=replace(run.candidate, optimizer=f"_{run.optimizer}$"))

    runs = tuple(map(renamed, study.runs))
    assert "_Adam$" in texts(inline_svg(figures.curves_by_progress(replace(study, runs=runs)), "x", "title"))


def test_drawing_leaves_matplotlib_as_it_was(study):
    before = dict(matplotlib.rcParams)
    figures.forest(study)
    assert dict(matplotlib.rcParams) == before


def test_strokes_of_many_optimizers_differ():
    assert len(set(strokes(str(number) for number in range(28)).values())) == 28


def test_negative_and_equal_values_can_be_drawn(study):
    def below(run):
        return replace(run, points=tuple(replace(point, value=point.value - 5) for point in run.points))

    assert figures.curves_by_progress(replace(study, runs=tuple(map(below, study.runs)))) is not None
    flat = [replace(run, points=tuple(replace(p, value=0.5) for p in run.points)) for run in study.runs]
    svg = inline_svg(figures.curves_by_progress(replace(study, runs=tuple(flat))), "flat", "title")
    assert HOSTILE[:8] not in svg


def test_the_still_picture_stands_alone(study, tmp_path):
    save_svg(answer_figure(study), tmp_path / "answer.svg")
    words = texts((tmp_path / "answer.svg").read_text())
    assert "Adam lr=0.003" in words
    assert "learning rate" in words
    with pytest.raises(ValueError, match="no answer"):
        answer_figure(sample_study(finished=False))
