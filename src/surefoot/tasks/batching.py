"""Training rows in batches, epoch after epoch: what tasks on a table of examples share."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor


def shuffled(rows: int, size: int, seed: int) -> Iterator[Tensor]:
    """Batches of `size` row numbers without end.

    Each epoch goes once through all rows, in a new order fixed by `seed`, and drops what fills no batch.
    """
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(rows, generator=generator)
        yield from order[: rows // size * size].view(-1, size)
