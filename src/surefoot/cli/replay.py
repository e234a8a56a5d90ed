"""`surefoot replay`."""

from __future__ import annotations

import json

import click

from surefoot.cli.group import check_writable, surefoot, write
from surefoot.cli.parameters import BUDGETS


@surefoot.command(
    epilog="""\b
Examples:
  surefoot replay deepobs.csv.gz
  surefoot replay mine.csv.gz theirs.csv.gz --budgets 1,3,8 --orders 50 --json scores.json"""
)
@click.argument("tables", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--budgets", type=BUDGETS, default="1,2,3,5,8,12,20", show_default=True, help="In full trainings."
)
@click.option(
    "--orders", type=click.IntRange(min=1), default=200, show_default=True, help="Random orders of the arms."
)
@click.option("--per-task", is_flag=True, help="Also one row for each task.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes. [default: one per core]")
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Write the scores as JSON.")
def replay(
    tables: tuple[str, ...],
    budgets: tuple[float, ...],
    orders: int,
    per_task: bool,
    workers: int | None,
    json_file: str | None,
) -> None:
    """Score the race of `choose` on curve tables TABLES, without any training.

    A table is a CSV file, gzipped or not, of finished learning curves:
    task,optimizer,hyperparameters,seed,progress,seconds,value.  NAME.json beside it says how to score it.
    The race gets a budget, picks an arm, and is scored by how far that arm is from the best: regret 0 is the
    best arm, 1 the median; of tables with a target, the time to it as a multiple of the shortest.

    Learning-rate priors: for optimizers of Surefoot those of live studies; for others those that NAME.json
    states as "lr_priors", else a wide one around the middle of the table's learning rates.
    """
    from rich.console import Console

    from surefoot.report.scores import print_scores, scores_document
    from surefoot.report.waiting import counting
    from surefoot.search.replay.scoring import score_table
    from surefoot.store import read_table

    check_writable(json_file)
    console = Console(highlight=False)
    scored = []
    for path in tables:
        table = read_table(path)
        with counting(f"replay {table.name}") as progress:
            scored.append(score_table(table, budgets, orders, workers, progress))
        print_scores(console, scored[-1], per_task)
    if json_file:
        write(json_file, json.dumps(scores_document(scored), indent=2) + "\n")
