"""Double precision: trajectories and state equal those of torch's for-loop, in every configuration."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from surefoot import formula, optim
from surefoot.formula import eager
from tests.optim.configurations import (
    CASES,
    NAMES,
    NOT_COMPLEX,
    distance,
    named,
    pair,
    parameters,
    run,
    takes,
)
from tests.optim.measures import beside_torch, tolerance

SCRATCH = {"al"}  # room that torch's LBFGS works in; it holds nothing from one step to the next


def assert_equal_states(found, ours, expected, theirs):
    rtol = 10 * tolerance(type(ours).__name__)
    for a, b in zip(found, expected, strict=True):
        state, reference = ours.state.get(a, {}), theirs.state.get(b, {})
        assert state.keys() - SCRATCH == reference.keys() - SCRATCH
        for key in state.keys() - SCRATCH:
            value, wanted = state[key], reference[key]
            if type(ours).__name__ != "LBFGS":  # which keeps its step size as lr came: int, float or tensor
                assert type(value) is type(wanted), key
            if isinstance(value, Tensor) and isinstance(wanted, Tensor):
                assert value.dtype == wanted.dtype, key
            several = isinstance(wanted, list)
            for x, y in zip(value if several else [value], wanted if several else [wanted], strict=True):
                torch.testing.assert_close(
                    torch.as_tensor(x),
                    torch.as_tensor(y),
                    rtol=rtol,
                    atol=rtol / 100,
                    check_dtype=False,
                    check_stride=False,
                )


@pytest.mark.parametrize(("name", "settings"), named(CASES))
def test_float64_equals_torch(name, settings):
    for found, optimizer, expected, reference in beside_torch(name, settings):
        assert distance(found, expected) <= tolerance(name)
        assert_equal_states(found, optimizer, expected, reference)
        assert optimizer.param_groups[0].keys() == reference.param_groups[0].keys()


@pytest.mark.parametrize(("name", "settings"), named(c for c in CASES if takes(c[0], "maximize")))
def test_the_other_direction_equals_torch(name, settings):
    settings = settings | {"maximize": not settings.get("maximize", False)}
    for found, _, expected, _ in beside_torch(name, settings, steps=10, backends=["auto"]):
        assert distance(found, expected) <= tolerance(name)


@pytest.mark.parametrize(("name", "settings"), named(c for c in CASES if c[0] not in NOT_COMPLEX))
def test_complex128_equals_torch(name, settings):
    runs = beside_torch(name, settings, torch.complex128, steps=20, backends=["auto"])
    for found, optimizer, expected, reference in runs:
        assert distance(found, expected) <= tolerance(name)
        assert_equal_states(found, optimizer, expected, reference)


def test_sgd_without_momentum_has_no_state():
    for make in pair("SGD"):
        assert run(make, {}, parameters(), 2).state_dict()["state"] == {}


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("LBFGS", "Muon", "SparseAdam")])
def test_the_fused_path_is_the_default(name, monkeypatch):
    def refuse(*arguments, **keywords):
        raise AssertionError("the eager backend was called")

    monkeypatch.setattr(eager, "step", refuse)
    run(optim.OPTIMIZERS[name], {}, parameters(torch.float32), steps=3)


def test_a_backend_must_exist():
    with pytest.raises(ValueError, match="unknown backend 'gpu'"), formula.backend("gpu"):
        pass
