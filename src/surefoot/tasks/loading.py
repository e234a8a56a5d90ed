"""From "file.py:object", "package.module:object" or a name with the user's folder to a checked task.

    load_object("my_task.py:TASK")
    load_own_data("images?data=/home/me/photos")
    with_data("images", "photos")              # "images?data=/home/me/photos", as --data makes it

Errors are one line that a person can act on.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from surefoot.errors import InvalidInputError
from surefoot.naming import listed, nearest
from surefoot.study.user_code import TaskError, calling, find_object, source_file
from surefoot.tasks import reference as references
from surefoot.tasks.task import Task

FUNCTIONS = ("model", "batches", "loss", "validate")
FOLDERS = ("gallery", "images")
MEMBERS = ("name", "steps", "measure", *FUNCTIONS)


def load_object(reference: str) -> Task:
    """The task in "path/file.py:object" or "package.module:object"; raises `TaskError`."""
    return check_task(_made(find_object(reference, "task"), reference), reference)


def builtin_modules() -> list[ModuleType]:
    """The modules of the gallery, and of tasks on the user's images, that define `TASK`."""
    names = [
        f"{__package__}.{folder}.{found.name}"
        for folder in FOLDERS
        for found in pkgutil.iter_modules([str(Path(__file__).parent / folder)])
    ]
    modules = [importlib.import_module(name) for name in sorted(names, key=_last_part)]
    return [module for module in modules if "TASK" in vars(module)]


def _last_part(module: str) -> str:
    return module.rpartition(".")[2]


def data_tasks() -> dict[str, Any]:
    """By name, what makes a task of the user's own folder: each has `with_data(path, labels, **options)`."""
    found = [vars(module)["TASK"] for module in builtin_modules()]
    return {maker.name: maker for maker in found if hasattr(maker, "with_data")}


def with_data(task: str, data: str | None) -> str:
    """The reference of `task` on the user's folder, for every command that has --data.

    Args:
        task: any reference; of a task on own data perhaps with options, such as "images?size=64".
        data: the folder, absolute or as seen from here; None where none was given.

    Raises:
        TaskError: the task needs a folder and has none, has two, or does not take one.
    """
    parts = _split(task)
    if data is None and not parts.name.isidentifier():
        return task  # file.py:object and the like
    takes = data_tasks()
    if parts.name not in takes:
        if data is not None:
            hint = _misspelt(parts.name, takes)
            raise TaskError(f"{parts.name} takes no --data; only {listed(sorted(takes))} do{hint}")
        return task
    if data is not None and parts.data is not None:
        raise TaskError(f"{parts.name} has its data already, {parts.data}: leave out --data")
    folder = data or parts.data
    if folder is None:
        raise TaskError(_needs_data(parts.name))
    return references.join(parts.name, folder, parts.options)


def as_trained(task: str, trained: str) -> str:
    """The reference of `task` with the options that a model was trained with, for predictions by it.

    Args:
        task: as the user names it now, such as "images"; options in it come first.
        trained: the reference that the model was trained on, such as "images?data=/photos&size=64".  Its
            folder is not taken over.

    Raises:
        TaskError: one of them is no reference.
    """
    now, then = _split(task), _split(trained)
    if now.name != then.name or now.name not in data_tasks():
        return task
    return references.join(now.name, now.data, {**then.options, **now.options})


def load_own_data(reference: str, labels: Sequence[str] | None = None) -> Task | None:
    """The task in "images?data=/home/me/photos"; None if `reference` names no task on own data.

    Args:
        reference: as `with_data` makes it.
        labels: the names of the classes, of a trained model that is only to predict: the folder is then not
            looked at, and need not be there any more.

    Raises:
        TaskError: it is without a folder, with an unknown option, or of a task that takes no folder.
    """
    parts = _split(reference)
    if not parts.name.isidentifier():
        return None
    takes = data_tasks()
    if parts.name not in takes:
        if reference != parts.name:
            hint = nearest(parts.name, takes)
            raise TaskError(f"task {reference!r}: only {listed(sorted(takes))} take data{hint}")
        return None
    if parts.data is None and labels is None:
        raise TaskError(_needs_data(parts.name))
    made = takes[parts.name].with_data(parts.data or Path(), labels, **parts.options)
    return check_task(made, reference)


def _needs_data(name: str) -> str:
    return f"{name} needs your data: --data DIR"


def _split(reference: str) -> references.Parts:
    try:
        return references.split(reference)
    except InvalidInputError as error:
        raise TaskError(str(error)) from None


def check_task(candidate: Any, reference: str) -> Task:
    """`candidate` itself, if it is a task.

    Raises:
        TaskError: members are missing (they are named) or of the wrong kind.
    """
    missing = [member for member in MEMBERS if not hasattr(candidate, member)]
    if missing:
        others = [name for name in dir(candidate) if not name.startswith("_") and name not in MEMBERS]
        hints = "".join(_misspelt(member, others) for member in missing)
        raise TaskError(
            f"{reference} is not a task: {type(candidate).__name__} lacks {', '.join(missing)}{hints}"
        )
    for member in FUNCTIONS:
        if not callable(getattr(candidate, member)):
            raise TaskError(f"{reference}: {member} must be a function")
    if not isinstance(candidate.name, str) or not re.fullmatch(r"[\w.-]+", candidate.name):
        raise TaskError(
            f"{reference}: name must be a word of letters, digits, '-', '_' and '.', not {candidate.name!r}"
        )
    if not isinstance(candidate.steps, int) or isinstance(candidate.steps, bool) or candidate.steps < 1:
        raise TaskError(f"{reference}: steps must be a whole number of at least 1, not {candidate.steps!r}")
    if not isinstance(candidate.measure, str):
        raise TaskError(
            f"{reference}: measure must be text such as 'validation loss', not {candidate.measure!r}"
        )
    maximize = getattr(candidate, "maximize", None)
    if maximize is not None and not isinstance(maximize, bool):
        raise TaskError(f"{reference}: maximize must be True, False or None, not {maximize!r}")
    return cast(Task, candidate)


def said_by(task: Task) -> bool | None:
    """Whether a task says that higher values of its measure are better; None where it says nothing."""
    return getattr(task, "maximize", None)


def _made(found: Any, reference: str) -> Any:
    """An instance from a class or a factory; anything else is taken as the task itself."""
    if isinstance(found, type) or (callable(found) and not hasattr(found, "batches")):
        with calling(reference, source_file(found)):
            required = [p.name for p in inspect.signature(found).parameters.values() if _required(p)]
            if required:
                raise TaskError(
                    f"{reference}: called without arguments, but it requires {', '.join(required)}"
                )
            return found()
    return found


def _required(parameter: inspect.Parameter) -> bool:
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return parameter.default is inspect.Parameter.empty and parameter.kind not in variadic


def _misspelt(member: str, others: Iterable[str]) -> str:
    hint = nearest(member, others)
    return f" ({hint[len('; did you mean ') : -1]} is near)" if hint.startswith("; did") else ""
