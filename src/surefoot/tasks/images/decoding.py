"""Files to pixels: any common format, mode and orientation, and what is wrong with a file that has none.

    file = File.read(Path("photo.jpg"))
    pixels = square(file.image(), 224)      # (3, 224, 224) uint8

Pillow only, with a list of formats, so that nothing is handed to a decoder that runs programs.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from surefoot.errors import InvalidInputError

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TGA", "TIFF", "WEBP")
KEPT_BYTES = 512 * 2**20
"""Decoded images that a process keeps; those beyond are decoded whenever they are needed."""

DRAFT = 2
"""A JPEG may be decoded smaller, at an eighth at best, while it stays this many times what is wanted."""

Item = TypeVar("Item")
Made = TypeVar("Made")


class UnreadableError(InvalidInputError):
    """A file is no image that can be read; the message says why, in one line."""


@dataclass(frozen=True)
class File:
    """A file's bytes.

    Attributes:
        content: all of them.
    """

    content: bytes

    @classmethod
    def read(cls, path: Path) -> File:
        """From disk; raises `UnreadableError`."""
        try:
            return cls(path.read_bytes())
        except OSError as error:
            raise UnreadableError(error.strerror or "cannot be read") from error

    @property
    def digest(self) -> str:
        """The same for equal files only."""
        return hashlib.sha256(self.content).hexdigest()

    def image(self, about: int | None = None) -> Image.Image:
        """The first picture in it, turned as the camera says.

        Args:
            about: its sides need be no longer than this; a large JPEG is then decoded much faster.

        Raises:
            UnreadableError: it is damaged, too large, or no image.
        """
        try:
            image = Image.open(io.BytesIO(self.content), formats=_formats())
            if about is not None:
                image.draft("RGB", (DRAFT * about, DRAFT * about))
            image.load()
            return ImageOps.exif_transpose(image)
        except UnidentifiedImageError as error:
            raise UnreadableError("no image, or damaged at its beginning") from error
        # A damaged file raises whatever its bytes happen to mean to a decoder.
        except Exception as error:
            raise UnreadableError(" ".join(str(error).split()) or type(error).__name__) from error


@functools.cache
def _formats() -> list[str]:
    """Those of `FORMATS` that this Pillow can read."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def in_colour(image: Image.Image) -> Image.Image:
    """As RGB: grey three times, 16 bits as 8, a palette looked up, what is transparent on white."""
    if image.mode in ("I;16", "I;16B", "I;16L", "I"):
        values = np.asarray(image).astype(np.int64)
        deep = image.mode != "I" or values.max(initial=0) > 255
        image = Image.fromarray((values.clip(0, 65535) // 257 if deep else values.clip(0)).astype(np.uint8))
    if image.mode == "F":
        raise UnreadableError("real numbers in place of colours")
    if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
        over = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", over.size, "white"), over)
    return image.convert("RGB")


def square(image: Image.Image, size: int) -> Tensor:
    """The middle of an image, scaled until its shorter side has `size` pixels: (3, size, size) uint8."""
    return tensor(ImageOps.fit(in_colour(image), (size, size), Image.Resampling.BILINEAR))


def tensor(image: Image.Image) -> Tensor:
    """(3, height, width) uint8 of an RGB image."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()


class DecodedCache:
    """What has been decoded, by its number, as long as there is room.

    Args:
        decode: makes the tensors of one number.
        room: bytes to keep; `KEPT_BYTES` by default.
    """

    def __init__(self, decode: Callable[[int], tuple[Tensor, ...]], room: int | None = None) -> None:
        self._decode = decode
        self._room = KEPT_BYTES if room is None else room
        self._kept: dict[int, tuple[Tensor, ...]] = {}
        self._lock = threading.Lock()  # a survey puts from several threads

    def __getitem__(self, number: int) -> tuple[Tensor, ...]:
        if number in self._kept:
            return self._kept[number]
        made = self._decode(number)
        self.put(number, made)
        return made

    def put(self, number: int, made: tuple[Tensor, ...]) -> None:
        """Keep what has been decoded, if there is room."""
        size = sum(part.nbytes for part in made)
        with self._lock:
            if size <= self._room:
                self._room -= size
                self._kept[number] = made


def side_by_side(function: Callable[[Item], Made], items: list[Item]) -> list[Made]:
    """`function` of each item, in order, on as many threads as there are processors for this process.

    Decoders let others run, and this is done once, so torch's own number of threads is not heeded.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    with ThreadPoolExecutor(len(affinity(0)) if affinity else os.cpu_count() or 1) as pool:
        return list(pool.map(function, items))
