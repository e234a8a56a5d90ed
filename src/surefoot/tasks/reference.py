"""What a task on the user's own folder is called: "images?data=/home/me/photos&size=64".

    reference = join("images", "photos 2024", {"size": "64"})   # "images?data=/home/me/photos%202024&size=64"
    split(reference)                   # Parts("images", Path("/home/me/photos 2024"), {"size": "64"})

Values are percent-encoded, so that any path can stand in one, and no colon does: what follows a colon names
an object in a file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from surefoot.errors import InvalidInputError

DATA = "data"
_QUERY = re.compile(r"(\w+)\?(\w+=.*)", re.DOTALL)


@dataclass(frozen=True)
class Parts:
    """A reference, taken apart.

    Attributes:
        name: the task's.
        data: the user's folder; None where none is named.
        options: whatever else is said, such as {"size": "64"}.
    """

    name: str
    data: Path | None = None
    options: Mapping[str, str] = field(default_factory=dict)


def split(reference: str) -> Parts:
    """Take a reference apart; one without "?key=value" is all name.

    Raises:
        InvalidInputError: something stands between the keys and values, or a key stands there twice.
    """
    found = _QUERY.fullmatch(reference)
    if found is None:
        return Parts(reference)
    options: dict[str, str] = {}
    for pair in found[2].split("&"):
        key, equals, value = pair.partition("=")
        if not equals or not key.isidentifier():
            raise InvalidInputError(
                f"task {reference!r}: expected key=value, not {pair!r} (& is written %26)"
            )
        if key in options:
            raise InvalidInputError(f"task {reference!r} says {key} twice")
        options[key] = os.fsdecode(unquote_to_bytes(value))
    data = options.pop(DATA, None)
    return Parts(found[1], absolute(data) if data else None, options)


def join(name: str, data: str | Path | None, options: Mapping[str, str]) -> str:
    """The reference of these parts; the folder is made absolute, for processes that work in other ones."""
    values = ({DATA: str(absolute(data))} if data is not None else {}) | dict(options)
    query = "&".join(f"{key}={quote(os.fsencode(value), safe='/')}" for key, value in values.items())
    return f"{name}?{query}" if query else name


def absolute(folder: str | Path) -> Path:
    """The whole path; links are kept as they are."""
    return Path(os.path.abspath(os.path.expanduser(folder)))


def command_words(reference: str) -> list[str]:
    """How a task is written on the command line: ["images", "--data", "/home/me/photos"]."""
    parts = split(reference)
    folder = [] if parts.data is None else ["--data", str(parts.data)]
    return [join(parts.name, None, parts.options), *folder]
