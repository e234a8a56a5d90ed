"""A step reads and writes memory by address: what moves is noticed, and autograd hears of what changed."""

from __future__ import annotations

import copy

import pytest
import torch

from surefoot import optim
from surefoot.formula import launch
from tests.optim.configurations import distance, parameters


def test_moving_storage_is_noticed():
    params, twin = parameters(), parameters()
    optimizer, reference = optim.Adam(params), optim.Adam(twin)
    generator, again = torch.Generator().manual_seed(3), torch.Generator().manual_seed(3)
    for step in range(6):
        for p in params:
            p.grad = torch.randn(p.shape, generator=generator, dtype=p.dtype)
        for p in twin:
            p.grad = torch.randn(p.shape, generator=again, dtype=p.dtype)
        if step == 2:
            params[0].data = params[0].data.clone()
        if step == 3:
            optimizer.state[params[1]]["exp_avg"] = optimizer.state[params[1]]["exp_avg"].clone()
        if step == 4:
            optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        optimizer.step()
        reference.step()
    assert distance(params, twin) == 0


CHANGES = {
    "cast": lambda p: p.data.bfloat16(),
    "widened": lambda p: p.data.double(),
    "smaller": lambda p: p.data[:2].clone(),
    "larger": lambda p: torch.cat([p.data, p.data]),
    "transposed": lambda p: p.data.t().contiguous().t(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_parameters_that_are_given_other_data_are_noticed(change):
    p = torch.nn.Parameter(torch.ones(6, 4))
    optimizer = optim.SGD([p], lr=0.5)
    for _ in range(2):
        p.grad = torch.ones_like(p)
        optimizer.step()
    p.grad = None
    p.data = CHANGES[change](p)
    p.grad = torch.ones_like(p)
    optimizer.step()
    torch.testing.assert_close(p.detach(), torch.full_like(p, -0.5).detach())


def test_autograd_notices_a_step():
    p = torch.nn.Parameter(torch.randn(3))
    p.grad = torch.ones(3)
    square = (p * p).sum()
    optim.SGD([p]).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        square.backward()


def test_large_work_on_threads_equals_the_same_on_one(monkeypatch):
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    large = torch.randn(7_000_001)
    results = []
    for count in (1, 3, 2):
        torch.set_num_threads(count)
        if count == 2:  # as where torch brings another OpenMP runtime
            monkeypatch.setattr(launch, "_team", lambda: None)
        p = torch.nn.Parameter(large.clone())
        p.grad = torch.sin(large)
        optimizer = optim.Adam([p, torch.nn.Parameter(torch.zeros(3))])
        optimizer.step()
        optimizer.step()
        results.append(p.detach().clone())
    torch.set_num_threads(threads)
    for result in results[1:]:
        torch.testing.assert_close(result, results[0], rtol=0, atol=0)
