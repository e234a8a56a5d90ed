"""Muon's stacks: parameters that repeat, alias or differ are stepped as torch steps them, in turn."""

from __future__ import annotations

import copy

import pytest
import torch

from surefoot import optim
from surefoot.optim import muon
from tests.optim.configurations import pair


@pytest.fixture(params=[True, False], ids=["one by one", "as stacks"])
def _each_processor(request, monkeypatch):
    """With and without instructions for bfloat16, which decides whether matrices are multiplied as stacks."""
    monkeypatch.setattr(muon, "HAS_BFLOAT16", request.param)


def matrices(*shapes, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator).to(dtype) for shape in shapes]


def parameters(*shapes, **how):
    return [torch.nn.Parameter(m) for m in matrices(*shapes, **how)]


def repeated(**how):
    a, b = parameters((4, 3), (4, 3), **how)
    return [a, b, a], [a, b]


def tied_in_turn(**how):
    a, b, c = parameters((3, 5), (5, 3), (3, 5), **how)
    return [a, b, a, c, a], [a, b, c]


def same_memory(**how):
    a, b = parameters((4, 3), (4, 3), **how)
    return [a, torch.nn.Parameter(a.data), b], [a, b]


def transposed_memory(**how):
    a = parameters((4, 4), **how)[0]
    return [a, torch.nn.Parameter(a.data.t())], [a]


def overlapping_memory(**how):
    flat = matrices((24,), **how)[0]
    return [torch.nn.Parameter(flat[i : i + 12].view(3, 4)) for i in (0, 6, 12)], [flat]


def slices_of_one_buffer(**how):
    flat = matrices((36,), **how)[0]
    return [torch.nn.Parameter(flat[i : i + 12].view(3, 4)) for i in (0, 12, 24)], [flat]


SHARED = [repeated, tied_in_turn, same_memory, transposed_memory, overlapping_memory, slices_of_one_buffer]


@pytest.mark.usefixtures("_each_processor")
@pytest.mark.filterwarnings("ignore:optimizer contains a parameter group with duplicate parameters")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("make_params", SHARED)
def test_parameters_that_share_memory_equal_torch(make_params, dtype):
    results = []
    for make in pair("Muon"):
        params, kept = make_params(dtype=dtype)
        optimizer = make(params, lr=0.1, weight_decay=0.2)
        for step in range(3):
            gradients = matrices(*(p.shape for p in params), seed=step, dtype=dtype)
            for p, g in zip(params, gradients, strict=True):
                p.grad = g
            optimizer.step()
        results.append([t.detach() for t in kept])
    close = 1e-12 if dtype == torch.float64 else 3e-2  # products in bfloat16, summed in another order
    torch.testing.assert_close(results[1], results[0], rtol=close, atol=close)


@pytest.mark.usefixtures("_each_processor")
def test_one_gradient_for_two_parameters_and_none_for_others():
    results = []
    for make in pair("Muon"):
        params = parameters((4, 3), (4, 3), (4, 3), (2, 5))
        optimizer = make(params, lr=0.1)
        for step in range(4):
            params[0].grad = params[2].grad = matrices((4, 3), seed=step)[0]
            params[1].grad = None if step % 2 else matrices((4, 3), seed=10 + step)[0]
            optimizer.step()
        assert set(optimizer.state) == set(params[:3])
        results.append([p.detach() for p in params])
    torch.testing.assert_close(results[1], results[0], rtol=3e-2, atol=3e-2)
    torch.testing.assert_close(results[1][3], matrices((4, 3), (4, 3), (4, 3), (2, 5))[3])


@pytest.mark.usefixtures("_each_processor")
@pytest.mark.parametrize("which", ["own", "of another"])
def test_a_gradient_that_lies_in_a_parameter(which):
    results = []
    for make in pair("Muon"):
        a, b = parameters((4, 4), (4, 4))
        optimizer = make([a, b], lr=0.1)
        a.grad, b.grad = (a.data, b.data) if which == "own" else (matrices((4, 4), seed=3)[0], a.data)
        for _ in range(2):
            optimizer.step()
        results.append([a.detach(), b.detach()])
    torch.testing.assert_close(results[1], results[0], rtol=3e-2, atol=3e-2)


CHANGES = {
    "double": lambda s: s.double(),
    "low": lambda s: s.bfloat16(),
    "fewer rows": lambda s: s[:2].clone(),
    "one row": lambda s: s[:1].clone(),
    "freed": lambda s: torch.empty(0),
    "transposed": lambda s: s.t().contiguous().t(),
    "zeros": torch.zeros_like,
}


@pytest.mark.usefixtures("_each_processor")
@pytest.mark.parametrize("everywhere", [True, False])
@pytest.mark.parametrize("change", CHANGES)
def test_momentum_whose_data_was_replaced(change, everywhere):
    """torch's result or its error; where torch refuses another precision, the momentum keeps it."""

    def train(make, changed):
        params = parameters((4, 3), (4, 3), (4, 3))
        optimizer = make(params, lr=0.1)
        for step in range(4):
            for i, p in enumerate(params):
                p.grad = matrices((4, 3), seed=10 * step + i)[0]
            optimizer.step()
            if step == 1:
                for state in list(optimizer.state.values())[: None if everywhere else 1]:
                    state["momentum_buffer"].data = changed(state["momentum_buffer"].data)
        return [p.detach() for p in params], optimizer.state[params[0]]["momentum_buffer"]

    theirs, ours = pair("Muon")
    if change in ("fewer rows", "one row", "freed"):
        for make in (theirs, ours):
            with pytest.raises(RuntimeError):
                train(make, CHANGES[change])
        return
    same_values = change in ("double", "low")
    expected, _ = train(theirs, copy.copy if same_values else CHANGES[change])
    found, momentum = train(ours, CHANGES[change])
    torch.testing.assert_close(found, expected, rtol=5e-2, atol=5e-2)
    assert momentum.dtype == {"double": torch.float64, "low": torch.bfloat16}.get(change, torch.float32)


def test_a_group_that_was_added_later():
    results = []
    for make in pair("Muon"):
        a, b, vector = *parameters((4, 3), (4, 3)), torch.nn.Parameter(torch.ones(4))
        optimizer = make([a], lr=0.1)
        a.grad = matrices((4, 3), seed=5)[0]
        optimizer.step()
        optimizer.add_param_group({"params": [b], "lr": 0.3, "weight_decay": 0.0})
        b.grad = matrices((4, 3), seed=6)[0]
        for _ in range(2):
            optimizer.step()
        optimizer.add_param_group({"params": [vector]})
        optimizer.step()  # without a gradient it is not looked at
        results.append([a.detach().clone(), b.detach().clone()])
        vector.grad = torch.ones(4)
        with pytest.raises(ValueError, match="Param gradient must be a 2D matrix"):
            optimizer.step()
    assert a.equal(results[1][0])  # torch steps what comes before the vector, ours refuses first
    assert b.equal(results[1][1])
    torch.testing.assert_close(results[1], results[0], rtol=3e-2, atol=3e-2)


def test_slices_of_one_buffer_are_still_one_stack(monkeypatch):
    monkeypatch.setattr(muon, "HAS_BFLOAT16", False)
    for make_params, stacks in ((slices_of_one_buffer, 1), (overlapping_memory, 3), (same_memory, 3)):
        params, _ = make_params()
        optimizer, seen = optim.Muon(params), []
        for p in params:
            p.grad = torch.ones_like(p)
        monkeypatch.setattr(optimizer, "_step_stack", lambda stack, *rest, seen=seen: seen.append(stack))
        optimizer.step()
        assert len(seen) == stacks
