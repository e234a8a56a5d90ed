"""`torch.compile(optimizer.step)` gives what torch gives without it."""

from __future__ import annotations

import os
import shutil

import pytest
import torch

from tests.optim.configurations import (
    NAMES,
    closure,
    distance,
    for_loop,
    gradients_for,
    named,
    pair,
    parameters,
)

SHAPES = [(7, 5), (3, 4)]


def compiled_and_not(name, backend, dtype=torch.float64):
    """Parameters trained by torch uncompiled, and by ours compiled."""
    theirs, ours = pair(name)
    expected, found = parameters(dtype, SHAPES), parameters(dtype, SHAPES)
    settings = {"max_iter": 3} if name == "LBFGS" else {"lr": 0.01}
    torch._dynamo.reset()
    for make, params in ((theirs, expected), (ours, found)):
        optimizer = make(params, **(for_loop(name, settings) if make is theirs else settings))
        take_step = torch.compile(optimizer.step, backend=backend) if make is ours else optimizer.step
        generator = torch.Generator().manual_seed(2)
        for _ in range(2 if name == "LBFGS" else 4):
            if name == "LBFGS":
                take_step(closure(optimizer, params))
            else:
                gradients_for(name)(params, generator)
                take_step()
    return expected, found


@pytest.mark.slow
@pytest.mark.parametrize("name", named(NAMES))
def test_a_compiled_step_equals_torch(name):
    assert distance(*reversed(compiled_and_not(name, "eager"))) <= 1e-9


def test_a_compiled_step_equals_torch_in_the_graphs_of_autograd():
    assert distance(*reversed(compiled_and_not("Adam", "aot_eager"))) <= 1e-9


@pytest.mark.slow
@pytest.mark.skipif(
    not (shutil.which(os.environ.get("CXX", "g++")) or shutil.which("clang++")), reason="no C++ compiler"
)
def test_a_step_compiled_to_machine_code_equals_torch():
    assert distance(*reversed(compiled_and_not("Adam", "inductor", torch.float32))) <= 1e-6
