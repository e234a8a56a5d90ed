"""Data-parallel training on two processes: DDP, ZeroRedundancyOptimizer and FSDP2."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.ecosystem.training import OPTIMIZERS, TOLERANCE, distance, make_model, pair, train
from tests.ecosystem.two_processes import NEEDS_GLOO, full_values, in_two_processes, own_batches, sharded

pytestmark = NEEDS_GLOO


def under_ddp(name: str, make):
    model = torch.nn.parallel.DistributedDataParallel(make_model())
    return model, make(model.parameters(), **OPTIMIZERS[name])


def under_zero(name: str, make):
    from torch.distributed.optim import ZeroRedundancyOptimizer

    model = torch.nn.parallel.DistributedDataParallel(make_model())
    return model, ZeroRedundancyOptimizer(model.parameters(), optimizer_class=make, **OPTIMIZERS[name])


def under_fsdp(name: str, make):
    model = sharded(make_model())
    return model, make(model.parameters(), **OPTIMIZERS[name])


WRAPS = {"DDP": under_ddp, "ZeroRedundancyOptimizer": under_zero, "FSDP2": under_fsdp}


def train_everywhere() -> dict[tuple[str, str], tuple[list[Tensor], list[Tensor]]]:
    """What torch's class and ours arrive at, by wrapper and optimizer."""
    ends = {}
    for wrapper, wrap in WRAPS.items():
        for name in OPTIMIZERS:
            # These of torch have no step for sharded parameters, so DDP is the reference.
            instead = dict.fromkeys((torch.optim.Rprop, torch.optim.Adafactor), under_ddp)
            trained = []
            for make in pair(name):
                model, optimizer = instead.get(make, wrap)(name, make)
                train(model, optimizer, own_batches(6))
                trained.append(full_values(model))
            ends[wrapper, name] = tuple(trained)
    return ends


@pytest.mark.slow
def test_distributed_training_equals_torch(tmp_path):
    # One test, because starting the processes takes most of the time.
    ends, elsewhere = in_two_processes(train_everywhere, tmp_path)
    far = {case: distance(found, expected) for case, (expected, found) in ends.items()}
    assert {case: d for case, d in far.items() if d > TOLERANCE} == {}
    assert len(far) == len(WRAPS) * len(OPTIMIZERS)
    apart = {case: distance(found, elsewhere[case][1]) for case, (_, found) in ends.items()}
    assert {case: d for case, d in apart.items() if d > 0} == {}, "the ranks differ"
