"""Row-sparse gradients, where torch takes them, and its refusal where not."""

from __future__ import annotations

import copy

import pytest
import torch

from surefoot import optim
from surefoot.formula import eager
from tests.optim.configurations import (
    CASES,
    NAMES,
    contiguous,
    distance,
    for_loop,
    identify,
    pair,
    parameters,
    parameters_of_every_layout,
    run,
    set_sparse_gradients,
)

SPARSE = [
    (name, settings)
    for name, settings in CASES
    if name in ("SGD", "Adagrad", "SparseAdam") and not settings.get("weight_decay")
]


@pytest.mark.parametrize(("name", "settings"), SPARSE, ids=identify)
def test_sparse_gradients_equal_torch(name, settings):
    theirs, ours = pair(name)
    # SparseAdam stands for parameters that have rows.
    expected = contiguous(parameters_of_every_layout("SparseAdam"))
    found = parameters_of_every_layout("SparseAdam")
    reference = run(theirs, for_loop(name, settings), expected, 50, set_gradients=set_sparse_gradients)
    optimizer = run(ours, settings, found, 50, set_gradients=set_sparse_gradients)
    assert distance(found, expected) <= 1e-12
    for a, b in zip(found, expected, strict=True):
        for key, value in reference.state.get(b, {}).items():
            value = (
                value.to_dense() if isinstance(value, torch.Tensor) else value
            )  # torch's momentum is sparse
            torch.testing.assert_close(optimizer.state[a][key], value, rtol=1e-11, atol=1e-13)


def test_a_checkpoint_with_torchs_sparse_momentum_goes_on():
    theirs, ours = pair("SGD")
    (expected,) = parameters(shapes=[(20, 4)])
    reference = run(theirs, {"momentum": 0.9}, [expected], 3, set_gradients=set_sparse_gradients)
    found = torch.nn.Parameter(expected.detach().clone())
    optimizer = ours([found], momentum=0.9)
    optimizer.load_state_dict(copy.deepcopy(reference.state_dict()))
    for _ in range(3):
        set_sparse_gradients([expected], torch.Generator().manual_seed(4))
        found.grad = expected.grad.clone()
        reference.step()
        optimizer.step()
    assert distance([found], [expected]) <= 1e-12


LAZY = [n for n in NAMES if optim.OPTIMIZERS[n].sparse == "rows" and n not in ("Adagrad",)]
TOUCHED = [1, 4, 17]


@pytest.mark.parametrize("backend", ["auto", "eager"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", LAZY)
def test_touched_rows_are_stepped_as_if_they_were_alone(name, dtype, backend):
    (whole,) = parameters(dtype, [(20, 4)])
    alone = torch.nn.Parameter(whole.detach()[TOUCHED].clone())
    start = whole.detach().clone()
    settings = {"weight_decay": 0.0} if name == "AdamW" else {}

    def set_gradients(params, generator):
        values = torch.randn(len(TOUCHED), 4, generator=generator).to(dtype)
        if params[0] is alone:
            alone.grad = values
        else:  # out of order, and in two halves that add up
            rows = torch.tensor(TOUCHED[::-1] * 2)
            whole.grad = torch.sparse_coo_tensor(rows[None], (values.flip(0) / 2).repeat(2, 1), (20, 4))

    run(optim.OPTIMIZERS[name], settings, [alone], 20, backend, set_gradients)
    optimizer = run(optim.OPTIMIZERS[name], settings, [whole], 20, backend, set_gradients)
    torch.testing.assert_close(whole.detach()[TOUCHED], alone.detach(), rtol=0, atol=0)
    others = [row for row in range(20) if row not in TOUCHED]
    torch.testing.assert_close(whole.detach()[others], start[others], rtol=0, atol=0)
    assert optimizer.state[whole]


def test_the_kernel_serves_touched_rows(monkeypatch):
    def refuse(*arguments, **keywords):
        raise AssertionError("the eager backend was called")

    monkeypatch.setattr(eager, "step", refuse)
    for name in ("SparseAdam", "Adam", "Adagrad", "SGD"):
        params = parameters(torch.float32, [(20, 4), (30, 2, 3)])
        optimizer = run(optim.OPTIMIZERS[name], {}, params, 3, set_gradients=set_sparse_gradients)
        if name == "SparseAdam":
            assert optimizer.state[params[0]]["step"] == 3
    empty = torch.nn.Parameter(torch.ones(5, 2))
    empty.grad = torch.sparse_coo_tensor(torch.empty(1, 0, dtype=torch.int64), torch.empty(0, 2), (5, 2))
    optim.SGD([empty]).step()
    torch.testing.assert_close(empty.detach(), torch.ones(5, 2))


@pytest.mark.parametrize("name", ["Adafactor", "Muon"])
def test_sparse_gradients_are_refused_in_torchs_words(name):
    messages = []
    for make in pair(name):
        with pytest.raises(RuntimeError) as error:
            run(make, {}, parameters(shapes=[(20, 4)]), 1, set_gradients=set_sparse_gradients)
        messages.append(str(error.value))
    assert messages[0] == messages[1]


def test_what_sparse_gradients_do_not_go_with():
    def dense(params, generator):
        params[0].grad = torch.ones_like(params[0])

    with pytest.raises(RuntimeError, match="does not support dense gradients"):
        run(optim.SparseAdam, {}, parameters(), 1, set_gradients=dense)
    params, settings = parameters(shapes=[(20, 4)]), {"weight_decay": 0.1}
    with pytest.raises(RuntimeError, match="weight_decay option is not compatible"):
        run(optim.Adagrad, settings, params, 1, set_gradients=set_sparse_gradients)
