"""What is known without measuring: `surefoot list` and `surefoot explain`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from surefoot.cli.group import store_option, surefoot

Table = tuple[Sequence[Sequence[Any]], Sequence[str]]  # rows and column names


@surefoot.command("list", epilog="\b\nExample:\n  surefoot list optimizers")
@click.argument("what", type=click.Choice(["optimizers", "tasks", "surfaces", "studies"]))
@store_option
def list_things(what: str, store: str) -> None:
    """List optimizers, tasks, surfaces or studies."""
    from rich.console import Console

    from surefoot.report.explain import listing

    tables: dict[str, Callable[[], Table]] = {
        "optimizers": _optimizers,
        "tasks": _tasks,
        "surfaces": _surfaces,
        "studies": lambda: _studies(store),
    }
    rows, columns = tables[what]()
    Console(highlight=False).print(listing(rows, columns))


@surefoot.command(epilog="\b\nExample:\n  surefoot explain adam")
@click.argument("optimizer")
def explain(optimizer: str) -> None:
    """Explain OPTIMIZER: equation, settings, cost, what it is good and bad at, paper."""
    from rich.console import Console

    from surefoot import optim
    from surefoot.report.explain import explain as card

    try:
        found = optim.find(optimizer)
    except KeyError as error:
        raise click.UsageError(error.args[0]) from None
    Console(highlight=False).print(card(found.facts()))


def _optimizers() -> Table:
    from surefoot import optim

    facts = [optimizer.facts() for optimizer in optim.OPTIMIZERS.values()]
    return [(f.name, f.summary, f.state_bytes_per_parameter) for f in facts], (
        "optimizer",
        "what it does",
        "state per parameter",
    )


def _tasks() -> Table:
    from surefoot.tasks import builtin_tasks, data_tasks

    rows: list[tuple[Any, ...]] = [
        (name, _first_line(type(task)), task.steps, task.measure)
        for name, task in sorted(builtin_tasks().items())
    ]
    rows += [(f"{name} --data DIR", _first_line(made), "", "") for name, made in sorted(data_tasks().items())]
    return rows, ("task", "what is trained", "steps", "measure (lower is better)")


def _first_line(documented: type) -> str:
    return (documented.__doc__ or "").strip().split("\n")[0]


def _surfaces() -> Table:
    from surefoot.surfaces.surfaces import SURFACES

    rows = [(s.name, s.formula, s.about) for s in SURFACES.values()]
    return rows, ("surface", "formula", "what one sees")


def _studies(store: str) -> Table:
    from surefoot.store import Store

    with Store.at(store) as evidence:
        rows = [
            (s.name, s.task, s.created, s.runs, s.verdict or ("finished" if s.finished else "unfinished"))
            for s in evidence.studies()
        ]
    return rows, ("study", "task", "created", "runs", "verdict")
