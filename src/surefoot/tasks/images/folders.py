"""The user's folder of images: what lies in it, what is wrong with it, and how it is split.

    found = Problems()
    files = pictures(Path("photos/cats"), found)       # sorted; what is no image is counted in `found`
    found.refuse("images", Path("photos"))             # one line of TaskError, if anything is fatal

Nothing is dropped without being counted: a file is an image, or it is in one of the problems.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from surefoot.naming import nearest
from surefoot.study.user_code import TaskError

# fmt: off
SUFFIXES = frozenset({
    ".avif", ".bmp", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm",
    ".tga", ".tif", ".tiff", ".webp",
})
"""Of files that are taken for images; one that cannot be read is then damaged, not overlooked."""

UNREADABLE = frozenset({
    ".arw", ".cr2", ".cr3", ".dng", ".eps", ".heic", ".heif", ".ico", ".jxl", ".nef", ".orf", ".psd", ".raf",
    ".raw", ".svg",
})
"""Of images in formats that are not read."""
# fmt: on

TRAINING, VALIDATION = "train", ("val", "validation", "valid")
HELD_OUT_SHARE = 0.2
SPLIT_SEED = 0
EXAMPLES = 3


@dataclass(frozen=True)
class FolderProblem:
    """Something about a folder that its owner should know.

    Attributes:
        kind: what it is, for several, such as "corrupt files".
        count: how many.
        examples: the first of them, by name, perhaps with a reason.
        fatal: nothing can be trained before it is put right.
    """

    kind: str
    count: int
    examples: tuple[str, ...]
    fatal: bool = True

    def line(self, examples: int = EXAMPLES) -> str:
        """In words, such as "corrupt files: 2 (cat/1.jpg: image file is truncated, …)"."""
        named = self.examples[:examples]
        more = ["…"] if self.count > len(named) else []
        return f"{self.kind}: {self.count} ({', '.join([*named, *more])})"


class Problems:
    """What has been found, counted by kind, in the order of the first of each."""

    def __init__(self) -> None:
        self._examples: dict[tuple[str, bool], list[str]] = {}

    def add(self, kind: str, example: str, *, fatal: bool = True) -> None:
        """Count one more of a kind."""
        self._examples.setdefault((kind, fatal), []).append(printable(example))

    def copy(self) -> Problems:
        """Another with the same in it."""
        other = Problems()
        other._examples = {kind: list(examples) for kind, examples in self._examples.items()}
        return other

    def __iter__(self) -> Iterator[FolderProblem]:
        for (kind, fatal), examples in self._examples.items():
            yield FolderProblem(kind, len(examples), tuple(examples[:EXAMPLES]), fatal)

    def lines(self) -> list[str]:
        """All of them in words, the fatal ones first."""
        return [problem.line() for problem in sorted(self, key=lambda problem: not problem.fatal)]

    def refuse(self, task: str, folder: Path) -> None:
        """Raise `TaskError`, if anything is fatal: one line with each kind, its count and an example."""
        if fatal := [problem.line(examples=1) for problem in self if problem.fatal]:
            raise TaskError(f"{task}: {printable(str(folder))} cannot be trained on: {'; '.join(fatal)}")

    def warn(self, task: str) -> None:
        """Tell what is harmless, a warning for each kind."""
        for problem in self:
            if not problem.fatal:
                warnings.warn(f"{task}: {problem.line(examples=1)}", stacklevel=2)


@dataclass(frozen=True)
class FolderLayout:
    """Where the parts of a data set lie.

    Attributes:
        training: the folder to train on, or of everything.
        validation: the folder that is held out; None where a share of everything is.
    """

    training: Path
    validation: Path | None

    @property
    def parts(self) -> tuple[Path, ...]:
        """The folders that are read."""
        return (self.training, *([self.validation] if self.validation else []))


def layout(root: Path, found: Problems, used: Iterable[str] = ()) -> FolderLayout:
    """See whether `root` holds train/ and val/ or is itself what has to be split.

    Args:
        root: the user's folder.
        found: receives what does not fit together.
        used: names of further files in it that are read.

    Raises:
        TaskError: there is no such folder.
    """
    check_folder(root)
    training = root / TRAINING
    validation = [root / name for name in VALIDATION if (root / name).is_dir()]
    if not training.is_dir() or not subfolders(training):
        if validation:
            found.add("validation folders without a folder train", validation[0].name)
        return FolderLayout(root, None)
    for further in validation[1:]:
        found.add("validation folders beside another", further.name)
    for other in sorted(root.iterdir()):
        if other != training and other not in validation and other.name not in used:
            found.add("entries beside train and validation, not used", other.name, fatal=False)
    return FolderLayout(training, validation[0] if validation else None)


def check_folder(folder: Path) -> None:
    """Raise `TaskError` unless there is such a folder; it names the nearest."""
    if not folder.is_dir():
        beside = [str(p) for p in folder.parent.glob("*/")] if folder.parent.is_dir() else []
        told = "is a file, not a folder" if folder.is_file() else f"does not exist{_near(folder, beside)}"
        raise TaskError(printable(f"data folder {folder} {told}"))


def _near(folder: Path, others: Iterable[str]) -> str:
    """The nearest, if there is one: not all that lie there."""
    hint = nearest(str(folder), others)
    return hint if hint.startswith("; did you mean") else ""


def subfolders(folder: Path) -> list[Path]:
    """The visible ones, sorted."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def pictures(folder: Path, found: Problems, root: Path | None = None) -> list[Path]:
    """All images below a folder, sorted by name; whatever else lies there is counted.

    Args:
        folder: it, what lies below it, and where its links lead to.
        found: receives files of other kinds.
        root: what their names are relative to; the folder by default.
    """
    images: list[Path] = []
    for file in sorted(_files(folder)):
        name = relative(file, root or folder)
        suffix = file.suffix.lower()
        if suffix in UNREADABLE:
            found.add("images in formats that cannot be read", name)
        elif suffix in SUFFIXES and not file.name.startswith("."):
            images.append(file)
        else:
            found.add("files that are no images, left out", name, fatal=False)
    return images


def _files(folder: Path) -> Iterator[Path]:
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(place)) in seen:  # a link that leads back up
            folders.clear()
            continue
        seen.add(real)
        yield from (Path(place, name) for name in names)


def hold_out(digests: Sequence[str], share: float = HELD_OUT_SHARE) -> set[int]:
    """Which of the examples of one class to hold out.

    The content decides, not the name, the number or the order: equal files stay on one side, and where
    files are added, nearly all others stay on theirs.

    Args:
        digests: one of each example's content.
        share: of the examples; at least one different example, and never all of them.
    """
    places: dict[str, list[int]] = {}
    for place, digest in enumerate(digests):
        places.setdefault(digest, []).append(place)
    order = sorted(places, key=lambda digest: hashlib.sha256(f"{SPLIT_SEED} {digest}".encode()).digest())
    held_out: set[int] = set()
    for digest in order[:-1]:
        if len(held_out) >= max(1, round(share * len(digests))):
            break
        held_out.update(places[digest])
    return held_out


def same_but_for_case(names: Iterable[str]) -> list[str]:
    """Pairs of names that many systems take for one, such as "Cat and cat"."""
    found: dict[str, str] = {}
    pairs = []
    for name in sorted(set(names)):
        other = found.setdefault(name.casefold(), name)
        if other != name:
            pairs.append(f"{other} and {name}")
    return pairs


def leaks(training: Mapping[str, str], validation: Mapping[str, str], found: Problems) -> None:
    """Count files of the validation that are also trained on; both map names to digests of the content."""
    trained = {digest: name for name, digest in training.items()}
    for name, digest in validation.items():
        if digest in trained:
            found.add(
                "files in both training and validation, which flatters the measure",
                f"{name} = {trained[digest]}",
                fatal=False,
            )


def relative(file: Path, root: Path) -> str:
    """The name of a file or folder below another."""
    return file.relative_to(root).as_posix()


def printable(text: str) -> str:
    """Without what would break a line or a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def whole_number(
    task: str, options: Mapping[str, str], name: str, default: int, least: int, most: int
) -> int:
    """An option of a task that is a whole number; raises `TaskError`."""
    text = options.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise TaskError(f"{task}: {name} must be a whole number from {least} to {most:,}, not {text!r}")
    return int(text)


def check_options(task: str, options: Mapping[str, str], known: Iterable[str]) -> None:
    """Raise `TaskError` for an option that the task does not have."""
    for name in options:
        if name not in set(known):
            raise TaskError(f"{task} has no option {name!r}{nearest(name, known)}")
