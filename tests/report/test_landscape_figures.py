"""A landscape in pictures and words: what is drawn, that nothing hostile gets through, and what it claims."""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from surefoot.report import landscape_words as words
from surefoot.report.figures import candidate_strokes
from surefoot.report.landscape_figures import drawn, figures, save, together
from surefoot.report.landscape_section import section
from surefoot.report.report import report_html
from surefoot.study.codec import decode
from surefoot.study.run import Candidate
from tests.report.sample_landscape import sample_landscape
from tests.report.sample_study import FINALISTS, HOSTILE


@pytest.fixture
def document():
    return sample_landscape()


@pytest.fixture
def small(study):
    """Little else to draw."""
    return replace(study, runs=study.runs[-40:], decisions=())


def lines(axes):
    return {tuple(np.round(line.get_xdata(), 6)) for line in axes.get_lines()}


def test_every_part_has_a_picture_with_title_and_caption(document, study):
    made = figures(document, study)
    assert [name for name, _, _ in made] == list(words.TITLES) == list(words.CAPTIONS)
    assert all(title == words.TITLES[name] for name, title, _ in made)


def test_paths_look_as_in_the_study_s_other_pictures(document, study):
    marks = candidate_strokes(study)
    for one, path in zip(drawn(document, study), document["paths"], strict=True):
        assert one.stroke == marks[decode(Candidate, path).key]
    assert drawn(document, study)[0].name.startswith("Adam lr=0.003")


def test_without_the_study_every_path_looks_different(document):
    strokes = [one.stroke for one in drawn(document, None)]
    assert len(set(strokes)) == len(FINALISTS)


def test_the_plane_shows_every_path_from_the_start_on_one_scale(document, study):
    _, _, figure = figures(document, study)[0]
    (axes,) = figure.axes
    assert axes.get_aspect() == 1.0  # equal
    for path in document["paths"]:
        assert tuple(np.round(path["x"], 6)) in lines(axes)
    assert axes.get_xlabel() == "main axis 1 (60 %)"
    assert axes.get_xlim() == pytest.approx((document["grid"]["x"][0], document["grid"]["x"][-1]))


def test_the_control_shows_the_walks_and_no_loss(document, study):
    _, _, figure = figures(document, study)[1]
    (axes,) = figure.axes
    for walk in document["control"]["paths"]:
        assert tuple(np.round(walk["x"], 6)) in lines(axes)
    assert axes.get_xlabel() == "its own main axis 1 (81 %)"
    assert not axes.collections


def test_both_losses_of_every_path_are_drawn(document, study):
    _, _, figure = figures(document, study)[2]
    for axes, path in zip(figure.axes, document["paths"], strict=False):
        drawn_values = {tuple(np.round(line.get_ydata(), 6)) for line in axes.get_lines()}
        assert drawn_values == {tuple(np.round(path[key], 6)) for key in ("loss", "plane_loss")}


def test_the_distance_is_also_a_share(document, study):
    _, _, figure = figures(document, study)[3]
    left, right = figure.axes
    assert left.get_lines()[0].get_ydata()[-1] == pytest.approx(0.6)
    assert right.get_lines()[0].get_ydata().tolist() == pytest.approx([0.5] * 10)  # none at the start


@pytest.mark.parametrize("runs", [1, 4])
def test_any_number_of_paths_is_drawn(study, runs):
    assert len(figures(sample_landscape(runs), study)) == 4
    assert together(sample_landscape(runs), study)


def test_a_plane_without_a_finite_or_varied_loss_still_shows_the_paths(document, study):
    for value in (None, 0.5, -1.0):
        document["grid"]["loss"] = [[value] * 7] * 7
        document["paths"][0]["loss"] = [None] * 11
        assert len(figures(document, study)[0][2].axes) == 1


def test_one_picture_holds_all_of_it(document, study, tmp_path):
    save(document, tmp_path / "landscape.png", study)
    save(document, tmp_path / "landscape.svg", study)
    with Image.open(tmp_path / "landscape.png") as picture:
        assert picture.width > 1500
        assert len(picture.convert("L").getcolors()) > 30
    text = "".join(ElementTree.fromstring((tmp_path / "landscape.svg").read_bytes()).itertext())
    assert all(title in text for title in words.TITLES.values())
    with pytest.raises(ValueError, match=r"landscape\.gif: a picture .* is a \.png or \.svg file"):
        save(document, "landscape.gif")


def test_the_words_say_what_chance_explains_and_what_is_hidden(document):
    assert words.summary(document) == (
        "One plane holds 80 % of the squared distance from the start, averaged over 4 paths; of as many "
        "random walks with the same steps it would hold 37 %. On a plane of its own a path shows 97 % of "
        "itself, and a random walk explains 90 % too: the smoothness of these curves is no evidence of "
        "anything. What the plane hides: Adam ends at a loss of 0.0820, and at its place on the plane the "
        "loss is 0.410."
    )
    assert words.held(sample_landscape(1)).startswith("The plane holds 80 % of the path's squared distance")
    for path in document["paths"]:
        path["loss"][-1] = None
    assert words.hidden(document) == "The loss at the ends of the paths is not finite."


def test_the_method_is_told_with_what_is_special(document):
    assert "Batch normalisation" not in words.method(document)
    told = words.method(document | {"statistics": "computed anew at every point", "source": "trained again"})
    assert "Batch normalisation: its statistics are computed anew at every point." in told
    assert "training the finalists again" in told


class Text(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


def test_the_report_has_a_section_where_a_landscape_was_drawn(document, small):
    plain = report_html(small)
    assert "The landscape of the model" not in plain
    page = Text(report_html(replace(small, documents={"landscape": document})))
    assert page.text.count("The landscape of the model") == 1
    for words_of_it in (words.summary(document), words.method(document), *words.CAPTIONS.values()):
        assert words_of_it in page.text
    assert page.tags.count("svg") == Text(plain).tags.count("svg") + 4
    for number in ("1.20", "80 %", "97 %", "90 %", "0.0820", "0.410"):
        assert number in page.text


def test_what_a_newer_surefoot_drew_is_left_out(document, small):
    newer = replace(small, documents={"landscape": document | {"version": 2}})
    assert section(newer) is None
    assert "The landscape of the model" not in report_html(newer)


def test_hostile_text_in_a_landscape_stays_text(document, small):
    evil = copy.deepcopy(document)
    evil |= {"loss": HOSTILE, "statistics": HOSTILE, "unit": HOSTILE, "source": HOSTILE, "notes": [HOSTILE]}
    for path in evil["paths"]:
        path |= {"optimizer": HOSTILE, "message": HOSTILE, "hyperparameters": {HOSTILE: HOSTILE}}
    html = report_html(replace(small, documents={"landscape": evil}))
    assert "<script" not in html
    assert "script" not in Text(html).tags
    assert HOSTILE in Text(html).text
