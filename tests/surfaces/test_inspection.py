"""A step seen from inside is the step that the path took."""

from __future__ import annotations

import math

import pytest
import torch

from surefoot import optim
from surefoot.surfaces.inspection import inspect
from surefoot.surfaces.path import follow, noise
from surefoot.surfaces.recipe import OptimizerSpec
from surefoot.surfaces.surfaces import find_surface

BEALE = find_surface("beale")
STEPS = 40


def seen_and_path(name, step, settings=None, deviation=0.2):
    spec, draws = OptimizerSpec(name, settings or {}), noise(STEPS, deviation, seed=3)
    path = follow(BEALE, spec, BEALE.start, STEPS, draws, seed=3)
    return inspect(BEALE, spec, BEALE.start, STEPS, draws, step, seed=3), path


@pytest.mark.parametrize("name", sorted(optim.OPTIMIZERS))
def test_it_begins_and_ends_where_the_path_does(name):
    for step in (0, 1):
        seen, path = seen_and_path(name, step, deviation=0.0)
        # The first point of a path is the start as it was given, which a matrix holds up to its last bit.
        assert seen.point == (pytest.approx(path.points[0], rel=1e-15) if step == 0 else path.points[step])
        assert seen.end == path.points[step + 1]
        assert seen.evaluations == path.evaluations[step + 1]
        assert seen.value == pytest.approx(path.values[step], rel=1e-14)
        assert all(u == b - a for u, a, b in zip(seen.update, seen.point, seen.end, strict=True))


def test_the_gradient_is_the_surface_s_with_the_noise_of_that_evaluation():
    seen, _ = seen_and_path("Adam", 7)
    _, slope = BEALE.gradients(torch.tensor(seen.point, dtype=torch.float64))
    expected = slope + noise(STEPS, 0.2, seed=3)[7]
    assert list(seen.gradient) == expected.tolist()


def test_the_effective_rate_of_gradient_descent_is_its_learning_rate():
    seen, _ = seen_and_path("SGD", 5, {"lr": 0.01})
    assert seen.effective_rate == pytest.approx((0.01, 0.01))
    assert seen.state == {}


def test_the_state_has_torch_s_names_and_follows_the_equation():
    before, _ = seen_and_path("Adam", 4, {"lr": 0.05})
    after, _ = seen_and_path("Adam", 5, {"lr": 0.05})
    assert after.state.keys() == {"step", "exp_avg", "exp_avg_sq"}
    assert after.state["step"] == 6
    for m, old, g in zip(after.state["exp_avg"], before.state["exp_avg"], after.gradient, strict=True):
        assert m == pytest.approx(0.9 * old + 0.1 * g, rel=1e-12)


def test_a_lifted_state_is_told_as_the_pair_it_stands_for():
    seen, path = seen_and_path("Muon", 3)
    assert path.lifted
    assert all(map(math.isfinite, seen.state["momentum_buffer"]))


def test_where_there_is_no_slope_there_is_no_effective_rate():
    flat = find_surface("x^2 + 0*y")
    seen = inspect(flat, OptimizerSpec("SGD"), (1.0, 1.0), 3, noise(3, 0.0, 0), 0)
    assert seen.effective_rate[1] is None


@pytest.mark.parametrize("step", [40, 1000])
def test_a_step_beyond_the_end_is_refused(step):
    with pytest.raises(ValueError, match="the path ends with step 39"):
        seen_and_path("Adam", step)
