"""The CPU backend: one compiled call updates every parameter of a group in one pass over memory.

A `Batch` holds the parameters that one kernel serves and the tables that do not change between
steps.  Addresses are read anew at every step, since a parameter, a gradient or a state tensor may be
given other storage at any time; whatever else changed makes `collect` answer False, and the batches
are planned again.  Large work is split over threads, chunk by chunk; small work never is.
"""

from __future__ import annotations

import ctypes
import functools
import logging
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from surefoot.formula.facts import StateSlot
from surefoot.formula.names import Settings, State
from surefoot.formula.trace import is_static, trace

if TYPE_CHECKING:
    from surefoot.formula.llvm import Kernel, Layout

log = logging.getLogger("surefoot")

DTYPES = {
    torch.float32: "float32",
    torch.float64: "float64",
    torch.bfloat16: "bfloat16",
    torch.float16: "float16",
}
CHUNK = 1 << 16  # elements: three float32 streams of a chunk fit a core's second-level cache
PARALLEL = 1 << 18  # elements from which waking another thread (some 50 µs) is worth it
CHUNKS_PER_TURN = 16  # what a thread takes at once; a core that is held up then delays the step by 1 ms

Pattern = tuple[tuple[str, Any], ...]


@functools.cache
def available() -> bool:
    """Whether kernels can be compiled here; where not, says why in one log line."""
    try:
        from surefoot.formula import llvm

        llvm._target()
    except Exception as error:
        log.warning("surefoot.optim runs its eager backend: kernels cannot be compiled here (%s)", error)
        return False
    return True


def specialise(settings: Mapping[str, Any]) -> tuple[Pattern, list[float]]:
    """Split settings into what a kernel is compiled for and the numbers it is called with.

    Flags and zeros are compiled in; every other number, also inside a tuple, is an argument.
    """
    pattern: list[tuple[str, Any]] = []
    numbers: list[float] = []
    for name, value in settings.items():
        parts = []
        for part in value if isinstance(value, tuple) else (value,):
            if is_static(part):
                parts.append(part)
            else:
                parts.append(1.0)  # stands for every number that is not zero
                numbers.append(float(part))
        pattern.append((name, tuple(parts) if isinstance(value, tuple) else parts[0]))
    return tuple(pattern), numbers


def _number_names(pattern: Pattern) -> tuple[str, ...]:
    names = []
    for name, value in pattern:
        if isinstance(value, tuple):
            names += [f"{name}.{i}" for i, part in enumerate(value) if not is_static(part)]
        elif not is_static(value):
            names.append(name)
    return tuple(names)


@dataclass(frozen=True)
class Variant:
    """One compiled form of a formula: which states exist and in which types."""

    formula: Callable[..., Any]
    slots: tuple[StateSlot, ...]
    pattern: Pattern
    dtype: str
    absent: tuple[str, ...]
    scalar_dtypes: tuple[str, ...]
    negate: bool


@functools.cache
def kernel_for(variant: Variant) -> tuple[Kernel, Layout]:
    """Trace and compile, once per process."""
    from surefoot.formula.llvm import Layout, compile_kernel

    tensors = tuple(s.name for s in variant.slots if not s.scalar)
    scalars = tuple(s.name for s in variant.slots if s.scalar)
    layout = Layout(variant.dtype, tensors, scalars, variant.scalar_dtypes, _number_names(variant.pattern))
    counters = {s.name for s in variant.slots if s.counts}

    def counted(p: Any, g: Any, s: State, h: Settings) -> Any:
        for name in counters:
            setattr(s, name, getattr(s, name) + 1)
        return variant.formula(p, g, s, h)

    graph = trace(
        counted,
        tensors=[n for n in tensors if n not in variant.absent],
        scalars=scalars,
        absent=variant.absent,
        settings=dict(variant.pattern),
        negate_gradient=variant.negate,
    )
    return compile_kernel(graph, layout), layout


@dataclass(frozen=True)
class Row:
    """One parameter of a batch, with what was true of it when the batch was planned."""

    p: Tensor
    state: dict[str, Any]
    tensors: tuple[Tensor, ...]
    scalars: tuple[Tensor, ...]
    gradient_stride: tuple[int, ...]


class Batch:
    """Parameters of one dtype that one kernel updates together."""

    def __init__(self, variant: Variant, rows: Sequence[Row]) -> None:
        self.kernel, layout = kernel_for(variant)
        self.dtype = rows[0].p.dtype
        self.rows = [
            (
                r.p,
                r.state,
                tuple(zip(layout.tensors, r.tensors, strict=True)),
                tuple(zip(layout.scalars, r.scalars, strict=True)),
                r.gradient_stride,
                r.p.stride(),
                r.p.numel(),
            )
            for r in rows
        ]
        self.params = [r.p for r in rows]
        self.elements = sum(p.numel() for p in self.params)
        self.chunk_table = array("q", _chunk_rows([p.numel() for p in self.params]))
        self.chunk_count = len(self.chunk_table) // 3
        self.uniform_table = array("d", bytes(8 * len(rows) * self.kernel.uniform_count))
        self.streams = array("q")
        self.scalar_addresses = array("q")

    def collect(self, states: Mapping[Tensor, dict[str, Any]]) -> bool:
        """Read this step's addresses; False if the batch no longer describes its parameters."""
        streams: list[int] = []
        scalar_addresses: list[int] = []
        strided, dtype = torch.strided, self.dtype
        for p, state, tensors, scalars, gradient_stride, stride, size in self.rows:
            g = p.grad
            # A module that was moved, cast or resized keeps its parameters and gives them other
            # data: every fact that the kernel's reads and writes rest on is checked.
            if (
                g is None
                or g.layout is not strided
                or g.dtype is not dtype
                or type(g) is not Tensor
                or not g.is_cpu
                or g.numel() != size
                or g.stride() != gradient_stride
                or p.dtype is not dtype
                or not p.is_cpu
                or p.numel() != size
                or p.stride() != stride
                or states.get(p) is not state
            ):
                return False
            streams += (p.data_ptr(), g.data_ptr())
            for name, tensor in tensors:
                if state.get(name) is not tensor:
                    return False
                streams.append(tensor.data_ptr())
            for name, tensor in scalars:
                if state.get(name) is not tensor:
                    return False
                scalar_addresses.append(tensor.data_ptr())
        if 0 in streams:  # a gradient without storage (autograd's "zero tensor")
            return False
        self.streams = array("q", streams)
        self.scalar_addresses = array("q", scalar_addresses)
        return True

    def run(self, numbers: list[float]) -> None:
        """One step of every parameter; `collect` has just answered True."""
        kernel, settings = self.kernel, array("d", numbers)
        streams, uniforms, chunks = (
            table.buffer_info()[0] for table in (self.streams, self.uniform_table, self.chunk_table)
        )
        scalars, values = self.scalar_addresses.buffer_info()[0], settings.buffer_info()[0]
        threads = torch.get_num_threads() if self.elements >= PARALLEL else 1
        team = _team() if threads > 1 else None
        if team is None:
            kernel.run(scalars, values, uniforms, len(self.params), streams, chunks, self.chunk_count)
        else:
            kernel.uniforms(scalars, values, uniforms, len(self.params))
            turns = array("q", (0, self.chunk_count, CHUNKS_PER_TURN, streams, uniforms, chunks))
            team(kernel.team, turns.buffer_info()[0], threads, 0)
        # The kernel writes behind autograd's back: tell it, so that a graph that saved the old
        # values refuses to use the new ones.
        torch.autograd.graph.increment_version(self.params)


def _chunk_rows(sizes: Sequence[int]) -> list[int]:
    rows: list[int] = []
    for tensor, size in enumerate(sizes):
        for start in range(0, size, CHUNK):
            rows += (tensor, start, min(CHUNK, size - start))
    return rows


@functools.cache
def _team() -> Callable[[int, int, int, int], None] | None:
    """`GOMP_parallel` of the OpenMP runtime that torch has loaded: (function, argument, threads, flags).

    Threads of our own would compete with torch's, which go on spinning for a while after a backward pass.
    None where torch brings another runtime; then a step runs on one thread.
    """
    for library in sorted(Path(torch.__file__).parent.glob("lib/libgomp*.so*")):
        try:
            start = ctypes.CDLL(str(library)).GOMP_parallel
        except (OSError, AttributeError):
            continue
        start.argtypes, start.restype = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint), None
        return cast("Callable[[int, int, int, int], None]", start)
    return None


def servable(p: Tensor) -> bool:
    """Whether a kernel can update this parameter in place."""
    return (
        type(p) in (Tensor, torch.nn.Parameter)
        and p.device.type == "cpu"
        and p.dtype in DTYPES
        and p.layout is torch.strided
        and p.numel() > 0
        and _dense(p)
    )


def same_layout(p: Tensor, other: Tensor) -> bool:
    """Whether element i in memory order is the same element in both tensors."""
    return (
        type(other) is Tensor
        and other.layout is torch.strided
        and other.device == p.device
        and other.dtype == p.dtype
        and other.shape == p.shape
        and not other.is_neg()
        and other.data_ptr() != 0
        and all(size == 1 or a == b for size, a, b in zip(p.shape, p.stride(), other.stride(), strict=True))
    )


def _dense(p: Tensor) -> bool:
    """Whether the elements fill one stretch of memory, in whatever order of dimensions."""
    expected = 1
    for stride, size in sorted((s, n) for n, s in zip(p.shape, p.stride(), strict=True) if n != 1):
        if stride != expected:
            return False
        expected *= size
    return True
