"""line: find w and b in y = w x + b from noisy samples.  Two parameters: every step can be seen."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

SLOPE, INTERCEPT, NOISE = 2.0, -1.0, 0.3
SAMPLES = 256  # for training, and as many again held out
BATCH = 32

Batch = tuple[Tensor, Tensor]


def _samples(seed: int) -> Batch:
    """Points x in [-1, 1] and y on the line, with Gaussian noise."""
    generator = torch.Generator().manual_seed(seed)
    x = 2 * torch.rand(SAMPLES, 1, generator=generator) - 1
    return x, SLOPE * x + INTERCEPT + NOISE * torch.randn(SAMPLES, 1, generator=generator)


class Line:
    """Least squares through samples that are made up, seeded and the same on every machine.

    The measure cannot fall below about NOISE² = 0.09.
    """

    name = "line"
    steps = 300
    measure = "mean squared error on held-out points"

    def __init__(self) -> None:
        self._training = _samples(seed=0)
        self._held_out = _samples(seed=1)

    def model(self) -> nn.Module:
        """Weight w and bias b."""
        return nn.Linear(1, 1)

    def batches(self, seed: int) -> Iterator[Batch]:
        """32 of the 256 points, drawn anew for each batch."""
        generator = torch.Generator().manual_seed(seed)
        x, y = self._training
        while True:
            rows = torch.randint(SAMPLES, (BATCH,), generator=generator)
            yield x[rows], y[rows]

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean squared error."""
        x, y = batch
        return nn.functional.mse_loss(model(x), y)

    def validate(self, model: nn.Module) -> float:
        """Mean squared error on 256 points that are never trained on."""
        with torch.no_grad():
            return self.loss(model, self._held_out).item()


TASK = Line()
