"""The loop over elements: the only code whose speed counts.

It is a function of its own, never inlined, because only function arguments can carry `noalias`: without that
promise LLVM would need a run-time check for every pair of streams and gives up vectorising.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llvmlite import ir

from surefoot.formula.llvm import DOUBLE, Printer, as_number, integer, loop, narrow, widen
from surefoot.formula.sweeps import Sweep, value_of
from surefoot.formula.trace import COMPARISONS, Extent

if TYPE_CHECKING:
    from surefoot.formula.kernels.sweep import Sweeping


class Elements:
    """Prints the loop over the elements of one stretch, or of some rows of one matrix."""

    def __init__(self, sweeping: Sweeping, step: Sweep, function: ir.Function) -> None:
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
        """The function, printed."""
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
