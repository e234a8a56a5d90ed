"""Removing what Surefoot has written, and nothing else.

    remove_trunks(Path(".surefoot/checkpoints/digits-1f2e3d4c"))   # trunk-*.pt, run-*/, then the folder

A folder is never removed with all that is in it because of its path: files are known by the names that
Surefoot gives them, and go one by one; a folder goes only once it is empty.  Of a script's run the script
chooses the files; they lie in a folder that Surefoot made and marked (`make_run_folder`).  Symbolic links are
never followed.  What cannot be removed stays: a leftover file costs room on a disk, never an answer.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from surefoot.tasks import TaskError

MARK = ".made-by-surefoot"
"""In a run's folder, with the folder's own name in it: so a copy or another's folder is not taken for one."""

RUN = re.compile(r"run-[0-9a-f]{16}")
TRUNK = re.compile(r"trunk-[0-9a-f]{16}\.pt")
UNFINISHED = re.compile(r"\.(?:trunk|snapshots)-[0-9a-f]{16}\.pt-\w+")
"""Of a writer that was killed before it was done, as `checkpoint.save` names it."""

DEEPEST = 100
"""Folders in folders; what lies deeper stays."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class NotOursError(TaskError):
    """A folder that a run would need exists already, and Surefoot has not made it."""


@contextlib.contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A folder for as long as the block lasts.

    A script may put links into it, which `tempfile.TemporaryDirectory` follows before Python 3.11.8 where it
    has to change permissions.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        remove_own_folder(folder)


def make_run_folder(folder: Path) -> None:
    """Make the folder of a script's run and mark it, unless that was done before.

    Raises:
        NotOursError: there is a link or a folder of this name that Surefoot has not made.
        OSError: it cannot be made.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
    if _is_marked(folder):
        return
    # A mark alone is one that was being written when its writer was killed.
    if folder.is_symlink() or not folder.is_dir() or {path.name for path in folder.iterdir()} - {MARK}:
        raise NotOursError(f"{folder} exists, and Surefoot has not made it: remove it, or rename it")
    _mark(folder)


def remove_run_folder(folder: Path) -> None:
    """Remove a run's folder with all that its script has put there; nothing happens if it is not marked."""
    if _is_marked(folder):
        remove_own_folder(folder)


def remove_own_folder(folder: str | Path) -> None:
    """Remove a folder that the caller itself made, with its files; what links lead to stays.

    Args:
        folder: one whose name Surefoot or `tempfile.mkdtemp` has chosen, never one that a user named.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, _FOLDER)
        try:
            _empty(descriptor, DEEPEST)
        finally:
            os.close(descriptor)
        os.rmdir(folder)


def remove_trunks(folder: Path) -> None:
    """Remove a study's trunks and the folders of its scripts' runs, then the folder if it is empty."""
    for path in _listed(folder):
        if TRUNK.fullmatch(path.name) or UNFINISHED.fullmatch(path.name):
            remove_file(path)
        elif RUN.fullmatch(path.name):
            remove_run_folder(path)
    if not folder.is_symlink():
        with contextlib.suppress(OSError):
            folder.rmdir()


def remove_unfinished(folder: str | Path) -> None:
    """Remove what killed writers have left in a folder of trunks or snapshots."""
    for path in _listed(Path(folder)):
        if UNFINISHED.fullmatch(path.name):
            remove_file(path)


def remove_file(path: Path) -> None:
    """Remove a file or link, if it is there and can be removed."""
    with contextlib.suppress(OSError):
        path.unlink()


def _listed(folder: Path) -> list[Path]:
    """What is in the folder; nothing if it is a link, missing or not to be read."""
    with contextlib.suppress(OSError):
        return [] if folder.is_symlink() else sorted(folder.iterdir())
    return []


def _mark(folder: Path) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(folder / MARK, flags, 0o644), "w", encoding="utf8") as file:
        file.write(f"{folder.name}\n")


def _is_marked(folder: Path) -> bool:
    """Whether it is a folder with a mark; neither of them by a link."""
    try:
        if not stat.S_ISDIR(folder.lstat().st_mode):
            return False
        descriptor = os.open(folder / MARK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)  # a pipe would be waited for
        return is_file and os.read(descriptor, 100) == f"{folder.name}\n".encode()
    finally:
        os.close(descriptor)


def _empty(descriptor: int, deepest: int) -> None:
    """Remove all in an open folder; each step is relative to it, so that nobody can move it meanwhile."""
    with os.scandir(descriptor) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        with contextlib.suppress(OSError):
            if not is_folder:
                os.unlink(name, dir_fd=descriptor)
            elif deepest:
                inner = os.open(name, _FOLDER, dir_fd=descriptor)
                try:
                    _empty(inner, deepest - 1)
                finally:
                    os.close(inner)
                os.rmdir(name, dir_fd=descriptor)
