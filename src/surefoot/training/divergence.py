"""When a run has blown up: pure arithmetic on its losses and, now and then, the size of its weights.

    trend = Trend.of(matrices.sizes(), loss)     # after the first step
    trend = trend.after(loss)                    # after each later one
    if trend.asks_for_sizes:
        trend = trend.with_sizes(matrices.sizes())
    trend.blown_up                               # why the run is lost, in words; "" while it is not

A training loss says little by itself: a policy gradient, a KL to a frozen copy or bootstrapped values start
at 0 and rise, likelihoods are negative, a generator's loss rises when its opponent learns.  What all lost
runs have in common is weights that run away.  So a run is lost if

- its loss is not a finite number; or
- its loss has risen far above the scale of its first batches, and its weights have grown `GROWN`-fold; or
- its weights have grown `RUNAWAY`-fold, and its loss has not fallen; before the scale is known, has risen.

A run that is stopped wrongly cannot be recommended at all; one that goes on wrongly loses by its value.  The
thresholds are therefore far out.  On the tuning tasks of `benchmarks/divergence.py` (150 to 1,500 steps) the
weights of sensible runs grew 3-fold at most while the loss was high, and 10-fold while it had not fallen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from surefoot.study.format import number

OPENING = 10
"""Batches whose losses give the scale.  Of these the lower quartile counts: it is the median's equal for a
steady loss, and stays where it was if the run explodes after three of them."""

RISE = 9.0
"""So many times its scale above its opening, the loss is high."""

SMOOTHING = 0.9
"""A loss counts for about ten steps, so that one bad batch is forgiven."""

GROWN, RUNAWAY = 20.0, 300.0
"""How often its first size a weight matrix has: with a high loss, and with one that has just not fallen."""

SMALL, TINY = 0.05, 0.015
"""Root mean squares.  A matrix that starts smaller than `SMALL` is taken to start at it; one that starts
below `TINY`, or at 0, such as a table of values, has no size of its own to grow from."""

OFTEN, SELDOM = 10, 50
"""Steps between two looks at the weights, while the loss is high and while it has just not fallen."""


@dataclass(frozen=True)
class Trend:
    """The training loss so far, and what it is judged against.

    Attributes:
        first_sizes: of the weight matrices before the first step; see `Matrices.sizes`.
        opening: the first losses, `OPENING` of them in the end.
        seen: losses so far.
        smoothed: exponential moving average.
        latest: the last loss.
        growth: of a typical matrix; None unless it was looked at in this very step.
    """

    first_sizes: tuple[float, ...]
    opening: tuple[float, ...]
    seen: int
    smoothed: float
    latest: float
    growth: float | None = None

    @classmethod
    def of(cls, first_sizes: Iterable[float], loss: float) -> Trend:
        """The trend after the first loss."""
        return cls(tuple(first_sizes), (loss,), 1, loss, loss)

    def after(self, loss: float) -> Trend:
        """The trend after one more loss."""
        opening = self.opening if len(self.opening) == OPENING else (*self.opening, loss)
        smoothed = SMOOTHING * self.smoothed + (1 - SMOOTHING) * loss
        return Trend(self.first_sizes, opening, self.seen + 1, smoothed, loss)

    def with_sizes(self, sizes: Iterable[float]) -> Trend:
        """The trend with a look at the weights as they are now."""
        growths = sorted(
            math.inf if math.isnan(now) else now / max(first, SMALL)
            for first, now in zip(self.first_sizes, sizes, strict=True)
        )
        return replace(self, growth=growths[(len(growths) - 1) // 2])

    def state(self) -> tuple[Any, ...]:
        """All that `Trend(*state)` needs to go on, as plain tuples and numbers."""
        return astuple(self)

    @property
    def asks_for_sizes(self) -> bool:
        """Whether the weights are to be looked at in this step."""
        if not self._have_size:
            return False
        if len(self.opening) < OPENING:
            return self._high
        if self.seen % OFTEN:
            return False
        return self._high or (self.seen % SELDOM == 0 and self._not_fallen)

    @property
    def blown_up(self) -> str:
        """Why the run is lost, in words; empty while it is not."""
        if not math.isfinite(self.latest):
            return f"the training loss became {self.latest}"
        if self.growth is None:
            return ""
        grown = RUNAWAY if self.seen < OPENING else GROWN
        if self._high and self.growth >= grown:
            level, _ = _level_and_scale(self.opening)
            return (
                f"the training loss rose from {number(level)} to {number(self.smoothed)}, "
                f"and the weights have become {number(self.growth)} times as large"
            )
        if self._not_fallen and self.growth >= RUNAWAY:
            return (
                f"the weights have become {number(self.growth)} times as large, "
                f"and the training loss, {number(self.smoothed)}, has not fallen"
            )
        return ""

    @property
    def _have_size(self) -> bool:
        """Whether there are weights with a size to grow from."""
        sized = sum(size >= TINY for size in self.first_sizes)
        return len(self.first_sizes) > 1 and 2 * sized >= len(self.first_sizes)

    @property
    def _high(self) -> bool:
        level, scale = _level_and_scale(self.opening)
        return self.smoothed - level > RISE * scale

    @property
    def _not_fallen(self) -> bool:
        level, scale = _level_and_scale(self.opening)
        return self.smoothed > level - scale / 2


@lru_cache(maxsize=8)  # of one run it is asked again and again
def _level_and_scale(opening: tuple[float, ...]) -> tuple[float, float]:
    """The lower quartiles of the losses and of their sizes."""
    place = len(opening) // 4
    return sorted(opening)[place], sorted(map(abs, opening))[place]


class Matrices:
    """The weight matrices, kernels and embeddings of a model that are trained.

    Biases and the weights of norms are left out: they are few, and rightly grow with the data's own units.
    """

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        self.tensors = [p for p in parameters if p.requires_grad and not is_lazy(p) and _is_matrix(p)]

    def sizes(self) -> tuple[float, ...]:
        """The root mean square of each."""
        return tuple(_size(tensor.detach()) for tensor in self.tensors)


def _is_matrix(p: Tensor) -> bool:
    return p.dim() > 1 and p.numel() > 0 and p.layout == torch.strided


def _size(tensor: Tensor) -> float:
    # Half precision would overflow on the sum of squares.
    narrow = tensor.dtype in (torch.float16, torch.bfloat16)
    norm = torch.linalg.vector_norm(tensor, dtype=torch.float32 if narrow else None)
    return float(norm) / math.sqrt(tensor.numel())
