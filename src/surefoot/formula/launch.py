"""The one place that hands addresses to a compiled kernel, and only addresses that it has just checked.

`launch` takes the tensors of a step as they are now.  It reads every address, makes sure that type, dtype,
layout, size and storage are those that the tables were made for and that nothing overlaps, and then runs
the kernels; where anything does not fit it touches nothing and says so.  `launch_rows` does the same for
the touched rows of one parameter.  Between steps no tensor is kept.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter, not_
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
from torch import Tensor

from surefoot.formula.chunks import Shape
from surefoot.formula.memory import Stretch, Written, addresses, held, reach_of, stretch
from surefoot.formula.sweeps import CHUNK, CONTEXT, SHAPE, SweepSchedule
from surefoot.formula.trace import Extent
from surefoot.formula.unchanged import Unchanged, plain

if TYPE_CHECKING:
    from surefoot.formula.kernels import Kernel, Layout

PARALLEL = 1 << 18  # elements from which waking another thread (some 50 µs) is worth it
TURN = 1 << 20  # elements that a thread takes at once; a core that is held up then delays the step by 1 ms
PATTERNS = 8  # of missing gradients that are remembered

Numbers = Sequence[float]
"""Of one parameter group, in the order of the kernel's layout."""


@dataclass(frozen=True)
class Row:
    """A parameter of a batch.

    Attributes:
        position: its place among all parameters of the optimizer.
        group: the number of its group.
        p, g: the parameter and its gradient.
        kept: its state, in the order of the kernel's layout: tensors, then scalars.
        fresh: the part of the state that this step makes.
    """

    position: int
    group: int
    p: Tensor
    g: Tensor
    kept: tuple[Tensor, ...]
    fresh: Mapping[str, Tensor] = field(default_factory=dict)


class Tensors(NamedTuple):
    """The tensors of a step, one entry per parameter of the optimizer, in order."""

    params: tuple[Tensor, ...]
    gradients: tuple[Tensor | None, ...]
    states: Mapping[Tensor, dict[str, Any]]


class KernelBatch:
    """Parameters that one kernel updates together.

    Args:
        kernel: the kernel and its layout.
        rows: the parameters; it keeps no tensor of theirs, except those that this step makes.
    """

    def __init__(self, kernel: tuple[Kernel, Layout], rows: Sequence[Row]) -> None:
        self._kernel, layout = kernel
        self.positions = [r.position for r in rows]
        self.groups = list(dict.fromkeys(r.group for r in rows))
        self._select = itemgetter(*self.positions) if len(rows) > 1 else None
        self._is_head = self.positions == list(range(len(rows)))
        self._names = (*layout.tensors, *layout.scalars)
        self._kept = itemgetter(*self._names) if self._names else None
        self._tensors, self._scalars = len(layout.tensors), len(layout.scalars)
        self._width = len(layout.settings)
        self._fresh = [r.fresh for r in rows]
        self.transient = any(self._fresh)
        written = [*(r.p for r in rows), *itertools.chain(*(r.kept for r in rows))]
        self._unchanged = Unchanged(written)
        self.sizes = [t.numel() * t.element_size() for t in written]
        self._gradients_unchanged: dict[tuple[bool, ...], Unchanged] = {}
        self._all_present = Unchanged([r.g for r in rows])
        self._like_gradients = [(r.g.shape, r.g.stride(), r.g.dtype) for r in rows]
        self.written = self.read = array("q")
        self._some_missing = False  # in `read`
        self.elements = sum(r.p.numel() for r in rows)
        self._make_tables(rows)

    def _make_tables(self, rows: Sequence[Row]) -> None:
        """The tables that stay the same from step to step (see `sweeps.CONTEXT`)."""
        plan = self._kernel.schedule
        shapes = [Shape.of(r.p, plan.by_rows) for r in rows]
        chunks: list[int] = []
        shape_table: list[int] = []
        for tensor, (row, shape) in enumerate(zip(rows, shapes, strict=True)):
            first = len(chunks) // len(CHUNK)
            for chunk in shape.chunks(tensor):
                chunks += chunk
            end = len(chunks) // len(CHUNK)
            shape_table += (row.p.numel(), shape.matrices, shape.rows, shape.columns, shape.pieces)
            shape_table += (first, end, self.groups.index(row.group))
        self._chunk_count = len(chunks) // len(CHUNK)
        self._arrays = [_arrays(plan, shape, row.p.dtype) for row, shape in zip(rows, shapes, strict=True)]
        self._streams = array("q", bytes(8 * len(shapes) * (2 + self._tensors)))
        self._cells = array("q", bytes(8 * len(shapes) * self._scalars))
        self._settings = array("d", bytes(8 * len(self.groups) * self._width))
        self._tables: dict[str, array[Any]] = {
            "streams": self._streams,
            "scalars": self._cells,
            "settings": self._settings,
            "kept": array("d", bytes(8 * len(shapes) * len(plan.scalars))),
            "arrays": array("q", [a.data_ptr() for arrays in self._arrays for a in arrays]),
            "shapes": array("q", shape_table),
            "chunks": array("q", chunks),
            "sums": array("d", bytes(8 * self._chunk_count * len(plan.whole_means))),
        }
        self._context = array("q", [self._tables[name].buffer_info()[0] for name in CONTEXT])

    def collect(self, now: Tensors) -> _Collected | None:
        """The addresses of this step, checked; None where something does not fit."""
        params, gradients = self._own(now.params), self._own(now.gradients)
        written = params
        if self._kept is not None:
            states = list(map(now.states.get, params))
            if self.transient:
                states = [{**(s or {}), **fresh} for s, fresh in zip(states, self._fresh, strict=True)]
            try:
                kept = map(self._kept, cast("list[dict[str, Any]]", states))
                written = (*params, *(kept if len(self._names) == 1 else itertools.chain.from_iterable(kept)))
            except (KeyError, TypeError):  # the state was cleared
                return None
        if not self._unchanged(written):
            return None
        if (reads := self._read(gradients)) is None:
            return None
        at = addresses(written)
        if at == self.written:
            at = self.written  # the very array, so that nobody need compare again
        elif not held(written, at, self.sizes):
            return None
        return _Collected(params, gradients, at, reads)

    def _own(self, entries: tuple[Any, ...]) -> tuple[Any, ...]:
        if self._is_head and len(entries) == len(self.positions):
            return entries
        if self._select is not None:
            return cast("tuple[Any, ...]", self._select(entries))
        return (entries[self.positions[0]],)

    def _read(self, gradients: tuple[Tensor | None, ...]) -> array[int] | None:
        """The addresses of the gradients, 0 for one that is missing."""
        if self._all_present.as_known(gradients):
            return self._examined(cast("tuple[Tensor, ...]", gradients))
        missing = tuple(g is None for g in gradients)
        if not any(missing):
            unchanged = self._all_present(gradients)
            return self._examined(cast("tuple[Tensor, ...]", gradients)) if unchanged else None
        present = tuple(g for g in gradients if g is not None)
        if missing not in self._gradients_unchanged:
            if not all(map(_is_like, present, itertools.compress(self._like_gradients, map(not_, missing)))):
                return None
            if len(self._gradients_unchanged) == PATTERNS:
                del self._gradients_unchanged[next(iter(self._gradients_unchanged))]
            self._gradients_unchanged[missing] = Unchanged(present)
        if not self._gradients_unchanged[missing](present):
            return None
        return self._examined(present, missing)

    def _examined(self, present: tuple[Tensor, ...], missing: tuple[bool, ...] = ()) -> array[int] | None:
        """The addresses of gradients of known layout; None where a storage does not hold one."""
        at = found = addresses(present)
        sizes = self.sizes
        if missing:
            rest = iter(found)
            at = array("q", [0 if absent else next(rest) for absent in missing])
            sizes = [size for size, absent in zip(sizes, missing, strict=False) if not absent]
        if at == self.read:
            return self.read
        return at if held(present, found, sizes) else None

    def place(self, collected: _Collected) -> None:
        """Put the addresses of this step where the kernel looks for them."""
        count, width, kept = len(self.positions), 2 + self._tensors, len(self._names)
        if collected.read is not self.read:
            self._streams[1::width] = collected.read
            self._some_missing = 0 in collected.read
        if collected.written is not self.written:
            self._streams[0::width] = collected.written[:count]
            own = collected.written[count:]
            for column in range(self._tensors):
                self._streams[2 + column :: width] = own[column::kept]
            for column in range(self._scalars):
                self._cells[column :: self._scalars] = own[self._tensors + column :: kept]
        self.read, self.written = collected.read, collected.written

    def run(self, collected: _Collected, numbers: Sequence[Numbers]) -> None:
        """One step of every parameter that has a gradient; for `Launcher.launch` alone."""
        for i, group in enumerate(self.groups):
            self._settings[i * self._width : (i + 1) * self._width] = array("d", numbers[group])
        _run(self._kernel, self._context, len(self.positions), self._chunk_count, self.elements)
        # The kernel writes behind autograd's back: tell it, so that a graph that saved the old
        # values refuses to use the new ones.
        params = collected.params
        if self._some_missing:
            params = tuple(p for p, g in zip(params, collected.gradients, strict=True) if g is not None)
        torch.autograd.graph.increment_version(params)

    def made(self, now: Tensors) -> None:
        """Put the state that this step made where it belongs."""
        for position, fresh in zip(self.positions, self._fresh, strict=True):
            if fresh:
                now.states[now.params[position]].update(fresh)


def _is_like(g: Tensor, facts: tuple[Any, ...]) -> bool:
    return plain(g, inference=True) and (g.shape, g.stride(), g.dtype) == facts


class _Collected(NamedTuple):
    """What a batch found in this step.

    Attributes:
        params, gradients: the tensors themselves, which live while the kernel runs.
        written: addresses of the parameters, then of each one's state.
        read: addresses of the gradients, 0 for one that is missing.
    """

    params: tuple[Tensor, ...]
    gradients: tuple[Tensor | None, ...]
    written: array[int]
    read: array[int]


class Launcher:
    """Runs batches on the tensors of a step, as long as these are what the batches were made for.

    Args:
        batches: in the order in which they run.
        repeats: positions of parameters that stand earlier in the list too; each is in a later batch.
        others: positions of parameters that no kernel serves, but that are stepped beside.
    """

    def __init__(self, batches: Sequence[KernelBatch], repeats: set[int], others: Sequence[int]) -> None:
        self.batches, self._repeats, self._others = batches, repeats, others
        self._written = Written([])
        self.transient = any(b.transient for b in batches)

    def launch(self, now: Tensors, numbers: Sequence[Numbers]) -> bool:
        """One step of the parameters of all batches; False, and nothing is touched, where they do not fit.

        Args:
            now: the tensors of this step.
            numbers: the settings of each parameter group.
        """
        found = [batch.collect(now) for batch in self.batches]
        collected = [c for c in found if c is not None]
        if len(collected) < len(found) or not self._apart(now, collected):
            return False
        for batch, own in zip(self.batches, collected, strict=True):
            batch.place(own)
            batch.run(own, numbers)
        if self.transient:
            for batch in self.batches:
                batch.made(now)
        return True

    def _apart(self, now: Tensors, collected: Sequence[_Collected]) -> bool:
        """Whether every row writes memory of its own and no gradient lies in what is written."""
        others = self._stretches(now) if self._others else []
        pairs = list(zip(collected, self.batches, strict=True))
        written = read = False
        for own, batch in pairs:
            written, read = written or own.written is not batch.written, read or own.read is not batch.read
        if not (others or written or read):
            return True
        if others or written:
            self._written = Written([*self._all_written(pairs), *(s for s, writes in others if writes)])
        return (
            self._written.apart
            and all(self._written.untouched(own.read, batch.sizes) for own, batch in pairs)
            and all(writes or self._written.untouched((a,), (b - a,)) for (a, b), writes in others)
        )

    def _all_written(self, pairs: Sequence[tuple[_Collected, KernelBatch]]) -> list[Stretch]:
        stretches: list[Stretch] = []
        for own, batch in pairs:
            count, kept = len(batch.positions), (len(batch.sizes) // len(batch.positions)) - 1
            for i, position in enumerate(batch.positions):
                if position not in self._repeats:
                    places = (i, *range(count + i * kept, count + (i + 1) * kept))
                    stretches += [(own.written[j], own.written[j] + batch.sizes[j]) for j in places]
        return stretches

    def _stretches(self, now: Tensors) -> Sequence[tuple[Stretch, bool]]:
        """Where the other parameters and their gradients lie, and whether that is written."""
        found: list[tuple[Stretch, bool]] = []
        for position in self._others:
            for t, writes in ((now.params[position], True), (now.gradients[position], False)):
                if t is not None and plain(t, inference=True) and t.numel():
                    found.append((stretch(t), writes))
        return found


class RowBatch:
    """The touched rows of one parameter, each as a stretch of its own, for gradients that are row-sparse.

    Args:
        kernel: of a formula without means, and its layout.
        p: the parameter.
        kept: its state, in the order of the layout; all contiguous.
        counts: cells for the counters that the state keeps as plain numbers.
    """

    def __init__(
        self,
        kernel: tuple[Kernel, Layout],
        p: Tensor,
        kept: Sequence[Tensor],
        counts: Mapping[str, Tensor],
    ) -> None:
        self._kernel, layout = kernel
        self._names = [n for n in (*layout.tensors, *layout.scalars) if n not in counts]
        self._layout, self._counts = layout, counts
        self._unchanged = Unchanged([p, *(t for t in kept if all(t is not c for c in counts.values()))])
        self._cells = array("d", bytes(8 * len(self._kernel.schedule.scalars)))
        self._shape = array("q", bytes(8 * len(SHAPE)))
        self._columns = p[0].numel()
        self._size = self._columns * p.element_size()
        self._make_chunks(0)

    def launch(self, p: Tensor, gradient: Tensor, state: dict[str, Any], numbers: Numbers) -> bool:
        """One step of the rows that a gradient holds; False, and nothing is touched, if it does not fit."""
        try:
            kept = {name: state[name] for name in self._names}
            counted = {name: float(state[name]) for name in self._counts}
        except (KeyError, TypeError):
            return False
        written = (p, *kept.values())
        if not has_rows(p, gradient) or not self._unchanged(written):
            return False
        if not held(written, addresses(written), map(reach_of, written)):
            return False
        if not Written(map(stretch, written)).apart:
            return False
        gradient = gradient.coalesce()
        values, rows = gradient.values().resolve_neg().contiguous(), gradient.indices()[0]
        if len(rows) and not (int(rows.min()) >= 0 and int(rows.max()) < len(p)):
            return False
        for name, value in counted.items():
            self._counts[name].fill_(value)
        self._run(p, values, rows, kept | dict(self._counts), numbers)
        for name, cell in self._counts.items():
            state[name] = type(state[name])(cell.item())
        return True

    def _run(
        self, p: Tensor, values: Tensor, rows: Tensor, kept: Mapping[str, Tensor], numbers: Numbers
    ) -> None:
        count = len(values)
        if count > len(self._chunks):
            self._make_chunks(2 * count)
        bases = addresses((p, p, *(kept[name] for name in self._layout.tensors)))
        streams = torch.add(
            torch.frombuffer(bases, dtype=torch.int64), rows[:, None], alpha=self._size
        )  # one line per row
        torch.add(self._offsets[:count], values.data_ptr(), out=streams.select(1, 1))
        if not count:  # the counters are stepped all the same; nothing is read here
            streams = torch.frombuffer(bases, dtype=torch.int64)
        scalars = addresses(tuple(kept[name] for name in self._layout.scalars))
        settings = array("d", numbers)
        tables = {
            "scalars": scalars.buffer_info()[0],
            "settings": settings.buffer_info()[0],
            "kept": self._cells.buffer_info()[0],
            "streams": streams.data_ptr(),
            "shapes": self._shape.buffer_info()[0],
            "chunks": self._chunks.data_ptr(),
        }
        context = array("q", [tables.get(name, 0) for name in CONTEXT])
        _run(self._kernel, context, 1, count, values.numel())
        torch.autograd.graph.increment_version([p])

    def _make_chunks(self, count: int) -> None:
        fields = {"matrices": 1, "rows": 1, "columns": self._columns}
        made = [fields.get(name, 0) for name in CHUNK]
        self._chunks = torch.tensor(made, dtype=torch.int64, device="cpu").repeat(count, 1)
        self._offsets = torch.arange(count, dtype=torch.int64, device="cpu")
        self._chunks[:, CHUNK.index("streams")] = self._offsets
        self._offsets = self._offsets * self._size


def has_rows(p: Tensor, g: Tensor) -> bool:
    """Whether a gradient is sparse in its rows alone, and of the parameter's type and shape."""
    return (
        type(g) is Tensor
        and g.layout is torch.sparse_coo
        and g.sparse_dim() == 1
        and g.dtype == p.dtype
        and g.device == p.device
        and g.shape == p.shape
        and g._values().shape[1:] == p.shape[1:]
    )


def _run(kernel: Kernel, context: array[int], tensors: int, chunks: int, elements: int) -> None:
    """All steps of a kernel, on torch's threads where there is enough to do."""
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


def _arrays(plan: SweepSchedule, shape: Shape, dtype: torch.dtype) -> list[Tensor]:
    """Room for what a parameter's kernel keeps per matrix, row and column."""
    sizes = {Extent.MATRIX: 1, Extent.ROW: shape.rows, Extent.COLUMN: shape.columns}
    counts = [shape.matrices * sizes[node.extent] for node in plan.arrays]
    counts += [shape.matrices * shape.pieces * shape.columns for _ in plan.column_means]
    computed = torch.float64 if dtype == torch.float64 else torch.float32
    return [torch.empty(count, dtype=computed, device="cpu") for count in counts]
