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
import operator
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from surefoot.formula.eager import machine_epsilon
from surefoot.formula.facts import StateSlot
from surefoot.formula.names import Settings, State
from surefoot.formula.sweeps import CHUNK, CONTEXT, Schedule
from surefoot.formula.trace import Extent, is_static, trace
from surefoot.formula.unchanged import unchanged

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
TURN = 1 << 20  # elements that a thread takes at once; a core that is held up then delays the step by 1 ms

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
    """One parameter of a batch and its state, in the order of the kernel's layout."""

    p: Tensor
    state: dict[str, Any]
    tensors: tuple[Tensor, ...]
    scalars: tuple[Tensor, ...]


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
                yield tensor, tensor, start, 0, 1, 0, 1, min(STRETCH, size - start), 0
        elif self.pieces == 1:
            step = max(1, STRETCH // size)
            for m in range(0, self.matrices, step):
                count = min(step, self.matrices - m)
                yield tensor, tensor, m * size, m, count, 0, self.rows, self.columns, 0
        else:
            for m, piece in itertools.product(range(self.matrices), range(self.pieces)):
                first = piece * self.rows_per_piece
                rows = min(self.rows_per_piece, self.rows - first)
                start = m * size + first * self.columns
                yield tensor, tensor, start, m, 1, first, rows, self.columns, piece


class Batch:
    """Parameters of one dtype that one kernel updates together."""

    def __init__(self, variant: Variant, rows: Sequence[Row]) -> None:
        self.kernel, layout = kernel_for(variant)
        self.dtype = rows[0].p.dtype
        self.params = [r.p for r in rows]
        self.states = [r.state for r in rows]
        self.names = [*layout.tensors, *layout.scalars]
        self.kept = [
            t for column in zip(*[(*r.tensors, *r.scalars) for r in rows], strict=True) for t in column
        ]
        self.tensors, self.scalars = len(layout.tensors), len(layout.scalars)
        self.unchanged = unchanged([*self.params, *(cast(Tensor, p.grad) for p in self.params)])
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
            "streams": array("q", bytes(8 * len(shapes) * (2 + self.tensors))),
            "scalars": array("q", bytes(8 * len(shapes) * self.scalars)),
            "kept": array("d", bytes(8 * len(shapes) * len(plan.scalars))),
            "arrays": array("q", [a.data_ptr() for arrays in self.arrays for a in arrays]),
            "shapes": array("q", shape_table),
            "chunks": array("q", chunks),
            "sums": array("d", bytes(8 * self.chunk_count * len(plan.whole_means))),
        }

    def collect(self, states: Mapping[Tensor, dict[str, Any]]) -> bool:
        """Read this step's addresses; False if the batch no longer describes its parameters."""
        gradients = cast("list[Tensor]", [p.grad for p in self.params])
        if not (
            NoneType not in map(type, gradients)
            and self.unchanged(*self.params, *gradients)
            and (not self.names or all(map(operator.is_, map(states.get, self.params), self.states)))
        ):
            return False
        kept = [state.get(name) for name in self.names for state in self.states]
        if not all(map(operator.is_, kept, self.kept)):
            return False
        count, width = len(self.params), 2 + self.tensors
        streams, scalars = self.tables["streams"], self.tables["scalars"]
        streams[1::width] = own = array("q", map(Tensor.data_ptr, gradients))
        if 0 in own:  # a gradient without storage (autograd's "zero tensor")
            return False
        streams[0::width] = array("q", map(Tensor.data_ptr, self.params))
        addresses = array("q", map(Tensor.data_ptr, self.kept))
        for column in range(self.tensors):
            streams[2 + column :: width] = addresses[column * count : (column + 1) * count]
        for column in range(self.scalars):
            first = (self.tensors + column) * count
            scalars[column :: self.scalars] = addresses[first : first + count]
        return True

    def run(self, numbers: list[float]) -> None:
        """One step of every parameter; `collect` has just answered True."""
        self.tables["settings"] = array("d", numbers)
        addresses = [self.tables[name].buffer_info()[0] for name in CONTEXT]
        _run(self.kernel, addresses, len(self.params), self.chunk_count, self.elements)
        # The kernel writes behind autograd's back: tell it, so that a graph that saved the old
        # values refuses to use the new ones.
        torch.autograd.graph.increment_version(self.params)


def _run(kernel: Kernel, addresses: list[int], tensors: int, chunks: int, elements: int) -> None:
    """All steps of a kernel, on torch's threads where there is enough to do."""
    context = array("q", addresses)
    address = context.buffer_info()[0]
    threads = torch.get_num_threads() if elements >= PARALLEL else 1
    team = _team() if threads > 1 else None
    if team is None:
        kernel.run(address, tensors, chunks)
        return
    turn = max(1, TURN * chunks // elements)
    for number, function in enumerate(kernel.steps):
        sweep = number % 2 == 1
        turns = array("q", (0, chunks if sweep else tensors, turn if sweep else 1, function, address))
        # Preparing plain scalars is too little work to share.
        alone = not sweep and not kernel.schedule.by_rows
        team(kernel.team, turns.buffer_info()[0], 1 if alone else threads, 0)


class RowBatch:
    """The touched rows of one parameter, each as a stretch of its own, for gradients that are row-sparse.

    Args:
        variant: of a kernel without means.
        row: the parameter and its state, all contiguous.
        counts: cells for the counters that the state keeps as plain numbers.
    """

    def __init__(self, variant: Variant, row: Row, counts: Mapping[str, Tensor]) -> None:
        self.kernel, layout = kernel_for(variant)
        self.row, self.counts, self.names = row, counts, layout.tensors
        self.unchanged = unchanged([row.p, *row.tensors])
        self.kept = array("d", bytes(8 * len(self.kernel.schedule.scalars)))
        self.columns = row.p[0].numel()
        self.size = self.columns * row.p.element_size()
        self._make_chunks(0)

    def holds(self, state: dict[str, Any] | None) -> bool:
        """Whether the parameter still has this state and layout."""
        row = self.row
        return (
            (state is row.state or not (row.tensors or row.scalars))
            and all(map(operator.is_, map(row.state.get, self.names), row.tensors))
            and self.unchanged(row.p, *row.tensors)
        )

    def run(self, gradient: Tensor, numbers: list[float]) -> None:
        """One step of the rows that a coalesced gradient holds."""
        row, values = self.row, gradient.values().contiguous()
        count = len(values)
        if count > len(self.chunks):
            self._make_chunks(2 * count)
        for name, cell in self.counts.items():
            cell.fill_(row.state[name])
        bases = array("q", map(Tensor.data_ptr, (row.p, row.p, *row.tensors)))
        streams = torch.add(
            torch.frombuffer(bases, dtype=torch.int64), gradient.indices().t(), alpha=self.size
        )
        torch.add(self.offsets[:count], values.data_ptr(), out=streams.select(1, 1))
        scalars, settings = array("q", map(Tensor.data_ptr, row.scalars)), array("d", numbers)
        addresses = {
            "scalars": scalars.buffer_info()[0],
            "settings": settings.buffer_info()[0],
            "kept": self.kept.buffer_info()[0],
            "streams": streams.data_ptr(),
            "chunks": self.chunks.data_ptr(),
        }
        _run(self.kernel, [addresses.get(name, 0) for name in CONTEXT], 1, count, values.numel())
        torch.autograd.graph.increment_version([row.p])
        for name, cell in self.counts.items():
            row.state[name] = type(row.state[name])(cell.item())

    def _make_chunks(self, count: int) -> None:
        fields = {"matrices": 1, "rows": 1, "columns": self.columns}
        self.chunks = torch.tensor([fields.get(name, 0) for name in CHUNK]).repeat(count, 1)
        self.chunks[:, CHUNK.index("streams")] = torch.arange(count)
        self.offsets = torch.arange(count) * self.size


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


def has_rows(p: Tensor, g: Tensor) -> bool:
    """Whether a gradient is sparse in its rows alone, and of the parameter's type."""
    return g.is_sparse and g.sparse_dim() == 1 and g.dtype == p.dtype and g.device == p.device


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
