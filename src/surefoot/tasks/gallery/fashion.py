"""fashion: tell ten kinds of clothes apart, with a convolutional network and batch normalisation.

    surefoot predict fashion --model DIR --input shoe.jpg --out shoe.json

Data: Fashion-MNIST, grey pictures of 28×28 pixels of articles of Zalando: H. Xiao, K. Rasul and R. Vollgraf,
"Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms", 2017,
https://arxiv.org/abs/1708.07747, copyright Zalando SE, MIT licence, as Debian's package dataset-fashion-mnist
installs it (`apt-get install dataset-fashion-mnist`).  The first 12,000 of its 60,000 training images are
trained on, and the first 2,000 of its 10,000 test images held out, so that a training takes seconds.
Without that package: made-up shapes of the same size, announced by a warning and named in `measure`.
"""

from __future__ import annotations

import functools
import gzip
from pathlib import Path

import torch
from torch import Tensor, nn

from surefoot.tasks.gallery.labelled import Batch, LabelledImages
from surefoot.tasks.gallery.mnist import SIDE, made_up
from surefoot.tasks.gallery.packaged import check, missing
from surefoot.tasks.images.decoding import File
from surefoot.tasks.images.pictures import box_of_ink, grey, light_on_dark, shrunk

PACKAGE, FOLDER = "dataset-fashion-mnist", Path("/usr/share/datasets/fashion-mnist")
INSTALL = f"apt-get install {PACKAGE}"
FILES = {
    "train-images-idx3-ubyte.gz": "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
    "train-labels-idx1-ubyte.gz": "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
    "t10k-images-idx3-ubyte.gz": "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
    "t10k-labels-idx1-ubyte.gz": "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
}
TRAINING, HELD_OUT = 12_000, 2_000
IMAGES_HEADER, LABELS_HEADER = 16, 8  # bytes before the first value in a file of this format


def _installed() -> bool:
    return all((FOLDER / name).is_file() for name in FILES)


def _first(part: str, count: int) -> Batch:
    """The first images and labels of a part, "train" or "t10k"."""
    images = _bytes(f"{part}-images-idx3-ubyte.gz", IMAGES_HEADER, count * SIDE * SIDE)
    labels = _bytes(f"{part}-labels-idx1-ubyte.gz", LABELS_HEADER, count)
    return images.view(count, 1, SIDE, SIDE).float() / 255, labels.long()


def _bytes(name: str, header: int, count: int) -> Tensor:
    check(FOLDER / name, FILES[name], f"the package {PACKAGE}", f"Debian's: {INSTALL}")
    with gzip.open(FOLDER / name) as file:
        file.seek(header)
        return torch.frombuffer(bytearray(file.read(count)), dtype=torch.uint8)


class Fashion(LabelledImages):
    """Ten classes, 12,000 images to train on, 2,000 held out, as the authors of the data split them."""

    name = "fashion"
    steps = 900
    labels = (
        "T-shirt/top",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    )

    @property
    def measure(self) -> str:
        """The cross-entropy on the held-out images, in nats; says so if they are made up."""
        return "validation loss" if _installed() else "validation loss on made-up shapes"

    @functools.cached_property
    def _data(self) -> tuple[Batch, Batch]:
        if _installed():
            return _first("train", TRAINING), _first("t10k", HELD_OUT)
        missing(self.name, PACKAGE, "images", INSTALL)
        images, labels = made_up(TRAINING + HELD_OUT)
        images = images.float() / 255
        return (images[HELD_OUT:], labels[HELD_OUT:]), (images[:HELD_OUT], labels[:HELD_OUT])

    def model(self) -> nn.Module:
        """Three convolutions with batch normalisation and a dense layer: 29,178 parameters."""
        return nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(576, 10),
        )

    @staticmethod
    def prepared(file: File) -> Tensor:
        """(1, 28, 28) in [0, 1], like the data: light on dark, 28 pixels along the longer side, centred.

        An image that has the right size already is only turned to light on dark.

        Raises:
            UnreadableError: the file is no image.
        """
        pixels = light_on_dark(grey(file))
        if pixels.shape == (SIDE, SIDE):
            return pixels[None]
        small = shrunk(pixels[box_of_ink(pixels)], SIDE)
        square = torch.zeros(1, SIDE, SIDE)
        top, left = ((SIDE - length) // 2 for length in small.shape)
        square[0, top : top + small.shape[0], left : left + small.shape[1]] = small
        return square


TASK = Fashion()
