"""What runs on other machines need of this one: the files around a task, and what it is called there.

The current folder goes along as it is, since a task reads its modules and small data from there. A task or
optimizer given by a path outside of it brings its own folder, and gets another reference.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from pathspec import GitIgnoreSpec

from surefoot.errors import InvalidInputError, accessing
from surefoot.study.format import size
from surefoot.study.run import Job

MB = 2**20
LIMIT_BYTES = 100 * MB
MOST_FILES = 20_000
IGNORE_FILE = ".rayignore"
"""Ray's own: what a project leaves at home, in the syntax of .gitignore."""

LEFT_AT_HOME = frozenset({".git", ".venv", "venv", ".surefoot", "__pycache__", "node_modules", ".tox"})
"""Folders that no run needs; so are virtual environments of other names, and caches such as .mypy_cache."""

OUTSIDE = "surefoot-outside"
"""In the shipment, the folders that do not lie in the current one."""


@dataclass(frozen=True)
class Shipment:
    """Files for the machines of a cluster.

    Attributes:
        folder: a copy of what is shipped; runs have it as their current folder.
        references: what a task or optimizer given by its file is called there.
    """

    folder: Path
    references: Mapping[str, str]

    def address(self, job: Job) -> Job:
        """The job, as it is called where the shipment has arrived.

        Raises:
            InvalidInputError: its task or optimizer lies outside of the current folder and was not packed.
        """
        candidate = replace(job.candidate, optimizer=self._there(job.candidate.optimizer))
        return replace(job, task=self._there(job.task), candidate=candidate)

    def _there(self, reference: str) -> str:
        if _file(reference) is None:
            return reference
        if reference not in self.references:
            raise InvalidInputError(
                f"{reference} was not named when the cluster was entered, so it is not there"
            )
        return self.references[reference]


def pack(references: Iterable[str], folder: Path) -> Shipment:
    """Copy what the runs need.

    Args:
        references: tasks and optimizers; those that are not "file.py:object" need nothing but their package.
        folder: receives the copy; new or empty.

    Raises:
        InvalidInputError: it is more than `LIMIT_BYTES` or `MOST_FILES`; the message names the largest parts.
        FileError: something cannot be read or written.
    """
    here, outside = Path.cwd().resolve(), list[Path]()
    names: dict[str, str] = {}
    for reference in references:
        if (file := _file(reference)) is None:
            continue
        if file.is_relative_to(here):
            there = file.relative_to(here)
        else:
            if file.parent not in outside:
                outside.append(file.parent)
            there = Path(OUTSIDE, str(outside.index(file.parent)), file.name)
        names[reference] = f"{there.as_posix()}:{reference.rpartition(':')[2]}"
    _copy(here, folder)
    for number, other in enumerate(outside):
        _copy(other, folder / OUTSIDE / str(number))
    return Shipment(folder, names)


def _file(reference: str) -> Path | None:
    """The file of "path/file.py:object"; None of any other reference."""
    source = reference.rpartition(":")[0]
    return Path(source).resolve() if source.endswith(".py") else None


def _copy(source: Path, target: Path) -> None:
    # A whole home folder need not be walked through to see that it is too much.
    sizes = {file: (source / file).stat().st_size for file in islice(_files(source), MOST_FILES + 1)}
    if len(sizes) > MOST_FILES or sum(sizes.values()) > LIMIT_BYTES:
        raise InvalidInputError(_too_much(source, sizes))
    target.mkdir(parents=True, exist_ok=True)
    for file in sizes:
        with accessing("ship", source / file):
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / file, target / file)


def _files(source: Path) -> Iterator[Path]:
    """The regular files to ship, as paths relative to `source`; links to folders are not followed."""
    ignored = GitIgnoreSpec.from_lines(_lines(source / IGNORE_FILE))
    for folder, subfolders, names in os.walk(source):
        place = Path(folder).relative_to(source)
        subfolders[:] = [
            name
            for name in subfolders
            if not (_stays(Path(folder, name)) or ignored.match_file(f"{(place / name).as_posix()}/"))
        ]
        for name in names:
            # Ray would leave out what a .gitignore names; data that a run reads is often among it.
            if name == ".gitignore" or ignored.match_file((place / name).as_posix()):
                continue
            if Path(folder, name).is_file():
                yield place / name


def _stays(folder: Path) -> bool:
    name = folder.name
    return name in LEFT_AT_HOME or name.endswith("_cache") or (folder / "pyvenv.cfg").exists()


def _lines(file: Path) -> list[str]:
    with accessing("read", file):
        return file.read_text(encoding="utf8").splitlines() if file.is_file() else []


def _too_much(source: Path, sizes: Mapping[Path, int]) -> str:
    parts: Counter[str] = Counter()
    for file, count in sizes.items():
        parts[file.parts[0] + ("/" if len(file.parts) > 1 else "")] += count
    largest = ", ".join(f"{name} ({size(count)})" for name, count in parts.most_common(3))
    limits = f"{size(LIMIT_BYTES)} or {MOST_FILES} files"
    return (
        f"{source} holds more than the {limits} that are shipped to a cluster; the largest: {largest}. "
        f"Name what runs do not need in {source / IGNORE_FILE}, and read large data from storage that every "
        "node sees"
    )
