"""What is trained: the `Task` interface.

A task is any object with these members; it need not inherit from anything.  One task, one file:
every module in this folder that defines `TASK` is a built-in task, listed and chosen for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn


@runtime_checkable
class Task(Protocol):
    """A model, its data, its loss and its measure.

    Attributes:
        name: short name, used in file names and on the command line.
        steps: length of one full training, counted in evaluations of the loss on a batch
            (an optimizer that evaluates a batch twice advances by two).
        measure: what `validate` returns, in words (lower is better), e.g. "validation loss".

    One more line may stand in a task, such as `snapshots = 49`: so many snapshots of the weights are then
    kept of every finalist's first run, for `surefoot landscape`.
    """

    name: str
    steps: int
    measure: str

    def model(self) -> nn.Module:
        """A newly initialised model; draws its initial weights from torch's global generator."""
        ...

    def batches(self, seed: int) -> Iterator[Any]:
        """Training batches without end, in an order fixed by `seed`."""
        ...

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        """The scalar training loss of one batch."""
        ...

    def validate(self, model: nn.Module) -> float:
        """The measure on held-out data; lower is better.  Must not change the model."""
        ...
