"""A sweep, printed: a loop over chunks, which calls the loop over elements."""

from __future__ import annotations

from llvmlite import ir

from surefoot.formula.kernels.elements import Elements
from surefoot.formula.kernels.step import Step
from surefoot.formula.llvm import DOUBLE, INT64, VOID, integer, loop
from surefoot.formula.sweeps import CHUNK, Sweep
from surefoot.formula.trace import Extent


class Sweeping(Step):
    """Prints a sweep: a loop over chunks that calls a loop over elements."""

    def print(self, step: Sweep) -> ir.Function:
        """The function of one sweep, printed."""
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
        return Elements(self, step, function).print()
