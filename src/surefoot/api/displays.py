"""A display of progress that suits the place: a terminal, a notebook, or neither."""

from __future__ import annotations

import contextlib
import sys
from contextlib import AbstractContextManager
from typing import Any

from rich.console import Console

from surefoot.report.live import RaceDisplay
from surefoot.report.notebook import NotebookDisplay
from surefoot.study.direction import Direction
from surefoot.study.run import Status


class Silence:
    """Tells nothing."""

    def phase(self, name: str, direction: Direction = Direction.MINIMIZE) -> None:
        """Nothing."""

    def running(self, runs: list[tuple[str, float]]) -> None:
        """Nothing."""

    def result(self, label: str, rung: float, value: float, status: Status) -> None:
        """Nothing."""

    def decision(self, text: str) -> None:
        """Nothing."""

    def budget(self, spent: float, total: float) -> None:
        """Nothing."""


def display_for_here(progress: bool) -> AbstractContextManager[Any]:
    """What shows progress: a live display, one updating cell output, lines on standard error, or nothing."""
    return NotebookDisplay() if progress and in_notebook() else progress_on_stderr(progress)


def progress_on_stderr(progress: bool) -> AbstractContextManager[Any]:
    """A live display or lines on standard error, since standard output is for the answer; or nothing."""
    if not progress:
        return contextlib.nullcontext(Silence())
    return RaceDisplay(Console(stderr=True, highlight=False))


def in_notebook() -> bool:
    """Whether cells are what shows output: a Jupyter kernel, not IPython in a terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None
