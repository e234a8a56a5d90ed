"""What the tests of optimizers share: configurations, parameters, and a run on random gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from surefoot import formula, optim

CONFIGURATIONS: dict[str, list[dict[str, Any]]] = {
    "SGD": [
        {}, {"momentum": 0.9}, {"momentum": 0.9, "dampening": 0.5}, {"weight_decay": 0.1},
        {"momentum": 0.9, "nesterov": True}, {"momentum": 0.9, "weight_decay": 0.1, "nesterov": True},
    ],
    "ASGD": [{}, {"weight_decay": 0.1}, {"lambd": 0.01}, {"alpha": 0.5}, {"t0": 10}],
    "Adagrad": [
        {}, {"lr_decay": 0.1}, {"weight_decay": 0.1}, {"initial_accumulator_value": 0.1}, {"eps": 1e-5},
    ],
    "Adadelta": [{}, {"rho": 0.95}, {"weight_decay": 0.1}, {"eps": 1e-3}],
    "RMSprop": [
        {}, {"momentum": 0.9}, {"centered": True}, {"weight_decay": 0.1}, {"alpha": 0.9},
        {"momentum": 0.9, "centered": True, "weight_decay": 0.1},
    ],
    "Adam": [
        {}, {"amsgrad": True}, {"weight_decay": 0.1}, {"betas": (0.0, 0.99)}, {"betas": (0.8, 0.9)},
        {"weight_decay": 0.1, "decoupled_weight_decay": True}, {"amsgrad": True, "weight_decay": 0.1},
    ],
    "AdamW": [{}, {"amsgrad": True}, {"weight_decay": 0.0}],
    "Adamax": [{}, {"weight_decay": 0.1}, {"betas": (0.8, 0.9)}],
    "Rprop": [{}, {"etas": (0.4, 1.3)}, {"step_sizes": (1e-4, 1.0)}],
}  # fmt: skip
CASES = [(name, settings) for name, all_settings in CONFIGURATIONS.items() for settings in all_settings]
SHAPES = [(7, 5), (33,), (), (3, 4, 3, 3)]


def identify(value: Any) -> str:
    """A readable name for a configuration."""
    return (
        "-".join(f"{k}={v}" for k, v in value.items()) or "default" if isinstance(value, dict) else str(value)
    )


def parameters(
    dtype: torch.dtype = torch.float64, shapes: list[tuple[int, ...]] | None = None
) -> list[Tensor]:
    """Parameters with values fixed by a seed, drawn in float64 and rounded."""
    generator = torch.Generator().manual_seed(1)
    draws = [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes or SHAPES]
    return [torch.nn.Parameter(draw.to(dtype)) for draw in draws]


def set_gradients(params: list[Tensor], generator: torch.Generator) -> None:
    """A noisy pull towards zero, so that trajectories neither explode nor die."""
    for p in params:
        noise = torch.randn(p.shape, generator=generator, dtype=torch.float64)
        p.grad = (noise + 0.3 * p.detach().double()).to(p.dtype)


def run(
    make: Callable[..., torch.optim.Optimizer],
    settings: dict[str, Any],
    params: list[Tensor],
    steps: int = 100,
    backend: str = "auto",
    set_gradients: Callable[[list[Tensor], torch.Generator], None] = set_gradients,
) -> torch.optim.Optimizer:
    """Train the parameters in place on gradients fixed by a seed."""
    optimizer, generator = make(params, **settings), torch.Generator().manual_seed(2)
    with formula.backend(backend):
        for _ in range(steps):
            set_gradients(params, generator)
            optimizer.step()
    return optimizer


def pair(name: str) -> tuple[type[torch.optim.Optimizer], type[torch.optim.Optimizer]]:
    """torch's class and ours of one name."""
    return getattr(torch.optim, name), optim.OPTIMIZERS[name]


def distance(ours: list[Tensor], theirs: list[Tensor]) -> float:
    """The largest relative distance of two lists of parameters."""
    return max(
        float(
            (a.detach().double() - b.detach().double()).norm() / b.detach().double().norm().clamp_min(1e-30)
        )
        for a, b in zip(ours, theirs, strict=True)
        if a.numel()
    )
