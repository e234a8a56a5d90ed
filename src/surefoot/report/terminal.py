"""The final screen of a study: verdict, how sure, table, the why, the code to paste.

print_answer(study.answer)  # about 40 lines of 80 or 100 columns, as the code is long
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from surefoot.analysis.tables import Result, results
from surefoot.report.live import RaceDisplay
from surefoot.report.words import certainty_in_short, level
from surefoot.study.answer import Answer, Verdict
from surefoot.study.format import number, plural, printable, seconds, size, spread

__all__ = ["RaceDisplay", "answer_table", "print_answer"]

PAGE_LINES = 40  # or the terminal's height, where that is more
FEWEST_REASON_LINES = 10  # even where long code or narrow columns fill the page
CANDIDATE_COLUMNS = 20
MEASURE_COLUMNS = 22  # a long measure must not take the candidates' room
MOST_ROWS = 7
_COLOURS = {Verdict.WIN: "bold green", Verdict.TIE: "bold cyan", Verdict.BUDGET: "bold yellow"}


def print_answer(answer: Answer, console: Console | None = None) -> None:
    """Print the final screen; long lines of code are never cut, whatever the width."""
    (console or Console(highlight=False)).print(answer_table(answer), crop=False)


def answer_table(answer: Answer) -> RenderableType:
    """The final screen. Print it with `crop=False`, or use `print_answer`."""
    return _Page(answer)


@dataclass(frozen=True)
class _Page:
    """Lays the parts out; the why gives way where the page would not hold all."""

    answer: Answer

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table: list[RenderableType] = [_table(self.answer), ""] if results(self.answer) else []
        head = Group(_sentence(self.answer), *_certainty(self.answer), "", *table)
        tail = Group("", _snippet(self.answer), "", _footer(self.answer))
        taken = sum(len(console.render_lines(part, options, pad=False)) for part in (head, tail))
        page = max(PAGE_LINES, console.size.height - 2 if console.is_terminal else 0)
        room = max(page - taken, FEWEST_REASON_LINES)
        yield head
        yield from _why(self.answer.why, room, console, options)
        yield tail


def _sentence(answer: Answer) -> Text:
    return Text(printable(answer.sentence), style=_COLOURS.get(answer.verdict, "bold"))


def _certainty(answer: Answer) -> list[Text]:
    words = " ".join(filter(None, [level(answer), certainty_in_short(answer)]))
    return [Text(printable(words), style="dim")] if words else []


def _table(answer: Answer) -> Table:
    """A line per candidate; columns that would be empty, or say the same of all, are left out."""
    rows = _rows(results(answer))
    intervals = any(row.interval for row in rows)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False, pad_edge=False)
    table.add_column("candidate", overflow="fold", min_width=CANDIDATE_COLUMNS)
    measure = textwrap.wrap(printable(answer.measure), MEASURE_COLUMNS)
    what = "and 95 % interval" if intervals else "mean ± sd"
    headings = ["\n".join([*measure, what]), "seeds", "each\nstep", "state"]
    for heading in headings:
        table.add_column(Text(heading), justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*_cells(row, intervals), style="bold" if row.recommended else "")
    return table


def _rows(found: Sequence[Result]) -> list[Result]:
    """The best few, but never without what was recommended, the baseline and the floor."""
    spare = MOST_ROWS - sum(bool(row.role) for row in found)
    kept = []
    for row in found:
        if row.role or spare > 0:
            kept.append(row)
            spare -= not row.role
    return kept


def _cells(row: Result, intervals: bool) -> tuple[Text | str, ...]:
    name = Text(row.label)
    if row.role:
        name.append(f" ({row.role.replace('recommended', 'use this')})", style="dim")
    return (
        name,
        _value(row) if intervals else spread(row.mean, row.deviation),
        _seeds(row),
        seconds(row.seconds_per_step),
        size(row.state_bytes),
    )


def _value(row: Result) -> str:
    if row.interval is None:
        return number(row.estimate)
    low, high = row.interval
    return f"{number(row.estimate)}  {number(low)}–{number(high)}"


def _seeds(row: Result) -> Text:
    words = Text(str(row.seeds))
    if row.diverged:
        words.append(f"\n{row.diverged} diverged", "red")
    if row.misses:
        words.append(f"\n{row.misses} missed", "yellow")
    return words


def _why(
    reasons: Sequence[str], room: int, console: Console, options: ConsoleOptions
) -> list[RenderableType]:
    """As many reasons as the page has room for, and a word about the rest."""
    shown: list[RenderableType] = []
    for place, reason in enumerate(reasons):
        line = _bullet(reason)
        height = len(console.render_lines(line, options, pad=False))
        rest = place + 1 < len(reasons)
        if height + rest > room:
            return [*shown, Text(f"  … {len(reasons) - place} more in the report", style="dim")]
        shown.append(line)
        room -= height
    return shown


def _bullet(reason: str) -> Table:
    """Its later lines are set in, so that the eye finds where each begins."""
    bullet = Table.grid(padding=(0, 1, 0, 0))
    bullet.add_row("•", Text(printable(reason)))
    return bullet


def _snippet(answer: Answer) -> Text:
    """Coloured, but nothing in front of or behind the lines: it is there to be copied."""
    code = answer.recommendation.snippet.rstrip()
    lines = "\n".join(printable(line) if not line.isprintable() else line for line in code.splitlines())
    text = Syntax(lines, "python", theme="ansi_dark", background_color="default").highlight(lines)
    text.rstrip()
    text.no_wrap, text.overflow = True, "ignore"
    return text


def _footer(answer: Answer) -> Text:
    parts = f"{plural(answer.runs, 'run')}, {seconds(answer.seconds)}"
    return Text(f"{parts}. The race: surefoot report {printable(answer.study)} -o FILE.html", style="dim")
