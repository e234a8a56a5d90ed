"""The constants of the race and their neighbours, replayed on curve tables.

    python benchmarks/race_constants.py deepobs.csv.gz [--budgets 2,3,5,8] [--orders 1]

One constant is changed at a time.  Printed is the mean regret over the tasks of all tables.  On a table of
grids the race does not depend on the order of the arms, so one order is enough; `surefoot replay` prints its
standard error.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

from rich.console import Console
from rich.table import Table

from surefoot.search.race import race, rungs, smoothing, standings
from surefoot.search.replay.replay import mean_scores, policies, replay_task
from surefoot.search.replay.scoring import FEWEST_ARMS
from surefoot.store import CurveTable, read_table

NEIGHBOURS = (
    ("first look's share", rungs, "FIRST_LOOK_SHARE", (0.15, 0.2)),
    ("share growth", race, "SHARE_GROWTH", (1.4, 1.6)),
    ("refined share", race, "REFINED_SHARE", (0.3, 0.5)),
    ("low side", smoothing, "LOW_SIDE_DECADES", (0.0, 0.1, 0.3)),
    ("width", smoothing, "WIDTH_DECADES", (0.1, 0.3)),
    ("fade", standings, "FADE", (0.5, 0.7)),
    ("own share", standings, "OWN_SHARE", (0.0, 0.3, 0.7, 1.0)),
    ("noise band", standings, "BAND_DEVIATIONS", (2.0, 4.0)),
)


def regrets(tables: list[CurveTable], budgets: tuple[float, ...], orders: int) -> list[str]:
    """The race's mean regret at each budget."""
    means = [
        mean_scores(replay_task(table, task, budgets, range(orders), {"race": policies(table)["surefoot"]}))
        for table in tables
        for task, arms in table.tasks.items()
        if len(arms) >= FEWEST_ARMS
    ]
    return [f"{statistics.fmean(own['race'][i].mean for own in means):.3f}" for i in range(len(budgets))]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="+", type=Path)
    parser.add_argument("--budgets", default="2,3,5,8")
    parser.add_argument("--orders", type=int, default=1)
    args = parser.parse_args()
    budgets = tuple(float(word) for word in args.budgets.split(","))
    tables = [read_table(path) for path in args.tables]
    table = Table("constant", "value", *(f"{budget:g}" for budget in budgets), box=None)
    table.add_row("as it is", "", *regrets(tables, budgets, args.orders))
    for name, module, constant, values in NEIGHBOURS:
        shipped = getattr(module, constant)
        for value in values:
            setattr(module, constant, value)
            table.add_row(name, f"{value:g}", *regrets(tables, budgets, args.orders))
        setattr(module, constant, shipped)
    Console(highlight=False).print(table)


if __name__ == "__main__":
    main()
