import dataclasses
import functools
import io
import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from surefoot.study.format import decades
from surefoot.surfaces.path import Path, optimizer_names
from surefoot.surfaces.pictures.saving import png, save_picture
from surefoot.surfaces.pictures.still import race_figure
from surefoot.surfaces.pictures.trails import leaving
from surefoot.surfaces.pictures.words import caption
from surefoot.surfaces.recipe import Racer
from tests.surfaces.pictures.races import DIVERGING, FEW, small_race

FORMULAS = ("log(x)", "1/x", "sign(x)", "1e300*x^2", "x^3*y", "exp(exp(x))", "5 + 0*x")


def lines(figure, name):
    """The lines of this name by racer."""
    found = {line.get_gid(): line for axes in figure.axes for line in axes.lines if line.get_gid()}
    return [found[key] for key in sorted(found, key=lambda key: (len(key), key)) if key.startswith(name)]


def texts(race, view="contour"):
    """All text of the picture."""
    figure = race_figure(race, view)
    return "\n".join(text.get_text() for text in figure.findobj(Text))


@functools.cache
def all_racers():
    return small_race(racers=tuple(Racer(name) for name in optimizer_names()), steps=8)


def test_the_drawn_paths_are_the_race_s_paths():
    race = all_racers()
    drawn = lines(race_figure(race), "path-")
    assert len(drawn) == len(race.paths)
    for line, path in zip(drawn, race.paths, strict=True):
        assert list(zip(*line.get_data(orig=True), strict=True)) == list(path.points)


def test_the_drawn_losses_are_the_race_s_heights():
    race = small_race()
    for line, path in zip(lines(race_figure(race), "loss-"), race.paths, strict=True):
        assert list(line.get_xdata(orig=True)) == list(path.evaluations)
        assert list(line.get_ydata(orig=True)) == [value - race.surface.floor for value in path.values]


def test_every_racer_has_its_own_stroke():
    drawn = lines(race_figure(all_racers()), "path-")
    looks = {(line.get_color(), line.get_linestyle(), str(line._dash_pattern)) for line in drawn}
    assert len(looks) == len(drawn)


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_same_race_gives_the_same_picture(ending, tmp_path):
    pictures = []
    for name in ("one", "two"):
        save_picture(small_race(), tmp_path / f"{name}.{ending}", "both")
        pictures.append((tmp_path / f"{name}.{ending}").read_bytes())
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize("view", ["contour", "3d", "both"])
def test_a_picture_opens_and_is_not_blank(view):
    picture = np.asarray(Image.open(io.BytesIO(png(small_race(), view, 60))).convert("RGB"))
    assert picture.shape[1] == 510
    assert 0.1 < (picture != 255).any(-1).mean() < 0.95
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 200


def test_an_svg_has_neither_script_nor_reference(tmp_path):
    save_picture(small_race("x^2 + 0*(y - 1)^2 + (3*y)^2"), tmp_path / "race.svg")
    root = ElementTree.parse(tmp_path / "race.svg").getroot()
    for element in root.iter():
        assert element.tag.rpartition("}")[2] not in ("script", "foreignObject", "a", "iframe")
        for name, value in element.attrib.items():
            assert not name.lower().startswith("on")
            if name.rpartition("}")[2] == "href":
                assert value.startswith(("#", "data:image/png;base64,"))


def test_hostile_names_are_text(tmp_path):
    race = small_race()
    surface = dataclasses.replace(race.surface, name="<script>$\\frac$\x1b[31m", about="$x_1$ & <b>")
    race = dataclasses.replace(race, surface=surface)
    save_picture(race, tmp_path / "race.svg")
    text = (tmp_path / "race.svg").read_text(encoding="utf8")
    assert "<script" not in text
    assert "\x1b" not in text
    root = ElementTree.fromstring(text)
    words = "\n".join("".join(element.itertext()) for element in root.iter())
    assert "<script>$\\frac$�[31m" in words
    assert "$x_1$ & <b>" in words
    png(race, dots=40)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tuning": "default"}, "Library defaults"),
        ({"tuning": "same-lr", "lr": 0.01}, "All with lr 0.01"),
        ({"tuning": "same-lr"}, "All with lr 0.0041"),
        ({"tuning": "tuned"}, "Each with the best of 25 learning rates over 8 jittered starts"),
        (
            {"noise": 0.5},
            "12 gradient evaluations and the same noise on the gradient (deviation 0.5) for all",
        ),
        ({}, "Same start, 12 gradient evaluations and exact gradients for all"),
        ({}, "set by hand: SGD lr=0.001"),
        ({}, "Muon’s point is lifted into a 2×2 matrix"),
        ({"surface": "styblinski-tang"}, "The floor is the lowest known value, −78.3"),
    ],
)
def test_the_caption_tells_the_conditions(settings, said):
    race = small_race(**settings)
    assert said in " ".join(caption(race))
    assert said in texts(race).replace("\n", " ")


def test_the_caption_names_who_evaluates_several_times_in_a_step():
    race = small_race(racers=(Racer("LBFGS"), Racer("Adam"), Racer("SGD")))
    assert "LBFGS evaluates several times in a step, so makes fewer steps." in caption(race)
    assert not any("set by hand" in sentence for sentence in caption(race))
    assert not any("lifted" in sentence for sentence in caption(race))


@pytest.mark.parametrize("view", ["contour", "3d", "both"])
def test_divergence_is_named_and_drawn(view):
    race = small_race(racers=DIVERGING)
    assert [bool(path.end) for path in race.paths] == [False, True, False]
    words = texts(race, view)
    assert f"SGD lr=1 {race.paths[1].end}" in words
    assert "✕ diverged" in words
    if view != "3d":
        assert "SGD diverged" in words


def test_a_racer_that_escapes_downwards_has_not_diverged():
    race = small_race("monkey-saddle", (Racer("SGD", {"lr": 0.1}),), steps=100)
    assert race.paths[0].end.startswith("escaped")
    words = texts(race)
    assert "✕" not in words
    assert "↘ escaped" in words


def test_a_lost_racer_is_marked_where_it_left_the_picture():
    surface = small_race(steps=1).surface
    (left, right), _ = surface.x, surface.y

    def lost(*points):
        path = Path(Racer("SGD"), tuple(range(len(points))), points, (1.0,) * len(points), "diverged: far")
        return leaving(path, surface)

    assert lost((0.0, 0.0), (1.0, 0.0), (right + 10, 0.0)) == ((right, 0.0), 0.0)
    assert lost((0.0, 0.0), (2 * left, 2 * left), (1e300, 0.0))[0] == pytest.approx((left, left))
    assert lost((0.0, 0.0), (1.0, 2.0), (math.nan, math.nan))[0] == (1.0, 2.0)
    assert lost((0.0, 0.0), (1.0, 2.0))[0] == (1.0, 2.0)
    assert lost((0.0, 0.0), (1e308, -1e308))[0] == pytest.approx((right, -right))


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("view", ["contour", "both"])
def test_every_formula_can_be_drawn(formula, view):
    racers = (Racer("SGD", {"lr": 1.0}), Racer("Adam", {"lr": 1e200}), Racer("LBFGS"))
    race = small_race(formula, racers, steps=20)
    assert len(png(race, view, 40)) > 1000


def test_a_strip_shows_every_trial_and_the_rate_in_use():
    race = small_race("saddle", FEW, strips=True, tuning="tuned")
    (axes,) = (axes for axes in race_figure(race).axes if "learning rate" in axes.get_xlabel())
    for path, strip in zip(race.paths, race.strips, strict=True):
        curve = [line for line in axes.lines if list(line.get_xdata()) == list(strip.rates)]
        assert any(
            np.allclose(np.argsort(line.get_ydata()), np.argsort(strip.scores)) for line in curve
        ) or len(set(strip.scores)) < len(strip.scores)
        assert curve
        used = path.racer.hyperparameters["lr"]
        assert any(list(line.get_xdata()) == [used] for line in axes.lines)
    words = texts(race)
    for strip in race.strips:
        assert decades(strip.decades) in words


def test_a_strip_crosses_what_diverged():
    race = small_race("booth", (Racer("SGD"),), strips=True)
    (strip,) = race.strips
    (axes,) = (axes for axes in race_figure(race).axes if "learning rate" in axes.get_xlabel())
    (crosses,) = (line for line in axes.lines if line.get_marker() == "x")
    lost = [rate for rate, diverged in zip(strip.rates, strip.diverged, strict=True) if diverged]
    assert list(crosses.get_xdata()) == lost != []


def test_an_optimizer_without_a_rate_is_named_in_the_table():
    race = small_race("booth", (Racer("SGD"), Racer("Adam")), strips=True)
    race = dataclasses.replace(race, strips=(race.strips[0], None))
    assert "no learning rate" in texts(race)


def test_other_endings_are_refused(tmp_path):
    for name, said in (("race.bmp", r"\.bmp"), ("race", "a file without ending")):
        with pytest.raises(ValueError, match=rf"\.png, \.svg, \.gif, \.webp, \.mp4, not as {said}"):
            save_picture(small_race(), tmp_path / name)
