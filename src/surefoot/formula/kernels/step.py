"""What the functions of all steps have in common: the tables that they are given, and what lies in them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, cast

from llvmlite import ir

from surefoot.formula.kernels.layout import Layout
from surefoot.formula.llvm import COMPUTE, DOUBLE, INT64, STORAGE, VOID, integer
from surefoot.formula.sweeps import CONTEXT, SHAPE, SweepSchedule
from surefoot.formula.trace import Extent, Symbol

ADDRESS = INT64.as_pointer()
STEP = ir.FunctionType(VOID, [INT64] * 3)


class Step:
    """Prints the function of one step."""

    def __init__(
        self, module: ir.Module, name: str, plan: SweepSchedule, layout: Layout, extents: dict[str, Extent]
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
