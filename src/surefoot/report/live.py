"""The race while it runs: a live display in a terminal, plain lines everywhere else.

with RaceDisplay() as display:
    display.phase("screen")
    display.running([("Adam lr=0.003", 1 / 9)])
    display.result("Adam lr=0.003", 1 / 9, 0.31, Status.COMPLETED)
    display.decision("SGD lr=1 is out at rung 1/9: 0.92 against a band up to 0.40.")
    display.budget(12.5, 120)
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from surefoot.study.direction import Direction
from surefoot.study.format import fraction, number, plural, printable, seconds, share
from surefoot.study.run import Status

RESULTS_PER_LINE = 10
MOST_RUNNING = 3


class RaceDisplay:
    """Shows what is being raced, who leads, and who is out and why.

    Labels are those of `label.candidate_label`: the optimizer's name first.

    Args:
        console: where to; standard output if None.
        live: whether to redraw in place; None for "if standard output is a terminal that can".
        clock: seconds, for the estimate of the time left.
    """

    def __init__(
        self,
        console: Console | None = None,
        live: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console or Console(highlight=False)
        # FORCE_COLOR makes rich believe in a terminal; only the file knows.
        can = self._console.is_interactive and self._console.file.isatty()
        self._board = Board(clock)
        self._live = (
            Live(_Screen(self._board), console=self._console, refresh_per_second=2, transient=True)
            if (can if live is None else live)
            else None
        )
        self._untold = 0

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tell_results()
        if self._live:
            self._live.stop()

    def phase(self, name: str, direction: Direction = Direction.MINIMIZE) -> None:
        """A new phase begins: "look", "screen", "confirm", …; the leaderboard starts afresh.

        Args:
            name: of the phase.
            direction: which way of its results is better.
        """
        self._tell_results()
        self._board.begin(printable(name), direction)
        self._tell(f"Phase: {self._board.phase}")

    def running(self, runs: Sequence[tuple[str, float]]) -> None:
        """What is being trained now: (candidate's label, rung it runs to)."""
        self._board.running = [(printable(label), rung) for label, rung in runs]

    def result(self, label: str, rung: float, value: float, status: Status) -> None:
        """A run has reached a rung with this value, or ended as `status` says."""
        self._board.add(printable(label), rung, value, status)
        self._untold += 1
        if self._untold >= RESULTS_PER_LINE:
            self._tell_results()

    def decision(self, text: str) -> None:
        """Something was decided, and why, in a sentence."""
        self._board.decide(printable(text))
        self._tell(printable(text))

    def budget(self, spent: float, total: float) -> None:
        """How much of the budget is spent, in any unit."""
        self._board.spend(spent / total if total > 0 else 1.0)

    def _tell_results(self) -> None:
        if self._untold:
            self._tell(self._board.in_words())
        self._untold = 0

    def _tell(self, text: str) -> None:
        if self._live is None:
            print(text, file=self._console.file, flush=True)


@dataclass(frozen=True)
class _Standing:
    """A candidate's results at one rung, so many runs, and the mean of their values."""

    label: str
    rung: float
    runs: int = 0
    mean: float = 0.0

    def with_value(self, value: float) -> _Standing:
        """After one more run."""
        runs = self.runs + 1
        return _Standing(self.label, self.rung, runs, self.mean + (value - self.mean) / runs)

    def order(self, direction: Direction) -> tuple[float, float]:
        """Values compare within a rung only, so the later rung comes first."""
        return -self.rung, direction.told(self.mean)


class Board:
    """All that the display knows; rich draws it from a thread of its own, hence the lock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.phase = "start"
        self.spent = 0.0
        self._decisions: deque[str] = deque(maxlen=8)
        self._lock = threading.Lock()
        self._clock = clock
        self._began = clock()
        self._spent_at_start: tuple[float, float] | None = None
        self._results = 0
        self.begin("start")

    def begin(self, phase: str, direction: Direction = Direction.MINIMIZE) -> None:
        """A new phase: nothing is running, and nobody leads."""
        self.phase, self.direction = phase, direction
        self.running: list[tuple[str, float]] = []
        self.finished = self.lost = 0
        self._standings: dict[tuple[str, float], _Standing] = {}

    def spend(self, share: float) -> None:
        """Until the first result all is found in the store: it tells nothing about the pace."""
        self.spent = share
        if self._results == 0:
            self._spent_at_start = self._clock(), share

    def add(self, label: str, rung: float, value: float, status: Status) -> None:
        """A run has reached a rung with this value, or ended as `status` says."""
        self._results += 1
        self.finished += 1
        self.lost += status.lost
        if math.isfinite(value) and not status.lost:
            with self._lock:
                standing = self._standings.get((label, rung)) or _Standing(label, rung)
                self._standings[label, rung] = standing.with_value(value)

    def decide(self, text: str) -> None:
        """Something was decided."""
        with self._lock:
            self._decisions.append(text)

    def last_decisions(self, most: int) -> list[str]:
        """The latest of them, in order."""
        with self._lock:
            return list(self._decisions)[-most:]

    def leaders(self) -> list[_Standing]:
        """The best candidate of each optimizer; in confirmation every candidate, for all are rivals there."""
        with self._lock:
            standings = list(self._standings.values())
        best, up = dict[str, _Standing](), self.direction
        for standing in standings:
            label = standing.label
            rival = label if self.phase.startswith("confirm") else label.partition(" ")[0]
            if rival not in best or standing.order(up) < best[rival].order(up):
                best[rival] = standing
        return sorted(best.values(), key=lambda standing: standing.order(up))

    def seconds_left(self) -> float:
        """At the pace since the first run began; nan before anything can be said."""
        began, spent = self._spent_at_start or (self._began, 0.0)
        elapsed, done = self._clock() - began, self.spent - spent
        return elapsed * max(0.0, 1 - self.spent) / done if self._results and done > 0 else math.nan

    def in_words(self) -> str:
        """The board in one line."""
        words = plural(self.finished, "result")
        if self.lost:
            words += f", {self.lost} diverged or failed"
        if leaders := self.leaders():
            first = leaders[0]
            words += (
                f"; ahead: {first.label} with {number(first.mean)} at {fraction(first.rung)} of the training"
            )
        if self.spent > 0:
            words += f"; {share(min(self.spent, 1.0))} of the budget spent"
        return words


@dataclass(frozen=True)
class _Screen:
    """Draws the board within the height of the terminal."""

    board: Board

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        height = console.size.height
        roomy = height >= 24
        running = self._running(MOST_RUNNING if roomy else 1)
        decisions = 4 if roomy else 2
        leaders = max(3, min(20, height - len(running) - decisions - 6))
        yield Group(
            self._head(),
            *running,
            Text(),
            self._leaderboard(leaders),
            Text(),
            *self._decisions(decisions),
        )

    def _head(self) -> RenderableType:
        board = self.board
        left = board.seconds_left()
        rest = f"{share(min(board.spent, 1.0))} spent"
        rest += f", about {seconds(left)} left" if math.isfinite(left) else ""
        lost = f", {board.lost} diverged or failed" if board.lost else ""
        head = Table.grid(padding=(0, 2), expand=True)
        head.add_column(no_wrap=True)
        head.add_column(ratio=1)
        head.add_column(no_wrap=True, justify="right")
        head.add_row(
            Text.assemble((board.phase, "bold"), f"  {plural(board.finished, 'result')}{lost}"),
            ProgressBar(total=1.0, completed=min(board.spent, 1.0)),
            rest,
        )
        return head

    def _running(self, most: int) -> list[Text]:
        runs = [f"{label} → {fraction(rung)}" for label, rung in self.board.running]
        if len(runs) > most:
            runs[most - 1 :] = [f"{len(runs) - most + 1} {'more runs' if most > 1 else 'runs'}"]
        return [
            _line(("     " if place else "now  ") + run, "cyan") for place, run in enumerate(runs or ["–"])
        ]

    def _leaderboard(self, most: int) -> RenderableType:
        leaders = self.board.leaders()
        if not leaders:
            return Text("no new result yet", style="dim")
        table = Table.grid(padding=(0, 2), expand=True)
        for heading, right in (
            ("", True),
            ("value", True),
            ("at", True),
            ("seeds", True),
            ("candidate", False),
        ):
            table.add_column(heading, justify="right" if right else "left", no_wrap=True, overflow="ellipsis")
        table.columns[-1].ratio = 1
        arrow = "↑" if self.board.direction is Direction.MAXIMIZE else "↓"
        table.add_row("", f"value {arrow}", "rung", "runs", "leading so far (not a result yet)", style="dim")
        for place, leader in enumerate(leaders[:most], 1):
            cells = (str(place), number(leader.mean), fraction(leader.rung), str(leader.runs))
            table.add_row(*cells, Text(leader.label), style="bold" if place == 1 else "")
        behind = ", ".join(leader.label.partition(" ")[0] for leader in leaders[most:])
        return Group(table, _line(f"behind them: {behind}", "dim")) if behind else table

    def _decisions(self, most: int) -> list[Text]:
        return [_line("· " + text, "dim") for text in self.board.last_decisions(most)]


def _line(text: str, style: str) -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
