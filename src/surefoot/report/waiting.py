"""A progress bar for work that takes a while.

with counting("animate") as progress:
    progress(3, 10)
with phases() as progress:
    progress("training Adam", 3, 10)
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def phases() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar with the time left, on the error stream, if that is a terminal.

    It is told what is being done, how much of it is done, and of how much; another text begins anew.
    """
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=None)
        current = ""

        def progress(what: str, done: int, total: int) -> None:
            nonlocal current
            if what != current:
                current = what
                bar.reset(task, description=escape(what), total=total)
            bar.update(task, completed=done, total=total)

        yield progress


@contextmanager
def counting(title: str) -> Iterator[Callable[[int, int], None]]:
    """`phases` with a single one."""
    with phases() as progress:
        yield lambda done, total: progress(title, done, total)
