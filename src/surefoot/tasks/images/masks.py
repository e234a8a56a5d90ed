"""Masks: which class each pixel of an image belongs to, from a PNG of class numbers or of colours.

    table = ClassTable.read(Path("land"))           # land/classes.json, if there is one
    numbers, unknown = table.numbers(image)         # (height, width) uint8, 255 where a pixel is ignored

classes.json names the classes, by colour or by the number in the mask:

    {"water": [0, 0, 255], "forest": [0, 128, 0], "ignore": [255, 255, 255]}
    {"background": 0, "cell": 1}

Without it a mask's values are the class numbers, and 255 is ignored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from surefoot.study.user_code import TaskError
from surefoot.tasks.images.decoding import UnreadableError
from surefoot.tasks.images.folders import printable
from surefoot.tasks.images.segmenting import IGNORED, Colour

TABLE = "classes.json"
IGNORE = "ignore"
"""A name in classes.json that is no class: pixels of its colour or number count nowhere."""

UNKNOWN = 254
MOST_CLASSES = UNKNOWN
NAMED = 3  # unknown values or colours of a mask

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class ClassTable:
    """How masks are read.

    Attributes:
        names: of the classes; empty where there is no classes.json.
        values: class number of each value in a mask; empty where masks are in colours.
        colours: class number of each colour; empty where masks hold numbers.
    """

    names: tuple[str, ...] = ()
    values: Mapping[int, int] = field(default_factory=lambda: {n: n for n in range(UNKNOWN)})
    colours: Mapping[Colour, int] = field(default_factory=dict)

    @classmethod
    def read(cls, root: Path) -> ClassTable:
        """From classes.json in a folder, or without.

        Raises:
            TaskError: the file is not as it should be.
        """
        path = root / TABLE
        if not path.is_file():
            return cls()
        try:
            return _table(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise TaskError(printable(f"{path}: {' '.join(str(error).split())}")) from None

    @property
    def palette(self) -> list[Colour] | None:
        """A colour for each class, where masks are in colours."""
        order = sorted((number, colour) for colour, number in self.colours.items() if number != IGNORED)
        return [colour for _, colour in order] or None

    def numbers(self, mask: Image.Image) -> tuple[Bytes, str]:
        """Class numbers, and in words the first values or colours that stand for none ("" if there are none).

        Raises:
            UnreadableError: the mask is in colours, and there is no table of them.
        """
        if self.colours:
            pixels = np.asarray(mask.convert("RGB")).astype(np.int64) @ np.array([65536, 256, 1])
            known = {(r << 16) + (g << 8) + b: number for (r, g, b), number in self.colours.items()}
        else:
            if mask.mode not in ("1", "L", "P", "I;16", "I;16B", "I"):
                raise UnreadableError(f"colours ({mask.mode}), but no {TABLE} that names them")
            pixels = np.asarray(mask).astype(np.int64)
            known = {IGNORED: IGNORED, **self.values}
        found, places = np.unique(pixels, return_inverse=True)
        numbers = np.array([known.get(int(value), UNKNOWN) for value in found], np.uint8)
        strange = [int(value) for value, number in zip(found, numbers, strict=True) if number == UNKNOWN]
        return numbers[places.reshape(pixels.shape)], self._in_words(strange)

    def _in_words(self, values: list[int]) -> str:
        words = [
            str((value >> 16, value >> 8 & 255, value & 255)) if self.colours else str(value)
            for value in values[:NAMED]
        ]
        return ", ".join([*words, *(["…"] if len(values) > NAMED else [])])


def _table(document: Any) -> ClassTable:
    """Raises ValueError."""
    if not isinstance(document, dict) or not document:
        raise ValueError('expected {"name": [red, green, blue]} or {"name": number}')
    names = tuple(name for name in document if name != IGNORE)
    if not 2 <= len(names) <= MOST_CLASSES:
        raise ValueError(f"{len(names)} classes; there must be 2 to {MOST_CLASSES}")
    in_colours = isinstance(next(iter(document.values())), list)
    keys = [_colour(name, v) if in_colours else _value(name, v) for name, v in document.items()]
    for place, key in enumerate(keys):
        if key in keys[:place]:
            raise ValueError(f"{list(document)[place]!r} and another have the same {key}")
    number = {name: place for place, name in enumerate(names)} | {IGNORE: IGNORED}
    numbered: Any = {key: number[name] for key, name in zip(keys, document, strict=True)}
    return ClassTable(names, {}, numbered) if in_colours else ClassTable(names, numbered)


def _colour(name: str, value: Any) -> Colour:
    if not isinstance(value, list) or len(value) != 3 or not all(map(_is_byte, value)):
        raise ValueError(f"{name!r}: expected [red, green, blue] of 0 to 255, not {value!r}")
    red, green, blue = value
    return red, green, blue


def _value(name: str, value: Any) -> int:
    if not _is_byte(value):
        raise ValueError(f"{name!r}: expected a number of 0 to 255, not {value!r}")
    return int(value)


def _is_byte(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 255
