"""The history of a quasi-Newton method, in matrices: steps, changes of the gradient, and −H g from them.

With the steps s as rows of S, the changes y of the gradient as rows of Y, R the upper triangle of S Yᵀ and
D its diagonal, the two-loop recursion of L-BFGS is two triangular systems between four products:

    α ← R⁻¹ S (−g),   d ← γ (−g − Yᵀ α),   d ← d + Sᵀ R⁻ᵀ (D α − Y d)

(Byrd, Nocedal & Schnabel, Representations of quasi-Newton matrices, 1994, in Nocedal's order of 1980.)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.linalg import solve_triangular

BLOCK = 20  # rows by which a matrix grows
RESOLVED = 0.1  # share of the gradient from which its change is well known as a difference of products


class History:
    """The last `size` steps and changes of the gradient, oldest first.

    Attributes:
        size: most pairs that are kept.
        s, y: the steps and the changes of the gradient.
    """

    def __init__(
        self, size: int, steps: list[Tensor], changes: list[Tensor], kept: list[Any], gradient: Tensor | None
    ) -> None:
        """Take over a history.

        Args:
            size: most pairs to keep.
            steps, changes: the pairs, oldest first; they are copied.
            kept: what `keep` returned for them, if it was kept.
            gradient: g at the last direction.
        """
        self.size = size
        r, oldest = _unpacked(kept, size, len(steps))
        self.s, self.y = Rows(size, steps, oldest), Rows(size, changes, oldest)
        self._products: Tensor | None = None  # S g at the last direction
        self._column_is_missing = False
        if r is not None and gradient is not None and _is_like(gradient, steps[-1]):
            self._r, self._products = r.double().cpu(), self.s @ gradient
        else:
            columns = [self.s @ block.t() for block in self.y.blocks()]
            nothing = torch.zeros(0, 0, dtype=torch.float64, device="cpu")
            self._r = torch.cat(columns, 1).triu() if columns else nothing

    def keep(self) -> list[Any]:
        """What a checkpoint needs besides the pairs, so that the run goes on the same to the last bit."""
        r = self._r.to(self.s.rows[0]) if self.s.rows else None
        return [*[None] * self.size, r, self.s.oldest]

    def append(self, s: Tensor, y: Tensor) -> None:
        """Add a pair; the oldest one gives way where all rows are taken."""
        self.s.append(s)
        self.y.append(y)
        self._column_is_missing = True

    def direction(self, gradient: Tensor, scale: float | Tensor) -> Tensor:
        """−H g, for the inverse Hessian H that the history implies.

        Args:
            gradient: g; where a pair was appended since the last call, its y is the change of g.
            scale: γ, the multiple of the identity that H starts from.
        """
        if not self.s.rows:
            return -gradient * scale
        products = self.s @ gradient
        if self._column_is_missing:
            self._extend(products, gradient)
        self._products = products
        alpha = _solve(self._r, -products, upper=True)
        d = self.y.combined(alpha).add_(gradient).mul_(-scale)
        return d.add_(
            self.s.combined(_solve(self._r.t(), self._r.diagonal() * alpha - self.y @ d, upper=False))
        )

    def _extend(self, products: Tensor, gradient: Tensor) -> None:
        """Add the column S y of the new pair to R.

        S y is the change of S g, and both are known: reading S once less is a fifth of all the work.
        Where y is small beside g their difference would lose digits, and S y is computed.
        """
        s, y, old = self.s.rows[-1], self.y.rows[-1], len(self.s.rows) - 1
        r = products.new_zeros(old + 1, old + 1)
        gone = len(self._r) - old
        r[:old, :old] = self._r[gone:, gone:]
        if self._products is None or y.element_size() < 4 or y.norm() < RESOLVED * gradient.norm():
            r[:, old] = self.s @ y
        else:
            r[:old, old] = (products[:old] - self._products[gone:]).to(y.dtype)  # as `keep` rounds it
            r[old, old] = s.dot(y)
        self._r, self._column_is_missing = r, False


class Rows:
    """A matrix of the last `limit` rows, oldest first; it grows by blocks, so that growing copies nothing.

    Attributes:
        rows: its rows, as views.
        oldest: the place in memory of the first one, which the next one takes when all are taken.
    """

    def __init__(self, limit: int, rows: list[Tensor], oldest: int) -> None:
        self.limit, self.oldest = limit, 0
        self.rows: list[Tensor] = []
        self._memory: list[Tensor] = []
        rows = rows[-limit:]
        for row in rows[len(rows) - oldest :] + rows[: len(rows) - oldest]:
            self.append(row)
        self.rows, self.oldest = self.rows[oldest:] + self.rows[:oldest], oldest

    def append(self, row: Tensor) -> None:
        """Copy a row behind the others, into the memory of the oldest one if all are taken."""
        count = len(self.rows)
        if count == self.limit:
            place = self.rows.pop(0)
            self.oldest = (self.oldest + 1) % self.limit
        else:
            if count % BLOCK == 0:
                self._memory.append(row.new_empty(min(BLOCK, self.limit - count), len(row)))
            place = self._memory[-1][count % BLOCK]
        self.rows.append(place.copy_(row))

    def blocks(self) -> Iterator[Tensor]:
        """The rows as they lie in memory."""
        return map(self._block, range(len(self._memory)))

    def _block(self, number: int) -> Tensor:
        return self._memory[number][: len(self.rows) - number * BLOCK]

    def __matmul__(self, columns: Tensor) -> Tensor:
        """The products with every row, in double precision."""
        products = [block @ columns for block in self.blocks()]
        together = products[0] if len(products) == 1 else torch.cat(products)
        return self._turned(together.to("cpu", torch.float64), -self.oldest)

    def combined(self, weights: Tensor) -> Tensor:
        """The weighted sum of the rows."""
        # A matrix of one row: as a vector, the product is several times slower on more than one thread.
        line = self._turned(weights, self.oldest).to(self.rows[0])[None]
        total = line[:, :BLOCK] @ self._block(0)
        for number in range(1, len(self._memory)):
            total += line[:, number * BLOCK : (number + 1) * BLOCK] @ self._block(number)
        return total.view(-1)

    @staticmethod
    def _turned(values: Tensor, places: int) -> Tensor:
        return values.roll(places, 0) if places else values


def _unpacked(kept: list[Any], size: int, count: int) -> tuple[Tensor | None, int]:
    """R and the oldest row's place as `History.keep` put them down, if nobody wrote over them since."""
    if len(kept) == size + 2 and kept[:size] == [None] * size and isinstance(kept[size], Tensor):
        r, oldest = kept[size:]
        if r.shape == (count, count) and count <= size and (count == size or oldest == 0):
            return r, oldest
    return None, 0


def _is_like(gradient: Tensor, row: Tensor) -> bool:
    """Whether a product with it can be formed; one that was changed by hand is refused by the next step."""
    return gradient.shape == row.shape and gradient.dtype == row.dtype


def _solve(triangle: Tensor, values: Tensor, *, upper: bool) -> Tensor:
    solution: Tensor = solve_triangular(triangle, values[:, None], upper=upper)
    return solution[:, 0]
