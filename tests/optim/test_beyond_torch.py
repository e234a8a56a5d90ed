"""Optimizers that torch lacks, against plain references written from their papers."""

from __future__ import annotations

import pytest
import torch

from surefoot import optim
from tests.optim.configurations import distance, identify, parameters, run


class Plain(torch.optim.Optimizer):
    """A reference: `rule` steps one parameter in place, given its gradient, state and settings."""

    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                with torch.no_grad():
                    self.rule(p, -p.grad if group["maximize"] else p.grad, self.state[p], group)


class PlainLion(Plain):
    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0, maximize=False):
        settings = {"lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, settings)

    @staticmethod
    def rule(p, g, state, group):
        beta1, beta2 = group["betas"]
        m = state.setdefault("m", torch.zeros_like(p))
        p.mul_(1 - group["lr"] * group["weight_decay"])
        p.sub_(group["lr"] * torch.sign(m * beta1 + g * (1 - beta1)))
        m.mul_(beta2).add_(g * (1 - beta2))


class PlainAdaBelief(Plain):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-16, weight_decay=0.0, maximize=False):
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, settings)

    @staticmethod
    def rule(p, g, state, group):
        beta1, beta2 = group["betas"]
        m, s = (state.setdefault(name, torch.zeros_like(p)) for name in ("m", "s"))
        t = state["t"] = state.get("t", 0) + 1
        p.mul_(1 - group["lr"] * group["weight_decay"])
        m.mul_(beta1).add_(g, alpha=1 - beta1)
        s.mul_(beta2).add_((g - m) ** 2, alpha=1 - beta2).add_(group["eps"])
        corrected = m / (1 - beta1**t)
        p.sub_(group["lr"] * corrected / ((s / (1 - beta2**t)).sqrt() + group["eps"]))


CASES = [
    (PlainAdaBelief, "AdaBelief", {}), (PlainAdaBelief, "AdaBelief", {"lr": 0.01, "weight_decay": 0.1}),
    (PlainAdaBelief, "AdaBelief", {"betas": (0.5, 0.9), "eps": 1e-8, "maximize": True}),
    (PlainLion, "Lion", {}), (PlainLion, "Lion", {"lr": 0.01, "weight_decay": 0.1}),
    (PlainLion, "Lion", {"betas": (0.5, 0.9), "maximize": True}),
]  # fmt: skip


@pytest.mark.parametrize("backend", ["auto", "eager"])
@pytest.mark.parametrize(("reference", "name", "settings"), CASES, ids=lambda v: identify(v))
def test_trajectories_equal_the_reference(reference, name, settings, backend):
    expected, found = parameters(), parameters()
    run(reference, settings, expected)
    run(optim.OPTIMIZERS[name], settings, found, backend=backend)
    assert distance(found, expected) <= 1e-12
    assert distance(found, parameters()) > 1e-4


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", sorted({name for _, name, _ in CASES}))
def test_other_precisions_stay_near_float64(name, dtype):
    exact, found = (
        [p.detach().to(t).requires_grad_() for p in parameters(dtype)] for t in (torch.float64, dtype)
    )

    def same_gradients(params, generator):
        for p in params:
            p.grad = torch.randn(p.shape, generator=generator).to(dtype).to(p.dtype)

    for params in (exact, found):
        run(optim.OPTIMIZERS[name], {"lr": 0.01}, params, 20, set_gradients=same_gradients)
    assert distance(found, exact) <= (1e-5 if dtype == torch.float32 else 0.05)
