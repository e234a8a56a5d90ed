"""Errors that are meant for people: each message is one line that says what is wrong, where, and a remedy.

    try:
        surefoot.run.report(1, "0.3")
    except surefoot.SurefootError as error:
        print(error)

Every exception class of Surefoot derives from `SurefootError`, most of them also from the built-in class of
the same meaning (ValueError, TypeError, OSError, …), so that `except ValueError` catches them too.  The
command line prints these errors in one line; any other exception is a defect and keeps its traceback.  The
optimizers in `surefoot.optim` raise what `torch.optim` raises.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


class SurefootError(Exception):
    """Base class of all errors of Surefoot that are meant for people."""


class InvalidInputError(SurefootError, ValueError):
    """An option, a name, a setting or the contents of a file cannot be used."""


class InvalidTypeError(SurefootError, TypeError):
    """An argument is of a type that cannot be used."""


class NotPossibleError(SurefootError, RuntimeError):
    """A call cannot be served now, such as a report before there is an optimizer."""


class NoRunSucceededError(SurefootError, RuntimeError):
    """Every run of a study failed or diverged; the message tells how one of them did."""


class FileError(SurefootError, OSError):
    """A file or folder cannot be read or written; the message names it."""


@contextlib.contextmanager
def accessing(what: str, path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn an error of the operating system into one line: "cannot write a.json: Permission denied".

    Args:
        what: what is done with it, such as "read" or "write".
        path: the file or folder, as the user named it.

    Raises:
        FileError: in place of an OSError; one that is a `SurefootError` already is left as it is.
        InvalidInputError: the file is not text in UTF-8.
    """
    try:
        yield
    except SurefootError:
        raise
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"cannot {what} {os.fspath(path)}: not UTF-8 text: {error}") from error
    except OSError as error:
        raise FileError(f"cannot {what} {os.fspath(path)}: {error.strerror or error}") from error
