"""Where a run's trunk is kept between jobs: written whole or not at all, never unpickled."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import IO, Any

import torch


def path_of(folder: str, run: str) -> Path:
    """The file of the run with this identity; one folder can hold many runs."""
    return Path(folder) / f"trunk-{hashlib.sha256(run.encode()).hexdigest()[:16]}.pt"


def save(path: Path, run: str, contents: dict[str, Any]) -> None:
    """Write the checkpoint and make it durable; whoever reads meanwhile sees the old one or the new one.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            _write({"run": run, "contents": contents}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def load(path: Path, run: str, *, mapped: bool = False) -> dict[str, Any] | None:
    """The contents, or None if there is no checkpoint, or a damaged one, or another run's.

    Tensors may stay `mapped`: they are then read from the file when they are used.

    A lost checkpoint costs time, never the result: the run starts again.
    """
    try:
        saved = torch.load(path, weights_only=True, mmap=mapped)
        return saved["contents"] if saved["run"] == run else None
    # A truncated or overwritten file raises whatever its bytes happen to mean to torch, zip and pickle.
    except Exception:
        return None


def _write(document: dict[str, Any], file: IO[bytes]) -> None:
    try:
        torch.save(document, file)
    except RuntimeError as error:  # in place of the error of the file that it met, such as a full disk
        raise error.__context__ if isinstance(error.__context__, OSError) else OSError(str(error)) from error
