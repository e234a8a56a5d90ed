"""What a formula may use: a mistake is refused where the optimizer is defined, by name and place."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy
import pytest
import torch

from surefoot import formula as f
from surefoot.formula import names
from surefoot.formula.trace import Extent, FormulaError, trace


def define(update, **declarations):
    body = {"update": staticmethod(update), "lr": f.learning_rate(0.1, None), **declarations}
    return type("Broken", (f.Optimizer,), {"__doc__": "A broken optimizer.", **body})


BROKEN = {
    "`.tanh`": lambda p, g, s, h: p - h.lr * g.tanh(),
    "`torch.tanh`": lambda p, g, s, h: p - h.lr * torch.tanh(g),
    "`numpy.tanh`": lambda p, g, s, h: p - h.lr * numpy.tanh(g),
    "math module": lambda p, g, s, h: p - h.lr * math.sqrt(g),
    "`if`": lambda p, g, s, h: p - h.lr * g if g > 0 else p,
    "operators": lambda p, g, s, h: p - h.lr * (g % 2),
    "iteration": lambda p, g, s, h: p - sum(h.lr),
    "a str": lambda p, g, s, h: p - "g",
    "a Tensor": lambda p, g, s, h: torch.ones(3),
    "a NoneType as the new parameter": lambda p, g, s, h: None,
    "`velocity` is not declared": lambda p, g, s, h: p - s.velocity,
    "`learning_rate` is not declared": lambda p, g, s, h: p - h.learning_rate * g,
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_the_language_lacks_is_refused_at_definition(what):
    with pytest.raises(FormulaError) as error:
        define(BROKEN[what])
    assert what in str(error.value)
    assert __file__ in str(error.value)
    assert f":{BROKEN[what].__code__.co_firstlineno}:" in str(error.value)


def test_a_mistake_behind_a_flag_is_found_too():
    def update(p, g, s, h):
        if h.centered:
            return p - h.lr * g.tanh()
        return p - h.lr * g

    with pytest.raises(FormulaError, match="tanh"):
        define(update, centered=f.flag(False, "off by default"))


def test_assigning_undeclared_state_is_refused():
    def update(p, g, s, h):
        s.velocity = g
        return p - h.lr * g

    with pytest.raises(FormulaError, match="`velocity` is not declared"):
        define(update)


def traced(update, tensors=("m",), scalars=("step",), settings=None):
    return trace(
        update,
        tensors=dict.fromkeys(tensors, Extent.ELEMENT),
        scalars=scalars,
        absent=(),
        settings={"lr": 0.1, "beta": 0.9, "decay": 0.0} | (settings or {}),
    )


def test_expressions_without_tensors_are_scalar_and_equal_ones_are_one_node():
    def update(p, g, s, h):
        s.m = s.m + (1 - h.beta) * (g - s.m)
        return p - h.lr / (1 - h.beta**s.step) * s.m / (1 - h.beta**s.step)

    nodes = traced(update).nodes
    assert [n.extent == Extent.ELEMENT for n in nodes if n.operation == "power"] == [False]
    assert sum(n.operation == "subtract" and n.extent != Extent.ELEMENT for n in nodes) == 2


def test_a_zero_setting_is_the_number_zero():
    def update(p, g, s, h):
        assert h.decay == 0
        if h.decay:
            raise AssertionError
        return p - h.lr * g if h.lr != 0 else p

    names = [n.arguments[0] for n in traced(update).nodes if n.operation == "setting"]
    assert "decay" not in names


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_functions_on_tensors_and_numbers(dtype):
    x = torch.tensor([-2.0, 0.0, 3.0, math.nan], dtype=dtype)
    assert f.sign(x).tolist()[:3] == [-1, 0, 1]
    assert f.sign(-2.5) == -1
    assert f.maximum(x, 1).dtype == dtype
    assert f.maximum(x, 1.0).tolist()[:3] == [1, 1, 3]
    assert math.isnan(f.maximum(x, 1.0)[3])
    assert f.minimum(2.0, 1) == 1
    assert math.isnan(f.minimum(math.nan, 1.0))
    assert f.where(x > 0, x, 7.0).tolist()[:3] == [7, 7, 3]
    assert f.where(x > 0, 0.1, 0.2).dtype == torch.float64
    assert f.where(True, 1, 2) == 1
    assert f.sqrt(4.0) == 2
    assert names.Names({"a": 1}).a == 1


def test_without_llvmlite_the_eager_backend_runs_with_one_log_line():
    code = """
import sys, logging
sys.modules["llvmlite"] = None
logging.basicConfig(format="%(name)s: %(message)s")
import torch
from surefoot import optim
p = torch.nn.Parameter(torch.ones(3))
p.grad = torch.ones(3)
for _ in range(3):
    optimizer = optim.Adam([p], lr=0.5)
    optimizer.step()
assert torch.allclose(p, torch.full((3,), -0.5)), p
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.count("surefoot: surefoot.optim runs its eager backend") == 1


def test_importing_optim_is_light():
    code = "import sys; from surefoot import optim; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {
        "matplotlib",
        "sqlalchemy",
        "rich",
        "click",
        "jinja2",
        "scipy",
        "sklearn",
        "llvmlite",
    }
