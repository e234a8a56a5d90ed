"""The gradients of a step, by kind.

All but the aliases are drawn by a seed and do not depend on the parameters, so that rounding errors are
not amplified from step to step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Kind = Callable[[Tensor, Tensor, list[Tensor], int], Tensor | None]


def noise(shape: Sequence[int], dtype: torch.dtype, seed: int) -> Tensor:
    """Normal numbers fixed by a seed, the same in every precision but for rounding."""
    generator = torch.Generator().manual_seed(seed)
    wide = torch.complex128 if dtype.is_complex else torch.float64
    return torch.randn(tuple(shape), generator=generator, dtype=wide).to(dtype)


def _sparse(g: Tensor, p: Tensor, params: list[Tensor], i: int) -> Tensor:
    """Some rows, the first of them twice, uncoalesced."""
    if not p.dim() or not len(p):
        return g
    rows = torch.tensor([[0, 0, len(p) - 1]])
    return torch.sparse_coo_tensor(rows, g[rows[0]], p.shape, check_invariants=False)


def _spoilt(value: float) -> Kind:
    def make(g: Tensor, p: Tensor, params: list[Tensor], i: int) -> Tensor:
        if g.numel():
            g.view(-1)[-1] = value
        return g

    return make


def _other(p: Tensor, params: list[Tensor], i: int) -> Tensor | None:
    """The next parameter of the same shape and type."""
    after = [params[(i + k) % len(params)] for k in range(1, len(params))]
    return next(
        (q for q in after if q.shape == p.shape and q.dtype == p.dtype and q.device == p.device), None
    )


def _others_data(g: Tensor, p: Tensor, params: list[Tensor], i: int) -> Tensor:
    other = _other(p, params, i)
    return g if other is None else other.data


def _shared(g: Tensor, p: Tensor, params: list[Tensor], i: int) -> Tensor:
    """The very gradient tensor of another parameter."""
    other = _other(p, params, i)
    return other.grad if other is not None and other.grad is not None else g


def _same(g: Tensor, p: Tensor, params: list[Tensor], i: int) -> Tensor:
    """New numbers in the gradient tensor that is there."""
    held = p.grad
    fits = (
        held is not None and held.layout is torch.strided and held.shape == p.shape and held.dtype == p.dtype
    )
    return held.copy_(g) if fits and not held.is_neg() and 0 not in held.stride() else g


def _other_dtype(g: Tensor, p: Tensor, params: list[Tensor], i: int) -> Tensor:
    if p.is_leaf and p.requires_grad:
        p.grad_dtype = None
    return g.double() if p.dtype == torch.float32 else g.float()


def _backward(g: Tensor, p: Tensor, params: list[Tensor], i: int) -> Tensor | None:
    """What autograd itself puts there, on top of what is there."""
    if not p.requires_grad or p.grad is not None:
        return g
    (p * g.conj()).sum().real.backward() if p.is_complex() else (p * g).sum().backward()
    return p.grad


KINDS: dict[str, Kind] = {
    "plain": lambda g, p, params, i: g,
    "like": lambda g, p, params, i: torch.empty_like(p.detach()).copy_(g),
    "same": _same,
    "keep": lambda g, p, params, i: p.grad,
    "none": lambda g, p, params, i: None,
    "zero": lambda g, p, params, i: torch.zeros_like(g),
    "zero_tensor": lambda g, p, params, i: torch._efficientzerotensor(tuple(p.shape), dtype=p.dtype),
    "sparse": _sparse,
    "sparse_empty": lambda g, p, params, i: torch.sparse_coo_tensor(
        torch.empty(1, 0, dtype=torch.int64), g[:0], p.shape, check_invariants=False
    ) if p.dim() else g,
    "nan": _spoilt(float("nan")),
    "inf": _spoilt(float("inf")),
    "small": lambda g, p, params, i: g * 1e-30,
    "large": lambda g, p, params, i: g * 1e18,
    "gapped": lambda g, p, params, i: torch.stack([g, g], -1)[..., 0],
    "transposed": lambda g, p, params, i: g.mT.contiguous().mT if g.dim() > 1 else g,
    "negated": lambda g, p, params, i: torch._neg_view(-g),
    "expanded": lambda g, p, params, i: g.reshape(-1)[:1].sum().expand(p.shape),
    "other_dtype": _other_dtype,
    "own_data": lambda g, p, params, i: p.data,
    "others_data": _others_data,
    "shared": _shared,
    "backward": _backward,
    "with_graph": lambda g, p, params, i: g.clone().requires_grad_() * 1,
}  # fmt: skip


def set_gradients(params: list[Tensor], kinds: Sequence[str], seed: int) -> None:
    """Give each parameter that wants one a gradient."""
    for i, p in enumerate(params):
        if not p.requires_grad:
            continue
        if p.device.type != "cpu":
            p.grad = torch.empty_like(p.detach())
            continue
        p.grad = KINDS[kinds[i % len(kinds)]](noise(p.shape, p.dtype, 1000 * seed + i), p, params, i)


def _curvatures(p: Tensor, place: int) -> Tensor:
    first = 1 + 0.3 * place
    return torch.linspace(first, 2 * first, p.numel(), dtype=torch.float64, device="cpu").reshape(p.shape)


def _bowl(square: Tensor) -> Tensor:
    return square + 0.02 * square**2


def closure(optimizer: Any, params: list[Tensor]) -> Callable[[], Tensor]:
    """A smooth, strictly convex loss for LBFGS.

    Its curvatures differ, and change: along a direction that solves a quadratic one, a step of 0.1 leaves
    exactly 0.9 of the slope, which is the bound of the line search, and a rounding decides.
    """
    targets = [noise(p.shape, p.dtype, i) for i, p in enumerate(params)]

    def evaluate() -> Tensor:
        optimizer.zero_grad()
        parts = [
            (_curvatures(p, i) * _bowl((p - t).abs().double() ** 2)).sum()
            for i, (p, t) in enumerate(zip(params, targets, strict=True))
            if p.requires_grad
        ]
        loss = torch.stack(parts).sum() if parts else torch.zeros((), requires_grad=True)
        loss.backward()
        return loss

    return evaluate
