"""How the work of a kernel is cut into chunks: stretches of a tensor, or blocks of rows of one matrix."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

STRETCH = 1 << 16  # elements: three float32 streams of a chunk fit a core's second-level cache
BLOCK = 1 << 18  # elements of a block of rows: each block costs one more row of partial column sums


@dataclass(frozen=True)
class Shape:
    """A parameter seen as a stack of matrices, and how its rows are split into pieces.

    One stretch of elements is a single matrix of one row.
    """

    matrices: int
    rows: int
    columns: int

    @classmethod
    def of(cls, p: Tensor, by_rows: bool) -> Shape:
        """The shape of a parameter for a kernel."""
        if not by_rows:
            return cls(1, 1, p.numel())
        return cls(p.numel() // (p.shape[-2] * p.shape[-1]), p.shape[-2], p.shape[-1])

    @property
    def rows_per_piece(self) -> int:
        """Rows that one chunk takes of a large matrix."""
        return max(1, BLOCK // self.columns)

    @property
    def pieces(self) -> int:
        """Chunks that one matrix is split into."""
        return -(-self.rows // self.rows_per_piece)

    def chunks(self, tensor: int) -> Iterator[tuple[int, ...]]:
        """Rows of the chunk table (see `sweeps.CHUNK`)."""
        size = self.rows * self.columns
        if self.matrices == self.rows == 1:
            for start in range(0, size, STRETCH):
                yield tensor, tensor, start, 0, 1, 0, 1, min(STRETCH, size - start), 0
        elif self.pieces == 1:
            step = max(1, STRETCH // size)
            for m in range(0, self.matrices, step):
                count = min(step, self.matrices - m)
                yield tensor, tensor, m * size, m, count, 0, self.rows, self.columns, 0
        else:
            for m, piece in itertools.product(range(self.matrices), range(self.pieces)):
                first = piece * self.rows_per_piece
                rows = min(self.rows_per_piece, self.rows - first)
                start = m * size + first * self.columns
                yield tensor, tensor, start, m, 1, first, rows, self.columns, piece
