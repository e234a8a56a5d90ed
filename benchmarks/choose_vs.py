"""What a good optimizer costs: the race of `surefoot choose`, Optuna and random search on one grid.

    python benchmarks/choose_vs.py digits text tabular --tables .surefoot/tables [--studies 30]

All methods choose among the same candidates and replay the same stored runs, which are made first where they
are missing (`benchmarks/train_grid.py`); each pays for the progress of the runs that it asks for, in full
trainings, and a run that goes on pays for what is new.

- choose: the race that `surefoot choose` begins with, at its given budget.  What `choose` does after it, the
  confirmation on fresh seeds, has no counterpart in the others and is left out.
- Optuna: TPE, multivariate in groups, with the Hyperband pruner from 1/81 by thirds; the optimizer is
  categorical, each has its own learning rate (a number, in logarithmic steps) and momentum-like setting.
- random: full trainings of candidates in random order.

The last two are cut off at the budget and recommend the best run that went furthest.  Study number n replays
table seed n mod 3, so a method sees one seed of each candidate.  The truth is the mean over all seeds: a
recommendation is good if its mean is within 5 % of the best candidate's (the measures are losses above 0, so
that is a statement about the loss itself, whatever the spread of the grid).  Printed is the least budget from
which on, at every larger one too, at least half of the studies recommend well: the median study's cost; and
in brackets the same for a quarter and three quarters of them.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

sys.path.insert(0, str(Path(__file__).parent))

from surefoot.choose import space
from surefoot.choose.policy import RUNGS, Race
from surefoot.training.run import Point
from train_grid import TASKS, Table, ensure

TOLERANCE = 1.05
BUDGETS = (1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96)
QUARTERS = (0.25, 0.5, 0.75)
STEPS = tuple(round(rung / RUNGS[0]) for rung in RUNGS)  # Optuna counts resources in whole numbers
ROUNDING = 1e-9

Arm = Mapping[str, Any]


@dataclass(frozen=True)
class Truth:
    """A task's whole grid.

    Attributes:
        arms: {"optimizer": name, "hyperparameters": {...}} each.
        curves: of each seed, one for each arm.
        means: of each arm's final values over seeds; infinite if one diverged.
    """

    arms: list[Arm]
    curves: list[list[list[Point]]]
    means: list[float]

    @classmethod
    def of(cls, table: Table) -> Truth:
        keys = list(dict.fromkeys((optimizer, settings) for optimizer, settings, _ in sorted(table.curves)))
        seeds = sorted({seed for _, _, seed in table.curves})
        curves = [[table.curves[(*key, seed)] for key in keys] for seed in seeds]
        finals = zip(*([curve[-1].value for curve in of_seed] for of_seed in curves), strict=True)
        means = [statistics.fmean(values) for values in finals]
        return cls(
            [{"optimizer": optimizer, "hyperparameters": json.loads(text)} for optimizer, text in keys],
            curves,
            [math.inf if math.isnan(mean) else mean for mean in means],
        )

    def good(self, arm: int) -> bool:
        """Whether recommending this arm is within the tolerance of the best."""
        return self.means[arm] <= TOLERANCE * min(self.means)

    @property
    def cost(self) -> float:
        """Of the grid with one seed, in full trainings; runs that diverge end early."""
        return statistics.fmean(sum(curve[-1].progress for curve in of_seed) for of_seed in self.curves)


class Replay:
    """Stored runs of one seed, revealed as they are asked for.

    Attributes:
        spent: what that has cost, in full trainings.
        reached: of each arm seen, its last point.
    """

    def __init__(self, curves: Sequence[Sequence[Point]]) -> None:
        self.curves = curves
        self.spent = 0.0
        self.reached: dict[int, Point] = {}

    def to(self, arm: int, progress: float) -> list[Point]:
        """The newly revealed points of a run that goes on to this progress; its last if there are none."""
        before = self.reached[arm].progress if arm in self.reached else 0.0
        points = [p for p in self.curves[arm] if before < p.progress <= progress + ROUNDING]
        if points:
            self.reached[arm] = points[-1]
            self.spent += points[-1].progress - before
        return points or [self.reached[arm]]

    def best(self) -> int:
        """The arm that went furthest, the best of those."""
        seen = {arm: p for arm, p in self.reached.items() if not math.isnan(p.value)} or self.reached
        return min(seen, key=lambda arm: (-seen[arm].progress, seen[arm].value))


Method = Callable[[Truth, int, Sequence[float]], list[int | None]]
"""From the truth, the number of a study and budgets to what the study recommends at each."""


def choose(truth: Truth, study: int, budgets: Sequence[float]) -> list[int | None]:
    priors = space.priors(list(dict.fromkeys(arm["optimizer"] for arm in truth.arms)))
    found: list[int | None] = []
    for budget in budgets:
        runs = Replay(truth.curves[study % len(truth.curves)])
        race = Race(truth.arms, budget, seed=study, priors=priors)
        while (asked := race.ask()) is not None:
            for point in runs.to(*asked):
                race.tell(asked[0], point.progress, point.value)
        assert runs.spent <= budget + 1e-6
        found.append(race.recommend())
    return found


def random_search(truth: Truth, study: int, budgets: Sequence[float]) -> list[int | None]:
    trace = Trace(truth, study)
    order = random.Random(study).sample(range(len(truth.arms)), len(truth.arms))
    for arm in order:
        if trace.runs.spent >= budgets[-1]:
            break
        for rung in RUNGS:
            trace.to(arm, rung)
    return [trace.at(budget) for budget in budgets]


def optuna_search(truth: Truth, study: int, budgets: Sequence[float]) -> list[int | None]:
    menu = Menu(truth.arms)
    trace = Trace(truth, study)
    search = optuna.create_study(
        study_name=f"study {study}",  # Hyperband draws brackets from the name
        sampler=optuna.samplers.TPESampler(seed=study, multivariate=True, group=True),
        pruner=optuna.pruners.HyperbandPruner(STEPS[0], STEPS[-1], reduction_factor=3),
    )
    while trace.runs.spent < budgets[-1]:
        trial = search.ask()
        arm = menu.choose(trial)
        value = math.nan
        for step, rung in zip(STEPS, RUNGS, strict=True):
            value = trace.to(arm, rung)
            trial.report(value, step)
            if math.isnan(value) or (step < STEPS[-1] and trial.should_prune()):
                search.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            search.tell(trial, value)
    return [trace.at(budget) for budget in budgets]


class Trace:
    """What a method that does not know its budget would recommend, after everything it has paid for."""

    def __init__(self, truth: Truth, study: int) -> None:
        self.runs = Replay(truth.curves[study % len(truth.curves)])
        self.history: list[tuple[float, int]] = []

    def to(self, arm: int, progress: float) -> float:
        value = self.runs.to(arm, progress)[-1].value
        self.history.append((self.runs.spent, self.runs.best()))
        return value

    def at(self, budget: float) -> int | None:
        affordable = [arm for spent, arm in self.history if spent <= budget + ROUNDING]
        return affordable[-1] if affordable else None


class Menu:
    """The grid as a conditional space: an optimizer, then its learning rate and its other settings."""

    def __init__(self, arms: Sequence[Arm]) -> None:
        self.places: dict[str, dict[tuple[str, float], int]] = {}
        for place, arm in enumerate(arms):
            others = {k: v for k, v in arm["hyperparameters"].items() if k != "lr"}
            key = (json.dumps(others, sort_keys=True), arm["hyperparameters"]["lr"])
            self.places.setdefault(arm["optimizer"], {})[key] = place

    def choose(self, trial: optuna.Trial) -> int:
        name = trial.suggest_categorical("optimizer", list(self.places))
        others = list(dict.fromkeys(other for other, _ in self.places[name]))
        rates = sorted({rate for _, rate in self.places[name]})
        rate = rates[trial.suggest_int(f"{name} lr", 0, len(rates) - 1)]
        other = others[0]
        if len(others) > 1:
            other = trial.suggest_categorical(f"{name} settings", others)
        return self.places[name][other, rate]


METHODS: dict[str, Method] = {"choose": choose, "Optuna": optuna_search, "random": random_search}


def costs(truth: Truth, method: Method, studies: int, budgets: Sequence[float]) -> list[float]:
    """For each quarter, the least budget from which on that share of the studies recommends well."""
    found = [method(truth, study, budgets) for study in range(studies)]
    good = [
        statistics.fmean(arm is not None and truth.good(arm) for arm in at_budget)
        for at_budget in zip(*found, strict=True)
    ]
    result = []
    for share in QUARTERS:
        bad = [number for number, rate in enumerate(good) if rate < share]
        first = bad[-1] + 1 if bad else 0
        result.append(budgets[first] if first < len(budgets) else math.inf)
    return result


def cell(cost: Sequence[float], largest: float) -> str:
    low, middle, high = (f"{c:g}" if math.isfinite(c) else f"> {largest:g}" for c in cost)
    return f"{middle} ({low}–{high})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tasks", nargs="*", default=list(TASKS))
    parser.add_argument("--seeds", type=int, default=3, help="of the truth")
    parser.add_argument("--studies", type=int, default=30)
    parser.add_argument("--tables", type=Path, default=Path(".surefoot/tables"))
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    tables = ensure(args.tasks, args.seeds, args.tables, args.workers)
    print(f"{args.studies} studies a method, {args.seeds} seeds; in full trainings: median (quartiles)\n")
    print(
        f"| task | candidates | within 5 % | grid | {' | '.join(METHODS)} | choose / grid | choose / Optuna |"
    )
    print("|---" * (6 + len(METHODS)) + "|")
    for task, table in tables.items():
        truth = Truth.of(table)
        budgets = [budget for budget in BUDGETS if budget <= truth.cost]
        cost = {name: costs(truth, method, args.studies, budgets) for name, method in METHODS.items()}
        mine, theirs = cost["choose"][1], cost["Optuna"][1]
        row = [
            task,
            len(truth.arms),
            sum(map(truth.good, range(len(truth.arms)))),
            f"{truth.cost:.0f}",
            *(cell(cost[name], budgets[-1]) for name in METHODS),
            f"{mine / truth.cost:.3f}",
            f"{mine / theirs:.2f}" if math.isfinite(theirs) else f"< {mine / budgets[-1]:.2f}",
        ]
        print("| " + " | ".join(map(str, row)) + " |", flush=True)


if __name__ == "__main__":
    main()
