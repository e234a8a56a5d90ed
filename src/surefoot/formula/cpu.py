"""The CPU backend: which compiled kernel serves a parameter, and whether one can.

What runs it is `launch`.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from surefoot.formula.eager import machine_epsilon
from surefoot.formula.facts import StateSlot
from surefoot.formula.names import Settings, State
from surefoot.formula.numbers import Pattern, number_names
from surefoot.formula.trace import Extent, Trace, trace
from surefoot.formula.unchanged import plain

if TYPE_CHECKING:
    from surefoot.formula.kernels import Kernel, Layout

log = logging.getLogger("surefoot")

DTYPES = {
    torch.float32: "float32",
    torch.float64: "float64",
    torch.bfloat16: "bfloat16",
    torch.float16: "float16",
}
TORCH_DTYPES = {name: dtype for dtype, name in DTYPES.items()}
SMALL_MATRIX = 16  # elements: a 3 × 3 convolution counts, a 7 × 7 one does not


@functools.cache
def available() -> bool:
    """Whether kernels can be compiled here; where not, says why in one log line."""
    try:
        from surefoot.formula import kernels

        kernels.target()
    except Exception as error:
        log.warning("surefoot.optim runs its eager backend: kernels cannot be compiled here (%s)", error)
        return False
    return True


@dataclass(frozen=True)
class Variant:
    """One compiled form of a formula: which states exist and in which types.

    Attributes:
        absent: states that this step makes; the formula sees None.
        missing: states that such a parameter never has; the formula sees None.
        matrix: rows and columns of a stack of many small matrices.
    """

    formula: Callable[..., Any]
    slots: tuple[StateSlot, ...]
    pattern: Pattern
    dtype: str
    absent: tuple[str, ...]
    missing: tuple[str, ...]
    scalar_dtypes: tuple[str, ...]
    negate: bool
    matrix: tuple[int, int] | None = None


@functools.cache
def kernel_for(variant: Variant) -> tuple[Kernel, Layout]:
    """Trace and compile, once per process."""
    from surefoot.formula.kernels import compile_kernel

    graph, layout = traced(variant)
    return compile_kernel(graph, layout), layout


def traced(variant: Variant) -> tuple[Trace, Layout]:
    """What a variant computes, and the order of the streams in its kernel's tables."""
    from surefoot.formula.kernels import Layout

    tensors = tuple(s.name for s in variant.slots if not s.scalar)
    scalars = tuple(s.name for s in variant.slots if s.scalar)
    layout = Layout(
        variant.dtype, tensors, scalars, variant.scalar_dtypes, number_names(variant.pattern), variant.matrix
    )
    counters = {s.name for s in variant.slots if s.counts}

    def counted(p: Any, g: Any, s: State, h: Settings) -> Any:
        for name in counters:
            setattr(s, name, getattr(s, name) + 1)
        return variant.formula(p, g, s, h)

    graph = trace(
        counted,
        tensors={s.name: extent(s) for s in variant.slots if not s.scalar and s.name not in variant.absent},
        scalars=scalars,
        absent=variant.absent + variant.missing,
        settings=dict(variant.pattern),
        known_numbers={"machine_epsilon": machine_epsilon(TORCH_DTYPES[variant.dtype])},
        negate_gradient=variant.negate,
    )
    return graph, layout


def extent(slot: StateSlot) -> Extent:
    """How many values a tensor state holds."""
    return {None: Extent.ELEMENT, -1: Extent.ROW, -2: Extent.COLUMN}[slot.over]


def servable(p: Tensor) -> bool:
    """Whether a kernel can update this parameter in place."""
    return plain(p) and p.dtype in DTYPES and p.numel() > 0 and _dense(p)


def small_matrix(p: Tensor) -> tuple[int, int] | None:
    """Rows and columns of a stack of small matrices (convolutions), whose loops are worth unrolling."""
    if p.dim() < 3 or p.shape[-2] * p.shape[-1] > SMALL_MATRIX:
        return None
    return p.shape[-2], p.shape[-1]


def lies_alike(slot: StateSlot, p: Tensor, state: Tensor) -> bool:
    """Whether a kernel that serves this parameter can read and write this state."""
    if slot.over is None:
        return same_layout(p, state)
    shape = slot.shape(tuple(p.shape))
    return _alike(state, p.dtype) and state.shape == shape and state.is_contiguous()


def same_layout(p: Tensor, other: Tensor) -> bool:
    """Whether element i in memory order is the same element in both tensors."""
    return (
        _alike(other, p.dtype)
        and other.shape == p.shape
        and all(size == 1 or a == b for size, a, b in zip(p.shape, p.stride(), other.stride(), strict=True))
    )


def is_number(value: Any) -> bool:
    """Whether a kernel can read and write this scalar state."""
    return any(_alike(value, dtype) and value.dim() == 0 for dtype in (torch.float32, torch.float64))


def _alike(value: Any, dtype: torch.dtype) -> bool:
    return isinstance(value, Tensor) and plain(value, inference=True) and value.dtype == dtype


def _dense(p: Tensor) -> bool:
    """Whether the elements fill one stretch of memory, in whatever order of dimensions."""
    expected = 1
    for stride, size in sorted((s, n) for n, s in zip(p.shape, p.stride(), strict=True) if n != 1):
        if stride != expected:
            return False
        expected *= size
    return True
