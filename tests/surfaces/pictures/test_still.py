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
from surefoot.surfaces.pictures.captions import caption
from surefoot.surfaces.pictures.saving import png, save_picture
from surefoot.surfaces.pictures.still import still_figure
from surefoot.surfaces.pictures.trails import leaving
from surefoot.surfaces.recipe import OptimizerSpec
from tests.surfaces.pictures.animations import DIVERGING, FEW, small_animation

FORMULAS = ("log(x)", "1/x", "sign(x)", "1e300*x^2", "x^3*y", "exp(exp(x))", "5 + 0*x")


def lines(figure, name):
    """The lines of this name by optimizer."""
    found = {line.get_gid(): line for axes in figure.axes for line in axes.lines if line.get_gid()}
    return [found[key] for key in sorted(found, key=lambda key: (len(key), key)) if key.startswith(name)]


def texts(animation, view="contour"):
    """All text of the picture."""
    figure = still_figure(animation, view)
    return "\n".join(text.get_text() for text in figure.findobj(Text))


@functools.cache
def all_optimizers():
    return small_animation(optimizers=tuple(OptimizerSpec(name) for name in optimizer_names()), steps=8)


def test_the_drawn_paths_are_the_animation_s_paths():
    animation = all_optimizers()
    drawn = lines(still_figure(animation), "path-")
    assert len(drawn) == len(animation.paths)
    for line, path in zip(drawn, animation.paths, strict=True):
        assert list(zip(*line.get_data(orig=True), strict=True)) == list(path.points)


def test_the_drawn_losses_are_the_animation_s_heights():
    animation = small_animation()
    for line, path in zip(lines(still_figure(animation), "loss-"), animation.paths, strict=True):
        assert list(line.get_xdata(orig=True)) == list(path.evaluations)
        assert list(line.get_ydata(orig=True)) == [value - animation.surface.floor for value in path.values]


def test_every_optimizer_has_its_own_stroke():
    drawn = lines(still_figure(all_optimizers()), "path-")
    looks = {(line.get_color(), line.get_linestyle(), str(line._dash_pattern)) for line in drawn}
    assert len(looks) == len(drawn)


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_same_animation_gives_the_same_picture(ending, tmp_path):
    pictures = []
    for name in ("one", "two"):
        save_picture(small_animation(), tmp_path / f"{name}.{ending}", "both")
        pictures.append((tmp_path / f"{name}.{ending}").read_bytes())
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize("view", ["contour", "3d", "both"])
def test_a_picture_opens_and_is_not_blank(view):
    picture = np.asarray(Image.open(io.BytesIO(png(small_animation(), view, 60))).convert("RGB"))
    assert picture.shape[1] == 510
    assert 0.1 < (picture != 255).any(-1).mean() < 0.95
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 200


def test_an_svg_has_neither_script_nor_reference(tmp_path):
    save_picture(small_animation("x^2 + 0*(y - 1)^2 + (3*y)^2"), tmp_path / "paths.svg")
    root = ElementTree.parse(tmp_path / "paths.svg").getroot()
    for element in root.iter():
        assert element.tag.rpartition("}")[2] not in ("script", "foreignObject", "a", "iframe")
        for name, value in element.attrib.items():
            assert not name.lower().startswith("on")
            if name.rpartition("}")[2] == "href":
                assert value.startswith(("#", "data:image/png;base64,"))


def test_hostile_names_are_text(tmp_path):
    animation = small_animation()
    surface = dataclasses.replace(animation.surface, name="<script>$\\frac$\x1b[31m", about="$x_1$ & <b>")
    animation = dataclasses.replace(animation, surface=surface)
    save_picture(animation, tmp_path / "paths.svg")
    text = (tmp_path / "paths.svg").read_text(encoding="utf8")
    assert "<script" not in text
    assert "\x1b" not in text
    root = ElementTree.fromstring(text)
    words = "\n".join("".join(element.itertext()) for element in root.iter())
    assert "<script>$\\frac$�[31m" in words
    assert "$x_1$ & <b>" in words
    png(animation, dots=40)


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
    animation = small_animation(**settings)
    assert said in " ".join(caption(animation))
    assert said in texts(animation).replace("\n", " ")


def test_the_caption_names_who_evaluates_several_times_in_a_step():
    animation = small_animation(
        optimizers=(OptimizerSpec("LBFGS"), OptimizerSpec("Adam"), OptimizerSpec("SGD"))
    )
    assert "LBFGS evaluates several times in a step, so makes fewer steps." in caption(animation)
    assert not any("set by hand" in sentence for sentence in caption(animation))
    assert not any("lifted" in sentence for sentence in caption(animation))


@pytest.mark.parametrize("view", ["contour", "3d", "both"])
def test_divergence_is_named_and_drawn(view):
    animation = small_animation(optimizers=DIVERGING)
    assert [bool(path.end) for path in animation.paths] == [False, True, False]
    words = texts(animation, view)
    assert f"SGD lr=1 {animation.paths[1].end}" in words
    assert "✕ diverged" in words
    if view != "3d":
        assert "SGD diverged" in words


def test_an_optimizer_that_escapes_downwards_has_not_diverged():
    animation = small_animation("monkey-saddle", (OptimizerSpec("SGD", {"lr": 0.1}),), steps=100)
    assert animation.paths[0].end.startswith("escaped")
    words = texts(animation)
    assert "✕" not in words
    assert "↘ escaped" in words


def test_a_lost_optimizer_is_marked_where_it_left_the_picture():
    surface = small_animation(steps=1).surface
    (left, right), _ = surface.x, surface.y

    def lost(*points):
        path = Path(
            OptimizerSpec("SGD"), tuple(range(len(points))), points, (1.0,) * len(points), "diverged: far"
        )
        return leaving(path, surface)

    assert lost((0.0, 0.0), (1.0, 0.0), (right + 10, 0.0)) == ((right, 0.0), 0.0)
    assert lost((0.0, 0.0), (2 * left, 2 * left), (1e300, 0.0))[0] == pytest.approx((left, left))
    assert lost((0.0, 0.0), (1.0, 2.0), (math.nan, math.nan))[0] == (1.0, 2.0)
    assert lost((0.0, 0.0), (1.0, 2.0))[0] == (1.0, 2.0)
    assert lost((0.0, 0.0), (1e308, -1e308))[0] == pytest.approx((right, -right))


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("view", ["contour", "both"])
def test_every_formula_can_be_drawn(formula, view):
    specs = (OptimizerSpec("SGD", {"lr": 1.0}), OptimizerSpec("Adam", {"lr": 1e200}), OptimizerSpec("LBFGS"))
    animation = small_animation(formula, specs, steps=20)
    assert len(png(animation, view, 40)) > 1000


def test_a_strip_shows_every_trial_and_the_rate_in_use():
    animation = small_animation("saddle", FEW, strips=True, tuning="tuned")
    (axes,) = (axes for axes in still_figure(animation).axes if "learning rate" in axes.get_xlabel())
    for path, strip in zip(animation.paths, animation.strips, strict=True):
        curve = [line for line in axes.lines if list(line.get_xdata()) == list(strip.rates)]
        assert any(
            np.allclose(np.argsort(line.get_ydata()), np.argsort(strip.scores)) for line in curve
        ) or len(set(strip.scores)) < len(strip.scores)
        assert curve
        used = path.spec.hyperparameters["lr"]
        assert any(list(line.get_xdata()) == [used] for line in axes.lines)
    words = texts(animation)
    for strip in animation.strips:
        assert decades(strip.decades) in words


def test_a_strip_crosses_what_diverged():
    animation = small_animation("booth", (OptimizerSpec("SGD"),), strips=True)
    (strip,) = animation.strips
    (axes,) = (axes for axes in still_figure(animation).axes if "learning rate" in axes.get_xlabel())
    (crosses,) = (line for line in axes.lines if line.get_marker() == "x")
    lost = [rate for rate, diverged in zip(strip.rates, strip.diverged, strict=True) if diverged]
    assert list(crosses.get_xdata()) == lost != []


def test_an_optimizer_without_a_rate_is_named_in_the_table():
    animation = small_animation("booth", (OptimizerSpec("SGD"), OptimizerSpec("Adam")), strips=True)
    animation = dataclasses.replace(animation, strips=(animation.strips[0], None))
    assert "no learning rate" in texts(animation)


def test_other_endings_are_refused(tmp_path):
    for name, said in (("paths.bmp", r"\.bmp"), ("animation", "a file without ending")):
        with pytest.raises(ValueError, match=rf"\.png, \.svg, \.gif, \.webp, \.mp4, not as {said}"):
            save_picture(small_animation(), tmp_path / name)
