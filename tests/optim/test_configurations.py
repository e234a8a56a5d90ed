"""The matrix of configurations is the one that torch tests its own optimizers with, complete."""

from __future__ import annotations

import pytest
import torch

from surefoot import optim
from tests.optim.configurations import CASES, NAMES, NOT_COMPLEX, UPSTREAM


def test_every_configuration_that_torch_tests_is_tested_here():
    common = pytest.importorskip("torch.testing._internal.common_optimizers")
    theirs = {info.optim_cls.__name__: len(info.optim_inputs_func(device="cpu")) for info in common.optim_db}
    for name, count in theirs.items():
        assert sum(case[0] == name for case in CASES[: len(UPSTREAM)]) == count
    assert {info.optim_cls.__name__ for info in common.optim_db if not info.supports_complex} == NOT_COMPLEX
    if torch.__version__.startswith("2.13."):
        assert len(UPSTREAM) == 91


def test_every_optimizer_of_torch_is_here_and_tested():
    theirs = {
        name
        for name, value in vars(torch.optim).items()
        if isinstance(value, type) and issubclass(value, torch.optim.Optimizer)
    } - {"Optimizer"}
    assert theirs <= optim.OPTIMIZERS.keys()
    assert set(NAMES) == theirs
