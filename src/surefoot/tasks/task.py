"""What is trained: the `Task` interface.

A task is any object with these members; it need not inherit from anything.  One task, one file:
every module in this folder that defines `TASK` is a built-in task, listed and chosen for.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn


@runtime_checkable
class Task(Protocol):
    """A model, its data, its loss and its measure.

    Attributes:
        name: short name, used in file names and on the command line.
        steps: length of one full training, counted in evaluations of the loss on a batch
            (an optimizer that evaluates a batch twice advances by two).
        measure: what `validate` returns, in words, e.g. "validation loss"; lower is better, unless the task
            says `maximize`, see `Extras`.

    What a task may have besides is told by `Extras`.
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
        """The measure on held-out data.  Must not change the model."""
        ...


class Extras(Protocol):
    """What a task may have besides; each is optional, and used where it is there.

    Attributes:
        maximize: True where higher values of the measure are better, as of an accuracy; False where lower
            ones are, though it is named like a score; without it lower is better, and such a name is asked
            about.
        labels: names of the classes, in the order of the model's outputs; kept with a trained model, which
            is refused where the task has come to name others.
        snapshots: so many snapshots of the weights are kept of every finalist's first run, for
            `surefoot landscape`.
    """

    maximize: bool
    labels: tuple[str, ...]
    snapshots: int

    def metrics(self, model: nn.Module) -> dict[str, float]:
        """Further measures on the held-out data, e.g. {"accuracy": 0.97}, higher or lower as usual for each.

        Called once a training has ended, with the best model, in evaluation mode and without gradients.
        """
        ...

    def predict(self, model: nn.Module, source: Path, out: Path) -> list[str]:
        """What `surefoot predict` does with a trained model, in evaluation mode and without gradients.

        Args:
            model: from `model()`, with the trained weights.
            source: the file or folder to predict from, which exists.
            out: where to write: a file of this name, or files in a folder of it, to be made if need be.

        Returns:
            Lines for the terminal, such as the most probable classes.

        Raises:
            TaskError: the input is not what the task can read; one line says why.
        """
        ...
