"""segmentation: find the class of every pixel of your own images, from images and masks.

    surefoot choose segmentation --data land       # land/images/1.jpg, land/masks/1.png, …
    load_task("segmentation?data=/home/me/land&tile=256")

Data: yours.  A mask is a PNG as large as its image and named like it; see `masks` for what stands in one, and
for classes.json.  With land/train/images, land/train/masks and the same in land/val those are the parts; else
a fifth of the images is held out.  Before anything is trained every file is read once, and what is wrong is
counted: `Segmentation.problems`.

A U-Net is trained on tiles cut at random places; held-out images are measured whole, tile by tile; a
prediction fades overlapping tiles into each other, so that an image may be of any size.

Options: `tile` (pixels, 128), `width` (channels at full size, 16), `steps` (20 rounds through the images, but
200 at least and 2,000 at most), `batch` (8), `device` ("cpu", or "cuda").
"""

from __future__ import annotations

import functools
import importlib.util
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from surefoot.study.user_code import TaskError
from surefoot.tasks.batching import shuffled
from surefoot.tasks.images import pairs
from surefoot.tasks.images.decoding import DecodedCache, File, UnreadableError, in_colour, tensor
from surefoot.tasks.images.devices import ToAndFro, device_of
from surefoot.tasks.images.folders import Problems, pictures, printable, relative
from surefoot.tasks.images.masks import ClassTable
from surefoot.tasks.images.networks.unet import UNet
from surefoot.tasks.images.networks.vgg import Standardise
from surefoot.tasks.images.own import OwnData
from surefoot.tasks.images.segmenting import (
    IGNORED,
    class_shares,
    held_out_loss,
    held_out_overlap,
    predict_tiled,
    tally,
    write_zones,
)

TILE, LEAST_TILE, MOST_TILE = 128, 32, 4096
WIDTH, MOST_WIDTH = 16, 256
LOOKED_AT = 32  # tiles that decide what colours are standardised by

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class SegmentationSplit:
    """What to train on and what to hold out.

    Attributes:
        labels: names of the classes.
        crops: numbers of the images to train on, each as often as it has tiles.
        validation: numbers of those held out.
        pixels: image (3, height, width) and mask (height, width) of a number, as bytes.
    """

    labels: tuple[str, ...]
    crops: list[int]
    validation: list[int]
    pixels: DecodedCache = field(repr=False)

    def pair(self, number: int) -> tuple[Tensor, Tensor]:
        """An image and its mask."""
        image, mask = self.pixels[number]
        return image, mask


class Segmentation(OwnData[SegmentationSplit]):
    """Your own images and masks (needs --data): a class for every pixel, by a U-Net."""

    name = "segmentation"
    measure = "validation loss (cross-entropy + Dice)"
    options = ("tile", "width")
    usual_batch = 8

    def __init__(self, root: Path, labels: Sequence[str] | None, options: Mapping[str, str]) -> None:
        super().__init__(root, labels, options)
        self._tile = self._whole("tile", TILE, LEAST_TILE, MOST_TILE)
        self._width = self._whole("width", WIDTH, 1, MOST_WIDTH)

    def model(self) -> nn.Module:
        """A U-Net of 483 thousand parameters, which standardises colours as the images do."""
        centre, spread = (None, None) if self._given is not None else self._colours
        network = UNet(3, len(self.labels), width=self._width)
        return nn.Sequential(Standardise(centre, spread), network).to(self._device)

    def batches(self, seed: int) -> Iterator[Batch]:
        """8 tiles and their labels, as bytes; half of them mirrored.

        Each epoch goes through all images in a new order; large ones come more often, cut at new places.
        """
        data = self._data
        generator = torch.Generator().manual_seed(seed)
        for rows in shuffled(len(data.crops), min(self._batch, len(data.crops)), seed):
            tiles = [self._cut(*data.pair(data.crops[row]), generator) for row in rows.tolist()]
            yield torch.stack([image for image, _ in tiles]), torch.stack([mask for _, mask in tiles])

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy in nats plus Dice; images are rescaled to [0, 1] here."""
        images, masks = (part.to(device_of(model)) for part in batch)
        return tally(model(images.float() / 255), masks.long()).loss()

    def validate(self, model: nn.Module) -> float:
        """The same loss over all pixels of the held-out images."""
        return held_out_loss(ToAndFro(model), self._held_out())

    def metrics(self, model: nn.Module) -> dict[str, float]:
        """Intersection over union on the held-out images, of each class and on average ("mIoU")."""
        if importlib.util.find_spec("torchmetrics") is None:
            warnings.warn("for the mIoU: pip install 'surefoot[gallery]'", stacklevel=2)
            return {}
        return held_out_overlap(ToAndFro(model).eval(), self._held_out(), self.labels)

    def predict(self, model: nn.Module, source: Path, out: Path) -> list[str]:
        """A colour mask and an overlay of an image or of all images in a folder, and the share of each class.

        Args:
            model: a trained one.
            source: an image or a folder, of any size; files that cannot be read are named in the result.
            out: a folder, for NAME-mask.png, NAME-overlay.png and shares.json.

        Raises:
            TaskError: there is no image, or the only one cannot be read.
        """
        there, found = ToAndFro(model).eval(), Problems()
        files, root = ([source], source.parent) if source.is_file() else (pictures(source, found), source)
        if not files:
            raise TaskError(f"{printable(str(source))}: there is no image here")
        palette = ClassTable.read(self._root).palette if self._given is None else None
        shares: dict[str, dict[str, float]] = {}
        lines: list[str] = []
        for path in files:
            name = printable(relative(path, root))
            try:
                image = tensor(in_colour(File.read(path).image()))
            except UnreadableError as error:
                found.add("images that cannot be read", f"{name}: {error}")
                continue
            zones = predict_tiled(there, image.float() / 255, self._tile, self._batch).argmax(0).numpy()
            shares[name] = class_shares(zones, self.labels)
            shown, title = image.permute(1, 2, 0).numpy(), _title(path, files, root)
            told = write_zones(shown, zones, self.labels, out, title, palette)
            lines += [f"{name}:", *told] if len(files) > 1 else told
        if not shares:
            raise TaskError(f"{printable(str(source))}: {found.lines()[0]}")
        (out / "shares.json").write_text(json.dumps(shares, indent=2, ensure_ascii=False) + "\n", "utf-8")
        return [*lines, *found.lines()]

    def _cut(self, image: Tensor, mask: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """A tile at a random place, mirrored half the time; smaller images are continued, unlabelled."""
        image, mask = _at_least(image, mask, self._tile)
        places = [int(torch.randint(side - self._tile + 1, (), generator=generator)) for side in mask.shape]
        rows, columns = (slice(start, start + self._tile) for start in places)
        image, mask = image[:, rows, columns], mask[rows, columns]
        if torch.rand((), generator=generator) < 0.5:
            return image.flip(2), mask.flip(1)
        return image, mask

    def _held_out(self) -> Iterator[Batch]:
        """Tiles that cover the held-out images, each pixel once: images in [0, 1] and class numbers."""
        data, side = self._data, self._tile
        for number in data.validation:
            image, mask = _multiple_of(*data.pair(number), side)
            images = image.unfold(1, side, side).unfold(2, side, side).permute(1, 2, 0, 3, 4).flatten(0, 1)
            masks = mask.unfold(0, side, side).unfold(1, side, side).flatten(0, 1)
            for start in range(0, len(masks), self._batch):
                part = slice(start, start + self._batch)
                yield images[part].float() / 255, masks[part].long()

    def _images(self) -> int:
        return len(self._listed[0].training)

    def _labels(self) -> tuple[str, ...]:
        return self._data.labels

    @functools.cached_property
    def _listed(self) -> tuple[pairs.PairFolder, Problems]:
        found = Problems()
        return pairs.listed(self._root, found), found

    def _survey(self) -> tuple[SegmentationSplit, Problems]:
        folder, listed = self._listed
        seen, found = pairs.surveyed(folder, listed, self._root)
        crops = [
            number for number in seen.training for _ in range(-(-seen.areas.get(number, 1) // self._tile**2))
        ]
        return SegmentationSplit(seen.labels, crops, seen.validation, seen.pixels), found

    @functools.cached_property
    def _colours(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of each colour in tiles of the training images, in [0, 1]."""
        data, generator = self._data, torch.Generator().manual_seed(0)
        some = data.crops[:: -(-len(data.crops) // LOOKED_AT)]
        tiles = torch.stack([self._cut(*data.pair(number), generator)[0] for number in some])
        values = tiles.float().movedim(1, 0).flatten(1) / 255
        return values.mean(1), values.std(1)


def _title(path: Path, files: Sequence[Path], root: Path) -> str:
    """How the names of a file's results begin; with its ending where another differs in nothing else."""
    stem = path.with_suffix("")
    alone = sum(other.with_suffix("") == stem for other in files) == 1
    return printable(relative(stem if alone else path, root)).replace("/", "-")


def _at_least(image: Tensor, mask: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Continued below and right, by copies of the edge that count nowhere, to `side` pixels at least."""
    return _continued(image, mask, *(max(side - length, 0) for length in mask.shape))


def _multiple_of(image: Tensor, mask: Tensor, side: int) -> tuple[Tensor, Tensor]:
    return _continued(image, mask, *(-length % side for length in mask.shape))


def _continued(image: Tensor, mask: Tensor, below: int, right: int) -> tuple[Tensor, Tensor]:
    if below == right == 0:
        return image, mask
    rows, columns = (
        torch.arange(length + more).clamp(max=length - 1)
        for length, more in zip(mask.shape, (below, right), strict=True)
    )
    wider = torch.full((len(rows), len(columns)), IGNORED, dtype=mask.dtype)
    wider[: mask.shape[0], : mask.shape[1]] = mask
    return image[:, rows][:, :, columns], wider


TASK = Segmentation
