"""Gradients that are not finite, or nearly so: nan and inf go where torch's for-loop puts them."""

from __future__ import annotations

import math

import pytest
import torch

from surefoot import formula
from tests.optim.configurations import NAMES, for_loop, named, pair

NAMES_HERE = [name for name in NAMES if name not in ("LBFGS", "Muon", "SparseAdam")]
SETTINGS = {
    "Adam": [{}, {"amsgrad": True, "weight_decay": 0.1}],
    "RMSprop": [{}, {"centered": True, "momentum": 0.9}],
    "SGD": [{"lr": 0.1}, {"lr": 0.1, "momentum": 0.9, "nesterov": True}],
    "Adafactor": [{}, {"weight_decay": 0.1, "d": 2.0}],
}
CASES = [(name, settings) for name in NAMES_HERE for settings in SETTINGS.get(name, [{}])]
SHAPES = [(), (1,), (7,), (3, 5), (1, 4), (2, 3, 4)]
# What is put into a gradient: (place among the flattened elements, value).
BAD = {
    "nan": [(0, math.nan)],
    "inf": [(1, math.inf)],
    "minus inf": [(-1, -math.inf)],
    "both infinities": [(0, math.inf), (2, -math.inf)],
    "several": [(0, math.nan), (3, math.inf), (-1, math.nan)],
    "denormal and zero": [(0, 1e-41), (1, 0.0), (2, -0.0)],
    "large": [(0, 1e15), (-1, -1e15)],
    "huge": [(0, 1e30), (-1, -3e38)],
}


def gradient(shape, dtype, bad, generator):
    flat = torch.randn(math.prod(shape), generator=generator, dtype=torch.float64)
    for place, value in bad:
        flat[place % len(flat)] = value
    return flat.view(shape).to(dtype)


def train(make, settings, dtype, bad):
    """Three steps, the second one with a bad gradient; parameters and states."""
    generator = torch.Generator().manual_seed(4)
    params = [torch.nn.Parameter(gradient(shape, dtype, [], generator)) for shape in SHAPES]
    optimizer = make(params, **settings)
    for step in range(3):
        for p in params:
            p.grad = gradient(p.shape, dtype, bad if step == 1 else [], generator)
        optimizer.step()
    kept = [optimizer.state.get(p, {}) for p in params]
    return [{"p": p.detach()} | state for p, state in zip(params, kept, strict=True)]


def where_not_finite(value):
    value = torch.as_tensor(value)
    return torch.stack([value.isnan(), value.isposinf(), value.isneginf()])


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("name", "settings"), named(CASES))
def test_nan_and_inf_are_where_torch_has_them(name, settings, dtype, bad):
    theirs, ours = pair(name)
    expected = train(theirs, for_loop(name, settings), dtype, bad)
    for backend in ("auto", "eager"):
        with formula.backend(backend):
            found = train(ours, settings, dtype, bad)
        for shape, reference, values in zip(SHAPES, expected, found, strict=True):
            for key, value in reference.items():
                same = where_not_finite(values[key]) == where_not_finite(value)
                assert same.all(), (backend, shape, key, values[key], value)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("bad", [[(2, math.nan)], [(0, math.inf), (5, math.nan)]], ids=str)
def test_one_nan_of_a_vector_leaves_adafactor_its_other_elements(bad, dtype):
    theirs, ours = pair("Adafactor")
    expected, found = (train(make, {"lr": 0.05}, dtype, bad)[2]["p"] for make in (theirs, ours))
    torch.testing.assert_close(found, expected, equal_nan=True, rtol=1e-5, atol=1e-6)
    assert 0 < found.isfinite().sum() < 7


def test_a_parameter_with_a_nan_counts_as_one_of_the_least_size():
    theirs, ours = pair("Adafactor")
    results = []
    for make in (theirs, ours):
        p = torch.nn.Parameter(torch.tensor([math.nan, 2.0, -3.0, 0.5], dtype=torch.float64))
        optimizer = make([p], lr=0.1)
        for step in range(3):
            p.grad = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64) * (step + 1)
            optimizer.step()
        results.append(p.detach())
    torch.testing.assert_close(results[1], results[0], equal_nan=True, rtol=1e-12, atol=0)
    assert results[1].isnan().tolist() == [True, False, False, False]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_sparse_adam_has_nan_on_the_rows_where_torch_has(value):
    results = []
    for make in pair("SparseAdam"):
        p = torch.nn.Parameter(torch.linspace(-1, 1, 15).view(5, 3))
        optimizer = make([p])
        for rows in ([0, 3], [3, 4]):
            values = torch.ones(2, 3)
            values[0, 1] = value if rows[0] == 3 else 1
            p.grad = torch.sparse_coo_tensor(torch.tensor([rows]), values, p.shape, check_invariants=False)
            optimizer.step()
        results.append([where_not_finite(p), *map(where_not_finite, optimizer.state[p].values())])
    torch.testing.assert_close(results[1], results[0])


def test_one_matrix_with_a_nan_leaves_the_others_of_its_stack_alone():
    results = []
    for make in pair("Muon"):
        generator = torch.Generator().manual_seed(0)
        params = [torch.nn.Parameter(torch.randn(4, 3, generator=generator)) for _ in range(3)]
        for p in params:
            p.grad = torch.randn(4, 3, generator=generator)
        params[1].grad[2, 1] = math.nan
        make(params, lr=0.1).step()
        results.append([p.isnan() for p in params])
    torch.testing.assert_close(results[1], results[0])
    assert [bool(mask.any()) for mask in results[1]] == [False, True, False]
