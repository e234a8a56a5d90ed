"""What tasks of semantic segmentation share: the loss, tiled prediction, and pictures of what was found.

    loss = tally(model(images), labels).loss()             # cross-entropy plus Dice
    shares = predict_tiled(model, image, tile=64)          # (classes, height, width), of any height and width
    lines = write_zones(rgb, shares.argmax(0), ZONES, out, "africa")   # a mask, an overlay; shares of classes

Labels are whole numbers, one a pixel; pixels labelled `IGNORED` count nowhere.
"""

from __future__ import annotations

import colorsys
import contextlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn

from surefoot.study.format import share
from surefoot.study.user_code import TaskError

IGNORED = 255  # fits the 8 bits of a PNG mask, and leaves room for 255 classes
SMOOTHING = 1.0  # pixels; keeps Dice steady where a class has hardly any
OPACITY = 0.45  # of the colours in an overlay
LEAST_OVERLAY = 512  # pixels; smaller pictures are enlarged, so that the legend fits

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"}

Bytes = NDArray[np.uint8]
Colour = tuple[int, int, int]

# After M. Okabe and K. Ito, "Color Universal Design", 2008: told apart with any kind of colour vision.
BLUE, GREEN, ORANGE, YELLOW = (0, 114, 178), (0, 158, 115), (230, 159, 0), (240, 228, 66)
VERMILION, PURPLE, SKY, BLACK = (213, 94, 0), (204, 121, 167), (86, 180, 233), (0, 0, 0)
OKABE_ITO: tuple[Colour, ...] = (BLUE, ORANGE, GREEN, PURPLE, YELLOW, SKY, VERMILION, BLACK)


@dataclass(frozen=True)
class Tally:
    """Sums over labelled pixels that the loss is made of; those of several batches can be added.

    Attributes:
        cross_entropy: nats.
        pixels: how many are labelled.
        shared: per class, the probability given to it where it is the label.
        predicted: per class, the probability given to it anywhere.
        labelled: per class, its pixels.
    """

    cross_entropy: Tensor
    pixels: Tensor
    shared: Tensor
    predicted: Tensor
    labelled: Tensor

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def dice(self) -> Tensor:
        """One minus the soft Dice coefficient, averaged over the classes that occur; 0 where none does."""
        coefficient = (2 * self.shared + SMOOTHING) / (self.predicted + self.labelled + SMOOTHING)
        occurs = (self.labelled > 0).to(coefficient.dtype)
        return ((1 - coefficient) * occurs).sum() / occurs.sum().clamp(min=1)

    def loss(self) -> Tensor:
        """Mean cross-entropy in nats plus `dice`; both are 0 without labelled pixels."""
        return self.cross_entropy / self.pixels.clamp(min=1) + self.dice()


def tally(logits: Tensor, labels: Tensor, ignored: int = IGNORED) -> Tally:
    """The sums of one batch.

    Args:
        logits: (batch, classes, height, width).
        labels: (batch, height, width), whole numbers below `classes`, or `ignored`.
        ignored: pixels with this label count nowhere.
    """
    counted = labels != ignored
    target = torch.where(counted, labels, 0)
    log_probabilities = logits.log_softmax(1)
    label_log_probability = log_probabilities.gather(1, target[:, None])[:, 0]
    weight = counted.to(logits.dtype)
    probabilities = log_probabilities.exp() * weight[:, None]
    one_hot = nn.functional.one_hot(target, logits.shape[1]).movedim(-1, 1) * weight[:, None]
    over = (0, 2, 3)
    return Tally(
        cross_entropy=-(label_log_probability * weight).sum(),
        pixels=weight.sum(),
        shared=(probabilities * one_hot).sum(over),
        predicted=probabilities.sum(over),
        labelled=one_hot.sum(over),
    )


def held_out_loss(
    model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], ignored: int = IGNORED
) -> float:
    """The loss over all batches together, which does not depend on how they are cut."""
    with _evaluating(model):
        tallies = [tally(model(images), labels, ignored) for images, labels in batches]
    return sum(tallies[1:], start=tallies[0]).loss().item()


def held_out_overlap(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    classes: Sequence[str],
    ignored: int = IGNORED,
) -> dict[str, float]:
    """Intersection over union on held-out images: {"mIoU": …, "IoU water": …, …}, higher is better.

    The mean is taken over the classes that occur, in labels or predictions; the others have no entry.

    Raises:
        ModuleNotFoundError: torchmetrics, of the extra `gallery`, is not installed.
    """
    # Imported here: it takes seconds, and training needs none of it.
    from torchmetrics.classification import MulticlassJaccardIndex

    overlap = MulticlassJaccardIndex(len(classes), average="none", ignore_index=ignored, zero_division=-1)
    with _evaluating(model):
        for images, labels in batches:
            overlap.update(model(images).argmax(1), labels)
    found = {
        name: value for name, value in zip(classes, overlap.compute().tolist(), strict=True) if value >= 0
    }
    mean = sum(found.values()) / max(len(found), 1)
    return {"mIoU": mean} | {f"IoU {name}": value for name, value in found.items()}


@contextlib.contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode and no gradients; afterwards each module is in the mode it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def predict_tiled(
    model: nn.Module,
    image: Tensor,
    tile: int,
    batch: int = 32,
) -> Tensor:
    """The probability of each class at each pixel, of an image of any size.

    Tiles overlap by half and fade into each other, so that no borders show; an image smaller than a tile is
    continued by copies of its edge.

    Args:
        model: from (batch, channels, tile, tile) to logits (batch, classes, tile, tile).
        image: (channels, height, width).
        tile: side of the images the model was trained on, in pixels.
        batch: so many tiles at a time.

    Returns:
        (classes, height, width).
    """
    height, width = image.shape[-2:]
    below, right = max(tile - height, 0), max(tile - width, 0)
    padded = nn.functional.pad(image[None], (0, right, 0, below), mode="replicate")[0]
    places = list(itertools.product(_starts(height + below, tile), _starts(width + right, tile)))
    fade = torch.sin(torch.pi * (torch.arange(tile, dtype=image.dtype) + 0.5) / tile).square()
    weights = fade[:, None] * fade
    total = torch.zeros(())
    weight = torch.zeros(padded.shape[-2:])
    for start in range(0, len(places), batch):
        windows = [
            (slice(top, top + tile), slice(left, left + tile)) for top, left in places[start : start + batch]
        ]
        with _evaluating(model):
            found = model(torch.stack([padded[:, *window] for window in windows])).softmax(1)
        if total.ndim == 0:
            total = torch.zeros(found.shape[1], *padded.shape[-2:])
        for window, probabilities in zip(windows, found, strict=True):
            total[:, *window] += probabilities * weights
            weight[window] += weights
    return total.div_(weight)[:, :height, :width]


def _starts(length: int, tile: int) -> Iterator[int]:
    """Where tiles begin: every half tile, and the last one at the end."""
    yield from range(0, length - tile, tile // 2)
    yield length - tile


def image_files(source: Path) -> list[Path]:
    """`source` itself, or if it is a folder the images in it, by name.

    Raises:
        TaskError: there is no such file, or no image in the folder.
    """
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise TaskError(f"there is no file or folder {str(source)!r}")
    images = sorted(path for path in source.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    if not images:
        raise TaskError(f"no image ({' '.join(sorted(IMAGE_SUFFIXES))}) in {source}")
    return images


def read_rgb(path: Path) -> Bytes:
    """An image as (height, width, 3).

    Raises:
        TaskError: it cannot be read, or a channel has more than 8 bits.
    """
    try:
        with Image.open(path) as image:
            if image.mode.startswith(("I", "F")):
                raise TaskError(f"{path} has more than 8 bits a channel: convert it to 8-bit RGB first")
            return np.asarray(image.convert("RGB"))
    except TaskError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise TaskError(f"{path} cannot be read as an image: {' '.join(str(error).split())}") from error


def colours(classes: int) -> list[Colour]:
    """A colour for each class: eight that any colour vision tells apart, then as many hues as it takes."""
    more = max(classes - len(OKABE_ITO), 0)
    hues = (colorsys.hls_to_rgb(index / more, 0.35 + 0.3 * (index % 2), 0.8) for index in range(more))
    return [*OKABE_ITO[:classes], *((round(255 * r), round(255 * g), round(255 * b)) for r, g, b in hues)]


def write_zones(
    image: Bytes,
    labels: Tensor | NDArray[Any],
    classes: Sequence[str],
    out: Path,
    name: str,
    palette: Sequence[Colour] | None = None,
) -> list[str]:
    """Write NAME-mask.png and NAME-overlay.png; say what share of the image each class has.

    The mask is as large as the image: its pixels are class numbers, which its colour table shows in colour.
    The overlay lays the colours over the image, with a legend below.

    Args:
        image: (height, width, 3).
        labels: (height, width), class numbers.
        classes: their names.
        out: a folder; made if need be.
        name: how the files' names begin.
        palette: a colour for each class; `colours` by default.

    Returns:
        The files, and a line for each class that occurs, the largest share first.

    Raises:
        TaskError: `out` is a file, or named like an image.
    """
    if out.is_file() or out.suffix.lower() in IMAGE_SUFFIXES:
        raise TaskError(f"{out} must be a folder: a mask and an overlay are written to it")
    palette = list(palette or colours(len(classes)))
    numbers = np.asarray(labels).astype(np.uint8)
    shares = class_shares(numbers, classes)
    out.mkdir(parents=True, exist_ok=True)
    mask_path, overlay_path = out / f"{name}-mask.png", out / f"{name}-overlay.png"
    mask = Image.fromarray(numbers)
    mask.putpalette(bytes(itertools.chain.from_iterable(palette)))
    mask.save(mask_path)
    overlay(image, mask, shares, dict(zip(classes, palette, strict=True))).save(overlay_path)
    lines = [f"{share:6.1%} {zone}" for zone, share in shares.items()]
    return [f"wrote {mask_path} and {overlay_path}", *lines]


def class_shares(labels: NDArray[Any], classes: Sequence[str]) -> dict[str, float]:
    """The share of pixels of each class that occurs, the largest first."""
    counts = np.bincount(labels.ravel(), minlength=len(classes)) / labels.size
    order = sorted(range(len(classes)), key=lambda number: -counts[number])
    return {classes[number]: float(counts[number]) for number in order if counts[number] > 0}


def overlay(
    image: Bytes, mask: Image.Image, shares: dict[str, float], palette: dict[str, Colour]
) -> Image.Image:
    """The image under the mask's colours, and below it a legend with the shares."""
    picture = Image.blend(Image.fromarray(image), mask.convert("RGB"), OPACITY)
    scale = -(-LEAST_OVERLAY // picture.width)
    picture = picture.resize((scale * picture.width, scale * picture.height), Image.Resampling.NEAREST)
    size = max(14, picture.width // 60)
    font = ImageFont.load_default(size)
    entries = {zone: f"{zone} {share(part)}" for zone, part in shares.items()}
    column = round(max(map(font.getlength, entries.values()))) + 3 * size
    columns = max((picture.width - size) // column, 1)
    rows = -(-len(entries) // columns)
    whole = Image.new("RGB", (picture.width, picture.height + (2 * rows + 1) * size), "white")
    whole.paste(picture)
    draw = ImageDraw.Draw(whole)
    for place, (zone, entry) in enumerate(entries.items()):
        left, top = size + place % columns * column, picture.height + (2 * (place // columns) + 1) * size
        draw.rectangle((left, top, left + size, top + size), palette[zone], "black")
        draw.text((left + 1.5 * size, top + size / 2), entry, "black", font, anchor="lm")
    return whole
