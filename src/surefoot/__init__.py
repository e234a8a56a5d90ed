"""Surefoot: which optimizer, with which settings, should train this model?

task = surefoot.Task(model=..., loss=..., train=..., validation=...)  # one's own, for every command
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from surefoot.errors import SurefootError as SurefootError
    from surefoot.tasks.made import Task as Task

__all__ = ["SurefootError", "Task", "__version__"]

__version__ = "0.1.0"
"""The one place where the version is written: the package metadata are read from here."""


def __getattr__(name: str) -> Any:
    # Importing surefoot, or its optimizers, loads nothing that they do not need.
    if name == "SurefootError":
        from surefoot.errors import SurefootError

        return SurefootError
    if name == "Task":
        from surefoot.tasks.made import Task

        return Task
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
