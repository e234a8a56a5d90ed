"""Steps that are differentiated through, as in meta-learning."""

from __future__ import annotations

import pytest
import torch

from surefoot import optim
from tests.optim.configurations import CASES, NAMES, distance, for_loop, named, pair, parameters, run, takes

DIFFERENTIABLE = [case for case in CASES if takes(case[0], "differentiable")]
# The first learning rate becomes state, a plain number, as in torch.
LR_IN_STATE = {"ASGD", "Rprop"}


def trained(name, settings, p, gradients):
    """The parameter after one step on each gradient."""
    p = p.clone()
    optimizer = optim.OPTIMIZERS[name]([p], **settings, differentiable=True)
    for g in gradients:
        p.grad = g
        optimizer.step()
    return p


@pytest.mark.parametrize(("name", "settings"), named(DIFFERENTIABLE))
def test_gradients_through_steps_are_right(name, settings):
    generator = torch.Generator().manual_seed(0)
    p, *gradients = (
        torch.randn(4, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(4)
    )
    lr = torch.tensor(0.05, dtype=torch.float64, requires_grad=name not in LR_IN_STATE)
    for count in (1, 3):

        def train(p, lr, *gradients):
            return trained(name, settings | {"lr": lr}, p, gradients)

        assert torch.autograd.gradcheck(train, (p, lr, *gradients[:count]))


@pytest.mark.parametrize("name", named(n for n in NAMES if takes(n, "differentiable")))
def test_differentiable_steps_equal_torch(name):
    theirs, ours = pair(name)
    expected, found = parameters(), [p.clone() for p in parameters()]
    run(theirs, for_loop(name, {}), expected, 10)
    run(ours, {"differentiable": True}, found, 10)
    assert distance(found, expected) <= 1e-9
