"""Arguments that choose an implementation, and numbers that come as tensors: the result stays the same."""

from __future__ import annotations

import pytest
import torch
from torch.optim.lr_scheduler import ExponentialLR

from tests.optim.configurations import (
    NAMES,
    distance,
    for_loop,
    named,
    pair,
    parameters,
    run,
    shapes_for,
    step,
    takes,
)

SWITCHES = [
    (name, switches)
    for name in NAMES
    for switches in (
        {"foreach": True}, {"foreach": False}, {"fused": True}, {"fused": False}, {"capturable": True},
        {"capturable": True, "foreach": True, "lr": torch.tensor(0.01, dtype=torch.float64)},
    )
    if all(takes(name, switch) for switch in switches)
]  # fmt: skip


def parameter_lists(name, count):
    return [parameters(shapes=shapes_for(name)) for _ in range(count)]


@pytest.mark.parametrize(("name", "switches"), named(SWITCHES))
def test_switches_never_change_the_result(name, switches):
    theirs, ours = pair(name)
    expected, found = parameter_lists(name, 2)
    settings = {"lr": 0.01} if "lr" in switches else {}
    run(theirs, for_loop(name, settings), expected, 30)
    optimizer = run(ours, switches, found, 30)
    assert distance(found, expected) <= 1e-12
    assert {k: optimizer.param_groups[0][k] for k in switches} == switches


@pytest.mark.parametrize(("name", "shape"), named([(n, s) for n in NAMES for s in ((), (1,))]))
def test_a_scheduler_changes_a_learning_rate_that_is_a_tensor_in_place(name, shape):
    theirs, ours = pair(name)
    expected, found = parameter_lists(name, 2)
    lr = torch.full(shape, 0.1, dtype=torch.float64)
    more = {"max_iter": 4} if name == "LBFGS" else {}
    # Compared with a number: torch's LBFGS keeps the tensor as its last step size, which then changes too.
    for make, settings, params in (
        (theirs, for_loop(name, {"lr": 0.1}), expected),
        (ours, {"lr": lr}, found),
    ):
        optimizer, generator = make(params, **settings, **more), torch.Generator().manual_seed(2)
        scheduler = ExponentialLR(optimizer, 0.9)
        for _ in range(6):
            step(optimizer, params, generator)
            scheduler.step()
    assert distance(found, expected) <= (1e-8 if name == "LBFGS" else 1e-12)
    assert optimizer.param_groups[0]["lr"] is lr
    assert float(lr) == pytest.approx(0.1 * 0.9**6)


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_betas_may_be_tensors(name):
    theirs, ours = pair(name)
    expected, found = parameter_lists(name, 2)
    betas = tuple(torch.tensor(beta, dtype=torch.float64) for beta in (0.8, 0.95))
    run(theirs, for_loop(name, {"betas": betas}), expected, 30)
    run(ours, {"betas": betas}, found, 30)
    assert distance(found, expected) <= 1e-12
