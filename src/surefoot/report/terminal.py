"""The answer in the terminal: one page of at most 24 lines of 80 columns, and all the rest behind `--why`.

print_answer(study.answer)
print_why(study.answer)
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from surefoot.analysis.tables import Result, results
from surefoot.report import answer_lines as lines
from surefoot.report.live import RaceDisplay
from surefoot.report.words import pairing, verdict
from surefoot.study.answer import Answer, Verdict
from surefoot.study.direction import Direction
from surefoot.study.format import number, plural, printable, seconds, short, signed, size, spread
from surefoot.study.run import Phase

__all__ = ["RaceDisplay", "answer_table", "print_answer", "print_why"]

PAGE_LINES = 24
PAGE_COLUMNS = 80
MOST_RESULTS = 5
NAME_COLUMNS, BAR_COLUMNS, GAP_COLUMNS, MEAN_COLUMNS = 36, 18, 9, 8
NOTE_COLUMNS = 11
LOGARITHMIC_FROM = 5.0
"""The bars' axis is logarithmic where lower is better, all is positive and its ends differ by a larger
factor: then what is best has the most room."""

CANDIDATE_COLUMNS = 20
MEASURE_COLUMNS = 22  # a long measure must not take the candidates' room
MOST_ROWS = 7
_COLOURS = {Verdict.WIN: "bold green", Verdict.TIE: "bold cyan", Verdict.BUDGET: "bold yellow"}

Line = tuple[str, str]
"""(text, style)"""


def print_answer(answer: Answer, console: Console | None = None) -> None:
    """Print the page; long lines of code are never cut, whatever the width."""
    (console or Console(highlight=False)).print(answer_table(answer), crop=False)


def print_why(answer: Answer, console: Console | None = None) -> None:
    """Print what the page leaves out: the whole sentence, the numbers with a sentence each, every reason."""
    (console or Console(highlight=False)).print(_Why(answer), crop=False)


def answer_table(answer: Answer) -> RenderableType:
    """The page. Print it with `crop=False`, or use `print_answer`."""
    return _Page(answer)


@dataclass(frozen=True)
class _Page:
    """Lays the parts out; blank lines, then details, give way where the page would not hold all."""

    answer: Answer

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = min(PAGE_COLUMNS, options.max_width)
        for text, style in _lines(self.answer, width):
            yield Text(text, style=style, no_wrap=True, overflow="ignore")
        yield _snippet(self.answer)
        yield Text(_footer(self.answer, width), style="dim", no_wrap=True, overflow="ignore")


def _lines(answer: Answer, width: int) -> list[Line]:
    """What stands above the code."""
    code = len(answer.recommendation.snippet.rstrip().splitlines())
    room = PAGE_LINES - code - 1
    for blanks, notes in ((4, 3), (3, 3), (2, 3), (2, 2), (1, 2), (0, 2), (0, 1)):
        found = _laid_out(answer, width, blanks, notes)
        if len(found) <= room:
            break
    return found


def _laid_out(answer: Answer, width: int, blanks: int, most: int) -> list[Line]:
    """The parts with at most so many blank lines between them, each note in at most so many lines.

    Args:
        blanks: the first is that above the code, then that above the table, and so on.
    """
    empty: list[Line] = [("", "")]
    head = [_title(answer, width), *(empty if blanks >= 4 else [])]
    head += [(text, _COLOURS.get(answer.verdict, "bold")) for text in _wrapped(lines.use(answer), width, 2)]
    head += [(text, "") for text in _wrapped(lines.benefit(answer), width, 2)]
    table = _bars(answer, width)
    notes = [line for name, text in lines.notes(answer) for line in _note(name, text, width, most)]
    return [
        *head,
        *(empty if blanks >= 2 and table else []),
        *table,
        *(empty if blanks >= 3 and notes else []),
        *notes,
        *(empty if blanks >= 1 else []),
    ]


def _title(answer: Answer, width: int) -> Line:
    """`WIN  digits · validation loss, lower is better      354 runs, 56 s`."""
    spent = f"{plural(answer.runs, 'run')}, {seconds(answer.seconds)}"
    room = width - len(spent) - 2
    said, direction = f"{verdict(answer).upper()}  ", f", {answer.direction.better} is better"
    told = said + short(f"{answer.task} · {answer.measure}", room - len(said + direction)) + direction
    return f"{told:<{room}}  {spent}", "bold"


def _wrapped(text: str, width: int, most: int) -> list[str]:
    """Whole words in at most so many lines; what does not fit ends with an ellipsis."""
    return textwrap.wrap(
        printable(text),
        width,
        max_lines=most,
        placeholder=" …",
        break_long_words=True,
        break_on_hyphens=False,
    )


def _note(name: str, text: str, width: int, most: int) -> list[Line]:
    shown = _wrapped(text, width - NOTE_COLUMNS, most)
    return [(f"{name if not at else '':<{NOTE_COLUMNS}}{line}", "") for at, line in enumerate(shown)]


def _bars(answer: Answer, width: int) -> list[Line]:
    """A line per confirmed candidate: settings, interval, distance to the recommended one, mean."""
    rows = _shown([row for row in results(answer) if row.phase == Phase.CONFIRM], MOST_RESULTS)
    if not rows:
        return []
    names = NAME_COLUMNS - max(0, PAGE_COLUMNS - width)
    axis = _axis(rows, answer.direction)
    best = next((row for row in rows if row.recommended), rows[0])
    heading = _heading(rows, names)
    behind = answer.direction.behind
    body = [(_bar_line(row, best, axis, names, behind), "bold" if row.recommended else "") for row in rows]
    return [(heading, "dim"), *body]


def _shown(rows: Sequence[Result], most: int) -> list[Result]:
    """The best few, but never without what was recommended, the baseline and the floor."""
    spare = most - sum(bool(row.role) for row in rows)
    kept = []
    for row in rows:
        if row.role or spare > 0:
            kept.append(row)
            spare -= not row.role
    return kept


def _heading(rows: Sequence[Result], names: int) -> str:
    counts = sorted({row.seeds for row in rows})
    seeds = (
        plural(counts[-1], "fresh seed") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} fresh seeds"
    )
    bars = "95 % interval" if any(row.interval for row in rows) else ""
    said = "  " + short(f"measured on {seeds}", names - 2)
    return f"{said:<{names}} {bars:^{BAR_COLUMNS}} {'behind':>{GAP_COLUMNS}} {'mean':>{MEAN_COLUMNS}}"


def _bar_line(
    row: Result, best: Result, axis: _Axis, names: int, behind_by: Callable[[float, float], float]
) -> str:
    base = " (baseline)" if row.baseline else ""
    label = short(row.label, names - 2 - len(base)) + base
    behind = "" if row is best else signed(behind_by(row.estimate, best.estimate), 2)
    if row.diverged or row.misses:
        behind = f"{row.diverged} lost" if row.diverged else f"{row.misses} missed"
    mark = "▸" if row.recommended else " "
    shown = f"{mark} {label:<{names - 2}} {axis.bar(row)} {short(behind, GAP_COLUMNS):>{GAP_COLUMNS}}"
    return f"{shown} {short(number(row.estimate), MEAN_COLUMNS):>{MEAN_COLUMNS}}"


@dataclass(frozen=True)
class _Axis:
    """Where values lie in the columns of the bars."""

    low: float
    high: float
    logarithmic: bool

    def column(self, value: float) -> int:
        value = min(max(value, self.low), self.high)
        ends = [self.low, value, self.high]
        low, at, high = map(math.log, ends) if self.logarithmic else ends
        share = (at / 2 - low / 2) / (high / 2 - low / 2) if high > low else 0.0  # halves cannot overflow
        return round(min(max(share, 0.0), 1.0) * (BAR_COLUMNS - 1)) if math.isfinite(share) else 0

    def bar(self, row: Result) -> str:
        """`├──●─┤`; a dot alone where there is no interval."""
        cells = [" "] * BAR_COLUMNS
        if not math.isfinite(row.estimate):
            return "".join(cells)
        low, high = row.interval or (row.estimate, row.estimate)
        first, last = self.column(low), self.column(high)
        cells[first : last + 1] = "─" * (last - first + 1)
        cells[first], cells[last] = "├", "┤"
        cells[self.column(row.estimate)] = "●"
        return "".join(cells)


def _axis(rows: Iterable[Result], direction: Direction) -> _Axis:
    ends = [end for row in rows for end in (row.estimate, *(row.interval or ())) if math.isfinite(end)]
    low, high = min(ends, default=0.0), max(ends, default=0.0)
    wide = low > 0 and high / low > LOGARITHMIC_FROM
    return _Axis(low, high, wide and direction is Direction.MINIMIZE)


def _snippet(answer: Answer) -> Text:
    """Coloured, but nothing in front of or behind the lines: it is there to be copied."""
    code = answer.recommendation.snippet.rstrip()
    shown = "\n".join(printable(line) if not line.isprintable() else line for line in code.splitlines())
    text = Syntax(shown, "python", theme="ansi_dark", background_color="default").highlight(shown)
    text.rstrip()
    text.no_wrap, text.overflow = True, "ignore"
    return text


def _footer(answer: Answer, width: int) -> str:
    name = printable(answer.study)
    why, report = f"surefoot show {name} --why", f"surefoot report {name} -o a.html"
    both = f"{why} · {report}"
    return next((text for text in (both, why) if len(text) <= width), short(why, width))


# ---------------------------------------------------------------- why


@dataclass(frozen=True)
class _Why:
    """All that the page leaves out, however long."""

    answer: Answer

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        answer = self.answer
        yield Text(printable(answer.sentence), style=_COLOURS.get(answer.verdict, "bold"))
        yield ""
        yield _table(answer)
        yield ""
        for reason in (*lines.audit(answer), *filter(None, [pairing(answer)]), *answer.why):
            yield _bullet(reason)
        if answer.unconfirmed and answer.unconfirmed.command:
            yield _bullet("To measure the best unconfirmed value on fresh seeds:")
            yield Text(printable(answer.unconfirmed.command), no_wrap=True, overflow="ignore")
        yield Group("", _snippet(answer))


def _table(answer: Answer) -> Table:
    """A line per candidate; columns that would be empty, or say the same of all, are left out."""
    rows = _shown(results(answer), MOST_ROWS)
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


def _bullet(reason: str) -> Table:
    """Its later lines are set in, so that the eye finds where each begins."""
    bullet = Table.grid(padding=(0, 1, 0, 0))
    bullet.add_row("•", Text(printable(reason)))
    return bullet
