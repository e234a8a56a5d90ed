"""All functions of a kernel as one module of IR.

`run` calls all steps in turn on one thread; `team` is what each thread of a team runs: it takes a turn of a
step, then the next, until none is left.
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from surefoot.formula.kernels.layout import Layout
from surefoot.formula.kernels.preparation import Preparing
from surefoot.formula.kernels.step import ADDRESS, STEP
from surefoot.formula.kernels.sweep import Sweeping
from surefoot.formula.llvm import INT64, VOID, integer
from surefoot.formula.sweeps import Preparation, SweepSchedule
from surefoot.formula.trace import Trace


def module_of(plan: SweepSchedule, layout: Layout, trace: Trace) -> ir.Module:
    """A trace printed as IR: all functions of its kernel, as yet for no processor."""
    module = ir.Module(name="formula")
    extents = {str(n.arguments[0]): n.extent for n in trace.nodes if n.operation == "tensor"}
    steps = []
    for number, step in enumerate(plan.steps):
        common = module, f"step{number}", plan, layout, extents
        if isinstance(step, Preparation):
            steps.append(Preparing(*common).print(step))
        else:
            steps.append(Sweeping(*common).print(step))
    _run(module, plan, steps)
    _team(module)
    return module


def _run(module: ir.Module, plan: SweepSchedule, steps: Sequence[ir.Function]) -> None:
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
