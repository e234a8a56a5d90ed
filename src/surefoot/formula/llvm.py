"""A trace printed as LLVM IR and compiled for this processor.

One module holds four functions:

- `uniforms`: for each tensor, computes every scalar node from the settings and the scalar states
  (in float64), stores the scalar states' new values and leaves what the elements need in a table;
- `elements`: the loop over one stretch of one tensor; every stream is read once and written once;
- `chunks`: calls `elements` for a range of stretches;
- `team`: what each thread of a team runs: takes a turn of chunks, then the next, until none is left.

`elements` is a function of its own, never inlined, because only function arguments can carry
`noalias`: without that promise LLVM would need a run-time check for every pair of streams and
gives up vectorising.
"""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import llvmlite.binding as llvm
from llvmlite import ir

from surefoot.formula.trace import COMPARISONS, OPERATIONS, Symbol, Trace

INT16, INT32, INT64 = ir.IntType(16), ir.IntType(32), ir.IntType(64)
HALF, FLOAT, DOUBLE, VOID = ir.HalfType(), ir.FloatType(), ir.DoubleType(), ir.VoidType()
ADDRESS = INT64.as_pointer()

# How a stream's elements lie in memory, and the type they are computed in.
STORAGE = {"float32": FLOAT, "float64": DOUBLE, "float16": HALF, "bfloat16": INT16}
COMPUTE = {"float32": FLOAT, "float64": DOUBLE, "float16": FLOAT, "bfloat16": FLOAT}


@dataclass(frozen=True)
class Layout:
    """The order of the streams in a kernel's tables.

    Attributes:
        dtype: of the parameter, its gradient and its tensor states.
        tensors: tensor states, after `p` and `g`.
        scalars: scalar states.
        scalar_dtypes: "float32" or "float64" for each of them.
        settings: names of the numeric settings, in the order in which their values are passed.
    """

    dtype: str
    tensors: tuple[str, ...]
    scalars: tuple[str, ...]
    scalar_dtypes: tuple[str, ...]
    settings: tuple[str, ...]

    @property
    def streams(self) -> tuple[str, ...]:
        """Every stream of elements, `p` and `g` first."""
        return ("p", "g", *self.tensors)


@dataclass(frozen=True)
class Kernel:
    """Compiled code for one trace and layout; call with addresses of int64 and float64 tables.

    Attributes:
        uniforms: `(scalar addresses, settings, uniform table, number of tensors)`.
        run: uniforms and all elements, in one call: the arguments of `uniforms`, then `(stream addresses,
            chunk table, number of chunks)`; a chunk is (tensor, first element, number of elements).
        team: address of what each thread of a team runs; its argument is the address of an int64 table:
            next chunk, number of chunks, chunks per turn, stream addresses, uniform table, chunk table.
        uniform_count: float64 values per tensor in the uniform table.
    """

    uniforms: Any
    run: Any
    team: int
    uniform_count: int
    engine: Any


@functools.cache
def _target() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, jit=True
    )


_compiling = threading.Lock()


def compile_kernel(trace: Trace, layout: Layout) -> Kernel:
    """Compile a trace for this processor; takes some tens of milliseconds."""
    with _compiling:
        needed = _needed_uniforms(trace)
        module = llvm.parse_assembly(str(_module(trace, layout, needed)))
        module.verify()
        machine = _target()
        tuning = llvm.create_pipeline_tuning_options(speed_level=3)
        tuning.loop_vectorization = True
        llvm.create_pass_builder(machine, tuning).getModulePassManager().run(
            module, llvm.create_pass_builder(machine, tuning)
        )
        engine = llvm.create_mcjit_compiler(module, machine)
        engine.finalize_object()

    def function(name: str, arguments: int) -> Any:
        return ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * arguments)(engine.get_function_address(name))

    return Kernel(
        function("uniforms", 4),
        function("run", 7),
        engine.get_function_address("team"),
        max(1, len(needed)),
        engine,
    )


def _needed_uniforms(trace: Trace) -> tuple[Symbol, ...]:
    """The scalar nodes that some element-wise node or result uses."""
    used: dict[Symbol, None] = {}
    results = (trace.parameter, *trace.tensors.values())
    for node in trace.nodes:
        if node.elementwise:
            used |= {a: None for a in node.arguments if isinstance(a, Symbol) and not a.elementwise}
    used |= {r: None for r in results if isinstance(r, Symbol) and not r.elementwise}
    return tuple(used)


def _module(trace: Trace, layout: Layout, needed: tuple[Symbol, ...]) -> ir.Module:
    module = ir.Module(name="formula")
    module.triple = _target().triple
    module.data_layout = str(_target().target_data)
    uniforms = _uniforms(module, trace, layout, needed)
    chunks = _chunks(module, layout, _elements(module, trace, layout, needed), len(needed))
    _run(module, uniforms, chunks)
    _team(module, chunks)
    return module


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
        if node.operation in COMPARISONS:
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

    # A multiplication and an addition may become one fused instruction ("contract"): it rounds once
    # where two would round twice.  Nothing else is relaxed: nan, infinity and order are as written.

    def add(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.builder.fadd(x, y, flags=("contract",))

    def subtract(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.builder.fsub(x, y, flags=("contract",))

    def multiply(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.builder.fmul(x, y, flags=("contract",))

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


def _uniforms(module: ir.Module, trace: Trace, layout: Layout, needed: tuple[Symbol, ...]) -> ir.Function:
    function = ir.Function(module, ir.FunctionType(VOID, [INT64] * 4), "uniforms")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    addresses, settings, table = (
        builder.inttoptr(argument, kind.as_pointer())
        for argument, kind in zip(function.args, (INT64, DOUBLE, DOUBLE), strict=False)
    )
    with _loop(builder, ir.Constant(INT64, 0), function.args[3]) as tensor:
        printer = Printer(module, builder, DOUBLE)
        places = {}
        for index, (name, dtype) in enumerate(zip(layout.scalars, layout.scalar_dtypes, strict=True)):
            offset = builder.add(builder.mul(tensor, ir.Constant(INT64, len(layout.scalars))), _int(index))
            address = builder.load(builder.gep(addresses, [offset]))
            places[name] = builder.inttoptr(address, STORAGE[dtype].as_pointer())
        for node in trace.nodes:
            if node.operation == "scalar":
                value = builder.load(places[str(node.arguments[0])])
                printer.values[node] = value if value.type == DOUBLE else builder.fpext(value, DOUBLE)
            elif node.operation == "setting":
                index = layout.settings.index(str(node.arguments[0]))
                printer.values[node] = builder.load(builder.gep(settings, [_int(index)]))
            elif node.operation == "state_product":
                state = cast("Symbol", node.arguments[0])
                kind = places[str(state.arguments[0])].type.pointee
                factors = [_rounded(builder, printer.value(a), kind) for a in node.arguments]
                printer.values[node] = _rounded(builder, builder.fmul(*factors), kind)
            elif not node.elementwise:
                printer.print(node)
        for name, result in trace.scalars.items():
            value = printer.value(result)
            place = places[name]
            builder.store(value if place.type.pointee == DOUBLE else builder.fptrunc(value, FLOAT), place)
        for index, node in enumerate(needed):
            value = printer.value(node)
            if value.type == ir.IntType(1):
                value = builder.uitofp(value, DOUBLE)
            offset = builder.add(builder.mul(tensor, _int(max(1, len(needed)))), _int(index))
            builder.store(value, builder.gep(table, [offset]))
    builder.ret_void()
    return function


def _elements(module: ir.Module, trace: Trace, layout: Layout, needed: tuple[Symbol, ...]) -> ir.Function:
    storage, number = STORAGE[layout.dtype], COMPUTE[layout.dtype]
    pointers = [storage.as_pointer()] * len(layout.streams)
    kind = ir.FunctionType(VOID, [*pointers, DOUBLE.as_pointer(), INT64])
    function = ir.Function(module, kind, "elements")
    function.linkage = "internal"
    function.attributes.add("noinline")
    for argument in function.args[:-1]:
        argument.add_attribute("noalias")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    uniforms = function.args[-2]
    printer = Printer(module, builder, number)
    for index, node in enumerate(needed):
        value = builder.load(builder.gep(uniforms, [_int(index)]))
        if node.operation in COMPARISONS:
            printer.values[node] = builder.fcmp_unordered("!=", value, ir.Constant(DOUBLE, 0.0))
        else:
            printer.values[node] = value if number == DOUBLE else builder.fptrunc(value, number)
    with _loop(builder, _int(0), function.args[-1]) as element:
        place = {
            name: builder.gep(argument, [element])
            for name, argument in zip(layout.streams, function.args, strict=False)
        }
        for node in trace.nodes:
            if node.operation == "tensor":
                printer.values[node] = _widen(
                    builder, builder.load(place[str(node.arguments[0])]), layout.dtype
                )
            elif node.elementwise:
                printer.print(node)
        for name, result in {"p": trace.parameter, **trace.tensors}.items():
            builder.store(_narrow(module, builder, printer.value(result), layout.dtype), place[name])
    builder.ret_void()
    return function


def _chunks(module: ir.Module, layout: Layout, elements: ir.Function, uniform_count: int) -> ir.Function:
    storage = STORAGE[layout.dtype]
    function = ir.Function(module, ir.FunctionType(VOID, [INT64] * 5), "chunks")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    addresses, uniforms, chunks = (
        builder.inttoptr(argument, kind.as_pointer())
        for argument, kind in zip(function.args, (INT64, DOUBLE, INT64), strict=False)
    )
    with _loop(builder, function.args[3], function.args[4]) as chunk:
        row = builder.mul(chunk, _int(3))
        tensor, start, length = (
            builder.load(builder.gep(chunks, [builder.add(row, _int(column))])) for column in range(3)
        )
        pointers = []
        for index in range(len(layout.streams)):
            offset = builder.add(builder.mul(tensor, _int(len(layout.streams))), _int(index))
            address = builder.load(builder.gep(addresses, [offset]))
            pointers.append(builder.gep(builder.inttoptr(address, storage.as_pointer()), [start]))
        values = builder.gep(uniforms, [builder.mul(tensor, _int(max(1, uniform_count)))])
        builder.call(elements, [*pointers, values, length])
    builder.ret_void()
    return function


def _run(module: ir.Module, uniforms: ir.Function, chunks: ir.Function) -> None:
    function = ir.Function(module, ir.FunctionType(VOID, [INT64] * 7), "run")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    scalar_addresses, settings, table, tensors, addresses, chunk_table, count = function.args
    builder.call(uniforms, [scalar_addresses, settings, table, tensors])
    builder.call(chunks, [addresses, table, chunk_table, _int(0), count])
    builder.ret_void()


def _team(module: ir.Module, chunks: ir.Function) -> None:
    function = ir.Function(module, ir.FunctionType(VOID, [INT64]), "team")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    table = builder.inttoptr(function.args[0], ADDRESS)
    count, turn, *tables = (builder.load(builder.gep(table, [_int(column)])) for column in range(1, 6))
    take, work, done = (builder.append_basic_block(name) for name in ("take", "work", "done"))
    builder.branch(take)
    builder.position_at_end(take)
    first = builder.atomic_rmw("add", table, turn, "monotonic")
    builder.cbranch(builder.icmp_signed("<", first, count), work, done)
    builder.position_at_end(work)
    end = builder.add(first, turn)
    end = builder.select(builder.icmp_signed("<", end, count), end, count)
    builder.call(chunks, [*tables, first, end])
    builder.branch(take)
    builder.position_at_end(done)
    builder.ret_void()


def _rounded(builder: ir.IRBuilder, value: ir.Value, kind: ir.Type) -> ir.Value:
    """A float64 value rounded to a narrower type."""
    return value if kind == DOUBLE else builder.fpext(builder.fptrunc(value, kind), DOUBLE)


def _int(value: int) -> ir.Constant:
    return ir.Constant(INT64, value)


@contextmanager
def _loop(builder: ir.IRBuilder, start: ir.Value, end: ir.Value) -> Iterator[ir.Value]:
    """`for index in range(start, end)`; the body is what is built inside."""
    before = builder.block
    body, after = builder.append_basic_block("body"), builder.append_basic_block("after")
    builder.cbranch(builder.icmp_signed("<", start, end), body, after)
    builder.position_at_end(body)
    index = builder.phi(INT64)
    index.add_incoming(start, before)
    yield index
    following = builder.add(index, _int(1), flags=("nsw",))
    index.add_incoming(following, builder.block)
    builder.cbranch(builder.icmp_signed("<", following, end), body, after)
    builder.position_at_end(after)


def _widen(builder: ir.IRBuilder, value: ir.Value, dtype: str) -> ir.Value:
    if dtype == "float16":
        return builder.fpext(value, FLOAT)
    if dtype == "bfloat16":
        return builder.bitcast(builder.shl(builder.zext(value, INT32), ir.Constant(INT32, 16)), FLOAT)
    return value


def _narrow(module: ir.Module, builder: ir.IRBuilder, value: ir.Value, dtype: str) -> ir.Value:
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
