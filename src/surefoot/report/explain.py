"""An optimizer's card for `surefoot explain`, and the plain tables of `surefoot list`.

console.print(explain(facts_of("Adam")))
console.print(listing([("Adam", "8 bytes")], ("optimizer", "state")))
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from surefoot.study.format import MISSING, number, printable, setting
from surefoot.study.strict_json import is_number

if TYPE_CHECKING:  # a page of text needs no torch
    from surefoot.formula.facts import Facts
    from surefoot.formula.hyperparameter import Hyperparameter


def explain(facts: Facts) -> RenderableType:
    """The card: summary, equation, hyperparameters, state, strengths, weaknesses, paper."""
    return Group(
        Text(printable(facts.name), style="bold"),
        Text(printable(facts.summary)),
        "",
        _equation(facts.equation),
        "",
        _hyperparameters(facts.hyperparameters),
        "",
        _remarks(facts),
    )


def listing(rows: Iterable[Sequence[Any]], columns: Sequence[str]) -> Table:
    """A plain table; a column that holds nothing but numbers is set to the right."""
    cells = [list(row) for row in rows]
    table = _plain_table()
    for place, heading in enumerate(columns):
        numeric = bool(cells) and all(is_number(row[place]) for row in cells)
        table.add_column(Text(heading), justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(_cell(value)) for value in row))
    return table


def _equation(equation: str) -> Text:
    lines = equation.strip("\n").splitlines()
    safe = (line if line.isprintable() else printable(line) for line in lines)
    return Text("\n".join("    " + line for line in safe), style="cyan")


def _hyperparameters(hyperparameters: Sequence[Hyperparameter]) -> Table:
    table = _plain_table()
    for heading in ("hyperparameter", "default", "meaning", "usual"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("hyperparameter", "default"))
    for each in hyperparameters:
        cells = (each.name, setting(each.default), each.meaning, each.usual or MISSING)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def _remarks(facts: Facts) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    remarks = {
        "step": facts.family,
        "state": ", ".join(facts.state) or "none",
        "per parameter": facts.state_bytes_per_parameter,
        "takes": facts.takes,
        "good at": facts.good_at,
        "bad at": facts.bad_at,
        "paper": facts.paper,
    }
    for heading, text in remarks.items():
        table.add_row(heading, Text(printable(text)))
    return table


def _plain_table() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)


def _cell(value: Any) -> str:
    if value is None:
        return MISSING
    return number(value) if isinstance(value, float) else printable(value)
