"""Random walks, against what is known of them."""

from __future__ import annotations

import math

import pytest
import torch

from surefoot.landscape.plane import fit_plane, steps
from surefoot.landscape.random_walks import MOST_DIMENSIONS, walk

STEPS = 200
LONG = 10 * STEPS


@pytest.fixture(scope="module")
def products():
    return walk([torch.ones(STEPS)], LONG, seed=1)


def test_one_walk_explains_what_theory_says(products):
    fit = fit_plane(products, [STEPS + 1])
    about_the_start = [8 / (math.pi * (2 * axis - 1)) ** 2 for axis in (1, 2, 3)]
    assert fit.explained[:3] == pytest.approx(about_the_start, rel=0.05)
    assert fit.alone[0] == pytest.approx(fit.explained[:2])


def test_about_the_mean_it_is_the_literature_s_61_and_15_per_cent(products):
    centre = torch.eye(STEPS + 1) - 1 / (STEPS + 1)
    values = torch.linalg.eigvalsh(centre.double() @ products @ centre.double()).flip(0)
    assert (values[:2] / values.sum()).tolist() == pytest.approx([0.608, 0.152], rel=0.05)


def test_its_curve_is_as_smooth_as_sine_waves(products):
    places = fit_plane(products, [STEPS + 1]).coordinates[0]
    time = torch.linspace(0, 1, STEPS + 1, dtype=torch.float64)
    for axis in (0, 1):
        wave = torch.sin((2 * axis + 1) * math.pi * time / 2)
        assert abs(torch.corrcoef(torch.stack([places[:, axis], wave]))[0, 1]) > 0.98


def test_several_walks_share_no_plane():
    """Their main axes hold two of the four walks at best: there the real paths may show more."""
    fit = fit_plane(walk([torch.ones(STEPS)] * 4, LONG), [STEPS + 1] * 4)
    assert sum(fit.explained[:2]) == pytest.approx(2 / 4 * 8 / math.pi**2, rel=0.1)
    assert all(sum(own) == pytest.approx(0.9, abs=0.03) for own in fit.alone)


def test_steps_are_as_long_as_asked():
    asked = [torch.linspace(0.1, 3, 20), torch.ones(7), torch.zeros(3)]
    found = steps(walk(asked, 500), [21, 8, 4])
    for own, wanted in zip(found, asked, strict=True):
        assert own.tolist() == pytest.approx(wanted.tolist(), abs=1e-6)


def test_a_seed_fixes_it_and_dimensions_end_somewhere():
    asked = [torch.ones(5)]
    assert torch.equal(walk(asked, 100, seed=3), walk(asked, 100, seed=3))
    assert not torch.equal(walk(asked, 100, seed=3), walk(asked, 100, seed=4))
    assert torch.equal(walk(asked, MOST_DIMENSIONS), walk(asked, 10**12))
