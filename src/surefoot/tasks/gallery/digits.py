"""digits: read handwritten digits with a small convolutional network.

    surefoot predict digits --model DIR --input seven.png --out seven.json

Data: 1797 images of 8×8 pixels in 16 grey levels, by 43 writers; the test part of E. Alpaydin and C. Kaynak,
"Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998,
https://doi.org/10.24432/C50P49, licence CC BY 4.0, as shipped inside scikit-learn.
Without scikit-learn: made-up digits of the same size, announced by a warning and named in `measure`.
"""

from __future__ import annotations

import functools
import importlib.util
import warnings

import torch
from torch import Tensor, nn

from surefoot.tasks.gallery.labelled import SPLIT_SEED, Batch, LabelledImages, split
from surefoot.tasks.images.decoding import File
from surefoot.tasks.images.pictures import box_of_ink, grey, light_on_dark, pasted

SIDE = 8
IMAGES, HELD_OUT = 1797, 500


def _real() -> Batch:
    # Imported here: it takes a second, which listing the tasks should not.
    from sklearn.datasets import load_digits

    data = load_digits()
    return torch.tensor(data.images, dtype=torch.float32).unsqueeze(1) / 16, torch.tensor(data.target)


def _synthetic() -> Batch:
    """Ten fixed smooth shapes, one a class, each image moved by up to a pixel and covered with noise."""
    warnings.warn(
        "scikit-learn is not installed: 'digits' uses made-up images; "
        "for the real ones: pip install 'surefoot[gallery]'",
        stacklevel=2,
    )
    generator = torch.Generator().manual_seed(SPLIT_SEED)
    coarse = torch.rand(10, 1, 4, 4, generator=generator)
    shapes = nn.functional.interpolate(coarse, size=(8, 8), mode="bilinear")
    labels = torch.arange(IMAGES) % 10
    moves = torch.randint(-1, 2, (IMAGES, 2), generator=generator).tolist()
    moved = [shapes[label].roll(move, (1, 2)) for label, move in zip(labels.tolist(), moves, strict=True)]
    noise = 0.35 * torch.randn(IMAGES, 1, 8, 8, generator=generator)
    return (torch.stack(moved) + noise).clamp(0, 1), labels


def _real_data_installed() -> bool:
    return importlib.util.find_spec("sklearn") is not None


class Digits(LabelledImages):
    """Ten classes, 1297 images to train on, 500 held out, split once and for all by a fixed seed."""

    name = "digits"
    steps = 400
    labels = tuple("0123456789")

    @property
    def measure(self) -> str:
        """The cross-entropy on the held-out images, in nats; says so if they are made up."""
        return "validation loss" if _real_data_installed() else "validation loss on made-up digits"

    @functools.cached_property
    def _data(self) -> tuple[Batch, Batch]:
        images, labels = _real() if _real_data_installed() else _synthetic()
        return split(images, labels, HELD_OUT)

    def model(self) -> nn.Module:
        """Two convolutions and a dense layer: 9930 parameters."""
        return nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(512, 10),
        )

    @staticmethod
    def prepared(file: File) -> Tensor:
        """(1, 8, 8) in [0, 1], as these images are made: light on dark, the ink as high as the image.

        An image that has the right size already is only turned to light on dark.

        Raises:
            UnreadableError: the file is no image.
        """
        pixels = light_on_dark(grey(file))
        if pixels.shape != (SIDE, SIDE):
            rows, columns = box_of_ink(pixels)
            ink = pixels[rows, columns][None, None]
            sides = [max(1, round(SIDE * length / max(ink.shape[2:]))) for length in ink.shape[2:]]
            pixels = pasted(nn.functional.interpolate(ink, sides, mode="area")[0, 0], SIDE)
        return pixels[None] / pixels.max().clamp(min=1e-6)


TASK = Digits()
