"""What is trained: the `Task` interface, the built-in gallery, and loading by reference.

    from surefoot.tasks import load_task
    task = load_task("digits")             # or "path/file.py:object", or "package.module:object"

Every module in this folder that defines `TASK` is a built-in task: adding one is one file.
"""

import importlib
import pkgutil

from surefoot.naming import nearest
from surefoot.tasks.loading import TaskError, calling, check_task, find_object, load_object, source_file
from surefoot.tasks.task import Task

__all__ = [
    "Task",
    "TaskError",
    "builtin_tasks",
    "calling",
    "check_task",
    "find_object",
    "load_task",
    "source_file",
]


def builtin_tasks() -> dict[str, Task]:
    """The built-in tasks by name; their data is read only when they are used."""
    modules = [
        importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)
    ]
    tasks = [vars(module)["TASK"] for module in modules if "TASK" in vars(module)]
    return {task.name: task for task in tasks}


def load_task(reference: str) -> Task:
    """The task that `reference` names.

    Args:
        reference: a built-in name ("digits"), "path/file.py:object" or "package.module:object".  The
            object may be a task, a class of tasks, or a function without arguments that returns a task.

    Raises:
        TaskError: there is no such task, or it is not one; one line says what, where, and the nearest
            valid name.
    """
    if ":" in reference:
        return load_object(reference)
    builtin = builtin_tasks()
    if reference in builtin:
        return builtin[reference]
    if reference.endswith(".py"):
        raise TaskError(
            f"task {reference!r} names a file but no object in it: write {reference}:NAME, "
            f"or -- python {reference} to start it as a script"
        )
    raise TaskError(
        f"unknown task {reference!r}{nearest(reference, builtin)}"
        " (or name your own: file.py:object, package.module:object)"
    )
