"""Run a function in two processes that form a gloo group; share batches and parameters between them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor

from tests.ecosystem.training import batches

SIZE = 2
LIMIT = 120.0  # seconds
NEEDS_GLOO = pytest.mark.skipif(not (dist.is_available() and dist.is_gloo_available()), reason="needs gloo")


def in_two_processes(function: Callable[..., Any], folder: Path, *arguments: Any) -> list[Any]:
    """What `function(*arguments)` returns on each rank; an exception there is raised here.

    The processes meet in a file of `folder`, so no port can be taken.
    """
    context = mp.spawn(_work, (function, folder, arguments), nprocs=SIZE, join=False)
    deadline = time.monotonic() + LIMIT
    try:
        while not context.join(timeout=1.0):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{function.__name__} did not end within {LIMIT:.0f} s")
    finally:
        for process in context.processes:
            process.kill()
    return [torch.load(folder / f"rank{rank}.pt") for rank in range(SIZE)]


def _work(rank: int, function: Callable[..., Any], folder: Path, arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder / 'meeting'}",
        rank=rank,
        world_size=SIZE,
        timeout=timedelta(seconds=LIMIT / 2),
    )
    torch.save(function(*arguments), folder / f"rank{rank}.pt")
    dist.destroy_process_group()


def own_batches(count: int) -> list[tuple[Tensor, Tensor]]:
    """This rank's share of every batch."""
    return [(x.chunk(SIZE)[dist.get_rank()], y.chunk(SIZE)[dist.get_rank()]) for x, y in batches(count)]


def sharded(model: torch.nn.Module) -> torch.nn.Module:
    """The model under FSDP2."""
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor import DTensor

    mesh = dist.device_mesh.init_device_mesh("cpu", (SIZE,))
    for layer in [*model.children(), model]:
        if list(layer.parameters()):
            fully_shard(layer, mesh=mesh)
    assert all(isinstance(p, DTensor) for p in model.parameters())
    return model


def full_values(model: torch.nn.Module) -> list[Tensor]:
    """Whole parameters, gathered from the ranks where they are sharded."""
    return [
        p.detach().full_tensor() if hasattr(p, "full_tensor") else p.detach().clone()
        for p in model.parameters()
    ]
