"""Row-sparse gradients, where torch takes them, and its refusal where not."""

from __future__ import annotations

import copy

import pytest
import torch

from surefoot import optim
from tests.optim.configurations import (
    CASES,
    NAMES,
    contiguous,
    distance,
    for_loop,
    identify,
    marked,
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


@pytest.mark.xfail(strict=True, reason="a sparse momentum buffer is not made dense")
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


DENSE = [n for n in NAMES if n not in ("SGD", "Adagrad", "SparseAdam", "LBFGS")]


@pytest.mark.parametrize("name", marked(DENSE))
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
