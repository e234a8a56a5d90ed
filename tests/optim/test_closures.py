"""The two optimizers that need a closure: LBFGS and RandomSearch."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from surefoot import optim
from surefoot.formula.line_search import Trial, strong_wolfe


def regression(make, settings, steps=12):
    torch.manual_seed(0)
    layers = [torch.nn.Linear(5, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)]
    model = torch.nn.Sequential(*layers).double()
    x = torch.randn(64, 5, dtype=torch.float64)
    y = torch.sin(x.sum(1, keepdim=True))
    optimizer, losses = make(model.parameters(), **settings), []

    def closure():
        optimizer.zero_grad()
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()
        losses.append(loss.item())
        return loss

    for _ in range(steps):
        optimizer.step(closure)
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()]), losses


@pytest.mark.parametrize(
    "settings",
    [
        {}, {"lr": 0.3}, {"history_size": 3}, {"max_eval": 3}, {"tolerance_grad": 0.1},
        {"tolerance_change": 1e-3},
        {"line_search_fn": "strong_wolfe"}, {"line_search_fn": "strong_wolfe", "lr": 5.0},
        {"line_search_fn": "strong_wolfe", "lr": 0.01}, {"line_search_fn": "strong_wolfe", "max_eval": 3},
        {"line_search_fn": "strong_wolfe", "history_size": 2},
    ],
    ids=str,
)  # fmt: skip
def test_lbfgs_equals_torch(settings):
    expected, their_losses = regression(torch.optim.LBFGS, {"max_iter": 4} | settings)
    found, losses = regression(optim.LBFGS, {"max_iter": 4} | settings)
    assert float((found - expected).norm() / expected.norm()) <= 1e-8
    assert len(losses) == len(their_losses)


def test_lbfgs_checkpoints_move_between_torch_and_ours():
    def train(classes):
        torch.manual_seed(0)
        p = torch.nn.Parameter(torch.randn(6, dtype=torch.float64))
        scale = torch.arange(1, 7, dtype=torch.float64)
        state = None
        for make in classes:
            optimizer = make([p], max_iter=4)
            if state is not None:
                optimizer.load_state_dict(state)

            def closure(optimizer=optimizer):
                optimizer.zero_grad()
                loss = (scale * (p - 1) ** 2).sum() + (p**4).sum()
                loss.backward()
                return loss

            optimizer.step(closure)
            state = optimizer.state_dict()
        return p.detach()

    theirs, ours = torch.optim.LBFGS, optim.LBFGS
    torch.testing.assert_close(train([theirs, ours, theirs]), train([theirs] * 3), rtol=1e-9, atol=1e-12)


def test_lbfgs_warns_and_does_not_step_on_nan():
    p = torch.nn.Parameter(torch.ones(3))
    optimizer = optim.LBFGS([p])

    def closure():
        p.grad = torch.full((3,), math.nan)
        return torch.tensor(math.nan)

    with pytest.warns(UserWarning, match="no step was taken"):
        optimizer.step(closure)
    torch.testing.assert_close(p.detach(), torch.ones(3))


def test_lbfgs_refuses_groups_and_other_line_searches():
    groups = [{"params": [torch.zeros(1)]}, {"params": [torch.zeros(1)]}]
    with pytest.raises(ValueError, match="doesn't support per-parameter options"):
        optim.LBFGS(groups)
    with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
        optim.LBFGS([torch.zeros(1)], line_search_fn="armijo").step(lambda: torch.tensor(0.0))


@pytest.mark.parametrize("first", [1e-3, 0.1, 1.0, 10.0, 100.0])
def test_the_line_search_ends_on_a_point_that_satisfies_the_wolfe_conditions(first):
    def evaluate(t):
        return Trial(t, (t - 2) ** 4 + (t - 2) ** 2, torch.zeros(1), 4 * (t - 2) ** 3 + 2 * (t - 2))

    origin = evaluate(0.0)
    found, evaluations = strong_wolfe(evaluate, origin, first, direction_size=1.0, tolerance=1e-9, limit=25)
    assert found.loss <= origin.loss + 1e-4 * found.step * origin.slope
    assert abs(found.slope) <= 0.9 * abs(origin.slope)
    assert evaluations <= 26


def test_random_search_never_gets_worse_and_finds_w_and_b():
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 50)
    y = 3 * x + 1
    w, b = torch.nn.Parameter(torch.zeros(())), torch.nn.Parameter(torch.zeros(()))
    optimizer, losses = optim.RandomSearch([w, b], scale=0.1), []

    def closure():
        return ((w * x + b - y) ** 2).mean()

    losses += [float(optimizer.step(closure).detach()) for _ in range(400)]
    assert all(after <= before for before, after in itertools.pairwise(losses))
    assert w.item() == pytest.approx(3, abs=0.1)
    assert b.item() == pytest.approx(1, abs=0.1)


def test_random_search_needs_a_closure_and_a_positive_scale():
    with pytest.raises(TypeError):
        optim.RandomSearch([torch.zeros(1)]).step()
    with pytest.raises(ValueError, match="Invalid scale: 0"):
        optim.RandomSearch([torch.zeros(1)], scale=0)
