"""Optimizers of a user, as they are found in the wild."""

from __future__ import annotations

import torch


class Signs(torch.optim.Optimizer):
    """Steps by the sign of the gradient; ignores a closure, as many do that were written in a hurry."""

    def __init__(self, params, lr=0.003, weight_decay=0.0):
        if lr <= 0:
            raise ValueError("lr must be positive")
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.mul_(1 - group["lr"] * group["weight_decay"]).sub_(group["lr"] * p.grad.sign())


class Demanding(Signs):
    """Has an argument without a default, and none of the usual default for lr."""

    def __init__(self, params, lr, rho):
        super().__init__(params, lr)
        self.rho = float(rho)


class Broken(Signs):
    """Raises at its first step."""

    def step(self, closure=None):
        raise RuntimeError("the sign is missing")


not_a_class = Signs
nothing = 3
