"""Where tensors lie: their addresses, whether their storage holds all of them, and what overlaps."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from torch import Tensor

Stretch = tuple[int, int]  # the first address, and the one behind the last


def addresses(tensors: Iterable[Tensor]) -> list[int]:
    """The address of each tensor's first element; 0 where it has no memory."""
    return list(map(Tensor.data_ptr, tensors))


def held(tensors: Iterable[Tensor], at: Iterable[int]) -> bool:
    """Whether every tensor has memory, and its storage reaches as far as its elements do."""
    for t, address in zip(tensors, at, strict=True):
        storage, reach = t.untyped_storage(), _reach(t)
        if reach and not 0 < address <= storage.data_ptr() + storage.nbytes() - reach:
            return False
    return True


def stretch(t: Tensor) -> Stretch:
    """The memory from a tensor's first element to its last."""
    start = t.data_ptr()
    return start, start + _reach(t)


def _reach(t: Tensor) -> int:
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

    def untouched(self, starts: Sequence[int], sizes: Sequence[int]) -> bool:
        """Whether these stretches, some at 0 for none, share nothing with what is written.

        Only where that lies apart; `sizes` may go on after the last start.
        """
        for start, size in zip(starts, sizes, strict=False):
            place = bisect_right(self._starts, start)
            if place and self._ends[place - 1] > start:
                return False
            if place < len(self._starts) and self._starts[place] < start + size:
                return False
        return True
