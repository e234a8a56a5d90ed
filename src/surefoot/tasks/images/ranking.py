"""The most probable classes of images in files, as JSON and in words.

    lines = write(Path("new"), Path("out"), ("cat", "dog"), shares)     # writes out/classes.json

A file that cannot be read stands in the result as well, with the reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from surefoot.study.format import share
from surefoot.study.user_code import TaskError
from surefoot.tasks.images.decoding import File, UnreadableError
from surefoot.tasks.images.folders import Problems, pictures, printable, relative
from surefoot.tasks.images.pictures import result_file

TOP = 5
TOLD = 3  # classes of an image in words
LINES = 20  # images in words; the file has all


def write(
    source: Path, out: Path, labels: Sequence[str], shares: Callable[[File], Sequence[float]]
) -> list[str]:
    """Rank the classes of an image, or of every image below a folder.

    Args:
        source: the image or folder.
        out: where to write: a name that ends in .json, or a folder for "classes.json".
        labels: names of the classes.
        shares: the probability of each, of an image.

    Returns:
        A line an image, and one for each kind of file without a result.

    Raises:
        TaskError: there is no image, or the only one cannot be read.
    """
    found = Problems()
    files, root = ([source], source.parent) if source.is_file() else (pictures(source, found), source)
    if not source.exists():
        raise TaskError(f"{printable(str(source))}: there is no such file or folder")
    if not files:
        raise TaskError(f"{printable(str(source))}: there is no image in this folder")
    told: list[dict[str, Any]] = []
    for path in files:
        name = printable(relative(path, root))
        try:
            ranked = sorted(zip(shares(File.read(path)), labels, strict=True), reverse=True)[:TOP]
        except UnreadableError as error:
            found.add("images that cannot be read", f"{name}: {error}")
            told.append({"file": name, "error": str(error)})
            continue
        told.append({"file": name, "classes": [{"label": label, "share": part} for part, label in ranked]})
    if not any("classes" in entry for entry in told):
        raise TaskError(f"{printable(str(source))}: {told[0]['error']}")
    target = result_file(out, "classes.json")
    target.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    lines = [_line(entry) for entry in told if "classes" in entry]
    more = [f"… and {len(lines) - LINES} more images"] if len(lines) > LINES else []
    return [*lines[:LINES], *more, *found.lines(), f"wrote {target}"]


def _line(entry: dict[str, Any]) -> str:
    best = ", ".join(f"{found['label']} {share(found['share'])}" for found in entry["classes"][:TOLD])
    return f"{entry['file']}: {best}"
