"""What the tests of optimizers share: the configurations, and a run of one on gradients fixed by a seed.

The configurations are those that torch tests its own optimizers with (91 in torch 2.13), read from its
private test harness, and some of ours that reach further; where the harness is missing, ours alone.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from torch import Tensor

from surefoot import formula, optim
from surefoot.testing.trajectories import distance as distance

try:
    from torch.testing._internal.common_optimizers import optim_db
except ImportError:  # private, and it needs expecttest
    optim_db = []

Case = tuple[str, dict[str, Any]]

UPSTREAM: list[Case] = [
    (info.optim_cls.__name__, given.kwargs)
    for info in optim_db
    for given in info.optim_inputs_func(device="cpu")
]

OURS: dict[str, list[dict[str, Any]]] = {
    "SGD": [
        {}, {"momentum": 0.9}, {"momentum": 0.9, "dampening": 0.5}, {"weight_decay": 0.1},
        {"momentum": 0.9, "nesterov": True}, {"momentum": 0.9, "weight_decay": 0.1, "nesterov": True},
    ],
    "ASGD": [{}, {"weight_decay": 0.1}, {"lambd": 0.01}, {"alpha": 0.5}, {"t0": 10}],
    "Adagrad": [
        {}, {"lr_decay": 0.1}, {"weight_decay": 0.1}, {"initial_accumulator_value": 0.1}, {"eps": 1e-5},
    ],
    "Adafactor": [{}, {"weight_decay": 0.1}, {"eps": (1e-6, 1e-2)}],
    "Adadelta": [{}, {"weight_decay": 0.1}, {"eps": 1e-3}],
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
    "Muon": [{}, {"nesterov": False}, {"adjust_lr_fn": "match_rms_adamw"}, {"momentum": 0.5}],
    "NAdam": [{}, {"weight_decay": 0.1}, {"betas": (0.8, 0.9)}],
    "RAdam": [{}, {"weight_decay": 0.1}, {"betas": (0.5, 0.7)}],  # rectified from the second step on
    "Rprop": [{}, {"etas": (0.4, 1.3)}, {"step_sizes": (1e-4, 1.0)}],
    "SparseAdam": [{}, {"maximize": True}, {"betas": (0.8, 0.9)}],
    "LBFGS": [
        {}, {"history_size": 2}, {"max_eval": 3}, {"line_search_fn": "strong_wolfe"},
        {"line_search_fn": "strong_wolfe", "lr": 5.0, "history_size": 2},
    ],
}  # fmt: skip


def identify(value: Any) -> str:
    """A readable name for a configuration."""
    if isinstance(value, dict):
        return "-".join(f"{k}={v!r}" for k, v in value.items()) or "default"
    return str(value)


def _without(known: list[Case]) -> list[Case]:
    names = {(name, identify(settings)) for name, settings in known}
    return [(n, s) for n, all_settings in OURS.items() for s in all_settings if (n, identify(s)) not in names]


# What torch's classes take too; its test harness says the same.
NOT_COMPLEX = {"Adafactor", "Muon", "SparseAdam"}

CASES: list[Case] = UPSTREAM + _without(UPSTREAM)
NAMES: list[str] = sorted({name for name, _ in CASES})


def named(cases: Iterable[Any]) -> list[Any]:
    """Test parameters with readable names: one tuple, or one name, for each test."""
    params = []
    for case in cases:
        values = case if isinstance(case, tuple) else (case,)
        params.append(pytest.param(*values, id="-".join(map(identify, values))))
    return params


every_case = pytest.mark.parametrize(("name", "settings"), named(CASES))
every_optimizer = pytest.mark.parametrize("name", named(NAMES))


def takes(name: str, argument: str) -> bool:
    """Whether torch's constructor of this name has an argument."""
    return argument in inspect.signature(getattr(torch.optim, name)).parameters


def pair(name: str) -> tuple[type[torch.optim.Optimizer], type[torch.optim.Optimizer]]:
    """torch's class and ours of one name."""
    return getattr(torch.optim, name), optim.OPTIMIZERS[name]


def for_loop(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The same settings for torch's for-loop implementation.

    Without `capturable`, which torch refuses on a CPU when it steps.
    """
    switches = {"foreach": False} if takes(name, "foreach") else {}
    return {k: v for k, v in settings.items() if k not in ("capturable", "fused")} | switches


SHAPES = [(7, 5), (33,), (), (3, 4, 3, 3)]
MATRICES = [(7, 5), (4, 9)]
LAYOUTS = {
    "contiguous": lambda randn: randn(7, 5),
    "scalar": lambda randn: randn(),
    "empty": lambda randn: randn(0, 3),
    "transposed": lambda randn: randn(6, 9).t(),
    "gapped": lambda randn: randn(6, 18)[:, ::2],
    "channels_last": lambda randn: randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    "size_one": lambda randn: randn(4, 1, 3).permute(1, 2, 0),
}


def fits(name: str, shape: tuple[int, ...]) -> bool:
    """Whether torch's optimizer takes parameters of this shape."""
    if name == "Muon":
        return len(shape) == 2
    if name == "Adafactor":
        return 0 not in shape  # torch divides by the number of elements
    return name != "SparseAdam" or len(shape) > 0


def parameters(
    dtype: torch.dtype = torch.float64, shapes: list[tuple[int, ...]] | None = None
) -> list[Tensor]:
    """Contiguous parameters with values fixed by a seed, drawn in double precision and rounded."""
    generator = torch.Generator().manual_seed(1)
    return [torch.nn.Parameter(_draw(shape, generator, dtype)) for shape in shapes or SHAPES]


def parameters_of_every_layout(name: str, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """One parameter of each layout, also without elements and without dimensions."""
    generator = torch.Generator().manual_seed(1)
    drawn = [layout(lambda *shape: _draw(shape, generator, dtype)) for layout in LAYOUTS.values()]
    return [torch.nn.Parameter(p) for p in drawn if fits(name, p.shape)]


def contiguous(params: list[Tensor]) -> list[Tensor]:
    """Copies in the usual layout."""
    copies = [p.detach().clone(memory_format=torch.contiguous_format) for p in params]
    return [torch.nn.Parameter(p) for p in copies]


def shapes_for(name: str) -> list[tuple[int, ...]]:
    """A few shapes that an optimizer takes."""
    return MATRICES if name == "Muon" else [s for s in SHAPES if fits(name, s)]


def _draw(shape: tuple[int, ...], generator: torch.Generator, dtype: torch.dtype) -> Tensor:
    double = torch.complex128 if dtype.is_complex else torch.float64
    return torch.randn(shape, generator=generator, dtype=double).to(dtype)


def set_gradients(
    params: list[Tensor], generator: torch.Generator, pull: float = 0.3, rounded: torch.dtype | None = None
) -> None:
    """Noise, and a pull towards zero so that trajectories neither explode nor die.

    Args:
        params: whose gradients to set.
        generator: fixes the noise.
        pull: without it, runs in different precisions see the same gradients.
        rounded: round the noise to this dtype first.
    """
    for p in params:
        noise = _draw(p.shape, generator, rounded or p.dtype).to(p.dtype)
        p.grad = noise + pull * p.detach() if pull else noise


def set_sparse_gradients(params: list[Tensor], generator: torch.Generator, **how: Any) -> None:
    """The same on some rows of each parameter, one of them twice."""
    set_gradients(params, generator, **how)
    for p in params:
        rows = torch.randint(0, max(1, len(p)), (min(5, len(p)),), generator=generator)
        rows[1:2] = rows[:1]
        p.grad = torch.sparse_coo_tensor(rows[None], p.grad[rows], p.shape, check_invariants=False)


def closure(optimizer: torch.optim.Optimizer, params: list[Tensor]) -> Any:
    """What LBFGS evaluates: a smooth, strictly convex loss, so that rounding errors are not amplified."""
    generator = torch.Generator().manual_seed(3)
    size = sum(p.numel() for p in params)
    target = _draw((size,), generator, params[0].dtype)
    curvature = torch.linspace(0.1, 1.0, size, dtype=target.abs().dtype)

    def evaluate() -> Tensor:
        optimizer.zero_grad()
        flat = torch.cat([p.reshape(-1) for p in params])
        off = (flat - target).abs()
        loss = (curvature * off**2 + 0.05 * off**4).sum() + 0.1 * (flat.sum().abs() / size**0.5).sin()
        loss.backward()
        return loss

    return evaluate


def gradients_for(name: str) -> Callable[..., None]:
    """How gradients are set for an optimizer."""
    return set_sparse_gradients if name == "SparseAdam" else set_gradients


def step(
    optimizer: torch.optim.Optimizer, params: list[Tensor], generator: torch.Generator, **how: Any
) -> None:
    """One step in the manner of the optimizer: on dense or sparse gradients, or with a closure."""
    name = type(optimizer).__name__
    if name == "LBFGS":
        optimizer.step(closure(optimizer, params))
        return
    gradients_for(name)(params, generator, **how)
    optimizer.step()


def run(
    make: type[torch.optim.Optimizer],
    settings: dict[str, Any],
    params: list[Tensor],
    steps: int = 100,
    backend: str = "auto",
    set_gradients: Any = None,
    **how: Any,
) -> torch.optim.Optimizer:
    """Train the parameters in place; LBFGS for 12 short steps at most."""
    if make.__name__ == "LBFGS":
        settings, steps = {"max_iter": 4} | settings, min(steps, 12)
    optimizer, generator = make(params, **copy.deepcopy(settings)), torch.Generator().manual_seed(2)
    with formula.backend(backend):
        for _ in range(steps):
            if set_gradients is None:
                step(optimizer, params, generator, **how)
            else:
                set_gradients(params, generator)
                optimizer.step()
    return optimizer
