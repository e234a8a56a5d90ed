"""A training while it goes on: one line that moves in a terminal, a plain line now and then elsewhere.

with TrainingDisplay("validation loss", steps=400) as display:
    display.begin(0)
    display.step(120, loss=0.31)
    display.measured(120, loss=0.31, value=0.28, best=True)
    display.note("no checkpoint at step 130: no space left")
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from surefoot.study.direction import Direction
from surefoot.study.format import number, printable, seconds

LINES = 20
"""Lines of a whole training where nobody watches a terminal, however often it is validated."""

REDRAW_SECONDS = 0.1


class TrainingDisplay:
    """Shows the step, the training loss, the measure and the time left.

    Args:
        measure: what validation gives, in words.
        steps: of the whole training.
        direction: which way of the measure is better.
        console: where to; the error stream if None, so that results alone are on standard output.
        live: whether to redraw in place; None for "if the console is a terminal".
        clock: seconds, for the time left.
    """

    def __init__(
        self,
        measure: str,
        steps: int,
        console: Console | None = None,
        live: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
        direction: Direction = Direction.MINIMIZE,
    ) -> None:
        self._direction = direction
        self._console = console or Console(stderr=True, highlight=False)
        can = self._console.is_interactive and self._console.file.isatty()
        self._measure, self._steps, self._clock = printable(measure), steps, clock
        self._live = can if live is None else live
        columns = (
            TextColumn("step"),
            MofNCompleteColumn(),
            BarColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
        )
        self._progress = Progress(*columns, console=self._console, transient=True, disable=not self._live)
        self._bar = self._progress.add_task("", total=steps)
        self._began, self._from, self._drawn, self._told = clock(), 0, -math.inf, 0
        self._loss = self._value = self._best = math.nan

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, step: int, best: float = math.nan) -> None:
        """The training begins, or goes on at this step with this best value so far."""
        self._began, self._from, self._best = self._clock(), step, best
        self._told = step * LINES // self._steps
        self._progress.reset(self._bar, completed=step)
        if step:
            self.note(f"going on at step {step:,} of {self._steps:,}")

    def step(self, step: int, loss: float) -> None:
        """So many steps are done; the latest had this training loss."""
        self._loss = loss
        if self._live and self._clock() - self._drawn >= REDRAW_SECONDS:
            self._draw(step)

    def measured(self, step: int, loss: float, value: float, best: bool) -> None:
        """The model was validated after so many steps."""
        self._loss, self._value = loss, value
        if best:
            self._best = value
        if self._live:
            self._draw(step)
        elif step * LINES // self._steps > self._told or step >= self._steps:
            self._told = step * LINES // self._steps
            left = self._left(step)
            words = f"step {step:,} of {self._steps:,}: training loss {number(loss)}, "
            words += (
                f"{self._measure} {number(value)}{f', the {self._direction.best} so far' if best else ''}"
            )
            self._say(words + (f"; about {seconds(left)} left" if left > 0 else ""))

    def note(self, text: str) -> None:
        """Something to know, in a line."""
        self._say(printable(text))

    def _left(self, step: int) -> float:
        """Seconds, at the pace of this sitting."""
        done = step - self._from
        return (self._clock() - self._began) * (self._steps - step) / done if done > 0 else math.nan

    def _draw(self, step: int) -> None:
        self._drawn = self._clock()
        words = f"loss {number(self._loss)}"
        if math.isfinite(self._value):
            words += f"  {self._measure} {number(self._value)}, {self._direction.best} {number(self._best)}"
        self._progress.update(self._bar, completed=step, description=escape(words))

    def _say(self, text: str) -> None:
        if self._live:
            self._progress.console.print(text, markup=False)
        else:
            print(text, file=self._console.file, flush=True)
