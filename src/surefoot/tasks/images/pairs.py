"""Images and their masks in a folder: which belong together, what is wrong with them, and how they are split.

found = Problems()
folder = listed(Path("land"), found)                    # from the names alone
seen, found = surveyed(folder, found, Path("land"))     # every file read once
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from surefoot.study.user_code import TaskError
from surefoot.tasks.images import folders
from surefoot.tasks.images.decoding import (
    DecodedCache,
    File,
    UnreadableError,
    in_colour,
    side_by_side,
    tensor,
)
from surefoot.tasks.images.folders import Problems, relative
from surefoot.tasks.images.masks import TABLE, ClassTable
from surefoot.tasks.images.segmenting import IGNORED

IMAGES, MASKS = "images", "masks"

Pair = tuple[Path, Path]


@dataclass(frozen=True)
class PairFolder:
    """Pairs of an image and its mask; `validation` is empty where a share is to be held out."""

    training: list[Pair]
    validation: list[Pair]
    parted: bool
    table: ClassTable


@dataclass(frozen=True)
class PairSurvey:
    """What a survey has found.

    Attributes:
        labels: names of the classes.
        training, validation: numbers of the pairs.
        areas: pixels of each that can be read.
        pixels: image (3, height, width) and mask (height, width) of a number, as bytes.
    """

    labels: tuple[str, ...]
    training: list[int]
    validation: list[int]
    areas: dict[int, int]
    pixels: DecodedCache = field(repr=False)


@dataclass(frozen=True)
class _Look:
    """At one pair: its digest, pixels and class numbers, or (kind, example) of what is wrong."""

    digest: str = ""
    area: int = 0
    classes: frozenset[int] = frozenset()
    wrong: tuple[str, str] | None = None


def listed(root: Path, found: Problems) -> PairFolder:
    """The pairs, by their names; whatever has no partner is counted."""
    where = folders.layout(root, found, used=[TABLE])
    try:
        table = ClassTable.read(root)
    except TaskError as error:
        found.add("errors in the table of classes", str(error))
        table = ClassTable()
    parts = [_pairs(part, root, found) for part in where.parts]
    return PairFolder(parts[0], parts[1] if len(parts) > 1 else [], where.validation is not None, table)


def _pairs(part: Path, root: Path, found: Problems) -> list[Pair]:
    missing = [name for name in (IMAGES, MASKS) if not (part / name).is_dir()]
    for name in missing:
        found.add("missing folders", f"{relative(part, root)}/{name}".removeprefix("./"))
    if missing:
        return []
    images = _by_stem(part / IMAGES, root, found)
    masks = _by_stem(part / MASKS, root, found)
    for stem, mask in masks.items():
        if mask.suffix.lower() != ".png":
            found.add("masks that are not PNG", relative(mask, root))
        if stem not in images:
            found.add("masks without an image", relative(mask, root))
    for stem, image in images.items():
        if stem not in masks:
            found.add("images without a mask", relative(image, root))
    if not images:
        found.add("image folders without images", f"{relative(part, root)}/{IMAGES}".removeprefix("./"))
    return [(image, masks[stem]) for stem, image in images.items() if stem in masks]


def _by_stem(folder: Path, root: Path, found: Problems) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for file in folders.pictures(folder, found, root):
        stem = relative(file.with_suffix(""), folder)
        if stem in files:
            found.add("files that differ only in their ending", relative(file, root))
        files.setdefault(stem, file)
    return files


def read(pair: Pair, table: ClassTable) -> tuple[Tensor, Tensor]:
    """The image (3, height, width) and its class numbers (height, width), as bytes.

    Raises:
        UnreadableError: one of them is damaged, or has changed since it was surveyed.
    """
    image, mask = (File.read(path).image() for path in pair)
    numbers, unknown = table.numbers(mask)
    if unknown or mask.size != image.size:
        raise UnreadableError(f"{pair[1]} has changed")
    return tensor(in_colour(image)), torch.from_numpy(numbers)


def surveyed(folder: PairFolder, listed: Problems, root: Path) -> tuple[PairSurvey, Problems]:
    """Read every file; what is found is of use only if no problem is fatal."""
    pairs = [*folder.training, *folder.validation]
    found = listed.copy()
    pixels = DecodedCache(lambda number: read(pairs[number], folder.table))
    looks = side_by_side(
        lambda number: _look(pairs[number], number, folder.table, root, pixels), [*range(len(pairs))]
    )
    for (_, mask), look in zip(pairs, looks, strict=True):
        if look.wrong:
            found.add(*look.wrong)
        elif not look.classes:
            found.add("masks without a labelled pixel", relative(mask, root), fatal=False)
    good = {number: look for number, look in enumerate(looks) if not look.wrong}
    names = {number: relative(image, root) for number, (image, _) in enumerate(pairs)}
    labels = _labels(folder.table, good, found)
    if folder.parted:
        training = [number for number in good if number < len(folder.training)]
        validation = [number for number in good if number >= len(folder.training)]
        trained, held_out = ({names[n]: good[n].digest for n in part} for part in (training, validation))
        folders.leaks(trained, held_out, found)
    else:
        places = folders.hold_out([look.digest for look in good.values()])
        numbers = list(good)
        validation = sorted(numbers[place] for place in places)
        training = [number for number in numbers if number not in set(validation)]
        if numbers and not validation:
            found.add("folders with fewer than 2 different images", names[numbers[0]])
    return PairSurvey(labels, training, validation, {n: look.area for n, look in good.items()}, pixels), found


def _look(pair: Pair, number: int, table: ClassTable, root: Path, pixels: DecodedCache) -> _Look:
    opened = []
    name = relative(pair[1], root)
    for path in pair:
        try:
            file = File.read(path)
            opened.append((file, file.image()))
        except UnreadableError as error:
            return _Look(wrong=("corrupt files", f"{relative(path, root)}: {error}"))
    (file, image), (_, mask) = opened
    if image.size != mask.size:
        sizes = f"{mask.width}×{mask.height}, image {image.width}×{image.height}"
        return _Look(wrong=("masks of another size than their image", f"{name}: {sizes}"))
    try:
        numbers, unknown = table.numbers(mask)
    except UnreadableError as error:
        return _Look(wrong=("masks in colours without a table", f"{name}: {error}"))
    if unknown:
        kind = (
            "masks with colours that no class has" if table.colours else "masks with class ids out of range"
        )
        return _Look(wrong=(kind, f"{name}: {unknown}"))
    try:
        pixels.put(number, (tensor(in_colour(image)), torch.from_numpy(numbers)))
    except UnreadableError as error:
        return _Look(wrong=("corrupt files", f"{relative(pair[0], root)}: {error}"))
    present = frozenset(np.unique(numbers).tolist()) - {IGNORED}
    return _Look(file.digest, image.width * image.height, present)


def _labels(table: ClassTable, looks: dict[int, _Look], found: Problems) -> tuple[str, ...]:
    """Names of the classes; counts those that hardly occur."""
    masks = Counter(number for look in looks.values() for number in look.classes)
    labels = table.names or tuple(f"class {number}" for number in range(max(masks, default=-1) + 1))
    if looks and len(labels) < 2:
        found.add(
            "folders whose masks have fewer than two classes",
            "255 is ignored unless classes.json names it",
        )
    for number, label in enumerate(labels):
        if masks[number] < 2:
            found.add("classes in fewer than 2 masks", f"{label}: {masks[number]}", fatal=False)
    return labels
