"""What tasks share that tell images by class: batches, loss, validation and accuracy, on data held in memory.

class Digits(LabelledImages): ...  # adds name, steps, measure, labels, model, prepared, and `_data`
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn, no_grad

from surefoot.tasks.batching import shuffled
from surefoot.tasks.images import ranking
from surefoot.tasks.images.decoding import File
from surefoot.tasks.images.pictures import shares

BATCH = 64

Batch = tuple[Tensor, Tensor]
"""Images and the numbers of their classes."""

SPLIT_SEED = 0


def split(images: Tensor, labels: Tensor, held_out: int) -> tuple[Batch, Batch]:
    """What is trained on, and so many images that are held out, once and for all by a fixed seed."""
    rows = torch.randperm(len(labels), generator=torch.Generator().manual_seed(SPLIT_SEED))
    tested, trained = rows[:held_out], rows[held_out:]
    return (images[trained], labels[trained]), (images[tested], labels[tested])


class LabelledImages:
    """Images with one class each.

    Attributes:
        labels: names of the classes.
    """

    labels: tuple[str, ...]

    @staticmethod
    def prepared(file: File) -> Tensor:
        """An image file as the model takes it."""
        raise NotImplementedError

    def predict(self, model: nn.Module, source: Path, out: Path) -> list[str]:
        """Tell what an image file shows, or each of a folder; see `surefoot.tasks.images.ranking`."""
        return ranking.write(source, out, self.labels, shares(model, self.prepared))

    @functools.cached_property
    def _data(self) -> tuple[Batch, Batch]:
        """What is trained on, and what is held out; read when it is first used."""
        raise NotImplementedError

    def batches(self, seed: int) -> Iterator[Batch]:
        """64 images a batch; each epoch goes once through all images in a new order and drops the rest."""
        images, labels = self._data[0]
        for rows in shuffled(len(labels), BATCH, seed):
            yield images[rows], labels[rows]

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy in nats."""
        images, labels = batch
        return nn.functional.cross_entropy(model(images), labels)

    def validate(self, model: nn.Module) -> float:
        """Cross-entropy on the held-out images, in nats."""
        with no_grad():
            return self.loss(model, self._data[1]).item()

    def metrics(self, model: nn.Module) -> dict[str, float]:
        """Accuracy: the share of the held-out images that are read correctly."""
        return {"accuracy": self.accuracy(model)}

    def accuracy(self, model: nn.Module) -> float:
        """Share of the held-out images that are read correctly."""
        images, labels = self._data[1]
        with no_grad():
            return float((model(images).argmax(1) == labels).float().mean())
