"""What is refused, and that it is refused in torch's words."""

from __future__ import annotations

import functools
import re
import warnings

import pytest
import torch

from surefoot import optim
from tests.optim.configurations import (
    identify,
    named,
    optim_db,
    pair,
    parameters,
)

ERRORS = [
    (info.optim_cls.__name__, number)
    for info in optim_db
    for number in range(len(info.optim_error_inputs_func(device="cpu", dtype=torch.float64)))
]


def refusal(make, given, on_step):
    """The type and text of the error, or of the warning, of the constructor or else of the first step."""
    params = given.params if given.params is not None else parameters(shapes=[(2, 3)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if on_step:
            refused = make(params, **given.kwargs).step
        else:
            refused = functools.partial(make, params, **given.kwargs)
        with pytest.raises(Exception) as error:  # noqa: PT011 - the test compares it
            refused()
    return error.type, str(error.value)


@pytest.mark.parametrize(("name", "number"), named(ERRORS))
def test_what_torch_refuses_is_refused_in_its_words(name, number):
    info = next(info for info in optim_db if info.optim_cls.__name__ == name)
    case = info.optim_error_inputs_func(device="cpu", dtype=torch.float64)[number]
    on_step = case.error_on.name == "STEP_ERROR"
    found, expected = (refusal(make, case.optimizer_error_input, on_step) for make in reversed(pair(name)))
    assert issubclass(found[0], case.error_type)
    assert re.search(case.error_regex, found[1])
    assert found == expected


BAD = [
    ("SGD", {"lr": -0.5}), ("SGD", {"momentum": -0.5}), ("SGD", {"weight_decay": -1}),
    ("SGD", {"nesterov": True}), ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}),
    ("SGD", {"fused": True, "foreach": True}), ("SGD", {"lr": torch.tensor([1.0, 2.0])}),
    ("ASGD", {"lr": -1}), ("ASGD", {"weight_decay": -0.5}),
    ("Adagrad", {"lr_decay": -0.5}), ("Adagrad", {"initial_accumulator_value": -1}), ("Adagrad", {"eps": -1}),
    ("Adadelta", {"rho": 1.1}), ("Adadelta", {"eps": -1}),
    ("RMSprop", {"momentum": -1.0}), ("RMSprop", {"alpha": -1.0}), ("RMSprop", {"eps": -1.0}),
    ("Adam", {"betas": (1.0, 0.0)}), ("Adam", {"betas": (0.9, -0.1)}), ("Adam", {"eps": -1e-8}),
    ("Adam", {"weight_decay": -1}), ("Adam", {"lr": torch.tensor(0.1), "foreach": True}),
    ("AdamW", {"betas": (1.0, 0.0)}), ("Adamax", {"betas": (0.0, 1.0)}), ("Adamax", {"lr": -1}),
    ("Rprop", {"etas": (1.0, 0.5)}), ("Rprop", {"lr": -1}),
    ("SparseAdam", {"betas": (1.0, 0.0)}), ("SparseAdam", {"lr": 0.0}), ("SparseAdam", {"eps": 0.0}),
    ("LBFGS", {"lr": -1}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "settings"), BAD, ids=identify)
def test_errors_are_those_of_torch(name, settings):
    theirs, ours = pair(name)
    with pytest.raises((ValueError, RuntimeError)) as expected:
        theirs(parameters(), **settings)
    with pytest.raises(expected.type) as found:
        ours(parameters(), **settings)
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize("params", [[], torch.zeros(3), [1, 2], [{"params": torch.zeros(2)}, {"params": 3}]])
def test_bad_parameters_raise_as_in_torch(params):
    with pytest.raises((TypeError, ValueError)) as expected:
        torch.optim.Adam(params)
    with pytest.raises(expected.type):
        optim.Adam(params)


def test_misspelt_options_are_refused():
    with pytest.raises(TypeError, match="did you mean 'weight_decay'"):
        optim.Adam(parameters(), weight_decey=0.1)
    with pytest.raises(ValueError, match="did you mean 'weight_decay'"):
        optim.Adam([{"params": parameters(), "weigth_decay": 0.1}])
    with pytest.raises(ValueError, match="Invalid learning rate: -1"):
        optim.Adam([{"params": parameters(), "lr": -1}])
    assert optim.Adam([{"params": parameters(), "name": "all"}]).param_groups[0]["name"] == "all"


@pytest.mark.parametrize("name", ["Adam", "Muon", "SGD"])
def test_a_complex_gradient_of_a_real_parameter_is_refused_before_anything_changes(name):
    first, second = (torch.nn.Parameter(torch.ones(2, 2)) for _ in range(2))
    second.grad_dtype = None
    first.grad, second.grad = torch.ones(2, 2), torch.ones(2, 2, dtype=torch.complex64)
    optimizer = getattr(optim, name)([first, second])
    with pytest.raises(RuntimeError, match="can't be cast"):
        optimizer.step()
    assert bool((first == 1).all())
    assert not optimizer.state[first].get("step")
