"""Many walks at once take the same ways as one by one."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import pytest
import torch

from surefoot import optim
from surefoot.surfaces.lr_sweep import sweep
from surefoot.surfaces.path import follow, noise
from surefoot.surfaces.recipe import OptimizerSpec
from surefoot.surfaces.surface import Surface

BEALE = Surface(
    "beale",
    "(1.5 - x + x*y)^2 + (2.25 - x + x*y^2)^2 + (2.625 - x + x*y^3)^2",
    (-4.5, 4.5),
    (-4.5, 4.5),
    (1.0, 1.5),
    ((3.0, 0.5),),
)
SLOPE = Surface("x + 0*y", "x + 0*y", (-1.0, 1.0), (-1.0, 1.0), (0.5, 0.0))
STARTS = [(1.0, 1.5), (-0.5, 0.25), (0.0, 0.0)]
STEPS = 40


def specs(optimizer, rates=(1e-3, 1e-2, 0.3, 3.0), **more):
    setting = "scale" if optimizer == "RandomSearch" else "lr"
    return [OptimizerSpec(optimizer, {setting: rate, **more}) for rate in rates]


def held(path):
    """The values that a path has after each evaluation, plainly."""
    values = []
    for count in range(STEPS + 1):
        place = max(i for i, made in enumerate(path.evaluations) if made <= count)
        last = place == len(path.values) - 1
        lost = math.inf if path.diverged else -math.inf
        values.append(lost if last and path.end else path.values[place])
    return values


@pytest.mark.parametrize("deviation", [0.0, 0.2])
@pytest.mark.parametrize("optimizer", optim.OPTIMIZERS)
def test_values_are_those_of_single_walks(optimizer, deviation):
    # Not bit for bit: torch's vector instructions and its scalar ones may round x**3 to neighbours.
    draws = noise(STEPS, deviation, seed=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of LBFGS, where the loss is not finite
        values = sweep(BEALE, specs(optimizer), STARTS, STEPS, draws, seed=5)
        paths = [
            [follow(BEALE, spec, start, STEPS, draws, seed=5 + place) for place, start in enumerate(STARTS)]
            for spec in specs(optimizer)
        ]
    single = torch.tensor([[held(path) for path in row] for row in paths], dtype=torch.float64)
    assert values.shape == (4, 3, STEPS + 1)
    assert values.isfinite().any()
    torch.testing.assert_close(values, single, rtol=1e-9, atol=1e-12)


def test_other_settings_are_kept():
    draws = noise(STEPS, 0.0, seed=0)
    plain, other = (
        sweep(BEALE, specs("SGD", (1e-3,), **more), STARTS, STEPS, draws) for more in ({}, {"momentum": 0.9})
    )
    assert other[0, 0, -1] < plain[0, 0, -1]


def test_a_walk_does_not_know_of_the_others():
    draws = noise(STEPS, 0.1, seed=0)
    for optimizer in ("Adam", "Adafactor", "Muon"):
        many = sweep(BEALE, specs(optimizer), STARTS, STEPS, draws)
        alone = sweep(BEALE, specs(optimizer)[1:2], STARTS[1:2], STEPS, draws)
        torch.testing.assert_close(many[1:2, 1:2], alone, rtol=1e-9, atol=1e-12)


def test_what_goes_down_without_end_escaped_and_what_leaves_upwards_diverged():
    draws = noise(STEPS, 0.0, seed=0)
    down = sweep(SLOPE, specs("SGD", (100.0, 1e-3)), [(0.5, 0.0)], STEPS, draws)
    assert (down[:, 0, -1] == -math.inf).tolist() == [True, False]
    steep = replace(BEALE, formula=f"({BEALE.formula})*1e6")
    assert bool((sweep(steep, specs("SGD", (1.0,)), STARTS, STEPS, draws)[..., -1] == math.inf).all())


def test_zeros_in_a_gradient_are_no_rows_of_a_sparse_one():
    draws = noise(STEPS, 0.0, seed=0)
    flat = Surface("x^2", "x^2 + 0*y", (-1.0, 1.0), (-1.0, 1.0), (0.5, 0.5))
    values = sweep(flat, specs("SparseAdam", (0.1,)), [(0.5, 0.5)], STEPS, draws)
    path = follow(flat, specs("SparseAdam", (0.1,))[0], (0.5, 0.5), STEPS, draws)
    torch.testing.assert_close(
        values[0, 0], torch.tensor(path.values, dtype=torch.float64), rtol=1e-9, atol=0
    )


@pytest.mark.parametrize("optimizer", ["Adam", "LBFGS"])
def test_it_stops_when_told(optimizer):
    asked = iter([False, False, False])
    stopped = lambda: next(asked, True)  # noqa: E731
    assert sweep(BEALE, specs(optimizer), STARTS, STEPS, noise(STEPS, 0.0, 0), stopped=stopped) is None


def test_an_optimizer_that_cannot_be_built_is_refused():
    with pytest.raises(TypeError, match="momentun"):
        sweep(BEALE, specs("SGD", momentun=0.9), STARTS, STEPS, noise(STEPS, 0.0, 0))
    with pytest.raises(ValueError, match="learning rate"):
        sweep(BEALE, specs("SGD", (0.1, -0.1)), STARTS, STEPS, noise(STEPS, 0.0, 0))
