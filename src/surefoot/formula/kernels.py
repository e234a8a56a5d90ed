"""A trace printed as LLVM IR and compiled for this processor.

A kernel is a list of steps (see `sweeps`), each a function `(context, first, last)`:

- a *preparation* runs over tensors: it computes what has one value per tensor, matrix, row or column
  (the scalars in float64), stores new scalar states and leaves what the elements need in tables;
- a *sweep* runs over chunks, which are stretches of one tensor or blocks of rows of one matrix: every
  stream is read once, and in the last sweep written once.

`docs/kernels.md` shows the way of one formula from its trace to what is printed here.

`context` is the address of a table of addresses (see `CONTEXT`).  `run` calls all steps in turn on one
thread; `team` is what each thread of a team runs: it takes a turn of a step, then the next, until none
is left.

The loop over elements is a function of its own, never inlined, because only function arguments can carry
`noalias`: without that promise LLVM would need a run-time check for every pair of streams and
gives up vectorising.
"""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, cast

import llvmlite.binding as llvm
from llvmlite import ir

from surefoot.formula.llvm import (
    COMPUTE,
    DOUBLE,
    INT64,
    STORAGE,
    VOID,
    Printer,
    as_number,
    integer,
    loop,
    narrow,
    rounded,
    widen,
)
from surefoot.formula.sweeps import (
    CHUNK,
    CONTEXT,
    SHAPE,
    Preparation,
    Schedule,
    Sweep,
    needed_for,
    schedule,
    value_of,
)
from surefoot.formula.trace import COMPARISONS, Extent, Symbol, Trace

ADDRESS = INT64.as_pointer()
STEP = ir.FunctionType(VOID, [INT64] * 3)


@dataclass(frozen=True)
class Layout:
    """The order of the streams in a kernel's tables.

    Attributes:
        dtype: of the parameter, its gradient and its tensor states.
        tensors: tensor states, after `p` and `g`.
        scalars: scalar states.
        scalar_dtypes: "float32" or "float64" for each of them.
        settings: names of the numeric settings, in the order in which their values are passed.
        matrix: rows and columns, where they are compiled in: loops over a few of them are then unrolled.
    """

    dtype: str
    tensors: tuple[str, ...]
    scalars: tuple[str, ...]
    scalar_dtypes: tuple[str, ...]
    settings: tuple[str, ...]
    matrix: tuple[int, int] | None = None

    @property
    def streams(self) -> tuple[str, ...]:
        """Every tensor, `p` and `g` first."""
        return ("p", "g", *self.tensors)


@dataclass(frozen=True)
class Kernel:
    """Compiled code for one trace and layout.

    Attributes:
        schedule: its steps.
        run: `(context, number of tensors, number of chunks)`: all steps.
        team: address of what each thread of a team runs; its argument is the address of an int64 table:
            next item, number of items, items per turn, step, context.
        steps: address of each step's function.
        tested: names of the settings that the formula asked whether they are zero.
        engine: keeps the code alive.
    """

    schedule: Schedule
    run: Any
    team: int
    steps: tuple[int, ...]
    tested: frozenset[str]
    engine: Any


@functools.cache
def target() -> Any:
    """This processor, for LLVM."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple()


def _machine() -> Any:
    """A code generator; each engine owns one, and frees it with itself."""
    return target().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, jit=True
    )


_compiling = threading.Lock()


def compile_kernel(trace: Trace, layout: Layout) -> Kernel:
    """Compile a trace for this processor; takes some tens of milliseconds."""
    plan = schedule(trace)
    engine = compiled(module_of(plan, layout, trace))
    address = engine.get_function_address
    run = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 3)(address("run"))
    steps = tuple(address(f"step{i}") for i in range(len(plan.steps)))
    return Kernel(plan, run, address("team"), steps, trace.tested, engine)


def compiled(printed: ir.Module) -> Any:
    """The engine that holds a module's code for this processor."""
    with _compiling:
        machine = _machine()
        printed.triple, printed.data_layout = machine.triple, str(machine.target_data)
        module = llvm.parse_assembly(str(printed))
        module.verify()
        tuning = llvm.create_pipeline_tuning_options(speed_level=3)
        tuning.loop_vectorization = True
        passes = llvm.create_pass_builder(machine, tuning)
        passes.getModulePassManager().run(module, passes)
        engine = llvm.create_mcjit_compiler(module, machine)
        engine.finalize_object()
    return engine


def module_of(plan: Schedule, layout: Layout, trace: Trace) -> ir.Module:
    """A trace printed as IR: all functions of its kernel, as yet for no processor."""
    module = ir.Module(name="formula")
    extents = {str(n.arguments[0]): n.extent for n in trace.nodes if n.operation == "tensor"}
    steps = []
    for number, step in enumerate(plan.steps):
        common = module, f"step{number}", plan, layout, extents
        if isinstance(step, Preparation):
            steps.append(_Preparing(*common).print(step))
        else:
            steps.append(_Sweeping(*common).print(step))
    _run(module, plan, steps)
    _team(module)
    return module


class _Step:
    """Prints the function of one step."""

    def __init__(
        self, module: ir.Module, name: str, plan: Schedule, layout: Layout, extents: dict[str, Extent]
    ) -> None:
        self.module, self.plan, self.layout = module, plan, layout
        self.storage, self.number = STORAGE[layout.dtype], COMPUTE[layout.dtype]
        self.streams = [n for n in layout.streams if extents.get(n, Extent.ELEMENT) == Extent.ELEMENT]
        self.function = ir.Function(module, STEP, name)
        self.function.attributes.add("noinline")  # `run` need not repeat it
        self.builder = ir.IRBuilder(self.function.append_basic_block("entry"))
        arrays = [*plan.arrays, *(("sums of", m) for m in plan.column_means)]
        self.place: dict[str, dict[Any, int]] = {
            "kept": {node: i for i, node in enumerate(plan.scalars)},
            "arrays": {node: i for i, node in enumerate(arrays)},
            "sums": {node: i for i, node in enumerate(plan.whole_means)},
        }
        context = self.builder.inttoptr(self.function.args[0], ADDRESS)
        self.tables = {
            name: self._pointer(
                self.builder.load(self.builder.gep(context, [integer(i)])),
                DOUBLE if name in ("settings", "kept", "sums") else INT64,
            )
            for i, name in enumerate(CONTEXT)
        }

    def _pointer(self, address: ir.Value, kind: ir.Type) -> ir.Value:
        return self.builder.inttoptr(address, kind.as_pointer())

    def _entry(self, table: str, row: ir.Value, width: int, column: int) -> ir.Value:
        """Pointer to an entry of a table."""
        offset = self.builder.add(self.builder.mul(row, integer(width)), integer(column))
        return self.builder.gep(self.tables[table], [offset])

    def _fields(self, table: str, row: ir.Value, names: Sequence[str]) -> dict[str, ir.Value]:
        return {
            n: self.builder.load(self._entry(table, row, len(names), i), name=n) for i, n in enumerate(names)
        }

    def _shape(self, tensor: ir.Value) -> dict[str, ir.Value]:
        shape = self._fields("shapes", tensor, SHAPE)
        if self.layout.matrix:
            rows, columns = map(integer, self.layout.matrix)
            shape |= {"rows": rows, "columns": columns, "pieces": integer(1)}
        return shape

    def _stream(self, tensor: ir.Value, name: str) -> ir.Value:
        streams = self.layout.streams
        entry = self._entry("streams", tensor, len(streams), streams.index(name))
        return self._pointer(self.builder.load(entry), self.storage)

    def _unless_missing(self, row: ir.Value) -> AbstractContextManager[Any]:
        """Skip what has no gradient in this step: its address is 0."""
        streams = self.layout.streams
        gradient = self.builder.load(self._entry("streams", row, len(streams), streams.index("g")))
        return cast(
            "AbstractContextManager[Any]",
            self.builder.if_then(self.builder.icmp_signed("!=", gradient, integer(0))),
        )

    def _array(self, tensor: ir.Value, node: Any) -> ir.Value:
        entry = self._entry("arrays", tensor, len(self.place["arrays"]), self.place["arrays"][node])
        return self._pointer(self.builder.load(entry), self.number)

    def _kept(self, tensor: ir.Value, node: Symbol) -> ir.Value:
        return self._entry("kept", tensor, len(self.place["kept"]), self.place["kept"][node])


class _Preparing(_Step):
    """Prints a preparation: a loop over tensors."""

    def print(self, step: Preparation) -> ir.Function:
        if not self.layout.matrix:
            self.function.attributes.add("optsize")  # little work, much code: compile it quickly
        first, last = self.function.args[1:]
        with loop(self.builder, first, last) as tensor, self._unless_missing(tensor):
            self._tensor(step, tensor)
        self.builder.ret_void()
        return self.function

    def _tensor(self, step: Preparation, tensor: ir.Value) -> None:
        self.tensor = tensor
        self.shape = self._shape(tensor)
        self.scalars = Printer(self.module, self.builder, DOUBLE)
        for mean in step.finished:
            self._finish(mean)
        for mean in step.means:
            self._mean(mean)
        computed = [n for n in step.stored if not n.is_mean]
        self._print_scalars(computed)
        for node in computed:
            if node.extent == Extent.SCALAR:
                self.builder.store(
                    as_number(self.builder, self.scalars.values[node], DOUBLE), self._kept(tensor, node)
                )
        for extent in (Extent.MATRIX, Extent.ROW, Extent.COLUMN):
            self._store_arrays(extent, [n for n in computed if n.extent == extent])
        self._store_results(step)

    def _finish(self, mean: Symbol) -> None:
        """Add up what the chunks of a tensor have summed."""
        if mean.extent == Extent.SCALAR:
            sums = self.place["sums"]
            with (
                self._accumulated(self._kept(self.tensor, mean), DOUBLE, self.shape["elements"]) as total,
                loop(self.builder, self.shape["first_chunk"], self.shape["end_chunk"]) as chunk,
            ):
                part = self.builder.load(self._entry("sums", chunk, len(sums), sums[mean]))
                self.builder.store(self.builder.fadd(self.builder.load(total), part), total)
        elif mean.extent == Extent.COLUMN:
            self._finish_columns(mean)

    def _finish_columns(self, mean: Symbol) -> None:
        array, sums = self._array(self.tensor, mean), self._array(self.tensor, ("sums of", mean))
        columns, builder = self.shape["columns"], self.builder
        inverse = builder.fdiv(ir.Constant(self.number, 1.0), builder.uitofp(self.shape["rows"], self.number))
        zero = ir.Constant(self.number, 0.0)
        with loop(builder, integer(0), self.shape["matrices"]) as matrix:
            own = builder.gep(array, [builder.mul(matrix, columns)])
            with loop(builder, integer(0), columns) as column:
                builder.store(zero, builder.gep(own, [column]))
            with loop(builder, integer(0), self.shape["pieces"]) as piece:
                place = builder.add(builder.mul(matrix, self.shape["pieces"]), piece)
                part = builder.gep(sums, [builder.mul(place, columns)])
                with loop(builder, integer(0), columns) as column:
                    value = builder.load(builder.gep(part, [column]))
                    place = builder.gep(own, [column])
                    builder.store(builder.fadd(builder.load(place), value), place)
            with loop(builder, integer(0), columns) as column:
                place = builder.gep(own, [column])
                builder.store(builder.fmul(builder.load(place), inverse), place)

    @contextmanager
    def _accumulated(self, place: ir.Value, kind: ir.Type, count: ir.Value) -> Iterator[ir.Value]:
        """A cell to add to in float64; its mean over `count` is stored in `place` afterwards."""
        with self.builder.goto_entry_block():
            cell = self.builder.alloca(DOUBLE)
        self.builder.store(ir.Constant(DOUBLE, 0.0), cell)
        yield cell
        mean = self.builder.fdiv(self.builder.load(cell), self.builder.uitofp(count, DOUBLE))
        self.builder.store(as_number(self.builder, mean, kind), place)

    def _mean(self, mean: Symbol) -> None:
        """The mean of a row or column value over each matrix."""
        value = value_of(mean)
        self._print_scalars([value])
        with self._matrices([value]) as (matrix, printer):
            place = self.builder.gep(self._array(self.tensor, mean), [matrix])
            count = self.shape["rows" if value.extent == Extent.ROW else "columns"]
            with (
                self._accumulated(place, self.number, count) as total,
                self._lines(value.extent, matrix, printer, [value]),
            ):
                part = as_number(self.builder, printer.value(value), DOUBLE)
                self.builder.store(self.builder.fadd(self.builder.load(total), part), total)

    def _print_scalars(self, targets: Sequence[Symbol | float]) -> None:
        for node in needed_for(targets):
            if node.extent != Extent.SCALAR or node in self.scalars.values:
                continue
            if node.operation == "scalar":
                value = self.builder.load(self._state(str(node.arguments[0])))
                self.scalars.values[node] = as_number(self.builder, value, DOUBLE)
            elif node.operation == "setting":
                index = self.layout.settings.index(str(node.arguments[0]))
                row, width = self.shape["settings"], len(self.layout.settings)
                self.scalars.values[node] = self.builder.load(self._entry("settings", row, width, index))
            elif node.is_mean:
                self.scalars.values[node] = self.builder.load(self._kept(self.tensor, node))
            elif node.operation == "state_product":
                kind = self._state(str(cast("Symbol", node.arguments[0]).arguments[0])).type.pointee
                factors = [rounded(self.builder, self.scalars.value(a), kind) for a in node.arguments]
                self.scalars.values[node] = rounded(self.builder, self.builder.fmul(*factors), kind)
            else:
                self.scalars.print(node)

    def _state(self, name: str) -> ir.Value:
        """Pointer to a scalar state."""
        index = self.layout.scalars.index(name)
        entry = self._entry("scalars", self.tensor, len(self.layout.scalars), index)
        return self._pointer(self.builder.load(entry), STORAGE[self.layout.scalar_dtypes[index]])

    @contextmanager
    def _matrices(self, targets: Sequence[Symbol | float]) -> Iterator[tuple[ir.Value, Printer]]:
        """A loop over the matrices of a tensor."""
        with loop(self.builder, integer(0), self.shape["matrices"]) as matrix:
            printer = Printer(self.module, self.builder, self.number)
            self._print(Extent.MATRIX, matrix, printer, targets)
            yield matrix, printer

    @contextmanager
    def _lines(
        self, extent: Extent, matrix: ir.Value, printer: Printer, targets: Sequence[Symbol | float]
    ) -> Iterator[ir.Value]:
        """A loop over the rows or the columns of a matrix."""
        count = self.shape["rows" if extent == Extent.ROW else "columns"]
        before = self.builder.mul(matrix, count)
        with loop(self.builder, integer(0), count) as line:
            index = self.builder.add(before, line)
            self._print(extent, index, printer, targets)
            yield index

    def _print(self, extent: Extent, index: ir.Value, printer: Printer, targets: Sequence[Any]) -> None:
        """Print the nodes of one extent that the targets need."""
        for node in needed_for(targets):
            if node.extent == Extent.SCALAR:
                if extent == Extent.MATRIX:  # the outermost loop: they stay known in the inner one
                    printer.values[node] = as_number(self.builder, self.scalars.values[node], self.number)
            elif node.extent != extent:
                continue
            elif node.operation == "tensor":
                place = self.builder.gep(self._stream(self.tensor, str(node.arguments[0])), [index])
                printer.values[node] = widen(self.builder, self.builder.load(place), self.layout.dtype)
            elif node.is_mean:
                place = self.builder.gep(self._array(self.tensor, node), [index])
                printer.values[node] = self.builder.load(place)
            else:
                printer.print(node)

    def _store_arrays(self, extent: Extent, nodes: Sequence[Symbol]) -> None:
        if not nodes:
            return
        with self._matrices(nodes) as (matrix, printer):
            if extent == Extent.MATRIX:
                self._store_line(nodes, matrix, printer)
            else:
                with self._lines(extent, matrix, printer, nodes) as index:
                    self._store_line(nodes, index, printer)

    def _store_line(self, nodes: Sequence[Symbol], index: ir.Value, printer: Printer) -> None:
        for node in nodes:
            place = self.builder.gep(self._array(self.tensor, node), [index])
            self.builder.store(printer.value(node), place)

    def _store_results(self, step: Preparation) -> None:
        values = [v for _, v in step.results]
        self._print_scalars([v for v in values if isinstance(v, Symbol)])
        places = {n: self._state(n) for n, _ in step.results if n in self.layout.scalars}
        for name, value in step.results:
            if name in places:
                kind = places[name].type.pointee
                self.builder.store(as_number(self.builder, self.scalars.value(value), kind), places[name])
        for extent in (Extent.ROW, Extent.COLUMN):
            lines = [(n, v) for n, v in step.results if isinstance(v, Symbol) and v.extent == extent]
            if not lines:
                continue
            targets = [v for _, v in lines]
            with (
                self._matrices(targets) as (matrix, printer),
                self._lines(extent, matrix, printer, targets) as index,
            ):
                for name, value in lines:
                    stored = narrow(self.module, self.builder, printer.value(value), self.layout.dtype)
                    self.builder.store(stored, self.builder.gep(self._stream(self.tensor, name), [index]))


class _Sweeping(_Step):
    """Prints a sweep: a loop over chunks that calls a loop over elements."""

    def print(self, step: Sweep) -> ir.Function:
        builder = self.builder
        self.used = [n for n in step.used if n.extent != Extent.SCALAR]
        self.of_rows = [m for m in step.means if m.extent == Extent.ROW]
        self.of_columns = [m for m in step.means if m.extent == Extent.COLUMN]
        self.whole = [m for m in step.means if m.extent == Extent.SCALAR]
        elements = self._elements(step)
        cells = builder.alloca(DOUBLE, max(1, len(self.whole)))
        with loop(builder, self.function.args[1], self.function.args[2]) as chunk:
            self.chunk = self._fields("chunks", chunk, CHUNK)
            with self._unless_missing(self.chunk["streams"]):
                for i in range(len(self.whole)):
                    builder.store(ir.Constant(DOUBLE, 0.0), builder.gep(cells, [integer(i)]))
                self._call(elements, self.chunk["tensor"], cells)
                sums = self.place["sums"]
                for i, mean in enumerate(self.whole):
                    place = self._entry("sums", chunk, len(sums), sums[mean])
                    builder.store(builder.load(builder.gep(cells, [integer(i)])), place)
        builder.ret_void()
        return self.function

    def _call(self, elements: ir.Function, tensor: ir.Value, cells: ir.Value) -> None:
        """Call the loop over elements for the chunk."""
        builder, chunk = self.builder, self.chunk
        places: dict[Extent, ir.Value] = {}
        if self.plan.by_rows:
            shape = self._shape(tensor)
            own_rows = builder.mul(chunk["matrix"], shape["rows"])
            own_pieces = builder.mul(chunk["matrix"], shape["pieces"])
            places = {
                Extent.MATRIX: chunk["matrix"],
                Extent.ROW: builder.add(own_rows, chunk["row"]),
                Extent.COLUMN: builder.mul(chunk["matrix"], shape["columns"]),
            }
            sums = builder.mul(builder.add(own_pieces, chunk["piece"]), shape["columns"])
        arguments = [builder.gep(self._stream(chunk["streams"], n), [chunk["start"]]) for n in self.streams]
        arrays = [*self.used, *self.of_rows]
        arguments += [builder.gep(self._array(tensor, n), [places[n.extent]]) for n in arrays]
        arguments += [builder.gep(self._array(tensor, ("sums of", m)), [sums]) for m in self.of_columns]
        arguments += [self._entry("kept", tensor, len(self.place["kept"]), 0), cells]
        builder.call(elements, [*arguments, *(chunk[n] for n in ("matrices", "rows", "columns"))])

    def _elements(self, step: Sweep) -> ir.Function:
        arrays = len(self.used) + len(self.of_rows) + len(self.of_columns)
        kinds = [self.storage.as_pointer()] * len(self.streams) + [self.number.as_pointer()] * arrays
        kind = ir.FunctionType(VOID, [*kinds, DOUBLE.as_pointer(), DOUBLE.as_pointer(), *[INT64] * 3])
        function = ir.Function(self.module, kind, f"elements_of_{self.function.name}")
        function.linkage = "internal"
        function.attributes.add("noinline")
        for argument in function.args[:-3]:
            argument.add_attribute("noalias")
        return _Elements(self, step, function).print()


class _Elements:
    """Prints the loop over the elements of one stretch, or of some rows of one matrix."""

    def __init__(self, sweeping: _Sweeping, step: Sweep, function: ir.Function) -> None:
        self.step, self.function, self.sweeping = step, function, sweeping
        self.builder = ir.IRBuilder(function.append_basic_block("entry"))
        self.printer = Printer(sweeping.module, self.builder, sweeping.number)
        pointers = iter(function.args)  # each name takes the next one
        self.streams = dict(zip(sweeping.streams, pointers, strict=False))
        self.used = dict(zip(sweeping.used, pointers, strict=False))
        self.of_rows = dict(zip(sweeping.of_rows, pointers, strict=False))
        self.of_columns = dict(zip(sweeping.of_columns, pointers, strict=False))
        self.kept, self.cells, self.matrices, self.rows, self.columns = function.args[-5:]
        if matrix := sweeping.layout.matrix:
            self.rows, self.columns = map(integer, matrix)
        self.first_column: ir.Value = integer(0)
        self.cell_of = {m: i for i, m in enumerate(sweeping.whole)}
        self.sums = {m: self.builder.alloca(sweeping.number) for m in [*sweeping.of_rows, *sweeping.whole]}

    def print(self) -> ir.Function:
        self._load_scalars()
        if self.sweeping.plan.by_rows:
            with loop(self.builder, integer(0), self.matrices) as matrix:
                self._matrix(matrix)
        else:
            self._row(integer(0), integer(0))
        self.builder.ret_void()
        return self.function

    def _matrix(self, matrix: ir.Value) -> None:
        """The chunk's rows of one matrix; a chunk of several matrices has all rows of each."""
        builder = self.builder
        self._load(Extent.MATRIX, matrix)
        self.first_column = builder.mul(matrix, self.columns)
        zero = ir.Constant(self.sweeping.number, 0.0)
        for sums in self.of_columns.values():
            with loop(builder, integer(0), self.columns) as column:
                builder.store(zero, builder.gep(sums, [builder.add(self.first_column, column)]))
        first_row = builder.mul(matrix, self.rows)
        with loop(builder, integer(0), self.rows) as number:
            row = builder.add(first_row, number)
            self._load(Extent.ROW, row)
            self._row(row, builder.mul(row, self.columns))

    def _load_scalars(self) -> None:
        for node in self.step.used:
            if node.extent == Extent.SCALAR:
                index = self.sweeping.place["kept"][node]
                value = self.builder.load(self.builder.gep(self.kept, [integer(index)]))
                if node.operation in COMPARISONS:
                    value = self.builder.fcmp_unordered("!=", value, ir.Constant(DOUBLE, 0.0))
                self.printer.values[node] = as_number(self.builder, value, self.sweeping.number)

    def _load(self, extent: Extent, index: ir.Value) -> None:
        for node, pointer in self.used.items():
            if node.extent == extent:
                self.printer.values[node] = self.builder.load(self.builder.gep(pointer, [index]))

    def _row(self, row: ir.Value, first: ir.Value) -> None:
        builder, zero = self.builder, ir.Constant(self.sweeping.number, 0.0)
        for cell in self.sums.values():
            builder.store(zero, cell)
        with loop(builder, integer(0), self.columns) as column:
            self._element(builder.add(self.first_column, column), builder.add(first, column))
        for mean, cell in self.sums.items():
            if mean.extent == Extent.ROW:
                average = builder.fdiv(builder.load(cell), builder.uitofp(self.columns, self.sweeping.number))
                builder.store(average, builder.gep(self.of_rows[mean], [row]))
            else:
                place = builder.gep(self.cells, [integer(self.cell_of[mean])])
                part = as_number(builder, builder.load(cell), DOUBLE)
                builder.store(builder.fadd(builder.load(place), part), place)

    def _element(self, column: ir.Value, element: ir.Value) -> None:
        builder, dtype = self.builder, self.sweeping.layout.dtype
        self._load(Extent.COLUMN, column)
        for node in self.step.nodes:
            if node.operation == "tensor":
                place = builder.gep(self.streams[str(node.arguments[0])], [element])
                self.printer.values[node] = widen(builder, builder.load(place), dtype)
            else:
                self.printer.print(node)
        for mean in self.step.means:
            place = self.sums.get(mean) or builder.gep(self.of_columns[mean], [column])
            # A sum in another order is as good: that lets it run in the lanes of a vector.
            flags = ("reassoc", "contract")
            total = builder.fadd(builder.load(place), self.printer.value(value_of(mean)), flags=flags)
            builder.store(total, place)
        for name, result in self.step.results:
            stored = narrow(self.sweeping.module, builder, self.printer.value(result), dtype)
            builder.store(stored, builder.gep(self.streams[name], [element]))


def _run(module: ir.Module, plan: Schedule, steps: Sequence[ir.Function]) -> None:
    function = ir.Function(module, STEP, "run")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    context, tensors, chunks = function.args
    for step, printed in zip(plan.steps, steps, strict=True):
        builder.call(printed, [context, integer(0), tensors if isinstance(step, Preparation) else chunks])
    builder.ret_void()


def _team(module: ir.Module) -> None:
    function = ir.Function(module, ir.FunctionType(VOID, [INT64]), "team")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    table = builder.inttoptr(function.args[0], ADDRESS)
    count, turn, step, context = (
        builder.load(builder.gep(table, [integer(column)])) for column in range(1, 5)
    )
    step = builder.inttoptr(step, STEP.as_pointer())
    take, work, done = (builder.append_basic_block(name) for name in ("take", "work", "done"))
    builder.branch(take)
    builder.position_at_end(take)
    first = builder.atomic_rmw("add", table, turn, "monotonic")
    builder.cbranch(builder.icmp_signed("<", first, count), work, done)
    builder.position_at_end(work)
    end = builder.add(first, turn)
    end = builder.select(builder.icmp_signed("<", end, count), end, count)
    builder.call(step, [context, first, end])
    builder.branch(take)
    builder.position_at_end(done)
    builder.ret_void()
