"""Where tensors lie: their addresses, whether their storage holds all of them, and what overlaps."""

from __future__ import annotations

import functools
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from operator import add, le

from torch import Tensor, UntypedStorage

REMEMBERED = 1 << 16  # stretches
MANY = 128  # tensors whose addresses are worth the 10 ms of a compilation

Stretch = tuple[int, int]  # the first address, and the one behind the last


def addresses(tensors: tuple[Tensor, ...]) -> array[int]:
    """The address of each tensor's first element; 0 where it has no memory."""
    gather = _gatherer() if len(tensors) >= MANY else None
    found = gather(tensors) if gather else None
    return array("q", list(map(Tensor.data_ptr, tensors))) if found is None else found


@functools.cache
def _gatherer() -> Callable[[tuple[Tensor, ...]], array[int] | None] | None:
    """The compiled call, if there is a compiler."""
    try:
        from surefoot.formula.gather import gatherer
    except ImportError:
        return None
    return gatherer()


def held(tensors: Sequence[Tensor], at: Sequence[int], reaches: Iterable[int]) -> bool:
    """Whether every tensor has memory, and its storage reaches as far as its elements do.

    Args:
        tensors: the tensors.
        at: their addresses.
        reaches: bytes from the first element of each to the end of its last; more of them do no harm.
    """
    storages = list(map(Tensor.untyped_storage, tensors))
    ends = map(add, map(UntypedStorage.data_ptr, storages), map(UntypedStorage.nbytes, storages))
    return all(map(le, map(add, at, reaches), ends))


def stretch(t: Tensor) -> Stretch:
    """The memory from a tensor's first element to its last."""
    start = t.data_ptr()
    return start, start + reach_of(t)


def reach_of(t: Tensor) -> int:
    """Bytes from a tensor's first element to the end of its last."""
    if not t.numel():
        return 0
    last = sum((n - 1) * s for n, s in zip(t.shape, t.stride(), strict=True))
    return (1 + last) * t.element_size()


class Written:
    """Stretches of memory that a step writes.

    Attributes:
        apart: no two of them overlap.
    """

    def __init__(self, stretches: Iterable[Stretch]) -> None:
        ordered = sorted(stretches)
        self._starts = [start for start, _ in ordered]
        self._ends = [end for _, end in ordered]
        self.apart = all(a <= b for a, b in zip(self._ends, self._starts[1:], strict=False))
        self._untouched: dict[int, int] = {}  # sizes of stretches that were found so, by their start

    def untouched(self, starts: Sequence[int], sizes: Sequence[int]) -> bool:
        """Whether these stretches, some at 0 for none, share nothing with what is written.

        Only where that lies apart; `sizes` may go on after the last start.
        """
        known = self._untouched
        for start, size in zip(starts, sizes, strict=False):
            if known.get(start) == size:  # a training's gradients come back to the same places
                continue
            place = bisect_right(self._starts, start)
            if place and self._ends[place - 1] > start:
                return False
            if place < len(self._starts) and self._starts[place] < start + size:
                return False
            known[start] = size
        if len(known) > REMEMBERED:
            known.clear()
        return True
