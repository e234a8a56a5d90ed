"""The CPU backend: one compiled call updates every parameter of a group in one pass over memory.

A `Batch` holds the parameters that one kernel serves and the tables that do not change between
steps.  Addresses are read anew at every step, since a parameter, a gradient or a state tensor may be
given other storage at any time; whatever else changed makes `collect` answer False, and the batches
are planned again.  Large work is split over threads, chunk by chunk; small work never is.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import logging
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from surefoot.formula.eager import machine_epsilon
from surefoot.formula.facts import StateSlot
from surefoot.formula.names import Settings, State
from surefoot.formula.sweeps import CHUNK, CONTEXT, Schedule
from surefoot.formula.trace import Extent, is_static, trace

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
STRETCH = 1 << 16  # elements: three float32 streams of a chunk fit a core's second-level cache
PARALLEL = 1 << 18  # elements from which waking another thread (some 50 µs) is worth it
SMALL_MATRIX = 16  # elements: a 3 × 3 convolution counts, a 7 × 7 one does not
BLOCK = 1 << 18  # elements of a block of rows: each block costs one more row of partial column sums
CHUNKS_PER_TURN = 16  # what a thread takes at once; a core that is held up then delays the step by 1 ms

Pattern = tuple[tuple[str, Any], ...]


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
    from surefoot.formula.kernels import Layout, compile_kernel

    tensors = tuple(s.name for s in variant.slots if not s.scalar)
    scalars = tuple(s.name for s in variant.slots if s.scalar)
    layout = Layout(
        variant.dtype, tensors, scalars, variant.scalar_dtypes, _number_names(variant.pattern), variant.matrix
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
    return compile_kernel(graph, layout), layout


def extent(slot: StateSlot) -> Extent:
    """How many values a tensor state holds."""
    return {None: Extent.ELEMENT, -1: Extent.ROW, -2: Extent.COLUMN}[slot.over]


@dataclass(frozen=True)
class Row:
    """One parameter of a batch, with what was true of it when the batch was planned."""

    p: Tensor
    state: dict[str, Any]
    tensors: tuple[Tensor, ...]
    scalars: tuple[Tensor, ...]
    gradient_stride: tuple[int, ...]


@dataclass(frozen=True)
class Shape:
    """A parameter seen as a stack of matrices, and how its rows are split into pieces.

    One stretch of elements is a single matrix of one row.
    """

    matrices: int
    rows: int
    columns: int

    @classmethod
    def of(cls, p: Tensor, by_rows: bool) -> Shape:
        """The shape of a parameter for a kernel."""
        if not by_rows:
            return cls(1, 1, p.numel())
        return cls(p.numel() // (p.shape[-2] * p.shape[-1]), p.shape[-2], p.shape[-1])

    @property
    def rows_per_piece(self) -> int:
        """Rows that one chunk takes of a large matrix."""
        return max(1, BLOCK // self.columns)

    @property
    def pieces(self) -> int:
        """Chunks that one matrix is split into."""
        return -(-self.rows // self.rows_per_piece)

    def chunks(self, tensor: int) -> Iterator[tuple[int, ...]]:
        """Rows of the chunk table (see `sweeps.CHUNK`)."""
        size = self.rows * self.columns
        if self.matrices == self.rows == 1:
            for start in range(0, size, STRETCH):
                yield tensor, start, 0, 1, 0, 1, min(STRETCH, size - start), 0
        elif self.pieces == 1:
            step = max(1, STRETCH // size)
            for m in range(0, self.matrices, step):
                yield tensor, m * size, m, min(step, self.matrices - m), 0, self.rows, self.columns, 0
        else:
            for m, piece in itertools.product(range(self.matrices), range(self.pieces)):
                first = piece * self.rows_per_piece
                rows = min(self.rows_per_piece, self.rows - first)
                start = m * size + first * self.columns
                yield tensor, start, m, 1, first, rows, self.columns, piece


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
        self._make_tables()

    def _make_tables(self) -> None:
        """The tables that stay the same from step to step (see `sweeps.CONTEXT`)."""
        plan = self.kernel.schedule
        shapes = [Shape.of(p, plan.by_rows) for p in self.params]
        chunks: list[int] = []
        shape_table: list[int] = []
        for tensor, (p, shape) in enumerate(zip(self.params, shapes, strict=True)):
            first = len(chunks) // len(CHUNK)
            for chunk in shape.chunks(tensor):
                chunks += chunk
            end = len(chunks) // len(CHUNK)
            shape_table += (p.numel(), shape.matrices, shape.rows, shape.columns, shape.pieces, first, end)
        self.chunk_count = len(chunks) // len(CHUNK)
        self.arrays = [_arrays(plan, shape, self.dtype) for shape in shapes]
        self.tables: dict[str, array[Any]] = {
            "kept": array("d", bytes(8 * len(shapes) * len(plan.scalars))),
            "arrays": array("q", [a.data_ptr() for arrays in self.arrays for a in arrays]),
            "shapes": array("q", shape_table),
            "chunks": array("q", chunks),
            "sums": array("d", bytes(8 * self.chunk_count * len(plan.whole_means))),
        }

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
        self.tables["streams"] = array("q", streams)
        self.tables["scalars"] = array("q", scalar_addresses)
        return True

    def run(self, numbers: list[float]) -> None:
        """One step of every parameter; `collect` has just answered True."""
        self.tables["settings"] = array("d", numbers)
        context = array("q", [self.tables[name].buffer_info()[0] for name in CONTEXT])
        address = context.buffer_info()[0]
        threads = torch.get_num_threads() if self.elements >= PARALLEL else 1
        team = _team() if threads > 1 else None
        if team is None:
            self.kernel.run(address, len(self.params), self.chunk_count)
        else:
            self._run_on(team, threads, address)
        # The kernel writes behind autograd's back: tell it, so that a graph that saved the old
        # values refuses to use the new ones.
        torch.autograd.graph.increment_version(self.params)

    def _run_on(self, team: Callable[[int, int, int, int], None], threads: int, context: int) -> None:
        kernel = self.kernel
        for number, function in enumerate(kernel.steps):
            sweep = number % 2 == 1
            count, turn = (self.chunk_count, CHUNKS_PER_TURN) if sweep else (len(self.params), 1)
            turns = array("q", (0, count, turn, function, context))
            # Preparing plain scalars is too little work to share.
            team(kernel.team, turns.buffer_info()[0], threads if sweep or self.arrays[0] else 1, 0)


def _arrays(plan: Schedule, shape: Shape, dtype: torch.dtype) -> list[Tensor]:
    """Room for what a parameter's kernel keeps per matrix, row and column."""
    sizes = {Extent.MATRIX: 1, Extent.ROW: shape.rows, Extent.COLUMN: shape.columns}
    counts = [shape.matrices * sizes[node.extent] for node in plan.arrays]
    counts += [shape.matrices * shape.pieces * shape.columns for _ in plan.column_means]
    computed = torch.float64 if dtype == torch.float64 else torch.float32
    return [torch.empty(count, dtype=computed) for count in counts]


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
    return type(state) is Tensor and state.shape == shape and state.dtype == p.dtype and state.is_contiguous()


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
