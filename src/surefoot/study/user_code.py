"""The user's own objects by reference, and what their code raises in one line.

    find_object("my_task.py:TASK", "task")

A task's functions are called within `calling("digits: model()", "my_task.py")`, which makes a TaskError of
whatever they raise: "digits: model() raised KeyError: 3 (my_task.py:7)".
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import pkgutil
import sys
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from surefoot.errors import InvalidInputError
from surefoot.naming import nearest


class TaskError(InvalidInputError):
    """A task cannot be loaded or used; the message is one line for its author."""


def find_object(reference: str, kind: str) -> Any:
    """What "path/file.py:object" or "package.module:object" names.

    Raises:
        TaskError: there is none; it calls the object a `kind`, such as "task".
    """
    source, _, name = reference.rpartition(":")
    if not source or not name.isidentifier():
        raise TaskError(f"{kind} {reference!r}: expected file.py:object or package.module:object")
    module = _run_file(Path(source)) if source.endswith(".py") else _import(source)
    if not hasattr(module, name):
        own = [n for n, v in vars(module).items() if n[0] != "_" and not inspect.ismodule(v)]
        raise TaskError(f"{source} has no object {name!r}{nearest(name, own)}")
    return getattr(module, name)


@contextlib.contextmanager
def calling(what: str, file: str | None = None) -> Iterator[None]:
    """Turn any exception inside the block into one line of `TaskError`: what, the error, file and line.

    Args:
        what: what is being done, e.g. "digits: model()".
        file: the user's file; the last line of it that was running is named.
    """
    try:
        yield
    except TaskError:
        raise
    except (Exception, SystemExit) as error:
        raise TaskError(f"{what} raised {_in_one_line(error)}{_place(error, file)}") from error


def source_file(found: Any) -> str | None:
    """The file that defines a class or function, or an instance's class; None if it is not Python's."""
    with contextlib.suppress(TypeError, OSError):
        return inspect.getsourcefile(
            found if isinstance(found, type) or inspect.isroutine(found) else type(found)
        )
    return None


def _run_file(path: Path) -> ModuleType:
    if not path.is_file():
        siblings = [str(p) for p in path.parent.glob("*.py")] if path.parent.is_dir() else []
        raise TaskError(f"there is no file {str(path)!r}{nearest(str(path), siblings)}")
    path = path.resolve()
    # As for a script: the files beside it can be imported.
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    name = _module_name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TaskError(f"{path} cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickled objects look their module up here
    try:
        with calling(str(path), str(path)):
            spec.loader.exec_module(module)
    except TaskError:
        del sys.modules[name]
        raise
    return module


def _module_name(path: Path) -> str:
    """The file's own name, so that data-loading processes can import it, unless another module has it."""
    loaded = getattr(sys.modules.get(path.stem), "__file__", None)
    if path.stem not in sys.modules and path.stem not in sys.stdlib_module_names:
        return path.stem
    return path.stem if loaded == str(path) else f"surefoot_task_{path.stem}"


def _import(name: str) -> ModuleType:
    # As for `python -m`: modules in the current folder can be imported, after all others.
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise TaskError(f"{name} raised {_in_one_line(error)}{_place(error, None)}") from error
        parent, _, last = error.name.rpartition(".")
        raise TaskError(f"there is no module {error.name!r}{nearest(last, _siblings(parent))}") from None
    except (Exception, SystemExit) as error:
        raise TaskError(f"{name} raised {_in_one_line(error)}{_place(error, None)}") from error


def _siblings(parent: str) -> Iterable[str]:
    """Module names in a package, or in the current folder."""
    path = getattr(sys.modules.get(parent), "__path__", None) if parent else ["."]
    return [found.name for found in pkgutil.iter_modules(path)] if path else []


def _in_one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _place(error: BaseException, file: str | None) -> str:
    """Where it happened: the last line of the user's file that was running, else the last line of all."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({error.filename}:{error.lineno})"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith("<frozen")]
    frames = [f for f in frames if f.filename != __file__] or frames
    users = [f for f in frames if f.filename == file] or frames
    return f" ({users[-1].filename}:{users[-1].lineno})" if users else ""
