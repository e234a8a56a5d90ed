"""Small made-up folders of a user's images, for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"blue": (40, 60, 200), "red": (200, 60, 40)}


def noise(number, colour, height=40, width=40):
    drawn = np.random.default_rng(number).normal(0, 30, (height, width, 3))
    return Image.fromarray(np.clip(np.array(colour) + drawn, 0, 255).astype(np.uint8))


def photos(root: Path, each: int = 5, colours=COLOURS) -> Path:
    """A folder for each class, with PNG and JPEG files of different sizes."""
    for place, (name, colour) in enumerate(colours.items()):
        (root / name).mkdir(parents=True)
        for number in range(each):
            seed = 100 * place + number
            image = noise(seed, colour, 36 + 5 * number, 60 - 4 * number)
            image.save(root / name / f"{number}.{'jpg' if number % 2 else 'png'}")
    return root


def land(root: Path, count: int = 6, mode: str = "L") -> Path:
    """Images with a red square on blue and, in `mode` "L" or "P", masks with 1 in the square."""
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for number in range(count):
        draw = np.random.default_rng(number)
        height, width = 40 + 6 * number, 70 - 5 * number
        mask = np.zeros((height, width), np.uint8)
        top, left = draw.integers(0, height - 20), draw.integers(0, width - 20)
        mask[top : top + 20, left : left + 20] = 1
        flat = np.array(list(COLOURS.values()))[mask]
        pixels = np.clip(flat + draw.normal(0, 20, flat.shape), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(root / "images" / f"{number}.jpg")
        picture = Image.fromarray(mask)
        if mode == "P":
            picture.putpalette([10, 20, 30, 200, 100, 0])
        picture.save(root / "masks" / f"{number}.png")
    return root
