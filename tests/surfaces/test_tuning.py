"""Fair learning rates: equal budgets, and scores that mean what they say."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from surefoot import optim
from surefoot.surfaces import tuning
from surefoot.surfaces.path import noise
from surefoot.surfaces.recipe import OptimizerSpec
from surefoot.surfaces.surfaces import SURFACES
from surefoot.surfaces.tuning import STARTS, TRIALS, jittered, score, strip, tune

BEALE = SURFACES["beale"]
STEPS = 60
FINEST = 10 ** (1 / tuning.SPACING)


def tuned(spec, surface=BEALE, steps=STEPS, deviation=0.0, seed=0):
    return tune(surface, spec, surface.start, steps, noise(steps, deviation, seed), seed)


def test_every_optimizer_has_the_same_budget(monkeypatch):
    spent = {}

    def counted(surface, specs, starts, steps, noise, seed, stopped):
        (name,) = {spec.optimizer for spec in specs}
        spent[name] = spent.get(name, 0) + len(specs) * len(starts) * steps
        return torch.rand(len(specs), len(starts), steps + 1, dtype=torch.float64)

    monkeypatch.setattr(tuning, "sweep", counted)
    strips = [tuned(OptimizerSpec(name)) for name in optim.OPTIMIZERS]
    assert spent == dict.fromkeys(optim.OPTIMIZERS, TRIALS * STARTS * STEPS)
    assert {len(set(found.rates)) for found in strips} == {TRIALS}


def test_other_optimizers_before_it_change_nothing():
    alone = tuned(OptimizerSpec("Adam"), deviation=0.3)
    for other in ("SGD", "RMSprop"):
        tuned(OptimizerSpec(other), deviation=0.3)
    torch.rand(1)
    assert tuned(OptimizerSpec("Adam"), deviation=0.3) == alone


def test_the_seed_fixes_the_starts_and_another_seed_changes_them():
    assert jittered(BEALE, BEALE.start, 1) == jittered(BEALE, BEALE.start, 1)
    assert jittered(BEALE, BEALE.start, 1) != jittered(BEALE, BEALE.start, 2)
    assert tuned(OptimizerSpec("SGD"), seed=1) != tuned(OptimizerSpec("SGD"), seed=2)


def test_starts_are_near_the_first_which_is_the_animations_own():
    points = jittered(BEALE, BEALE.start, 0)
    assert len(set(points)) == STARTS
    assert points[0] == BEALE.start
    reach = tuning.JITTER * BEALE.size
    assert max(abs(p - q) for point in points for p, q in zip(point, BEALE.start, strict=True)) <= reach


def test_where_the_surface_has_no_value_nobody_starts():
    edge = replace(BEALE, formula="log(x) + y^2", minima=(), start=(1e-3, 1.0))
    assert all(x > 0 for x, _ in jittered(edge, edge.start, 0))


@pytest.mark.parametrize("scale", [0.01, 3.0, 1000.0])
def test_scaling_a_surface_scales_the_rate_of_gradient_descent_inversely(scale):
    scaled = replace(BEALE, formula=f"({BEALE.formula})*{scale!r}")
    before, after = tuned(OptimizerSpec("SGD")).best, tuned(OptimizerSpec("SGD"), scaled).best
    assert 1 / (1.06 * FINEST) <= before / scale / after <= 1.06 * FINEST  # rates are rounded to two digits
    assert tuned(OptimizerSpec("Adam"), scaled).best == tuned(OptimizerSpec("Adam")).best


@given(
    st.lists(st.floats(1e-9, 1e3), min_size=2, max_size=20),
    st.data(),
)
def test_a_lower_path_never_scores_worse(heights, data):
    place = data.draw(st.integers(1, len(heights) - 1))
    lower = [*heights]
    lower[place] *= data.draw(st.floats(0, 1))
    worse, better = (score(torch.tensor(values, dtype=torch.float64), 0.0) for values in (heights, lower))
    assert 0 <= better <= worse <= 1


def test_scores_of_known_paths():
    def of(*values, floor=0.0):
        return float(score(torch.tensor(values, dtype=torch.float64), floor))

    assert of(1.0, 1.0, 1.0) == 1.0
    assert of(1.0, 5.0, 2.0) == 1.0  # above the start is no progress, not less than none
    assert of(3.0, 2.0, 2.0, floor=2.0) == 0.0
    assert of(3.0, 1.0, 1.0, floor=2.0) == 0.0  # below the floor, outside the domain
    assert of(1.0, 1.0, 0.01) == pytest.approx(1 - (0 + 2 / 8) / 2)
    assert of(1.0, 1.0, -math.inf) == pytest.approx(1 - (0 + 1) / 2)
    assert of(1.0, 1e-8, math.inf) == 1.0  # diverged at last


def test_a_rate_at_which_every_start_diverges_scores_one():
    found = tuned(OptimizerSpec("SGD"))
    assert found.diverged[-1]
    assert found.scores[-1] == 1.0
    assert not found.diverged[found.rates.index(found.best)]


RATES = (0.01, 0.1, 1.0, 10.0, 100.0)


def read(scores, diverged=(False,) * 5):
    return strip("SGD", "lr", RATES, scores, diverged)


def test_the_window_lies_where_the_line_over_log_rate_leaves_what_works():
    found = read((1.0, 0.8, 0.5, 0.6, 1.0))
    assert found.best == 1.0  # progress 0.5: what makes 0.4 works
    assert found.low == pytest.approx(10 ** (-1 / 3))
    assert found.high == pytest.approx(10.0)
    assert found.decades == pytest.approx(4 / 3)


def test_of_rates_that_might_as_well_be_the_best_the_lowest_is_taken():
    assert read((1.0, 0.509, 0.505, 0.5, 1.0)).best == 0.1
    assert read((0.505, 1.0, 0.505, 0.5, 1.0)).best == 1.0  # without a gap


def test_the_window_ends_before_a_rate_that_diverged_and_the_best_is_none():
    found = read((1.0, 0.5, 0.5, 0.2, 0.4), (False, False, False, True, True))
    assert (found.best, found.high) == (0.1, 1.0)
    found = read((1.0, 1.0, 1.0, 0.2, 0.4), (True,) * 5)
    assert (found.best, found.low, found.high, found.decades) == (10.0, 10.0, 10.0, 0.0)


def test_a_window_that_was_not_left_reaches_to_the_last_trial():
    assert (read((0.5,) * 5).low, read((0.5,) * 5).high) == (0.01, 100.0)


def test_where_nothing_makes_progress_nothing_works():
    found = read((1.0,) * 5)
    assert (found.best, found.decades) == (0.01, 0.0)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=5, max_size=5))
def test_the_best_lies_in_its_window(trials):
    found = read(*zip(*trials, strict=True))
    assert found.low <= found.best <= found.high
    assert found.decades == pytest.approx(math.log10(found.high / found.low))


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "Lion"])
def test_the_best_rate_is_never_the_last_one_tried(optimizer):
    for surface in SURFACES.values():
        found = tuned(OptimizerSpec(optimizer), surface, steps=30)
        assert found.rates[0] < found.best < found.rates[-1], surface.name


def test_a_best_rate_far_outside_the_prior_is_found_too():
    flat = replace(BEALE, formula=f"({BEALE.formula})*1e-5")
    found = tuned(OptimizerSpec("SGD"), flat)
    assert found.best == pytest.approx(1e5 * tuned(OptimizerSpec("SGD")).best, rel=0.6)
    assert found.best < found.rates[-1]


def test_random_search_is_tuned_by_its_scale():
    found = tuned(OptimizerSpec("RandomSearch"), steps=6)
    assert found.setting == "scale"


def test_an_optimizer_without_a_rate_has_no_strip(monkeypatch):
    others = {name: h for name, h in optim.SGD.hyperparameters.items() if name != "lr"}
    monkeypatch.setattr(optim.SGD, "hyperparameters", others)
    assert tuned(OptimizerSpec("SGD")) is None


def test_other_settings_are_kept_and_an_own_rate_is_not():
    assert tuned(OptimizerSpec("SGD", {"momentum": 0.9})) != tuned(OptimizerSpec("SGD"))
    assert tuned(OptimizerSpec("SGD", {"lr": 7.0})) == tuned(OptimizerSpec("SGD"))


def test_a_stopped_tuning_has_no_strip():
    assert (
        tune(BEALE, OptimizerSpec("Adam"), BEALE.start, STEPS, noise(STEPS, 0.0, 0), stopped=lambda: True)
        is None
    )
