"""The way of one formula to its kernel, written down: `python -m tests.formula.kernel_page` writes it anew.

docs/kernels.md                        formula, trace, steps and the loop over elements, to read
tests/formula/golden/sgd_momentum.ll   the whole IR, which a test compares with what is printed today
"""

from __future__ import annotations

import inspect
import re
import textwrap
from pathlib import Path

from surefoot import optim
from surefoot.formula import cpu
from surefoot.formula.kernels import module_of
from surefoot.formula.numbers import specialise
from surefoot.formula.sweeps import Preparation, schedule
from surefoot.formula.trace import Symbol

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "kernels.md"
NEWLINE = "\n"
GOLDEN = Path(__file__).parent / "golden" / "sgd_momentum.ll"

INTRODUCTION = """\
# From a formula to a kernel

A formula is called once with symbols, which leaves a *trace*. The trace is laid out as *steps*, preparations
and sweeps over the elements (`formula/sweeps.py`). These are printed as *LLVM IR* (`formula/kernels`),
which LLVM compiles for the processor. Here is the way of SGD with momentum, in float32, from the second step
on. `python -m tests.formula.kernel_page` wrote this page, and a test keeps it true.
"""


def variant():
    """SGD with momentum, whose momentum is there already, for parameters in float32."""
    declared = optim.SGD._declared
    defaults = {name: h.default for name, h in declared.hyperparameters.items()}
    settings = defaults | {"lr": 0.1, "momentum": 0.9}
    pattern, _ = specialise(settings, declared.tested)
    return cpu.Variant(declared.update, declared.slots, pattern, "float32", (), (), (), False)


def golden():
    """Its IR, for no processor."""
    trace, layout = cpu.traced(variant())
    return f"{module_of(schedule(trace), layout, trace)}".rstrip("\n") + "\n"


def page():
    """The page."""
    trace, layout = cpu.traced(variant())
    plan = schedule(trace)
    formula = textwrap.dedent(inspect.getsource(optim.SGD.update))
    elements = re.search(r"^define internal .*?^}$", golden(), re.S | re.M).group()
    sections = [
        INTRODUCTION,
        _section("Formula", "What stands in `optim/sgd.py`:", formula, "python"),
        _section(
            "Trace",
            "`weight_decay` and `nesterov` are compiled in as 0 and False, so their branches are gone.\n"
            "Each node has an *extent*: one value per tensor (scalar), or one per element.",
            "\n".join(map(_node, trace.nodes))
            + f"\nnew p = {_name(trace.parameter)}"
            + "".join(f"\nnew {name} = {_name(value)}" for name, value in trace.tensors.items()),
        ),
        _section(
            "Steps",
            "A preparation computes what has one value per tensor, in float64, and keeps it in a table.\n"
            "A sweep reads every stream once, computes the elements and writes the new ones; a mean over\n"
            "elements would take a further sweep.",
            "\n".join(map(_step, plan.steps)),
        ),
        _section(
            "IR of the loop over elements",
            f"The arguments are the streams ({', '.join(layout.streams)}), the table of kept values, cells\n"
            "for sums, and the numbers of matrices, rows and columns. `noalias` lets LLVM vectorise the\n"
            "loop. The whole module is [sgd_momentum.ll](../tests/formula/golden/sgd_momentum.ll).",
            elements,
            "llvm",
        ),
    ]
    return "\n".join(sections)


def _section(title, text, block, language=""):
    return f"## {title}\n\n{text}\n\n```{language}\n{block.strip(NEWLINE)}\n```\n"


def _name(value):
    return f"%{value.index}" if isinstance(value, Symbol) else repr(value)


def _node(node):
    if node.operation in ("tensor", "scalar", "setting"):
        told = f"{node.operation} {node.arguments[0]}"
    else:
        told = f"{node.operation} {', '.join(map(_name, node.arguments))}"
    return f"{_name(node):>3} = {told:<30} {node.extent.name.lower()}"


def _step(step):
    names = ", ".join
    if isinstance(step, Preparation):
        return f"preparation: keep {names(map(_name, step.stored)) or 'nothing'}"
    results = names(f"{name} = {_name(value)}" for name, value in step.results)
    nodes, used = names(map(_name, step.nodes)), names(map(_name, step.used))
    return f"sweep: compute {nodes} with {used}; write {results}"


def main():
    """Write both files."""
    PAGE.write_text(page(), encoding="utf8")
    GOLDEN.write_text(golden(), encoding="utf8")


if __name__ == "__main__":
    main()
