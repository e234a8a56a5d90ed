"""What the tests share: a small model in float64, its batches, and a training with one optimizer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from surefoot import formula, optim

SETTINGS: dict[str, dict[str, Any]] = {
    "SGD": {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01},
    "ASGD": {"lr": 0.1},
    "Adagrad": {"lr": 0.1},
    "Adadelta": {"lr": 1.0},
    "RMSprop": {"lr": 0.01, "momentum": 0.9},
    "Adam": {"lr": 0.02, "amsgrad": True},
}
# Every optimizer with a formula of its own that torch has too.
OPTIMIZERS = {
    name: SETTINGS.get(name, {"lr": 0.02})
    for name, cls in optim.OPTIMIZERS.items()
    if issubclass(cls, formula.Optimizer) and hasattr(torch.optim, name) and cls.sparse != "only"
}
TOLERANCE = 1e-12


def make_model() -> nn.Module:
    """The same weights on every call.  Sharded over two processes, one has more of them, or all."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(4, 7), nn.Tanh(), nn.Linear(7, 1)).double()


def batches(count: int) -> list[tuple[Tensor, Tensor]]:
    """Inputs and targets, the same on every call."""
    generator = torch.Generator().manual_seed(2)
    inputs = [torch.randn(6, 4, generator=generator, dtype=torch.float64) for _ in range(count)]
    return [(x, x[:, :1].sin()) for x in inputs]


def loss_of(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    return nn.functional.mse_loss(model(batch[0]), batch[1])


def train(model: nn.Module, optimizer: torch.optim.Optimizer, data: list[tuple[Tensor, Tensor]]) -> None:
    """One step for each batch."""
    for batch in data:
        optimizer.zero_grad()
        loss_of(model, batch).backward()
        optimizer.step()


def values(model: nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in model.parameters()]


def pair(name: str) -> tuple[type[torch.optim.Optimizer], type[torch.optim.Optimizer]]:
    """torch's class and ours of one name."""
    return getattr(torch.optim, name), optim.OPTIMIZERS[name]


def distance(a: list[Tensor], b: list[Tensor]) -> float:
    """The largest relative distance of two lists of parameters."""
    with torch.no_grad():
        return max(float((x - y).norm() / y.norm()) for x, y in zip(a, b, strict=True))
