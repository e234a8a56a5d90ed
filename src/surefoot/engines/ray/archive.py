"""A folder of checkpoints as bytes, for its way through a cluster.

    packed = pack_folder(Path("here"))
    unpack_folder(packed, Path("there"))    # `there` is new or empty

Only folders and plain files travel.  The standard library's filters of what an archive may do came in Python
3.11.4; here each entry is looked at and written by hand, so that 3.11.2 is as safe.
"""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from pathlib import Path, PurePosixPath

from surefoot.errors import InvalidInputError

_READABLE, _PERMITTED = 0o600, 0o755


class ArchiveError(InvalidInputError):
    """An archive holds what `pack_folder` does not write; nothing of that entry was unpacked."""


def pack_folder(folder: Path) -> bytes:
    """All folders and files below a folder.

    A link to a file below the same folder travels as that file, as Lightning's "last" checkpoint is one.
    What leads elsewhere, and sockets, pipes and devices, do not travel.
    """
    packed = io.BytesIO()
    root = folder.resolve()
    # Not dereferenced, the second name of a file would travel as a link to the first.
    with tarfile.open(fileobj=packed, mode="w", dereference=True) as archive:
        for place, folders, files in os.walk(root):
            inside = [Path(place, name) for name in sorted(folders) if not Path(place, name).is_symlink()]
            inside += [path for name in sorted(files) if _travels(path := Path(place, name), root)]
            for path in inside:
                archive.add(path, arcname=path.relative_to(root).as_posix(), recursive=False)
    return packed.getvalue()


def unpack_folder(packed: bytes, folder: Path) -> None:
    """Put the folders and files back below `folder`, which is new or empty.

    Raises:
        ArchiveError: an entry is a link or a device, has a name that leads elsewhere, or comes twice.
        tarfile.TarError: it is no archive.
    """
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for entry in archive:
            path = folder / _name(entry)
            if entry.isdir():
                path.mkdir(parents=True, exist_ok=True)
            else:
                _write(archive, entry, path)


def _travels(path: Path, root: Path) -> bool:
    """Whether it is a plain file, itself or by a link that stays below the root."""
    return path.is_file() and path.resolve().is_relative_to(root)


def _name(entry: tarfile.TarInfo) -> PurePosixPath:
    """The entry's name, once the entry is known to be harmless."""
    name = PurePosixPath(entry.name)
    if not (entry.isdir() or entry.isreg()):
        raise ArchiveError(f"the archive holds {entry.name!r}, which is neither a file nor a folder")
    if name.is_absolute() or ".." in name.parts or "\0" in entry.name:
        raise ArchiveError(f"the archive holds {entry.name!r}, which leads out of the folder")
    return name


def _write(archive: tarfile.TarFile, entry: tarfile.TarInfo, path: Path) -> None:
    """With its time, by which scripts find their newest checkpoint, and without its owner."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = archive.extractfile(entry)
    assert content is not None  # it is a plain file
    try:
        file = path.open("xb")  # an entry never replaces an earlier one, nor goes through it
    except FileExistsError:
        raise ArchiveError(f"the archive holds {entry.name!r} twice") from None
    with content, file:
        shutil.copyfileobj(content, file)
    path.chmod(entry.mode & _PERMITTED | _READABLE)
    os.utime(path, (entry.mtime, entry.mtime))
