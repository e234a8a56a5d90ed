"""LBFGS where there is nothing to divide by: zero gradients, flat and straight losses, no criteria."""

from __future__ import annotations

import itertools
import math
from statistics import fmean

import pytest
import torch

from surefoot import optim
from surefoot.formula.line_search import Trial, strong_wolfe

LOSSES = {
    "flat at its minimum": lambda p: (p**2).sum(),
    "constant": lambda p: (0 * p).sum() + 2,
    "straight": lambda p: p.sum() * 0.5,
    "hardly curved": lambda p: 1e-18 * (p**2).sum(),
    "without a gradient": lambda p: (p.detach() ** 2).sum() + (0 * p).sum(),
}
TOLERANCES = list(itertools.product((-1, 0, math.inf, -math.inf), (-1, 0, 1e-9)))


def follow(make, loss, start, dtype, steps=3, **settings):
    """The parameter after some steps, the types and values that `step` returned, and the evaluations."""
    p = torch.nn.Parameter(torch.full((4,), start, dtype=dtype))
    optimizer, evaluations = make([p], max_iter=4, **settings), []

    def closure():
        optimizer.zero_grad()
        value = LOSSES[loss](p)
        value.backward()
        evaluations.append(value.item())
        return value

    returned = [optimizer.step(closure) for _ in range(steps)]
    return p.detach(), returned, evaluations


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
@pytest.mark.parametrize("loss", LOSSES)
def test_criteria_that_are_switched_off_end_as_in_torch(loss, search):
    for (gradient, change), start, dtype in itertools.product(
        TOLERANCES, (0.0, 1.5), (torch.float32, torch.float64)
    ):
        settings = {"tolerance_grad": gradient, "tolerance_change": change, "line_search_fn": search}
        expected, theirs, their_evaluations = follow(torch.optim.LBFGS, loss, start, dtype, **settings)
        found, ours, evaluations = follow(optim.LBFGS, loss, start, dtype, **settings)
        if loss == "straight" and search:  # its steps grow tenfold, at the mercy of rounding
            assert found.isfinite().all()
            assert evaluations[0] == their_evaluations[0]
            continue
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
        assert [type(value) for value in ours] == [type(value) for value in theirs]
        if loss != "flat at its minimum" or start == 0:  # where the last digit decides when it has arrived
            assert len(evaluations) == len(their_evaluations)


@pytest.mark.parametrize("kind", ["float", "numpy-like", "tensor"])
def test_the_type_of_the_loss_is_kept(kind):
    p = torch.nn.Parameter(torch.zeros(3, dtype=torch.float64))
    for tolerance in (math.inf, -math.inf, -1, 0):
        optimizer = optim.LBFGS([p], tolerance_grad=tolerance, tolerance_change=tolerance)

        def closure():
            p.grad = torch.zeros_like(p)
            return {"float": 1.5, "numpy-like": 2, "tensor": p.sum()}[kind]

        assert type(optimizer.step(closure)) is type(closure())


def test_a_line_search_at_rate_zero_goes_nowhere():
    """torch divides by the distance of two equal steps there."""
    for loss in LOSSES:
        found, _, evaluations = follow(
            optim.LBFGS, loss, 1.0, torch.float64, lr=0, line_search_fn="strong_wolfe"
        )
        torch.testing.assert_close(found, torch.ones(4, dtype=torch.float64))
        assert len(evaluations) <= 3 * 6


@pytest.mark.parametrize("limit", [0, 1, 5, 25])
@pytest.mark.parametrize("first", [0.0, 1e-300, 1e-3, 1.0, 1e300, math.inf])
def test_the_line_search_ends_whatever_it_is_told(first, limit):
    values = [0.0, 1.0, -1.0, 1e300, -1e300, math.inf, -math.inf, math.nan]
    for loss, slope, tolerance in itertools.product(values, values, (-1.0, 0.0, 1e-9)):
        told = []

        def evaluate(t, loss=loss, slope=slope, told=told):
            told.append(t)
            return Trial(t, loss, torch.zeros(1), slope)

        origin = Trial(0.0, 0.5, torch.zeros(1), -1.0)
        found, count = strong_wolfe(
            evaluate, origin, first, direction_size=1.0, tolerance=tolerance, limit=limit
        )
        assert len(told) == count <= limit + 1
        assert not any(map(math.isnan, told)) or math.inf in told
        assert found.step in (0.0, *told)


def test_a_straight_line_is_followed_as_far_as_the_bracket_goes():
    def evaluate(t):
        return Trial(t, -2.0 * t, torch.zeros(1), -2.0)

    told = []
    search = strong_wolfe(
        lambda t: told.append(t) or evaluate(t),
        Trial(0.0, 0.0, torch.zeros(1), -2.5),
        1.0,
        direction_size=1.0,
        tolerance=1e-9,
        limit=3,
    )
    assert search[0].step == told[-1]
    told.clear()
    steep = Trial(0.0, 0.0, torch.zeros(1), -2.0)  # nowhere flat enough
    strong_wolfe(
        lambda t: told.append(t) or evaluate(t), steep, 1.0, direction_size=1.0, tolerance=1e-9, limit=3
    )
    assert told == [1.0, 10.0, 100.0, 1000.0]


def test_a_barrier_of_infinite_loss_is_kept_off():
    """The search halves its step until the loss is finite again."""
    p = torch.nn.Parameter(torch.tensor([0.5, 0.2], dtype=torch.float64))
    optimizer = optim.LBFGS([p], lr=50, line_search_fn="strong_wolfe", max_iter=30)

    def closure():
        optimizer.zero_grad()
        inside = bool((p < 1).all())
        loss = ((p - 0.8) ** 2).sum() * (1.0 if inside else math.inf)
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)
    torch.testing.assert_close(p.detach(), torch.full((2,), 0.8, dtype=torch.float64))


SIZES = {"vector": 40, "matrix": 600, "large": 2100}


def smooth(size, seed, dtype):
    """A start, and a smooth, strictly convex loss, both rounded to float32 first."""
    generator = torch.Generator().manual_seed(seed)
    start, target = (torch.randn(size, generator=generator).to(dtype) for _ in range(2))
    curvature = torch.linspace(0.1, 1.0, size).to(dtype)

    def loss(p):
        off = (p - target).abs()
        return (curvature * off**2 + 0.05 * off**4).sum() + 0.1 * (p.sum().abs() / size**0.5).sin()

    return torch.nn.Parameter(start), loss


def ill_conditioned(size, seed, dtype):
    """The same with curvatures over three decades."""
    generator = torch.Generator().manual_seed(seed)
    start, target = (torch.randn(size, generator=generator).to(dtype) for _ in range(2))
    curvature = torch.logspace(-2, 1, size).to(dtype)
    return torch.nn.Parameter(start), lambda p: (curvature * (p - target) ** 2).sum() + 0.1 * (p**4).sum()


def end(make, problem, size, seed, dtype, **settings):
    p, loss = problem(size, seed, dtype)
    # Whether a criterion ends a run one iteration sooner is chance, of a factor of hundreds.
    optimizer = make([p], max_iter=4, tolerance_grad=0, tolerance_change=0, **settings)

    def closure():
        optimizer.zero_grad()
        value = loss(p)
        value.backward()
        return value

    for _ in range(12):
        optimizer.step(closure)
    return p.detach().double()


@pytest.mark.parametrize("settings", [{}, {"history_size": 5}, {"lr": 0.5}], ids=str)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("problem", [smooth, ill_conditioned])
def test_float32_without_a_line_search_is_as_near_to_the_truth_as_torch(problem, size, settings):
    """One ratio is chance, as is torch's own with its sums in another order; their mean is not."""
    ratios = []
    for seed in range(15):
        truth = end(torch.optim.LBFGS, problem, size, seed, torch.float64, **settings)
        theirs, ours = (
            float((end(make, problem, size, seed, torch.float32, **settings) - truth).norm() / truth.norm())
            for make in (torch.optim.LBFGS, optim.LBFGS)
        )
        ratios.append(max(ours, 3e-8) / max(theirs, 3e-8))  # half a unit in the last place of float32
    assert math.exp(fmean(map(math.log, ratios))) <= 1.5
