"""The addresses of many tensors in one compiled call, at a fifth of what as many calls of `data_ptr` cost.

torch keeps the address of the function behind `data_ptr` where code written by torch.compile finds it; the
loop around it is compiled here.  What that function throws for a tensor without an address is caught in the
loop: an exception that passed through code without handlers would end the process.
"""

from __future__ import annotations

import ctypes
import functools
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm
import torch
from llvmlite import ir
from torch import Tensor

from surefoot.formula.kernels import compiled
from surefoot.formula.llvm import INT32, INT64, VOID, integer, loop

DATA_PTR = "_torchinductor_pyobject_tensor_data_ptr"
OBJECT = ir.IntType(8).as_pointer()


@dataclass(frozen=True)
class Gatherer:
    """Reads addresses.

    Attributes:
        function: `(tuple of tensors, where to put the addresses, how many)`, which returns how many it found.
        engine: keeps the code alive.
    """

    function: Callable[[tuple[Tensor, ...], int, int], int]
    engine: Any

    def __call__(self, tensors: tuple[Tensor, ...]) -> array[int] | None:
        """The address of each tensor's first element; None where one of them has no such thing."""
        found = array("q", bytes(8 * len(tensors)))
        count = self.function(tensors, found.buffer_info()[0], len(tensors))
        return found if count == len(tensors) else None


@functools.cache
def gatherer() -> Gatherer | None:
    """The compiled call; None where this torch, its C++ library or the compiler cannot be had."""
    try:
        made = _compiled()
    except Exception:  # each of them is private, and may be missing or be something else one day
        return None
    sample = torch.empty(2, device="cpu")
    known = array("q", [sample.data_ptr(), sample[1:].data_ptr()])
    return made if made((sample, sample[1:])) == known else None


def _compiled() -> Gatherer:
    from torch._C._dynamo import guards

    runtime = ctypes.CDLL("libstdc++.so.6")  # already loaded: torch is written in C++
    for name in ("__gxx_personality_v0", "__cxa_begin_catch", "__cxa_end_catch"):
        llvm.add_symbol(name, _address(getattr(runtime, name)))
    llvm.add_symbol("PyTuple_GetItem", _address(ctypes.pythonapi.PyTuple_GetItem))
    llvm.add_symbol("data_ptr_of_object", getattr(guards, DATA_PTR))
    engine = compiled(_printed())
    # A PYFUNCTYPE holds Python's lock: nobody changes a tensor meanwhile.
    kind = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.py_object, ctypes.c_int64, ctypes.c_int64)
    return Gatherer(kind(engine.get_function_address("gather")), engine)


def _printed() -> ir.Module:
    """`gather(tensors, found, count)`, which returns how many addresses were found before one threw."""
    module = ir.Module(name="gather")
    function = _function(module, "gather", INT64, OBJECT, INT64, INT64)
    function.attributes.add("uwtable")
    function.attributes.personality = _function(module, "__gxx_personality_v0", INT32)
    item = _function(module, "PyTuple_GetItem", OBJECT, OBJECT, INT64)
    data_ptr = _function(module, "data_ptr_of_object", INT64, OBJECT)
    entry, read, thrown = (function.append_basic_block(name) for name in ("entry", "read", "thrown"))
    builder = ir.IRBuilder(entry)
    tensors, found, count = function.args
    found = builder.inttoptr(found, INT64.as_pointer())
    with loop(builder, integer(0), count) as index:
        address = builder.invoke(data_ptr, [builder.call(item, [tensors, index])], read, thrown)
        builder.position_at_end(read)
        builder.store(address, builder.gep(found, [index]))
    builder.ret(count)
    builder.position_at_end(thrown)
    _catch(module, builder)
    builder.ret(index)
    return module


def _catch(module: ir.Module, builder: ir.IRBuilder) -> None:
    """End any exception here."""
    landing = builder.landingpad(ir.LiteralStructType([OBJECT, INT32]))
    landing.add_clause(ir.CatchClause(ir.Constant(OBJECT, None)))
    exception = builder.extract_value(landing, 0)
    builder.call(_function(module, "__cxa_begin_catch", OBJECT, OBJECT), [exception])
    builder.call(_function(module, "__cxa_end_catch", VOID), [])


def _function(module: ir.Module, name: str, result: ir.Type, *arguments: ir.Type) -> ir.Function:
    return ir.Function(module, ir.FunctionType(result, arguments), name)


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0
