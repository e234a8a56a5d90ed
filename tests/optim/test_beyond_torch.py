"""Optimizers that torch lacks, against plain references written from their papers."""

from __future__ import annotations

import torch

from surefoot import optim
from surefoot.testing.optimizers import OptimizerSuite


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


class TestLion(OptimizerSuite):
    optimizer, reference = optim.Lion, PlainLion
    settings = (
        {},
        {"lr": 0.01, "weight_decay": 0.1},
        {"betas": (0.5, 0.9), "maximize": True},
    )


class TestAdaBelief(OptimizerSuite):
    optimizer, reference = optim.AdaBelief, PlainAdaBelief
    settings = (
        {},
        {"lr": 0.01, "weight_decay": 0.1},
        {"betas": (0.5, 0.9), "eps": 1e-8, "maximize": True},
    )
