"""A preparation, printed: what has one value per tensor, matrix, row or column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from llvmlite import ir

from surefoot.formula.kernels.step import Step
from surefoot.formula.llvm import DOUBLE, STORAGE, Printer, as_number, integer, loop, narrow, rounded, widen
from surefoot.formula.sweeps import Preparation, needed_for, value_of
from surefoot.formula.trace import Extent, Symbol


class Preparing(Step):
    """Prints a preparation: a loop over tensors."""

    def print(self, step: Preparation) -> ir.Function:
        """The function of one preparation, printed."""
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
