"""Does an order of optimizers that was learnt on other tasks find good settings sooner?  Leave-one-task-out.

    python benchmarks/prior_order.py                                # on the gallery's own tasks

Of every task of the gallery what is known is taken from the others.  If the budget pays for tuning the first
n optimizers of an order, the regret is that of the best among them: so the table tells how many optimizers
each order must tune to come as low.

    python benchmarks/train_grid.py line digits tabular text --seeds 1 --fresh 0     # tables, once
    python benchmarks/prior_order.py .surefoot/tables/*.csv.gz [--budgets 0.5,1,2,3,5,8] [--orders 20]
    python benchmarks/prior_order.py TABLE.csv.gz --group "_"       # of a table that holds several tasks

The same with whole races: for each task of all tables, what is known is taken from the others alone
(`--group`: also without those whose name begins alike).  Then the race is replayed on its curves with
beginnings of the first look:

- usual: one of each kind of step, then their relatives, at the usual learning rates;
- order: the optimizers in the order of their expected regrets;
- gated: that order, after the first of the usual one, where the evidence is as much as two tasks that are
  just alike, else the usual one: what `surefoot choose` does;
- rates: the usual order, each at its expected learning rate;
- both: order and rates.

With --experience what is known is what the package has in its data, from the gallery's studies, and not what
the tables say.

Of tasks that are neither built in nor of DeepOBS the features are not known here: they all weigh alike.
The first table is then of mean regrets (0 the best arm, 1 the median), the second of full trainings: how
many it takes to come down to the regret that the usual beginning has at a budget.
"""

from __future__ import annotations

import argparse
import itertools
import math
import multiprocessing
import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from surefoot.search.race.on_tables import TableRace
from surefoot.search.race.race import Race
from surefoot.search.replay.replay import (
    Factory,
    ReplayPolicy,
    mean_scores,
    paid_part,
    replay_task,
)
from surefoot.search.space.lr_grid import Grid, log_rate
from surefoot.search.space.prior_results import (
    WORST,
    Expected,
    Experience,
    KnownTask,
    Showing,
    load_experience,
    race_order,
    usual_order,
)
from surefoot.search.space.table_priors import lr_priors
from surefoot.search.space.task_features import TaskFeatures, features_of
from surefoot.store import CurveTable, read_table
from surefoot.study.run import Candidate
from surefoot.tasks import builtin_tasks, load_task
from surefoot.training.profile import look

BEGINNINGS = ("usual", "order", "gated", "rates", "both")
ALIKE = TaskFeatures(parameters=1, steps=1, roles={})
"""Of a task whose features are not known: all such are equally alike."""

DENSE, KERNELS = "weight matrices", "convolution kernels"
PUBLISHED = {
    "quadratic_deep": TaskFeatures(100, 800, {"other": 1.0}),
    "mnist_vae": TaskFeatures(300_000, 30_000, {KERNELS: 0.8, DENSE: 0.2}),
    "fmnist_vae": TaskFeatures(300_000, 60_000, {KERNELS: 0.8, DENSE: 0.2}),
    "fmnist_2c2d": TaskFeatures(3_300_000, 50_000, {DENSE: 1.0}),
    "cifar10_3c3d": TaskFeatures(900_000, 30_000, {DENSE: 0.6, KERNELS: 0.4}),
    "cifar100_allcnnc": TaskFeatures(1_400_000, 55_000, {KERNELS: 1.0}),
    "svhn_wrn164": TaskFeatures(2_700_000, 90_000, {KERNELS: 1.0}, batch_norm=True),
    "tolstoi_char_rnn": TaskFeatures(400_000, 260_000, {DENSE: 0.95, "biases": 0.05}),
}
"""Of the tasks of DeepOBS (Schneider et al., 2019), roughly."""


@dataclass(frozen=True)
class Subject:
    """One task of one table."""

    table: CurveTable
    task: str
    known: KnownTask
    others: Experience


def known(table: CurveTable, task: str, features: TaskFeatures) -> KnownTask:
    """How each optimizer did on a task: its best arm's last value, by the mean over the seeds it has."""
    best: dict[str, tuple[float, float]] = {}
    arms = [{"optimizer": a.optimizer, "hyperparameters": a.hyperparameters} for a in table.tasks[task]]
    grid = Grid(arms, lr_priors((arm.optimizer for arm in table.tasks[task]), table.lr_priors))
    for arm in table.tasks[task]:
        finals = [paid_part(curve, table.score).values[-1] for curve in arm.curves.values()]
        value = statistics.fmean(finals)
        if math.isfinite(value) and value < best.get(arm.optimizer, (math.inf, 0.0))[0]:
            centre, _ = grid.prior(arm.optimizer)
            best[arm.optimizer] = value, log_rate(arm.hyperparameters) - math.log10(centre)
    values = [value for value, _ in best.values()]
    low, spread = min(values), statistics.median(values) - min(values)
    showings = {
        name: Showing(min(WORST, (value - low) / spread) if spread > 0 else 0.0, offset)
        for name, (value, offset) in best.items()
    }
    showings |= {arm.optimizer: Showing(WORST) for arm in table.tasks[task] if arm.optimizer not in best}
    return KnownTask(task, features, showings)


def race_with(
    subject: Subject, shown: Callable[[Sequence[Expected]], Sequence[Expected]], rates: bool
) -> Factory:
    """Makes races that look at the optimizers in the order in which they are `shown`.

    Args:
        subject: what is raced, and what is known besides.
        shown: the order, from the ranking.
        rates: begin each optimizer at its expected learning rate.
    """

    def make(arms: Sequence[Candidate], budget: float, lower_is_better: bool, seed: int) -> ReplayPolicy:
        names = {arm.optimizer for arm in arms}
        found = shown(subject.others.ranking(subject.known.features, names))
        priors = lr_priors(names, subject.table.lr_priors)
        if rates:
            grid = Grid(arms, priors)
            priors = {e.optimizer.lower(): moved(grid.prior(e.optimizer), e.offset) for e in found}
        race = Race(arms, budget, lower_is_better, priors=priors, order=[e.optimizer for e in found])
        return TableRace(race, lower_is_better)

    return make


def moved(prior: tuple[float, float], offset: float) -> tuple[float, float]:
    centre, decades = prior
    return centre * 10**offset, decades


def usually(ranking: Sequence[Expected]) -> list[Expected]:
    """The usual order."""
    found = {expected.optimizer: expected for expected in ranking}
    return [found[name] for name in usual_order(found)]


def score(subject: Subject, budgets: Sequence[float], orders: int) -> dict[str, list[float]]:
    """Mean regret of each beginning at each budget."""
    beginnings = {
        "usual": race_with(subject, usually, rates=False),
        "order": race_with(subject, list, rates=False),
        "gated": race_with(subject, race_order, rates=False),
        "rates": race_with(subject, usually, rates=True),
        "both": race_with(subject, list, rates=True),
    }
    means = mean_scores(replay_task(subject.table, subject.task, budgets, range(orders), beginnings))
    return {name: [score.mean for score in scores] for name, scores in means.items()}


def same_regret(usual: Sequence[float], other: Sequence[float], budgets: Sequence[float]) -> list[float]:
    """The least budget at which `other` is as low as `usual` is at each budget; between budgets in line."""
    found = []
    for wanted in usual:
        least = math.inf
        for place, value in enumerate(other):
            if value <= wanted + 1e-12:
                least = budgets[place]
                if place and other[place - 1] > value:
                    share = (other[place - 1] - wanted) / (other[place - 1] - value)
                    least = budgets[place - 1] + share * (budgets[place] - budgets[place - 1])
                break
        found.append(least)
    return found


def subjects(
    tables: Sequence[CurveTable], separator: str | None, package: Experience | None
) -> list[Subject]:
    """Every task of the tables, and what is known besides it: by the package's data, or the other tasks."""
    builtin = builtin_tasks()
    seen: dict[str, tuple[CurveTable, KnownTask]] = {}
    for table in tables:
        for task in table.tasks:
            features = PUBLISHED.get(task, ALIKE)
            if task in builtin:
                loaded = load_task(task)
                features = features_of(look(loaded))
            seen[task] = table, known(table, task, features)

    def group(task: str) -> str:
        return task.partition(separator)[0] if separator else task

    def others(task: str) -> Experience:
        if package is not None:
            return package.besides(task)
        return Experience(tuple(own for other, (_, own) in seen.items() if group(other) != group(task)))

    return [Subject(table, task, own, others(task)) for task, (table, own) in seen.items()]


# -------------------------------------------------------------------- the gallery's tasks

SHOWN = 8


def lowest_so_far(order: Sequence[str], task: KnownTask) -> list[float]:
    """The regret of the best of the first 1, 2, … optimizers."""
    return list(itertools.accumulate((task.showings[name].regret for name in order), min))


def tuned_in_turn(experience: Experience) -> dict[str, list[list[float]]]:
    """Of each order, for each task, the regret after 1, 2, … optimizers."""
    found: dict[str, list[list[float]]] = {"usual": [], "order": [], "gated": []}
    for task in experience.tasks:
        names = list(task.showings)
        learnt = experience.besides(task.name).ranking(task.features, names)
        found["usual"].append(lowest_so_far(usual_order(names), task))
        found["order"].append(lowest_so_far([e.optimizer for e in learnt], task))
        found["gated"].append(lowest_so_far([e.optimizer for e in race_order(learnt)], task))
    return found


def show_in_turn(experience: Experience) -> None:
    console = Console(highlight=False, width=100)
    found = tuned_in_turn(experience)
    means = {
        name: [statistics.fmean(row[place] for row in rows) for place in range(SHOWN)]
        for name, rows in found.items()
    }
    console.print(f"mean regret over {len(experience.tasks)} tasks of the gallery, each left out in turn")
    table = Table("optimizers tuned", *map(str, range(1, SHOWN + 1)), box=None)
    for name, values in means.items():
        table.add_row(name, *(f"{value:.2f}" for value in values))
    console.print(table)
    console.print("\noptimizers to tune until the regret is as low as that of the usual order")
    table = Table("after", *map(str, range(1, SHOWN + 1)), box=None)
    for name in ("order", "gated"):
        enough = [
            next((count for count, value in enumerate(means[name], 1) if value <= wanted + 1e-12), None)
            for wanted in means["usual"]
        ]
        table.add_row(name, *(str(count or "more") for count in enough))
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="*", type=Path)
    parser.add_argument("--budgets", default="0.5,1,2,3,5,8")
    parser.add_argument("--orders", type=int, default=20)
    parser.add_argument("--group", metavar="SEPARATOR")
    parser.add_argument("--experience", action="store_true")
    parser.add_argument("--fewest", type=int, default=20, help="arms of a task that is scored")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    args = parser.parse_args()
    if not args.tables:
        show_in_turn(load_experience())
        return
    budgets = [float(word) for word in args.budgets.split(",")]
    package = load_experience() if args.experience else None
    found = subjects([read_table(path) for path in args.tables], args.group, package)
    scored = [subject for subject in found if len(subject.table.tasks[subject.task]) >= args.fewest]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(args.workers, spawn) as pool:
        jobs = [pool.submit(score, subject, budgets, args.orders) for subject in scored]
        results = {subject.task: job.result() for subject, job in zip(scored, jobs, strict=True)}
    show(results, budgets)


def show(results: Mapping[str, Mapping[str, list[float]]], budgets: Sequence[float]) -> None:
    console = Console(highlight=False)
    means = {
        name: [
            statistics.fmean(own[name][place] for own in results.values()) for place in range(len(budgets))
        ]
        for name in BEGINNINGS
    }
    console.print(f"mean regret over {len(results)} tasks, each left out in turn")
    table = Table("full trainings", *(f"{budget:g}" for budget in budgets), box=None)
    for name in BEGINNINGS:
        table.add_row(name, *(f"{value:.3f}" for value in means[name]), style="bold")
        for task, own in results.items():
            table.add_row(f"  {task}", *(f"{value:.3f}" for value in own[name]))
    for name in BEGINNINGS[1:]:
        table.add_row(
            f"{name}: tasks better/worse",
            *(
                f"{sum(own[name][i] < own['usual'][i] - 1e-9 for own in results.values())}"
                f"/{sum(own[name][i] > own['usual'][i] + 1e-9 for own in results.values())}"
                for i in range(len(budgets))
            ),
        )
    console.print(table)
    console.print("\nfull trainings to the regret that the usual beginning has")
    table = Table("at", *(f"{budget:g}" for budget in budgets), box=None)
    for name in BEGINNINGS[1:]:
        costs = same_regret(means["usual"], means[name], budgets)
        table.add_row(name, *(f"{cost:.2f}" if math.isfinite(cost) else "more" for cost in costs))
    console.print(table)


if __name__ == "__main__":
    main()
