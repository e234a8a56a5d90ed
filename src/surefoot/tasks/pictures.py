"""Small grey pictures from image files, and the classes a model sees in them.

pixels = light_on_dark(opened(Path("seven.png")))                      # (height, width) in [0, 1]
lines = ranking(model, Path("seven.png"), Path("out"), labels, prepared)    # writes out/classes.json
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn

from surefoot.tasks.loading import TaskError

TOP = 3
INK = 0.3  # what is lighter than this, as a share of the lightest, belongs to the thing shown


def opened(source: Path) -> Tensor:
    """The image as (height, width) grey values in [0, 1], upright; transparent pixels count as white.

    Raises:
        TaskError: the file is missing or no image.
    """
    try:
        with Image.open(source) as file:
            upright = ImageOps.exif_transpose(file)
            colours = upright.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = (
            "there is no such file" if isinstance(error, FileNotFoundError) else "it is no readable image"
        )
        raise TaskError(f"{source}: {reason}") from None
    white = Image.new("RGBA", colours.size, "white")
    grey = Image.alpha_composite(white, colours).convert("L")
    return torch.from_numpy(np.array(grey)).float() / 255


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


def ranking(
    model: nn.Module, source: Path, out: Path, labels: Sequence[str], prepared: Callable[[Path], Tensor]
) -> list[str]:
    """The most probable classes of an image file, or of every file in a folder, written as JSON.

    Args:
        model: images (batch, 1, height, width) to logits (batch, classes).
        source: the file or folder.
        out: where to write: a name that ends in .json, or a folder for "classes.json".
        labels: names of the classes.
        prepared: makes a file an image as the model takes it.

    Returns:
        One line an image.

    Raises:
        TaskError: a file is no image, or there is none.
    """
    files = sorted(path for path in source.iterdir() if path.is_file()) if source.is_dir() else [source]
    if not files:
        raise TaskError(f"{source}: there is no file in this folder")
    images = torch.stack([prepared(path) for path in files])
    model.eval()
    with torch.no_grad():
        best = model(images).softmax(1).topk(min(TOP, len(labels)))
    ranked = [
        [(labels[number], share) for number, share in zip(numbers, shares, strict=True)]
        for numbers, shares in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]
    told = [
        {"file": file.name, "classes": [{"label": label, "share": share} for label, share in classes]}
        for file, classes in zip(files, ranked, strict=True)
    ]
    target = result_file(out, "classes.json")
    target.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return [
        f"{file.name}: " + ", ".join(f"{label} {share:.1%}" for label, share in classes)
        for file, classes in zip(files, ranked, strict=True)
    ]


def result_file(out: Path, usual: str) -> Path:
    """Where one result goes: `out` itself if it is named like a file, else `usual` in the folder `out`."""
    target = out if out.suffix == Path(usual).suffix else out / usual
    target.parent.mkdir(parents=True, exist_ok=True)
    return target
