"""images: classify your own images, from a folder with a folder for each class.

    surefoot choose images --data photos           # photos/cat/1.jpg, photos/dog/2.png, …
    surefoot choose "images?size=64&model=vgg" --data photos
    load_task("images?data=/home/me/photos")

Data: yours.  With photos/train/cat/… and photos/val/cat/… those are the parts; else a fifth of each class is
held out.  Images may differ in size, colours and orientation; each is scaled until its shorter side is
`size`, and its middle is taken.  Before anything is trained every file is read once, and what is wrong is
counted: `Images.problems`.

Options: `size` (pixels, 224), `model` ("small", the default, since a full training takes minutes on two
cores; "vgg", a quarter as wide as in the paper, takes nine times as long; "vgg16" is for a GPU), `steps`
(20 rounds through the images, but 200 at least and 2,000 at most), `batch` (32), `device` ("cpu", or "cuda").
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from surefoot.naming import nearest
from surefoot.study.user_code import TaskError
from surefoot.tasks.batching import shuffled
from surefoot.tasks.images import folders, ranking
from surefoot.tasks.images.decoding import DecodedCache, File, UnreadableError, side_by_side, square
from surefoot.tasks.images.devices import ToAndFro, device_of
from surefoot.tasks.images.folders import Problems, relative
from surefoot.tasks.images.networks.vgg import LEAST_SIZE, NETWORKS
from surefoot.tasks.images.own import OwnData

SIZE, MOST_SIZE = 224, 2048
SHIFT = 8  # images are moved by up to an eighth of their size
LOOKED_AT = 256  # images that decide what colours are standardised by

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class ImageFolder:
    """What lies in the user's folder, before any file is opened.

    Attributes:
        labels: names of the classes, sorted.
        training: files and their classes, or all of them.
        validation: those that are held out; empty where a share of all is to be.
        parted: whether the user has split them.
    """

    labels: tuple[str, ...]
    training: list[tuple[Path, int]]
    validation: list[tuple[Path, int]]
    parted: bool


@dataclass(frozen=True)
class ImageSplit:
    """Which files, by number, to train on and to hold out."""

    files: list[tuple[Path, int]]
    training: list[int]
    validation: list[int]
    pixels: DecodedCache = field(repr=False)

    def batch(self, numbers: Sequence[int]) -> Batch:
        """Images (batch, 3, size, size) as bytes, and their classes."""
        labels = torch.tensor([self.files[number][1] for number in numbers])
        return torch.stack([self.pixels[number][0] for number in numbers]), labels


class Images(OwnData[ImageSplit]):
    """Your own images by class (needs --data): a folder with a folder for each class."""

    name = "images"
    measure = "validation loss"
    options = ("size", "model")
    usual_batch = 32

    def __init__(self, root: Path, labels: Sequence[str] | None, options: Mapping[str, str]) -> None:
        super().__init__(root, labels, options)
        self._size = self._whole("size", SIZE, LEAST_SIZE, MOST_SIZE)
        self._network = options.get("model", "small")
        if self._network not in NETWORKS:
            hint = nearest(self._network, NETWORKS)
            raise TaskError(f"{self.name}: there is no model {self._network!r}{hint}")

    def model(self) -> nn.Module:
        """A newly initialised network for these classes, which standardises colours as the images do."""
        centre, spread = (None, None) if self._given is not None else self._colours
        return NETWORKS[self._network](len(self.labels), centre, spread).to(self._device)

    def batches(self, seed: int) -> Iterator[Batch]:
        """32 images and their classes; each epoch goes once through all in a new order.

        Images come as bytes, half of them mirrored, each moved by up to an eighth of its size.
        """
        split = self._data
        generator = torch.Generator().manual_seed(seed)
        rows = shuffled(len(split.training), min(self._batch, len(split.training)), seed)
        for numbers in rows:
            images, labels = split.batch([split.training[number] for number in numbers.tolist()])
            yield torch.stack([varied(image, generator) for image in images]), labels

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy in nats; images are rescaled to [0, 1] here."""
        images, labels = (part.to(device_of(model)) for part in batch)
        return nn.functional.cross_entropy(model(images.float() / 255), labels)

    def validate(self, model: nn.Module) -> float:
        """Cross-entropy on the held-out images, in nats."""
        with torch.no_grad():
            sums = [self.loss(model, batch).item() * len(batch[1]) for batch in self._held_out()]
        return sum(sums) / len(self._data.validation)

    def metrics(self, model: nn.Module) -> dict[str, float]:
        """The accuracy: the share of held-out images whose most probable class is theirs."""
        there = ToAndFro(model).eval()
        with torch.no_grad():
            right = sum(
                int((there(images.float() / 255).argmax(1) == labels).sum())
                for images, labels in self._held_out()
            )
        return {"accuracy": right / len(self._data.validation)}

    def predict(self, model: nn.Module, source: Path, out: Path) -> list[str]:
        """The most probable classes of an image, or of all images in a folder, as JSON and in words.

        Args:
            model: a trained one.
            source: an image or a folder; files in it that cannot be read are named in the result.
            out: the JSON file, or a folder for "classes.json".

        Raises:
            TaskError: there is no image, or the only one cannot be read.
        """
        there = ToAndFro(model).eval()

        def shares(image: Tensor) -> list[float]:
            with torch.no_grad():
                found: list[float] = there(image[None].float() / 255).softmax(1)[0].tolist()
            return found

        return ranking.write(source, out, self.labels, lambda file: shares(self._decoded(file)[0]))

    def _decoded(self, file: File) -> tuple[Tensor, ...]:
        return (square(file.image(about=self._size), self._size),)

    def _held_out(self) -> Iterator[Batch]:
        split = self._data
        for start in range(0, len(split.validation), self._batch):
            yield split.batch(split.validation[start : start + self._batch])

    def _images(self) -> int:
        return len(self._folder[0].training)

    def _labels(self) -> tuple[str, ...]:
        return self._folder[0].labels

    @functools.cached_property
    def _folder(self) -> tuple[ImageFolder, Problems]:
        found = Problems()
        return _listed(self._root, found), found

    def _survey(self) -> tuple[ImageSplit, Problems]:
        folder, listed = self._folder
        found = listed.copy()
        files = [*folder.training, *folder.validation]
        pixels = DecodedCache(lambda number: self._decoded(File.read(files[number][0])))

        def look(number: int) -> str:
            """The digest of a file that can be read."""
            path = files[number][0]
            try:
                file = File.read(path)
                pixels.put(number, self._decoded(file))
            except UnreadableError as error:
                return f"{UNREADABLE}{relative(path, self._root)}: {error}"
            return file.digest

        digests = side_by_side(look, list(range(len(files))))
        for digest in digests:
            if digest.startswith(UNREADABLE):
                found.add("corrupt files", digest.removeprefix(UNREADABLE))
        names = {number: relative(path, self._root) for number, (path, _) in enumerate(files)}
        good = {number: digest for number, digest in enumerate(digests) if not digest.startswith(UNREADABLE)}
        _contradictions(good, files, names, found)
        first = range(len(folder.training))
        if folder.parted:
            training, validation = list(first), list(range(len(first), len(files)))
            folders.leaks(
                {names[n]: good[n] for n in training if n in good},
                {names[n]: good[n] for n in validation if n in good},
                found,
            )
        else:
            training, validation = _split(folder.labels, good, files, found)
        return ImageSplit(files, training, validation, pixels), found

    @functools.cached_property
    def _colours(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of each colour in the training images, in [0, 1]."""
        training = self._data.training
        images, _ = self._data.batch(training[:: -(-len(training) // LOOKED_AT)])
        values = images.float().movedim(1, 0).flatten(1) / 255
        return values.mean(1), values.std(1)


UNREADABLE = "unreadable "  # no digest begins like this


def varied(image: Tensor, generator: torch.Generator) -> Tensor:
    """Half the time mirrored, and moved; what comes in at the edge is a reflection."""
    height, width = image.shape[1:]
    most = (height // SHIFT, width // SHIFT)
    down, right = (int(torch.randint(-by, by + 1, (), generator=generator)) for by in most)
    columns = _reflected(width, right)
    if torch.rand((), generator=generator) < 0.5:
        columns = columns.flip(0)
    return image[:, _reflected(height, down)][:, :, columns]


def _reflected(length: int, by: int) -> Tensor:
    places = (torch.arange(length) + by).abs()
    return torch.where(places < length, places, 2 * (length - 1) - places)


def _listed(root: Path, found: Problems) -> ImageFolder:
    """The classes and their files, from the names alone."""
    where = folders.layout(root, found)
    parts: list[dict[str, list[Path]]] = []
    for part in where.parts:
        classes = {folder.name: folders.pictures(folder, found, root) for folder in folders.subfolders(part)}
        for name, files in classes.items():
            if not files:
                found.add("class folders without images", f"{relative(part, root)}/{name}".removeprefix("./"))
        for entry in sorted(part.iterdir()):
            if entry.is_file():
                found.add("files outside of a class folder, left out", relative(entry, root), fatal=False)
        parts.append(classes)
    training, validation = parts[0], parts[1] if len(parts) > 1 else {}
    labels = tuple(sorted(training))
    if len(labels) < 2:
        example = labels[0] if labels else "there are no folders"
        found.add("folders with fewer than two class folders", example)
    for pair in folders.same_but_for_case([*training, *validation]):
        found.add("class names that differ only in case", pair)
    for name in sorted(validation.keys() - training.keys()):
        found.add("classes in validation that are not in train", name)
    for name in sorted(training.keys() - validation.keys()) if where.validation else ():
        found.add("classes that validation does not have", name, fatal=False)
    if where.validation and not any(validation.values()):
        found.add("validation folders without images", where.validation.name)
    number = {name: place for place, name in enumerate(labels)}

    def numbered(classes: Mapping[str, list[Path]]) -> list[tuple[Path, int]]:
        return [(file, number[name]) for name in sorted(classes) if name in number for file in classes[name]]

    return ImageFolder(labels, numbered(training), numbered(validation), where.validation is not None)


def _split(
    labels: Sequence[str], digests: Mapping[int, str], files: Sequence[tuple[Path, int]], found: Problems
) -> tuple[list[int], list[int]]:
    """Training and validation, a share of each class; counts classes with fewer than two images."""
    held_out: set[int] = set()
    for label, name in enumerate(labels):
        members = [number for number in digests if files[number][1] == label]
        if len({digests[number] for number in members}) < 2:
            if members:  # else its folder is counted already
                found.add("classes with fewer than 2 different images", name)
            continue
        held_out |= {members[place] for place in folders.hold_out([digests[number] for number in members])}
    return [number for number in digests if number not in held_out], sorted(held_out)


def _contradictions(
    digests: Mapping[int, str], files: Sequence[tuple[Path, int]], names: Mapping[int, str], found: Problems
) -> None:
    """Count images that stand in two classes."""
    first: dict[str, int] = {}
    for number, digest in digests.items():
        other = first.setdefault(digest, number)
        if files[other][1] != files[number][1]:
            found.add("equal images in different classes", f"{names[other]} = {names[number]}", fatal=False)


TASK = Images
