"""Every optimizer under the same conditions, with the learning rate that the tuning says."""

from __future__ import annotations

import pytest

from surefoot import optim
from surefoot.surfaces.animation import animate, default_rate, same_rate
from surefoot.surfaces.path import follow, noise
from surefoot.surfaces.recipe import OptimizerSpec, Recipe
from surefoot.surfaces.surfaces import find_surface

BOTH = (OptimizerSpec("Adam"), OptimizerSpec("SGD", {"momentum": 0.9}))


def rates(animation):
    return [path.spec.hyperparameters.get("lr") for path in animation.paths]


def test_by_default_rates_are_the_constructors():
    animation = animate(Recipe("beale", BOTH, steps=5), strips=False)
    assert rates(animation) == [1e-3, 1e-3]
    assert animation.paths[1].spec.hyperparameters["momentum"] == 0.9
    assert animation.strips == (None, None)


def test_one_rate_is_that_of_all_but_who_has_its_own():
    specs = (*BOTH, OptimizerSpec("Adam", {"lr": 0.5}), OptimizerSpec("RandomSearch"))
    animation = animate(Recipe("beale", specs, tuning="same-lr", lr=0.02, steps=5), strips=False)
    assert rates(animation) == [0.02, 0.02, 0.5, None]


def test_without_one_it_is_a_tenth_of_what_gradient_descent_bears():
    booth = find_surface("booth")
    assert same_rate(Recipe("booth", BOTH, tuning="same-lr"), booth) == pytest.approx(
        booth.stable_lr / 10, 0.05
    )
    monkey = find_surface("monkey-saddle")
    assert same_rate(Recipe("monkey-saddle", BOTH, tuning="same-lr"), monkey) == 0.01


def test_tuned_rates_are_the_strips_best_and_beat_the_defaults():
    recipe = Recipe("booth", BOTH, tuning="tuned", steps=60)
    animation = animate(recipe)
    assert rates(animation) == [strip.best for strip in animation.strips]
    default = animate(Recipe("booth", BOTH, steps=60), strips=False)
    for tuned, usual in zip(animation.paths, default.paths, strict=True):
        assert tuned.values[-1] < usual.values[-1]


def test_an_optimizer_s_own_rate_wins_over_the_tuned_one():
    animation = animate(Recipe("booth", (OptimizerSpec("Adam", {"lr": 0.3}),), tuning="tuned", steps=20))
    assert rates(animation) == [0.3]
    assert animation.strips[0] is not None


def test_the_paths_are_those_of_each_optimizer_alone():
    recipe = Recipe("rosenbrock", BOTH, steps=30, noise=0.4, seed=7, start=(-1.0, 1.0))
    animation = animate(recipe, strips=False)
    surface = find_surface("rosenbrock", start=(-1.0, 1.0))
    for path in animation.paths:
        alone = follow(surface, path.spec, (-1.0, 1.0), 30, noise(30, 0.4, 7), seed=7)
        assert alone.points == path.points


def test_a_surface_has_its_own_noise_unless_it_is_told_otherwise():
    assert animate(Recipe("noisy-quadratic", BOTH, steps=3), strips=False).noise > 0
    assert animate(Recipe("noisy-quadratic", BOTH, steps=3, noise=0.0), strips=False).noise == 0


def test_progress_is_told_and_an_animation_can_be_stopped():
    told = []
    recipe = Recipe("beale", BOTH, steps=50)
    animate(recipe, strips=False, progress=lambda done, total, what: told.append((done, total, what)))
    assert told == [(0, 2, "Adam"), (1, 2, "SGD"), (2, 2, "")]
    assert [len(path.points) for path in animate(recipe, strips=False, stopped=lambda: True).paths] == [1, 1]


def test_what_cannot_be_animated_is_told():
    with pytest.raises(ValueError, match="did you mean 'Adam'"):
        animate(Recipe("beale", (OptimizerSpec("Adm"),)))
    with pytest.raises(TypeError, match="did you mean 'lr'"):
        animate(Recipe("beale", (OptimizerSpec("Adam", {"lrr": 1}),)), strips=False)


@pytest.mark.parametrize("name", sorted(optim.OPTIMIZERS))
def test_the_default_rate_is_the_constructor_s(name):
    lr = optim.OPTIMIZERS[name].hyperparameters.get("lr")
    assert default_rate(name) == (None if lr is None else lr.default)
