"""A few steps of an optimizer on gradients fixed by a seed, and how far two results lie apart."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from surefoot import formula

Params = list[Tensor]


def parameters(shapes: Iterable[tuple[int, ...]], dtype: torch.dtype = torch.float64) -> Params:
    """Parameters with values fixed by a seed, drawn in double precision and rounded."""
    generator = torch.Generator().manual_seed(1)
    drawn = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    return [torch.nn.Parameter(values.to(dtype)) for values in drawn]


def steps(
    optimizer: torch.optim.Optimizer,
    params: Params,
    count: int = 5,
    *,
    seed: int = 2,
    pull: float = 0.3,
    rounded: torch.dtype = torch.float64,
    rows: Sequence[int] = (),
    backend: str = "auto",
    closure: bool = False,
) -> None:
    """So many steps on noise, and a pull towards zero so that nothing explodes.

    Args:
        optimizer: of these parameters.
        params: they.
        count: how many.
        seed: fixes the noise.
        pull: without it, runs in different precisions see the same gradients.
        rounded: round the noise to this dtype first.
        rows: make the gradients sparse, with these rows.
        backend: see `formula.backend`.
        closure: give each step one.
    """
    generator = torch.Generator().manual_seed(seed)
    with formula.backend(backend):
        for _ in range(count):
            for p in params:
                noise = torch.randn(p.shape, generator=generator, dtype=torch.float64).to(rounded).to(p.dtype)
                gradient = noise + pull * p.detach()
                p.grad = _of_rows(gradient, rows) if rows else gradient
            if closure:
                optimizer.step(_closure_of(params))
            else:
                optimizer.step()


def _closure_of(params: Params) -> Any:
    """A loss to evaluate again; the gradients stay those that are set."""
    return lambda: torch.stack([p.detach().double().square().sum() for p in params]).sum()


def _of_rows(gradient: Tensor, rows: Sequence[int]) -> Tensor:
    index = torch.tensor(rows)
    return torch.sparse_coo_tensor(index[None], gradient[index], gradient.shape, check_invariants=False)


def saved(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Its state dict, written to a file and read again."""
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    return cast("dict[str, Any]", torch.load(file, weights_only=True))


def distance(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """The largest relative distance of two lists of parameters."""
    return max(
        float((_double(a) - _double(b)).norm() / _double(b).norm().clamp_min(1e-30))
        for a, b in zip(ours, theirs, strict=True)
        if a.numel()
    )


def _double(p: Tensor) -> Tensor:
    return p.detach().to(torch.complex128 if p.is_complex() else torch.float64)
