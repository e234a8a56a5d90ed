"""What is trained: the `Task` interface, the built-in gallery, and loading by reference.

    from surefoot.tasks import load_task
    task = load_task("digits")             # or "path/file.py:object", or "package.module:object"
    task = load_task("images?data=/home/me/photos")

Every module in this folder that defines `TASK` is a built-in task: adding one is one file.  Where that has a
method `with_data`, it makes tasks of the user's own folders.
"""

from collections.abc import Sequence

from surefoot.naming import nearest
from surefoot.study.user_code import TaskError, calling, find_object, source_file
from surefoot.tasks.by_value import PREFIX, is_by_value
from surefoot.tasks.loading import (
    as_trained,
    builtin_modules,
    check_task,
    data_tasks,
    load_object,
    load_own_data,
    said_by,
    with_data,
)
from surefoot.tasks.reference import command_words
from surefoot.tasks.task import Task

__all__ = [
    "Task",
    "TaskError",
    "as_trained",
    "builtin_tasks",
    "calling",
    "check_task",
    "command_words",
    "data_tasks",
    "find_object",
    "load_task",
    "said_by",
    "source_file",
    "with_data",
]


def builtin_tasks() -> dict[str, Task]:
    """The built-in tasks by name, without those on own data; theirs is read only when they are used."""
    tasks = [vars(module)["TASK"] for module in builtin_modules()]
    return {task.name: task for task in tasks if not hasattr(task, "with_data")}


def load_task(reference: str, labels: Sequence[str] | None = None) -> Task:
    """The task that `reference` names.

    Args:
        reference: a built-in name ("digits"), "path/file.py:object", "package.module:object", or a built-in
            name with the user's folder ("images?data=/home/me/photos").  The object may be a task, a class
            of tasks, or a function without arguments that returns a task.
        labels: class names of a trained model, for one that is only to predict: a task on the user's folder
            then does without the folder.  Other tasks do not heed it.

    Raises:
        TaskError: there is no such task, or it is not one; one line says what, where, and the nearest
            valid name.
    """
    if is_by_value(reference):
        raise TaskError(
            f"the task {reference.removeprefix(PREFIX)!r} was made in Python, in a notebook or a script, and "
            "nowhere else: call surefoot.choose there, or write it into a file and say file.py:object"
        )
    if (own := load_own_data(reference, labels)) is not None:
        return own
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
        f"unknown task {reference!r}{nearest(reference, [*builtin, *data_tasks()])}"
        " (or name your own: file.py:object, package.module:object)"
    )
