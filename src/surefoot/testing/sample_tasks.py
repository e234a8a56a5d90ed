"""Small tasks for engines to run: "surefoot.testing.sample_tasks:Sample" is one's reference.

Sample trains in a moment; Slow goes on for hours; Raises, Exits and Nan fail, each in a way of its own.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn


class Sample:
    """A small regression with dropout: every step draws from the generator that a resumed run restores."""

    name, steps, measure = "sample", 100, "validation loss"

    def model(self) -> nn.Module:
        """A network of 49 numbers."""
        return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.1), nn.Linear(8, 1))

    def batches(self, seed: int) -> Iterator[Any]:
        """Points, and the sine of their sums."""
        generator = torch.Generator().manual_seed(seed)
        while True:
            x = torch.randn(16, 4, generator=generator)
            yield x, x.sum(1, keepdim=True).sin()

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        """The mean squared error."""
        return nn.functional.mse_loss(model(batch[0]), batch[1])

    def validate(self, model: nn.Module) -> float:
        """The same on other points."""
        torch.manual_seed(5)  # a careless task; the run's own draws must not notice
        x = torch.randn(64, 4)
        return self.loss(model, (x, x.sum(1, keepdim=True).sin())).item()


class Slow(Sample):
    """Does not come to its end while anybody waits."""

    steps = 10**6

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        """Takes its time."""
        time.sleep(0.01)
        return super().loss(model, batch)


class Raises(Sample):
    """An error of the user's code."""

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        """Fails."""
        raise LookupError("no such label")


class Exits(Sample):
    """Ends its process, with a last word."""

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        """Does not return."""
        print("the disk is on fire", file=sys.stderr, flush=True)
        os._exit(7)


class Nan(Sample):
    """Diverges."""

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        """Not a number."""
        return super().loss(model, batch) * float("nan")
