"""A module of IR compiled for this processor."""

from __future__ import annotations

import ctypes
import functools
import threading
from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir

from surefoot.formula.kernels.layout import Layout
from surefoot.formula.kernels.module import module_of
from surefoot.formula.sweeps import SweepSchedule, schedule
from surefoot.formula.trace import Trace


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

    schedule: SweepSchedule
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
