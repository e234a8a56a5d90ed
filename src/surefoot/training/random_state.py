"""The random draws of a run: torch's, NumPy's and Python's global generators, seeded and kept together."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

State = dict[str, Any]
"""Of the generators, as tensors, numbers and lists: what a checkpoint can hold."""


def seed_everything(seed: int) -> None:
    """Seed torch's generators, and numpy's and Python's for tasks that draw from them."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)


def state() -> State:
    """Where the generators are."""
    kind, keys, *rest = np.random.get_state(legacy=True)
    assert kind == "MT19937"
    version, words, gauss = random.getstate()
    # Asked of a driver that nobody has used yet, it would start, which costs seconds and memory.
    used = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if used else [],
        "numpy": [torch.from_numpy(np.asarray(keys, dtype=np.int64)), *map(float, rest)],
        "python": [version, list(words), gauss],
    }


@contextmanager
def untouched() -> Iterator[None]:
    """Whatever is drawn or seeded inside, afterwards the generators are where they were."""
    before = state()
    try:
        yield
    finally:
        restore(before)


def restore(state: State) -> None:
    """Go on from there."""
    torch.set_rng_state(state["torch"])
    if kept := state.get("cuda"):  # older checkpoints have none
        torch.cuda.set_rng_state_all(kept)
    keys, position, has_gauss, gauss = state["numpy"]
    np.random.set_state(
        ("MT19937", keys.numpy().astype(np.uint32), int(position), int(has_gauss), float(gauss))
    )
    version, words, following = state["python"]
    random.setstate((version, tuple(words), following))
