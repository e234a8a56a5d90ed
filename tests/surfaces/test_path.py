"""An optimizer's path is that of a plain loop over it, bit for bit, and its end is told truly."""

from __future__ import annotations

import math
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from surefoot import optim
from surefoot.surfaces.path import (
    BASIS,
    Walker,
    drawing,
    follow,
    lift,
    lost,
    noise,
    optimizer_names,
    project,
)
from surefoot.surfaces.recipe import OptimizerSpec
from surefoot.surfaces.surface import Surface
from surefoot.surfaces.surfaces import SURFACES, find_surface

STEPS = 30
START = (-1.5, 0.01)

FURTHER = [
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.05, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.1, "amsgrad": True}),
    ("RMSprop", {"lr": 0.02, "centered": True, "momentum": 0.5}),
    ("Muon", {"lr": 0.05, "nesterov": False, "weight_decay": 0.0}),
    ("LBFGS", {"lr": 0.5, "max_iter": 4}),
    ("LBFGS", {"line_search_fn": "strong_wolfe"}),
    ("RandomSearch", {"scale": 0.5}),
]
CASES = [(name, {}) for name in optim.OPTIMIZERS] + FURTHER
every_optimizer = pytest.mark.parametrize(("name", "settings"), CASES, ids=str)


def loss_on(name, x, y):
    """The two surfaces of the comparison, as one would write them down."""
    if name == "saddle":
        return x**2 - y**2 + y**4 / 4
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def plain_loop(on, name, settings, start, steps, extra, seed):
    """What anyone would write: points and gradient evaluations, the start first."""
    torch.manual_seed(seed)
    optimizer_class = getattr(optim, name)
    root = 1 / math.sqrt(2)
    first = torch.tensor([[root, 0.0], [0.0, root]], dtype=torch.float64)
    second = torch.tensor([[0.0, -root], [root, 0.0]], dtype=torch.float64)
    point = torch.tensor(start, dtype=torch.float64)
    if name == "Muon":
        point = start[0] * first + start[1] * second
    point.requires_grad_()
    optimizer = optimizer_class([point], **settings)
    count = 0

    def where():
        if name == "Muon":
            return (point * first).sum(), (point * second).sum()
        return point[0], point[1]

    def closure():
        nonlocal count
        optimizer.zero_grad()
        loss = loss_on(on, *where())
        loss.backward()
        if extra is not None:
            added = extra[count]
            point.grad += added[0] * first + added[1] * second if name == "Muon" else added
        if name == "SparseAdam":
            point.grad = point.grad.to_sparse()
        count += 1
        return loss

    points, evaluations = [start], [0]
    while count < steps:
        if name in ("LBFGS", "RandomSearch"):
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
        points.append(tuple(part.item() for part in where()))
        evaluations.append(count)
    return points, evaluations


@every_optimizer
@pytest.mark.parametrize("deviation", [0.0, 0.3])
def test_the_path_is_that_of_a_plain_loop_bit_for_bit(name, settings, deviation):
    extra = noise(2 * STEPS + 50, deviation, seed=3)
    path = follow(SURFACES["saddle"], OptimizerSpec(name, settings), START, STEPS, extra, seed=5)
    with drawing(0):
        points, evaluations = plain_loop(
            "saddle", name, settings, START, STEPS, extra if deviation else None, seed=5
        )
    assert path.end == ""
    assert list(path.points) == points
    assert list(path.evaluations) == evaluations
    assert path.lifted == (name == "Muon")
    assert len(set(points)) > 1


@pytest.mark.parametrize(
    ("name", "settings"), [("Adam", {"lr": 0.1}), ("SGD", {"lr": 1e-3}), ("Muon", {"lr": 0.03})]
)
def test_a_long_path_on_a_steep_surface_is_that_of_a_plain_loop_too(name, settings):
    extra = noise(300, 1.0, seed=8)
    path = follow(SURFACES["beale"], OptimizerSpec(name, settings), (1.0, 1.5), 300, extra)
    with drawing(0):
        points, _ = plain_loop("beale", name, settings, (1.0, 1.5), 300, extra, seed=0)
    assert list(path.points) == points


@every_optimizer
def test_a_path_has_a_value_and_a_count_for_every_point(name, settings):
    surface, spec = SURFACES["saddle"], OptimizerSpec(name, settings)
    path = follow(surface, spec, START, STEPS, noise(STEPS, 0.0, seed=0))
    assert path.spec == spec
    assert len(path.points) == len(path.values) == len(path.evaluations)
    assert (path.points[0], path.evaluations[0]) == (START, 0)
    assert all(before < after for before, after in zip(path.evaluations, path.evaluations[1:], strict=False))
    assert path.evaluations[-2] < STEPS <= path.evaluations[-1]
    if not path.lifted:
        values = surface.values(torch.tensor(path.points, dtype=torch.float64))
        assert list(path.values) == pytest.approx(values.tolist(), rel=1e-14)


@every_optimizer
def test_every_optimizer_gets_the_same_noise(name, settings):
    surface, extra = SURFACES["saddle"], noise(STEPS, 0.5, seed=1)
    given = []

    class Noted(Walker):
        def evaluate(self):
            _, clean = surface.gradients(self.point)
            loss = super().evaluate()
            given.append(self.gradient - clean)
            return loss

    with drawing(0):
        walker = Noted(surface, OptimizerSpec(name, settings), START, extra)
        while walker.evaluations < STEPS:
            walker.step()
    assert torch.allclose(torch.stack(given[:STEPS]), extra, rtol=0, atol=1e-12)


def test_the_loss_that_a_closure_returns_has_no_noise():
    with drawing(0):
        walker = Walker(SURFACES["saddle"], OptimizerSpec("LBFGS"), START, noise(5, 10.0, seed=0))
        assert walker.evaluate().item() == loss_on("saddle", *torch.tensor(START, dtype=torch.float64)).item()


def test_noise_begins_anew_after_its_end():
    short = noise(7, 0.5, seed=2)
    again = follow(SURFACES["saddle"], OptimizerSpec("SGD", {"lr": 0.1}), START, STEPS, short.repeat(5, 1))
    assert (
        follow(SURFACES["saddle"], OptimizerSpec("SGD", {"lr": 0.1}), START, STEPS, short).points
        == again.points
    )


def test_noise_is_fixed_by_its_seed_and_scales_with_its_deviation():
    one = noise(4000, 1.0, seed=4)
    assert torch.equal(one, noise(4000, 1.0, seed=4))
    assert torch.equal(3 * one, noise(4000, 3.0, seed=4))
    assert torch.equal(one[:10], noise(4000, 1.0, seed=4)[:10])
    assert not torch.equal(one, noise(4000, 1.0, seed=5))
    assert one.mean(0).tolist() == pytest.approx([0, 0], abs=0.06)
    assert one.std(0).tolist() == pytest.approx([1, 1], abs=0.04)
    assert (noise(3, 0.0, seed=0) == 0).all()


@pytest.mark.parametrize(
    "spec", [OptimizerSpec("RandomSearch"), OptimizerSpec("Adam"), OptimizerSpec("Adam", {"lr": -1.0})]
)
def test_the_global_random_generator_is_left_as_it_was(spec):
    paths = []
    for seed in (11, 12):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        try:
            paths.append(
                follow(SURFACES["saddle"], spec, START, STEPS, noise(STEPS, 0.1, seed=0), seed=2).points
            )
        except ValueError:
            paths.append(())
        assert torch.equal(torch.get_rng_state(), before)
    assert paths[0] == paths[1]


def test_what_an_optimizer_draws_is_fixed_by_the_seed():
    def walk(seed):
        return follow(
            SURFACES["saddle"], OptimizerSpec("RandomSearch"), START, STEPS, noise(1, 0.0, 0), seed=seed
        ).points

    assert walk(1) == walk(1)
    assert walk(1) != walk(2)


@pytest.mark.parametrize(
    ("formula", "start", "lr", "end"),
    [
        ("log(x) + y^2", (0.5, 0.5), 1.0, "diverged: the loss became nan after 1 gradient"),
        ("exp(x^4)", (6.0, 0.0), 1e-3, "diverged: the point became infinite after 1 gradient"),
        ("x^400 + y", (2.0, 0.0), 1e-120, "diverged: the loss became inf after 1 gradient"),
        ("sqrt(x^2 + y^2)", (0.0, 0.0), 0.1, "diverged: the point became nan after 1 gradient"),
        ("x^3 - y^3", (2.0, 2.0), 1e308, "diverged: the point became infinite after 1 gradient"),
        (
            "x^2 + y^2",
            (1.0, 1.0),
            1.5,
            "diverged: it left the picture by more than 20 times its width after 7 gradients",
        ),
    ],
)
def test_how_an_optimizer_diverged_is_named(formula, start, lr, end):
    surface = find_surface(formula)
    path = follow(surface, OptimizerSpec("SGD", {"lr": lr}), start, 100, noise(1, 0.0, seed=0))
    assert path.end == end
    assert path.diverged


def test_a_huge_learning_rate_on_rosenbrock_diverges():
    path = follow(
        SURFACES["rosenbrock"], OptimizerSpec("SGD", {"lr": 0.1}), (-1.2, 1.0), 200, noise(200, 0.0, seed=0)
    )
    assert path.diverged
    assert 1 < len(path.points) < 20
    assert path.evaluations[-1] < 20


@pytest.mark.parametrize(("name", "more"), [("SGD", {}), ("Adam", {}), ("Muon", {"weight_decay": 0.0})])
def test_falling_without_end_is_an_escape(name, more):
    surface = SURFACES["monkey-saddle"]
    path = follow(
        surface, OptimizerSpec(name, {"lr": 0.2, **more}), surface.start, 2000, noise(1, 0.0, seed=0)
    )
    assert path.end.startswith("escaped: it went down without end")
    assert not path.diverged
    assert path.values[-1] < surface.floor


def test_far_away_is_measured_from_the_middle_of_the_domain():
    surface = Surface("x^2 + y^2", "x^2 + y^2", x=(0.0, 2.0), y=(0.0, 4.0), start=(1.0, 1.0))
    assert lost(surface, (1.0 + 79, 2.0), 1.0, 3) == ""
    assert "left the picture" in lost(surface, (1.0 + 81, 2.0), 1.0, 3)
    assert "left the picture" in lost(surface, (1.0, 2.0 - 81), 1.0, 3)
    assert "infinite" in lost(surface, (math.inf, -math.inf), 1.0, 3)
    assert "nan" in lost(surface, (math.inf, math.nan), 1.0, 3)


def test_a_path_that_is_stopped_ends_soon():
    asked = iter([False] * 5 + [True] * 9)
    path = follow(
        SURFACES["saddle"],
        OptimizerSpec("SGD"),
        START,
        100,
        noise(1, 0.0, seed=0),
        stopped=lambda: next(asked),
    )
    assert path.evaluations == (0, 1, 2, 3, 4, 5)
    assert path.end == ""


def test_who_watches_sees_every_step():
    seen = []
    path = follow(
        SURFACES["saddle"],
        OptimizerSpec("Adam", {"lr": 0.1}),
        START,
        STEPS,
        noise(1, 0.0, seed=0),
        watch=lambda walker: seen.append((walker.evaluations, *walker.point.tolist())),
    )
    assert seen == [(count, *point) for count, point in zip(path.evaluations, path.points, strict=True)][1:]


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        (OptimizerSpec("Adm"), ValueError, "unknown optimizer 'Adm'; did you mean 'Adam'?"),
        (OptimizerSpec("Adam", {"lr": -1.0}), ValueError, "Invalid learning rate: -1.0"),
        (OptimizerSpec("Adam", {"betas": (0.9, 1.5)}), ValueError, "beta"),
        (OptimizerSpec("Adam", {"learning_rate": 1.0}), TypeError, "learning_rate"),
        (OptimizerSpec("SGD", {"nesterov": True}), ValueError, "Nesterov"),
    ],
)
def test_an_optimizer_that_cannot_be_built_says_why(spec, error, message):
    with pytest.raises(error, match=re.escape(message)):
        follow(SURFACES["saddle"], spec, START, STEPS, noise(1, 0.0, seed=0))


def test_names_of_optimizers_may_be_spelt_loosely():
    one, other = (
        follow(SURFACES["saddle"], OptimizerSpec(name), START, STEPS, noise(1, 0.0, seed=0))
        for name in ("AdamW", "adam-w")
    )
    assert one.points == other.points
    assert optimizer_names() == tuple(optim.OPTIMIZERS)


# Of numbers below 1e-100 the squares, and the last digits of the smallest ones, are lost.
coordinates = st.floats(-1e6, 1e6).map(lambda x: x if abs(x) > 1e-100 else 0.0)


@settings(deadline=None)
@given(coordinates, coordinates)
def test_lifting_and_projecting_are_inverse_and_keep_lengths(x, y):
    point = torch.tensor([x, y], dtype=torch.float64)
    size = point.norm().item()
    matrix = lift(point)
    assert matrix.shape == (2, 2)
    assert project(matrix).tolist() == pytest.approx([x, y], abs=1e-15 * size, rel=1e-15)
    assert matrix.norm().item() == pytest.approx(size, rel=1e-14)
    # No direction is preferred: both singular values are the same, wherever the point is.
    assert torch.linalg.svdvals(matrix).tolist() == pytest.approx([size / math.sqrt(2)] * 2, rel=1e-12)


def test_the_basis_is_orthonormal_and_projecting_leaves_out_the_rest():
    products = [[(one * other).sum().item() for other in BASIS] for one in BASIS]
    for row, expected in zip(products, ([1, 0], [0, 1]), strict=True):
        assert row == pytest.approx(expected, abs=1e-15)
    rest = torch.tensor([[1.0, 2.0], [2.0, -1.0]], dtype=torch.float64)
    assert project(rest).tolist() == pytest.approx([0, 0], abs=1e-15)
    assert project(lift(torch.tensor([3.0, 4.0]).double()) + rest).tolist() == pytest.approx([3, 4])
