"""A trace printed as LLVM IR and compiled for this processor.

A kernel is a list of steps (see `sweeps`), each a function `(context, first, last)`:

- a *preparation* runs over tensors: it computes what has one value per tensor, matrix, row or column
  (the scalars in float64), stores new scalar states and leaves what the elements need in tables;
- a *sweep* runs over chunks, which are stretches of one tensor or blocks of rows of one matrix: every
  stream is read once, and in the last sweep written once.

`docs/kernels.md` shows the way of one formula from its trace to what is printed here.

`context` is the address of a table of addresses (see `sweeps.CONTEXT`).

layout       the order of the streams
step         what all steps have in common: the tables
preparation  their function for what has one value per tensor, matrix, row or column
sweep        their function for what has one value per element
elements     the loop inside it
module       all functions together
compiling    the module compiled
"""

from surefoot.formula.kernels.compiling import Kernel, compile_kernel, compiled, target
from surefoot.formula.kernels.layout import Layout
from surefoot.formula.kernels.module import module_of

__all__ = ["Kernel", "Layout", "compile_kernel", "compiled", "module_of", "target"]
