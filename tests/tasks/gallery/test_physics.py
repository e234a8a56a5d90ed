import math

import pytest
import torch

from surefoot.study.run import Candidate
from surefoot.tasks.gallery import physics
from surefoot.tasks.gallery.physics import VISCOSITY, Physics, exact
from surefoot.training.loop import train


@pytest.fixture(scope="module")
def task():
    return Physics()


def test_the_exact_solution_solves_the_equation():
    t, x = torch.rand(2, 500, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    t, x = (0.05 + 0.95 * t).requires_grad_(), (2 * x - 1).requires_grad_()
    u = exact(t, x)
    u_t, u_x = torch.autograd.grad(u.sum(), (t, x), create_graph=True)
    (u_xx,) = torch.autograd.grad(u_x.sum(), x)
    residual = u_t + u * u_x - VISCOSITY * u_xx
    assert residual.abs().max() < 1e-8 * u_t.abs().max()


def test_the_exact_solution_has_the_given_values():
    x = torch.linspace(-1, 1, 41, dtype=torch.float64)
    start = exact(torch.full_like(x, 1e-12), x)
    assert torch.allclose(start, -torch.sin(math.pi * x), atol=1e-5)
    t = torch.linspace(0.05, 1, 20, dtype=torch.float64)
    for side in (-1.0, 1.0):
        assert exact(t, torch.full_like(t, side)).abs().max() < 1e-12


def test_the_quadrature_has_converged(monkeypatch):
    t, x = torch.meshgrid(torch.linspace(0.05, 1, 20), torch.linspace(-1, 1, 101), indexing="ij")
    usual = exact(t, x)
    monkeypatch.setattr(physics, "NODES", 160)
    assert (exact(t, x) - usual).abs().max() < 1e-9


def test_the_front_becomes_steeper():
    x = torch.tensor([-0.01, 0.01])
    early, late = (exact(torch.full((2,), t), x).diff().abs() for t in (0.1, 0.6))
    assert late > 1.5 * early


def test_derivatives_are_those_of_autograd(task):
    torch.manual_seed(0)
    model = task.model().double()
    points = torch.rand(50, 2, dtype=torch.float64, requires_grad=True)
    u = model(points)
    (first,) = torch.autograd.grad(u.sum(), points, create_graph=True)
    (second,) = torch.autograd.grad(first[:, 1].sum(), points)
    found = model.derivatives(points)
    assert torch.allclose(found.u, u)
    assert torch.allclose(found.t[:, 0], first[:, 0])
    assert torch.allclose(found.x[:, 0], first[:, 1])
    assert torch.allclose(found.xx[:, 0], second[:, 1])


def test_the_loss_needs_no_gradients(task):
    model, batch = task.model(), next(task.batches(0))
    with torch.no_grad():
        assert task.loss(model, batch).item() == pytest.approx(task.loss(model, batch).item())


def test_points_lie_where_they_should_and_stay_the_same(task):
    batches = task.batches(0)
    first, second = next(batches), next(batches)
    assert torch.equal(first.inside, second.inside)
    assert torch.equal(first.given, second.given)
    assert not torch.equal(first.inside, next(task.batches(1)).inside)
    t, x = first.inside.T
    assert t.min() >= 0
    assert t.max() <= 1
    assert x.abs().max() <= 1
    t, x = first.edges.T
    assert ((t == 0) | (x.abs() == 1)).all()
    assert torch.allclose(first.given[t == 0, 0], -torch.sin(math.pi * x[t == 0]))
    assert (first.given[t > 0] == 0).all()


def test_nothing_scores_one(task):
    silent = task.model()
    torch.nn.init.zeros_(silent.last.weight)
    assert task.validate(silent) == pytest.approx(1)


def test_l_bfgs_comes_near_in_a_tenth_of_the_steps(task):
    reached = train(task, Candidate("LBFGS", {"line_search_fn": "strong_wolfe"}), 0, 0.1).point.value
    assert reached < 0.25
