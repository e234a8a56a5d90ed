"""A model sharded with FSDP2 is stepped eagerly, the plain one by a kernel: both round alike."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from tests.ecosystem.training import pair
from tests.ecosystem.two_processes import NEEDS_GLOO

pytestmark = NEEDS_GLOO

SETTINGS = {
    "Adam": {},
    "AdamW": {"weight_decay": 0.1},
    "NAdam": {},
    "RAdam": {},
    "Adamax": {},
    "SGD": {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01},
    "ASGD": {},
}


@pytest.fixture(scope="module", autouse=True)
def _one_process(tmp_path_factory):
    meeting = tmp_path_factory.mktemp("one_process") / "meeting"
    torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def whole(value: Tensor) -> Tensor:
    return value.full_tensor() if isinstance(value, torch.distributed.tensor.DTensor) else value


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", SETTINGS)
def test_sharded_and_plain_states_agree(name, seed):
    from torch.distributed.fsdp import fully_shard

    torch.manual_seed(seed)
    plain = nn.Sequential(nn.Linear(90, 40), nn.Tanh(), nn.Linear(40, 25))
    sharded = copy.deepcopy(plain)
    fully_shard(sharded)
    _, ours = pair(name)
    optimizers = [ours(m.parameters(), **{"lr": 1e-3} | SETTINGS[name]) for m in (plain, sharded)]
    for _ in range(2):
        batch = torch.rand(12, 90)
        for model, optimizer in zip((plain, sharded), optimizers, strict=True):
            optimizer.zero_grad()
            model(batch).sum().backward()
            optimizer.step()
    for p, q in zip(plain.parameters(), sharded.parameters(), strict=True):
        torch.testing.assert_close(whole(q), p, rtol=1e-5, atol=1e-8)
        found, expected = optimizers[1].state[q], optimizers[0].state[p]
        for key, value in expected.items():
            torch.testing.assert_close(whole(found[key]), value, rtol=1e-5, atol=1e-8)
