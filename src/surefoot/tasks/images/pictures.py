"""Small grey pictures from image files, and what a model makes of them.

pixels = light_on_dark(grey(File.read(Path("seven.png"))))      # (height, width) in [0, 1]
lines = ranking.write(source, out, labels, shares(model, prepared))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from surefoot.tasks.images.decoding import File, in_colour

INK = 0.3  # what is lighter than this, as a share of the lightest, belongs to the thing shown


def grey(file: File) -> Tensor:
    """The image as (height, width) grey values in [0, 1], upright; transparent pixels count as white.

    Raises:
        UnreadableError: it is no image.
    """
    return torch.from_numpy(np.array(in_colour(file.image()).convert("L"))).float() / 255


def light_on_dark(pixels: Tensor) -> Tensor:
    """The same picture, with light and dark changed over if its rim is light."""
    rim = torch.cat([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return 1 - pixels if rim.median() > 0.5 else pixels


def box_of_ink(pixels: Tensor) -> tuple[slice, slice]:
    """The rows and columns that hold something light; all of them where nothing is."""
    light = pixels > INK * pixels.max()
    if not light.any():
        return slice(None), slice(None)
    (rows,), (columns,) = light.any(1).nonzero(as_tuple=True), light.any(0).nonzero(as_tuple=True)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def shrunk(pixels: Tensor, longest: int) -> Tensor:
    """The picture with `longest` pixels along its longer side, and its lightest pixel at 1."""
    scale = longest / max(pixels.shape)
    height, width = (max(1, round(scale * side)) for side in pixels.shape)
    picture = Image.fromarray((pixels * 255).byte().numpy()).resize((width, height), Image.Resampling.BOX)
    small = torch.from_numpy(np.array(picture)).float() / 255
    return small / small.max().clamp(min=1 / 255)


def pasted(small: Tensor, side: int) -> Tensor:
    """`small` on a dark square, its centre of mass as near to the square's centre as fits."""
    mass = small.sum().clamp(min=1e-6)
    square = torch.zeros(side, side)
    corner = []
    for dimension, length in enumerate(small.shape):
        centre = float((small.sum(1 - dimension) * torch.arange(0.5, length)).sum() / mass)
        corner.append(min(max(0, round(side / 2 - centre)), side - length))
    top, left = corner
    square[top : top + small.shape[0], left : left + small.shape[1]] = small
    return square


def shares(model: nn.Module, prepared: Callable[[File], Tensor]) -> Callable[[File], Sequence[float]]:
    """From an image file to the probability of each class.

    Args:
        model: images (batch, 1, height, width) to logits (batch, classes).
        prepared: makes a file an image as the model takes it, (1, height, width).
    """

    def classified(file: File) -> list[float]:
        model.eval()
        with torch.no_grad():
            found: list[float] = model(prepared(file)[None]).softmax(1)[0].tolist()
        return found

    return classified


def result_file(out: Path, usual: str) -> Path:
    """Where one result goes: `out` itself if it is named like a file, else `usual` in the folder `out`."""
    target = out if out.suffix == Path(usual).suffix else out / usual
    target.parent.mkdir(parents=True, exist_ok=True)
    return target
