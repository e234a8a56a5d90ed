"""Do `batches()` last for a training, follow their seed, and hold numbers?"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from surefoot.checks.findings import Finding, Mistake, asking, leaves
from surefoot.tasks import Task
from surefoot.training.random_state import seed_everything

COMPARED = 8
"""Batches that are held against those of another call."""

WALK_SECONDS = 3.0
"""Batches are looked at until the end of a training, or for so long."""


@dataclass
class Extreme:
    """The smallest and the largest whole number in one place of all batches, and a batch with each."""

    low: int
    high: int
    lowest: Any
    highest: Any


@dataclass
class Walk:
    """What was seen on the way through the batches of seed 0.

    Attributes:
        first: the first few.
        marks: what each of these held, as a hash.
        seen: how many there were.
        single: a batch with one row; None if there is none.
        extremes: by place in the batch, of whole numbers.
        broken: number, place and content of the first batch that holds nan or infinity, and the batch.
    """

    first: list[Any] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    seen: int = 0
    single: Any = None
    extremes: dict[str, Extreme] = field(default_factory=dict)
    broken: tuple[int, str, str, Any] | None = None

    def see(self, batch: Any) -> None:
        """One more batch."""
        self.seen += 1
        if len(self.first) < COMPARED:
            self.first.append(batch)
            self.marks.append(mark(batch))
        for place, tensor in leaves(batch):
            if tensor.numel() == 0 or tensor.layout != torch.strided:
                continue
            if self.single is None and tensor.dim() and len(tensor) == 1:
                self.single = batch
            if tensor.dtype in (torch.int64, torch.int32, torch.int16, torch.uint8):
                self._extremes(place, tensor, batch)
            elif self.broken is None and (tensor.is_floating_point() or tensor.is_complex()):
                wrong = int((~torch.isfinite(tensor)).sum())
                if wrong:
                    words = f"{wrong} of {tensor.numel()} numbers are nan or infinite"
                    self.broken = (self.seen, place, words, batch)

    def _extremes(self, place: str, tensor: Tensor, batch: Any) -> None:
        low, high = int(tensor.min()), int(tensor.max())
        known = self.extremes.setdefault(place, Extreme(low, high, batch, batch))
        if low < known.low:
            known.low, known.lowest = low, batch
        if high > known.high:
            known.high, known.highest = high, batch


def check_data(task: Task, walk: Walk) -> Iterator[Finding]:
    """What is wrong with the batches; fills `walk`.  If there is not one, that is a `Mistake`."""
    where = f"{task.name}: batches"
    ended = _walk(task, walk)
    if not walk.seen:
        raise Mistake(
            "batches", f"{where}(0) gives no batch at all; it must go on without end (`while True:`)"
        )
    if ended:
        yield Finding(
            "batches", True,
            f"{where}(0) ends after {walk.seen} batches, and a training takes {task.steps}: go round "
            "without end "
            "(`while True:`)",
        )  # fmt: skip
    if [mark(batch) for batch in walk.first] != walk.marks:
        yield Finding(
            "batches", True,
            f"{where}(0) hands out the same object again and again, changed in place: make a new one "
            "for each "
            "batch, or yield copies",
        )  # fmt: skip
        return
    count = len(walk.marks)
    if _marks(task, 0, count) != walk.marks:
        yield Finding(
            "batches", True,
            f"{where}(0) gives other batches when it is called again: draw their order from "
            "torch.Generator().manual_seed(seed), and keep no place between calls",
        )  # fmt: skip
        return
    if _marks(task, 0, count, disturbed=True) != walk.marks:
        yield Finding(
            "batches", False,
            f"{where}(0) draws from the global generators, as dropout does, so that the order depends on the "
            "model: draw from torch.Generator().manual_seed(seed)",
        )  # fmt: skip
    if len(set(walk.marks)) > 1 and _marks(task, 1, count) == walk.marks:
        yield Finding(
            "batches", True,
            f"{where}(seed) ignores its seed: it gives seeds 0 and 1 the same batches; shuffle with "
            "torch.Generator().manual_seed(seed) (a DataLoader: shuffle=True)",
        )  # fmt: skip


def mark(batch: Any) -> str:
    """A hash of all that a batch holds."""
    digest = hashlib.sha256()
    found = False
    for place, tensor in leaves(batch):
        found = True
        digest.update(f"{place} {tuple(tensor.shape)} {tensor.dtype}".encode())
        if tensor.layout == torch.strided:
            plain = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
            digest.update(plain.numpy().tobytes())
        else:
            digest.update(repr(tensor).encode())
    if not found:
        digest.update(repr(batch).encode())
    return digest.hexdigest()


def _walk(task: Task, walk: Walk) -> bool:
    """Go through the batches of a training; whether they ended before it."""
    batches, end = _begin(task, 0), time.perf_counter() + WALK_SECONDS
    while walk.seen < task.steps:
        with asking(task, "batches"):
            try:
                batch = next(batches)
            except StopIteration:
                return True
        walk.see(batch)
        if walk.seen >= COMPARED and time.perf_counter() > end:
            break
    return False


def _begin(task: Task, seed: int) -> Iterator[Any]:
    seed_everything(seed)
    with asking(task, "batches"):
        return iter(task.batches(seed))


def _marks(task: Task, seed: int, count: int, *, disturbed: bool = False) -> list[str]:
    """Of the first so many batches; if disturbed, somebody else draws between them."""
    found, batches = [], _begin(task, seed)
    with asking(task, "batches"):
        for batch in islice(batches, count):
            found.append(mark(batch))
            if disturbed:
                torch.rand(1), np.random.rand(), random.random()
    return found
