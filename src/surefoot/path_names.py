"""Names that become part of a path: which ones are allowed, and the nearest allowed one.

    check_path_name("digits-1f2e3d4c", "--study")     # nothing happens
    check_path_name("..", "--study")                  # ValueError: what, where, and the nearest valid name

A study's name is a folder below which files are removed once the study has its answer.  So a name cannot
lead anywhere else, on any file system that a store may be copied to.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePath

from surefoot.errors import InvalidInputError

DEFAULT_STORE = "sqlite:///.surefoot/evidence.db"
"""Where studies are kept, unless another place is said."""


MOST_CHARACTERS = 100
"""File systems take 255 bytes; what Surefoot adds to a name, such as "+snapshots", must still fit."""

RULE = (
    f"a name begins with a letter or digit, holds only ASCII letters, digits, '.', '_' and '-', does not "
    f"end in '.', has at most {MOST_CHARACTERS} characters and is not a device of Windows"
)

_NAME = re.compile(rf"[A-Za-z0-9](?:[A-Za-z0-9._-]{{0,{MOST_CHARACTERS - 2}}}[A-Za-z0-9_-])?")
_DEVICES = re.compile(r"(?:con|prn|aux|nul|(?:com|lpt)[0-9])(?:\..*)?", re.IGNORECASE)
_SHOWN = 60


def is_path_name(name: str) -> bool:
    """Whether the name may become one part of a path."""
    return bool(_NAME.fullmatch(name)) and not _DEVICES.fullmatch(name)


def check_path_name(name: str, where: str) -> str:
    """Return the name, if it may become one part of a path.

    Args:
        name: what the user, or a store, calls something.
        where: what the name was given for, as the message begins, such as "--study".

    Raises:
        InvalidInputError: it may not; the message says where, what, the rule, and the nearest valid name.
    """
    if not is_path_name(name):
        raise InvalidInputError(f"{where} {_quoted(name)}: {RULE}; the nearest is {path_name_near(name)!r}")
    return name


def check_folder(path: str | PurePath, where: str) -> None:
    """Refuse a folder to write to, unless its own name, the last part of the path, is a valid one.

    The folders above it are where the user says they are, and are not looked at.

    Raises:
        InvalidInputError: as for `check_path_name`.
    """
    parts = [part for part in str(path).split("/") if part]
    name = parts[-1] if parts else ""
    if not is_path_name(name) or "\0" in str(path):
        near = "/".join([*(part.replace("\0", "") for part in parts[:-1]), path_name_near(name, "model")])
        near = f"/{near}" if parts and str(path).startswith("/") else near
        raise InvalidInputError(f"{where} {_quoted(str(path))}: {RULE}; the nearest is {_quoted(near)}")


def path_name_near(name: str, otherwise: str = "study") -> str:
    """The nearest name that may become one part of a path.

    Args:
        name: anything.
        otherwise: the name where nothing is left of it.
    """
    near = re.sub(r"[^A-Za-z0-9._-]+", "-", name).lstrip("._-")[:MOST_CHARACTERS].rstrip(".-")
    return near if is_path_name(near) else f"{otherwise}-{near}".rstrip("-")[:MOST_CHARACTERS]


def _quoted(name: str) -> str:
    """As it can be shown: a name from a stranger may be long, or hold what steers a terminal."""
    return repr(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…")


def folder_of(store: str) -> Path:
    """Where a store's checkpoints and snapshots lie: beside its file, else in the current folder."""
    path = store.removeprefix("sqlite:///") if store.startswith("sqlite:///") or "://" not in store else ""
    return Path(path).parent if path else Path(".surefoot")


def trunks_of(study: str, store: str) -> Path:
    """Where a study's trunks lie, unless a folder for checkpoints was said.

    Raises:
        ValueError: the study's name, which a store may have from anywhere, may not become a path.
    """
    return folder_of(store) / "checkpoints" / check_path_name(study, "study")
