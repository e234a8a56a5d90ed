"""Rounding: no farther from the trajectory in double precision than torch."""

from __future__ import annotations

import math

import pytest
import torch

from surefoot import optim
from tests.optim.configurations import CASES, NOT_COMPLEX, every_case, named, parameters
from tests.optim.measures import errors


@every_case
def test_float32_is_as_near_to_the_truth_as_torch(name, settings):
    theirs, ours = errors(name, settings, torch.float32, 100)
    # Muon multiplies in bfloat16 in every precision: torch's float32 and float64 round those products alike,
    # while ours may be summed in another order.
    assert ours <= (3 if name == "Muon" else 1.5) * theirs + 1e-9


@pytest.mark.parametrize(("name", "settings"), named(c for c in CASES if c[0] not in NOT_COMPLEX))
def test_complex64_is_as_near_to_the_truth_as_torch(name, settings):
    theirs, ours = errors(name, settings, torch.complex64, 10)
    assert ours <= 1.5 * theirs + 1e-9


# Where a line search ends in low precision is chance.
@pytest.mark.parametrize(("name", "settings"), named(c for c in CASES if c[0] != "LBFGS"))
def test_low_precision_is_no_worse_than_torch(name, settings):
    for dtype in (torch.bfloat16, torch.float16):
        theirs, *ours = errors(name, settings, dtype, 10, ("auto", "eager"))
        if math.isnan(theirs):  # torch loses eps in float16 and divides by zero
            theirs = 0.01
        # 1.2: where the two round is not the same, so their errors are two draws from one distribution
        assert max(ours) <= 1.2 * theirs + 1e-6


def test_nan_stays_nan():
    only_signs = {"Lion", "Rprop"}
    for name in optim.OPTIMIZERS.keys() - {"LBFGS", "RandomSearch", "SparseAdam"} - only_signs:
        params = parameters(torch.float32, [(17, 3)])
        params[0].grad = torch.full((17, 3), torch.nan)
        optim.OPTIMIZERS[name](params).step()
        assert params[0].isnan().all(), name
