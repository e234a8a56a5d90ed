"""Every racer under the same conditions, with the learning rate that the tuning says."""

from __future__ import annotations

import pytest

from surefoot import optim
from surefoot.surfaces.path import follow, noise
from surefoot.surfaces.race import default_rate, run_race, same_rate
from surefoot.surfaces.recipe import Racer, Recipe
from surefoot.surfaces.surfaces import find_surface

BOTH = (Racer("Adam"), Racer("SGD", {"momentum": 0.9}))


def rates(race):
    return [path.racer.hyperparameters.get("lr") for path in race.paths]


def test_by_default_rates_are_the_constructors():
    race = run_race(Recipe("beale", BOTH, steps=5), strips=False)
    assert rates(race) == [1e-3, 1e-3]
    assert race.paths[1].racer.hyperparameters["momentum"] == 0.9
    assert race.strips == (None, None)


def test_one_rate_is_that_of_all_but_who_has_its_own():
    racers = (*BOTH, Racer("Adam", {"lr": 0.5}), Racer("RandomSearch"))
    race = run_race(Recipe("beale", racers, tuning="same-lr", lr=0.02, steps=5), strips=False)
    assert rates(race) == [0.02, 0.02, 0.5, None]


def test_without_one_it_is_a_tenth_of_what_gradient_descent_bears():
    booth = find_surface("booth")
    assert same_rate(Recipe("booth", BOTH, tuning="same-lr"), booth) == pytest.approx(
        booth.stable_lr / 10, 0.05
    )
    monkey = find_surface("monkey-saddle")
    assert same_rate(Recipe("monkey-saddle", BOTH, tuning="same-lr"), monkey) == 0.01


def test_tuned_rates_are_the_strips_best_and_beat_the_defaults():
    recipe = Recipe("booth", BOTH, tuning="tuned", steps=60)
    race = run_race(recipe)
    assert rates(race) == [strip.best for strip in race.strips]
    default = run_race(Recipe("booth", BOTH, steps=60), strips=False)
    for tuned, usual in zip(race.paths, default.paths, strict=True):
        assert tuned.values[-1] < usual.values[-1]


def test_a_racer_s_own_rate_wins_over_the_tuned_one():
    race = run_race(Recipe("booth", (Racer("Adam", {"lr": 0.3}),), tuning="tuned", steps=20))
    assert rates(race) == [0.3]
    assert race.strips[0] is not None


def test_the_paths_are_those_of_each_racer_alone():
    recipe = Recipe("rosenbrock", BOTH, steps=30, noise=0.4, seed=7, start=(-1.0, 1.0))
    race = run_race(recipe, strips=False)
    surface = find_surface("rosenbrock", start=(-1.0, 1.0))
    for path in race.paths:
        alone = follow(surface, path.racer, (-1.0, 1.0), 30, noise(30, 0.4, 7), seed=7)
        assert alone.points == path.points


def test_a_surface_has_its_own_noise_unless_it_is_told_otherwise():
    assert run_race(Recipe("noisy-quadratic", BOTH, steps=3), strips=False).noise > 0
    assert run_race(Recipe("noisy-quadratic", BOTH, steps=3, noise=0.0), strips=False).noise == 0


def test_progress_is_told_and_a_race_can_be_stopped():
    told = []
    recipe = Recipe("beale", BOTH, steps=50)
    run_race(recipe, strips=False, progress=lambda done, total, what: told.append((done, total, what)))
    assert told == [(0, 2, "Adam"), (1, 2, "SGD"), (2, 2, "")]
    assert [len(path.points) for path in run_race(recipe, strips=False, stopped=lambda: True).paths] == [1, 1]


def test_what_cannot_race_is_told():
    with pytest.raises(ValueError, match="did you mean 'Adam'"):
        run_race(Recipe("beale", (Racer("Adm"),)))
    with pytest.raises(TypeError, match="did you mean 'lr'"):
        run_race(Recipe("beale", (Racer("Adam", {"lrr": 1}),)), strips=False)


@pytest.mark.parametrize("name", sorted(optim.OPTIMIZERS))
def test_the_default_rate_is_the_constructor_s(name):
    lr = optim.OPTIMIZERS[name].hyperparameters.get("lr")
    assert default_rate(name) == (None if lr is None else lr.default)
