"""A task that has no reference, since it was made in a notebook's cell or in the script that is running.

    shipped = ship(task)            # in the process that made it
    shipped.write(file)             # for this process's own workers only
    read(file.fileno()).task()      # in a worker

It reaches workers as bytes in a file without a name, which only they inherit; no store ever holds it, and
nothing that another process has written is read here.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from typing import IO, Any

import cloudpickle

from surefoot.study.user_code import TaskError
from surefoot.tasks.task import Task

PREFIX = "in-python:"
"""How the reference of such a task begins: no module's name has a hyphen."""


@dataclass(frozen=True)
class ShippedTask:
    """A task as bytes.

    Attributes:
        reference: by which jobs name it.
        content: the task, by cloudpickle.
    """

    reference: str
    content: bytes

    def task(self) -> Task:
        """The task itself; only of bytes that this process or its parent has made.

        Raises:
            Exception: whatever the user's classes raise.
        """
        made: Task = cloudpickle.loads(self.content)
        return made

    def file(self) -> IO[bytes]:
        """A file without a name that holds it, to be inherited by workers."""
        file = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as workers are started
        file.write(self.reference.encode() + b"\n" + self.content)
        file.flush()
        return file


def ship(task: Task) -> ShippedTask:
    """A task as bytes, for the workers of this process.

    Raises:
        TaskError: something in it cannot be sent to another process.
    """
    try:
        return ShippedTask(reference_of(task), cloudpickle.dumps(task))
    except Exception as error:
        raise TaskError(
            f"{task.name}: the task cannot be sent to worker processes: {type(error).__name__}: {error}. "
            "Open files, locks and generators have to be made inside its functions"
        ) from error


def read(descriptor: int) -> ShippedTask:
    """What `ShippedTask.file` holds, for whoever has inherited it; several may read at once."""
    content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    while len(content) < os.fstat(descriptor).st_size:
        content += os.pread(descriptor, os.fstat(descriptor).st_size - len(content), len(content))
    reference, _, rest = content.partition(b"\n")
    return ShippedTask(reference.decode(), rest)


def reference_of(task: Any) -> str:
    """By which a study and its jobs name a task without a reference of its own."""
    return f"{PREFIX}{task.name}"


def is_by_value(reference: str) -> bool:
    """Whether a reference is of a task that only the process that made it has."""
    return reference.startswith(PREFIX)
