"""The constructor: what inspection and command lines see of it, and the forms that a setting may come in."""

from __future__ import annotations

import copy
import inspect
import typing
from collections.abc import Sequence

import numpy
import pytest
import torch

from surefoot import optim
from tests.optim.configurations import (
    NAMES,
    distance,
    every_optimizer,
    named,
    pair,
    parameters,
    run,
    shapes_for,
)


class Listing(Sequence):
    """A sequence that is neither a tuple nor a list, as a configuration library has it."""

    def __init__(self, *members):
        self.members = members

    def __getitem__(self, index):
        return self.members[index]

    def __len__(self):
        return len(self.members)


SEQUENCES = {
    "list": list,
    "sequence": lambda values: Listing(*values),
    "array": lambda values: numpy.array(values, dtype=numpy.float64),
    "numpy numbers": lambda values: tuple(map(numpy.float64, values)),
    "mixed": lambda values: [values[0], *map(numpy.float64, values[1:])],
}
TUPLES = [
    ("Adam", "betas", (0.7, 0.95)), ("AdamW", "betas", (0.85, 0.98)), ("NAdam", "betas", (0.8, 0.9)),
    ("RAdam", "betas", (0.5, 0.7)), ("Adamax", "betas", (0.6, 0.9)), ("SparseAdam", "betas", (0.8, 0.95)),
    ("Rprop", "etas", (0.4, 1.3)), ("Rprop", "step_sizes", (1e-4, 1.0)), ("Adafactor", "eps", (1e-6, 1e-2)),
    ("Muon", "ns_coefficients", (3.0, -4.0, 2.0)),
]  # fmt: skip
every_sequence = pytest.mark.parametrize("make", SEQUENCES.values(), ids=SEQUENCES)
every_tuple = pytest.mark.parametrize(("name", "setting", "values"), named(TUPLES))


def parameters_for(name):
    return parameters(shapes=shapes_for(name))


@every_sequence
@every_tuple
def test_a_sequence_becomes_a_tuple_wherever_it_comes_from(name, setting, values, make):
    ours = optim.OPTIMIZERS[name]
    first, second, third = (parameters_for(name) for _ in range(3))
    optimizer = ours(
        [{"params": first}, {"params": second, setting: make(values)}], **{setting: make(values)}
    )
    optimizer.add_param_group({"params": third, setting: make(values)})
    assert [type(group[setting]) for group in optimizer.param_groups] == [tuple] * 3
    assert [group[setting] for group in optimizer.param_groups] == [values] * 3
    assert optimizer.defaults[setting] == values
    state = optimizer.state_dict()
    for group in state["param_groups"]:
        group[setting] = make(values)
    optimizer.load_state_dict(copy.deepcopy(state))
    assert [type(group[setting]) for group in optimizer.param_groups] == [tuple] * 3


@every_sequence
@every_tuple
def test_a_sequence_steps_as_the_tuple_does(name, setting, values, make):
    expected, found = parameters_for(name), parameters_for(name)
    run(optim.OPTIMIZERS[name], {setting: values}, expected, 5)
    run(optim.OPTIMIZERS[name], {setting: make(values)}, found, 5)
    assert distance(found, expected) == 0


def test_a_list_of_the_user_s_is_not_shared():
    betas = [0.5, 0.9]
    optimizer = optim.Adamax(parameters(), betas=betas)
    betas[0] = 0.1
    assert optimizer.param_groups[0]["betas"] == (0.5, 0.9)


def test_omegaconf_s_lists_are_taken():
    omegaconf = pytest.importorskip("omegaconf")
    config = omegaconf.OmegaConf.create({"lr": 1e-3, "betas": [0.9, 0.95]})
    optimizer = optim.AdamW(parameters(), **config)
    assert optimizer.param_groups[0]["betas"] == (0.9, 0.95)


NUMBERS = [
    numpy.float32(0.05), numpy.float64(0.05), numpy.array(0.05), numpy.int64(1), True, torch.tensor(0.05),
]  # fmt: skip


@pytest.mark.parametrize("lr", NUMBERS, ids=repr)
@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("SparseAdam", "LBFGS")])
def test_a_number_of_any_kind_is_kept_and_stepped_as_torch_does(name, lr):
    theirs, ours = pair(name)
    expected, found = parameters_for(name), parameters_for(name)
    if name == "Rprop" and isinstance(lr, numpy.ndarray):
        return  # which torch refuses
    run(theirs, {"lr": lr}, expected, 3)
    optimizer = run(ours, {"lr": lr}, found, 3)
    assert type(optimizer.param_groups[0]["lr"]) is type(lr)
    single = isinstance(lr, numpy.float32 | torch.Tensor)  # with which torch calculates in that precision
    assert distance(found, expected) <= (1e-6 if single else 1e-12)


@pytest.mark.parametrize(
    ("name", "flag"), [("Adam", "amsgrad"), ("SGD", "nesterov"), ("RMSprop", "centered")]
)
@pytest.mark.parametrize("on", [1, numpy.bool_(True)], ids=repr)
def test_a_number_may_stand_for_a_flag(name, flag, on):
    theirs, ours = pair(name)
    expected, found = parameters(), parameters()
    more = {"momentum": 0.9} if name == "SGD" else {}
    run(theirs, {flag: True, "foreach": False, **more}, expected, 5)
    run(ours, {flag: on, **more}, found, 5)
    assert distance(found, expected) <= 1e-12


WRONG = [
    "0.9", "", (), (0.9,), [0.9], numpy.array([0.9]), None, 0.9, {0.5, 0.6}, iter((0.9, 0.99)), ("a", "b"),
    (0.9, "b"), range(2), (0.9, 1.0), [1.5, 0.9], (torch.tensor(0.5), 0.9), (0, 0.9),
    numpy.array([0.9, 0.99], dtype=numpy.float32), torch.tensor(0.9), (None, 0.9),
]  # fmt: skip


@pytest.mark.parametrize("betas", WRONG, ids=lambda value: repr(value).partition(" object at")[0])
@pytest.mark.parametrize("name", ["Adam", "AdamW", "Adamax", "NAdam", "RAdam", "SparseAdam"])
def test_what_torch_refuses_is_refused_in_its_words(name, betas):
    theirs, ours = pair(name)
    outcomes = []
    for make in (theirs, ours):
        try:
            make(parameters_for(name), betas=copy.copy(betas))
            outcomes.append("taken")
        except Exception as error:
            outcomes.append(f"{type(error).__name__}: {error}")
    assert outcomes[1] == outcomes[0]


def test_three_betas_fail_when_they_are_used_as_in_torch():
    for make in pair("NAdam"):
        p = torch.nn.Parameter(torch.ones(2))
        p.grad = torch.ones(2)
        optimizer = make([p], betas=(0.9, 0.99, 0.5))
        with pytest.raises(ValueError, match="too many values to unpack"):
            optimizer.step()


@pytest.mark.parametrize("name", sorted(optim.OPTIMIZERS))
def test_each_class_has_a_constructor_that_shows_its_arguments(name):
    cls = optim.OPTIMIZERS[name]
    assert "__init__" in vars(cls)
    assert inspect.getfullargspec(cls).args[:2] == ["self", "params"]
    signature = inspect.signature(cls.__init__)
    assert list(signature.parameters)[1:] == list(inspect.signature(cls).parameters)
    types = typing.get_type_hints(cls.__init__)
    assert {n for n in signature.parameters if n != "self"} == types.keys() - {"return"}
    assert inspect.signature(cls.__init__).return_annotation is None


@every_optimizer
def test_types_and_defaults_are_those_of_torch(name):
    theirs, ours = (inspect.signature(make).parameters for make in pair(name))
    for argument, parameter in ours.items():
        assert parameter.default == theirs[argument].default
        if (name, argument) != ("Muon", "lr"):  # torch's Muon takes a tensor, too, and does not say so
            assert parameter.annotation == theirs[argument].annotation, argument


@every_optimizer
def test_groups_have_torch_s_keys_in_torch_s_order(name):
    theirs, ours = (list(make(parameters_for(name)).param_groups[0]) for make in pair(name))
    assert ours == theirs


@every_optimizer
def test_arguments_go_by_place_as_in_torch(name):
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    theirs, ours = pair(name)
    values = [p.default for p in inspect.signature(theirs).parameters.values() if p.kind is kind][1:]
    values[0] = 0.01
    expected, found = (make(parameters_for(name), *values).param_groups[0] for make in (theirs, ours))
    assert all(found[key] == expected[key] for key in expected if key != "params")
    for make in (theirs, ours):
        with pytest.raises(TypeError, match="argument"):
            make(parameters_for(name), *values, *[None] * 8)


def test_unknown_arguments_are_told_with_the_nearest_one():
    with pytest.raises(
        TypeError, match="Adagrad: got an unexpected keyword argument 'lr_decy'; did you mean 'lr_decay'"
    ):
        optim.Adagrad(parameters(), lr_decy=0.1)
    with pytest.raises(TypeError, match="RMSprop: missing a required argument: 'params'"):
        optim.RMSprop(lr=0.1)
    with pytest.raises(TypeError, match="multiple values for argument 'lr'"):
        optim.RMSprop(parameters(), 0.1, lr=0.1)
