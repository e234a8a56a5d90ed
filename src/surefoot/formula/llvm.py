"""Nodes of a trace printed as LLVM instructions, and the numbers they work on.

Elements are stored in one type and computed in another: bfloat16 and float16 are widened when they are
read and rounded to nearest when they are written.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from llvmlite import ir

from surefoot.formula.trace import COMPARISONS, OPERATIONS, Symbol

INT16, INT32, INT64 = ir.IntType(16), ir.IntType(32), ir.IntType(64)
HALF, FLOAT, DOUBLE, VOID = ir.HalfType(), ir.FloatType(), ir.DoubleType(), ir.VoidType()

# How elements lie in memory, and the type they are computed in.
STORAGE = {"float32": FLOAT, "float64": DOUBLE, "float16": HALF, "bfloat16": INT16}
COMPUTE = {"float32": FLOAT, "float64": DOUBLE, "float16": FLOAT, "bfloat16": FLOAT}


class Printer:
    """Prints nodes of a trace as instructions on values of one floating-point type."""

    def __init__(self, module: ir.Module, builder: ir.IRBuilder, number: ir.Type) -> None:
        self.module = module
        self.builder = builder
        self.number = number
        self.values: dict[Symbol, ir.Value] = {}

    def value(self, argument: Symbol | float | str) -> ir.Value:
        """The instruction of a node, or a constant."""
        if isinstance(argument, Symbol):
            return self.values[argument]
        return ir.Constant(self.number, float(argument))

    def print(self, node: Symbol) -> None:
        """Print one node whose arguments are printed."""
        arguments = [self.value(a) for a in node.arguments]
        if node.operation in ("add", "subtract") and (factors := self._factors(node.arguments[1])):
            self.values[node] = self._add_product(arguments[0], *factors, node.operation)
        elif node.operation in COMPARISONS:
            compare = (
                self.builder.fcmp_unordered if node.operation == "not_equal" else self.builder.fcmp_ordered
            )
            self.values[node] = compare(OPERATIONS[node.operation], *arguments)
        else:
            self.values[node] = getattr(self, node.operation)(*arguments)

    def _intrinsic(self, name: str, *arguments: ir.Value) -> ir.Value:
        function = self.module.declare_intrinsic(
            name, [self.number], ir.FunctionType(self.number, [self.number] * len(arguments))
        )
        return self.builder.call(function, arguments)

    def _factors(self, argument: Symbol | float | str) -> tuple[ir.Value, ir.Value] | None:
        """What a product is made of, where that is at hand."""
        if isinstance(argument, Symbol) and argument.operation == "multiply":
            x, y = argument.arguments
            if all(not isinstance(a, Symbol) or a in self.values for a in (x, y)):
                return self.value(x), self.value(y)
        return None

    def _add_product(self, x: ir.Value, y: ir.Value, z: ir.Value, operation: str) -> ir.Value:
        """x + y · z or x - y · z in one instruction, which rounds once, where the processor has it.

        That is what torch does in `add`, `addcmul` and `lerp`.  A product on the left of a sum is rounded,
        as by torch's `mul_` before one of them; if the compiler chose, it might fuse that one instead.
        """
        return self._intrinsic("llvm.fmuladd", self.builder.fneg(y) if operation == "subtract" else y, z, x)

    def add(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.builder.fadd(x, y)

    def subtract(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.builder.fsub(x, y)

    def multiply(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.builder.fmul(x, y)

    def divide(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.builder.fdiv(x, y)

    def negate(self, x: ir.Value) -> ir.Value:
        return self.builder.fneg(x)

    def abs(self, x: ir.Value) -> ir.Value:
        return self._intrinsic("llvm.fabs", x)

    def sqrt(self, x: ir.Value) -> ir.Value:
        return self._intrinsic("llvm.sqrt", x)

    def power(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self._intrinsic("llvm.pow", x, y)

    def sign(self, x: ir.Value) -> ir.Value:
        zero, one = ir.Constant(self.number, 0.0), ir.Constant(self.number, 1.0)
        negative = self.builder.select(self.builder.fcmp_ordered("<", x, zero), self.builder.fneg(one), zero)
        return self.builder.select(self.builder.fcmp_ordered(">", x, zero), one, negative)

    def maximum(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self._extremum(">", x, y)

    def minimum(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self._extremum("<", x, y)

    def _extremum(self, comparison: str, x: ir.Value, y: ir.Value) -> ir.Value:
        first = self.builder.fcmp_ordered(comparison, x, y)
        nan = self.builder.fcmp_unordered("uno", x, x)
        return self.builder.select(self.builder.or_(first, nan), x, y)

    def where(self, condition: ir.Value, x: ir.Value, y: ir.Value) -> ir.Value:
        if condition.type != ir.IntType(1):
            condition = self.builder.fcmp_unordered("!=", condition, ir.Constant(self.number, 0.0))
        return self.builder.select(condition, x, y)


def as_number(builder: ir.IRBuilder, value: ir.Value, kind: ir.Type) -> ir.Value:
    """A value in another floating-point type; a truth value stays one, and is 0 or 1 in float64."""
    if value.type == kind:
        return value
    if value.type == ir.IntType(1):
        return builder.uitofp(value, DOUBLE) if kind == DOUBLE else value
    return builder.fpext(value, kind) if kind == DOUBLE else builder.fptrunc(value, kind)


def rounded(builder: ir.IRBuilder, value: ir.Value, kind: ir.Type) -> ir.Value:
    """A float64 value rounded to a narrower type."""
    return value if kind == DOUBLE else builder.fpext(builder.fptrunc(value, kind), DOUBLE)


def integer(value: int) -> ir.Constant:
    """A constant index."""
    return ir.Constant(INT64, value)


@contextmanager
def loop(builder: ir.IRBuilder, start: ir.Value, end: ir.Value) -> Iterator[ir.Value]:
    """`for index in range(start, end)`; the body is what is built inside."""
    before = builder.block
    body, after = builder.append_basic_block("body"), builder.append_basic_block("after")
    builder.cbranch(builder.icmp_signed("<", start, end), body, after)
    builder.position_at_end(body)
    index = builder.phi(INT64)
    index.add_incoming(start, before)
    yield index
    following = builder.add(index, integer(1), flags=("nsw",))
    index.add_incoming(following, builder.block)
    builder.cbranch(builder.icmp_signed("<", following, end), body, after)
    builder.position_at_end(after)


def widen(builder: ir.IRBuilder, value: ir.Value, dtype: str) -> ir.Value:
    """A stored element in the type that it is computed in."""
    if dtype == "float16":
        return builder.fpext(value, FLOAT)
    if dtype == "bfloat16":
        return builder.bitcast(builder.shl(builder.zext(value, INT32), ir.Constant(INT32, 16)), FLOAT)
    return value


def narrow(module: ir.Module, builder: ir.IRBuilder, value: ir.Value, dtype: str) -> ir.Value:
    """A computed element as it is stored."""
    if dtype == "float16":
        return builder.fptrunc(value, HALF)
    if dtype != "bfloat16":
        return value
    # Round to nearest, ties to even, on the bits: add half of the last kept bit, less one when it is even.
    bits = builder.bitcast(value, INT32)
    odd = builder.and_(builder.lshr(bits, ir.Constant(INT32, 16)), ir.Constant(INT32, 1))
    rounded = builder.add(bits, builder.add(odd, ir.Constant(INT32, 0x7FFF)))
    kept = builder.select(
        builder.fcmp_unordered("uno", value, value), ir.Constant(INT32, 0x7FC00000), rounded
    )
    return builder.trunc(builder.lshr(kept, ir.Constant(INT32, 16)), INT16)
