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


STATE = {  # tensors that a state may be made of, beside the numbers that torch keeps
    "ASGD": {"eta": 0.04, "mu": 0.5, "ax": None},
    "NAdam": {"mu_product": 0.8, "exp_avg": None, "exp_avg_sq": None},
    "Adam": {"exp_avg": None, "exp_avg_sq": None},
    "AdamW": {"exp_avg": None, "exp_avg_sq": None},
    "RAdam": {"exp_avg": None, "exp_avg_sq": None},
    "Adamax": {"exp_avg": None, "exp_inf": None},
    "Adagrad": {"sum": None},
    "Adadelta": {"square_avg": None, "acc_delta": None},
    "RMSprop": {"square_avg": None},
    "SGD": {"momentum_buffer": None},
}
GIVEN = {"SGD": {"momentum": 0.8, "nesterov": True}, "ASGD": {"t0": 0.3}, "NAdam": {"weight_decay": 0.1}}


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("at", [1.0, 6.0])
@pytest.mark.parametrize("name", STATE)
def test_gradients_through_the_state_are_right(name, at, count):
    generator = torch.Generator().manual_seed(3)

    def draw(value):
        drawn = torch.rand(5, generator=generator, dtype=torch.float64) + 0.3
        return (drawn if value is None else torch.tensor(value, dtype=torch.float64)).requires_grad_()

    names, entries = list(STATE[name]), [draw(value) for value in STATE[name].values()]
    p, *gradients = (draw(None) for _ in range(1 + count))
    step = torch.tensor(at, dtype=torch.float64, requires_grad=True)

    def train(p, step, *rest):
        p = p.clone()
        optimizer = optim.OPTIMIZERS[name]([p], lr=0.05, **GIVEN.get(name, {}), differentiable=True)
        optimizer.state[p].update({n: e.clone() for n, e in zip(names, rest, strict=False)})
        if name != "SGD":
            optimizer.state[p]["step"] = step.clone()
        for g in rest[len(names) :]:
            p.grad = g
            optimizer.step()
        return p, *(v for v in optimizer.state[p].values() if isinstance(v, torch.Tensor))

    inputs = (p, step if name != "SGD" else step.detach(), *entries, *gradients)
    assert torch.autograd.gradcheck(train, inputs)


@pytest.mark.parametrize("default", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", named(n for n in NAMES if takes(n, "differentiable")))
def test_gradients_through_steps_equal_torch_in_any_default_dtype(name, default):
    """The state of some is made in the default dtype; what autograd has read is never written over."""
    # torch raises for some, or cuts the graph
    theirs = None if name in ("NAdam", "Adagrad", "Adamax", "Rprop") else pair(name)[0]
    usual, results = torch.get_default_dtype(), []
    try:
        torch.set_default_dtype(default)
        for make in filter(None, (theirs, optim.OPTIMIZERS[name])):
            start = torch.linspace(-1, 2, 5, dtype=torch.float64, requires_grad=True)
            p = start.clone()
            optimizer = make([p], lr=0.03, differentiable=True)
            for _ in range(4):
                before = p.clone()  # the step writes over what autograd has read of p itself
                p.grad = 2 * before + before**3
                optimizer.step()
            results.append(torch.autograd.grad(p.square().sum(), [start])[0])
    finally:
        torch.set_default_dtype(usual)
    torch.testing.assert_close(results[-1], results[0], rtol=1e-5, atol=1e-8)
    assert results[-1].isfinite().all()
