"""The race while it runs, in a notebook: one cell output that is updated, so that no cell is flooded.

with NotebookDisplay() as display:
    display.phase("screen")
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from html import escape
from types import TracebackType
from typing import Any, Self

from surefoot.report.live import Board, RaceDisplay
from surefoot.study.direction import Direction
from surefoot.study.format import printable, seconds, share
from surefoot.study.run import Status

REFRESH_SECONDS = 1.0
"""Between two updates of the output, but for a new phase: every one is a message to the browser."""


class NotebookDisplay(RaceDisplay):
    """`RaceDisplay` in one updating output of a cell.

    Args:
        show: displays HTML and returns something with `update`; IPython's unless told otherwise.
        clock: seconds.
    """

    def __init__(
        self, show: Callable[[str], Any] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(live=False, clock=clock)
        self._show = show or _show
        self._clock = clock
        self._output: Any = None
        self._updated = -REFRESH_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        interrupted = kind is not None and issubclass(kind, KeyboardInterrupt)
        ended = "finished" if kind is None else "interrupted" if interrupted else "stopped"
        self._update(ended)

    def phase(self, name: str, direction: Direction = Direction.MINIMIZE) -> None:
        """A new phase begins."""
        self._board.begin(printable(name), direction)
        self._update()

    def running(self, runs: Sequence[tuple[str, float]]) -> None:
        """What is being trained now."""
        super().running(runs)
        self._refresh()

    def result(self, label: str, rung: float, value: float, status: Status) -> None:
        """A run has reached a rung, or ended."""
        self._board.add(printable(label), rung, value, status)
        self._refresh()

    def decision(self, text: str) -> None:
        """Something was decided."""
        self._board.decide(printable(text))
        self._refresh()

    def _refresh(self) -> None:
        if self._clock() - self._updated >= REFRESH_SECONDS:
            self._update()

    def _update(self, ended: str = "") -> None:
        self._updated = self._clock()
        html = _html(self._board, ended)
        if self._output is None:
            self._output = self._show(html)
        else:
            self._output.update(_displayed(html) if self._show is _show else html)


def _html(board: Board, ended: str) -> str:
    """A bar, what the board says in a line, and the last decision."""
    spent = min(board.spent, 1.0)
    left = board.seconds_left()
    rest = f", about {seconds(left)} left" if left == left and not ended else ""
    decisions = board.last_decisions(1)
    lines = [
        f"<b>{escape(ended or board.phase)}</b> <progress value='{spent:.3f}' max='1'></progress> "
        f"{share(spent)} of the budget{escape(rest)}",
        escape(board.in_words()),
        *map(escape, decisions),
    ]
    return f"<div>{'<br>'.join(lines)}</div>"


def _displayed(html: str) -> Any:
    return _ipython().HTML(html)


def _show(html: str) -> Any:
    return _ipython().display(_displayed(html), display_id=True)


def _ipython() -> Any:
    """Its display module: installed wherever there are notebooks, and in part without types."""
    return importlib.import_module("IPython.display")
