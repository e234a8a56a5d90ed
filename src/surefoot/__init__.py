"""Surefoot: which optimizer, with which settings, should train this model?

answer = surefoot.choose(model=..., loss=..., train=..., validation=..., budget="5m")
task = surefoot.Task(model=..., loss=..., train=..., validation=...)  # your own, for every command
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from surefoot import groups as groups
    from surefoot import optim as optim
    from surefoot import run as run
    from surefoot import schedules as schedules
    from surefoot.api import choose as choose
    from surefoot.api import load as load
    from surefoot.api import studies as studies
    from surefoot.errors import SurefootError as SurefootError
    from surefoot.tasks.made import Task as Task

__all__ = ["SurefootError", "Task", "__version__", "choose", "groups", "load", "optim", "run"]
__all__ += ["schedules", "studies"]

__version__ = "0.1.0"
"""The one place where the version is written: the package metadata are read from here."""

_HOMES = {
    "SurefootError": "surefoot.errors",
    "Task": "surefoot.tasks.made",
    "choose": "surefoot.api",
    "load": "surefoot.api",
    "studies": "surefoot.api",
}


def __getattr__(name: str) -> Any:
    # Importing surefoot, or its optimizers, loads nothing that they do not need.
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in __all__:
        return importlib.import_module(f"surefoot.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
