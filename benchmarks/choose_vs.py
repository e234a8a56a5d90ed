"""What a good optimizer costs: the race of `surefoot choose`, Optuna and random search on one grid.

    python benchmarks/choose_vs.py digits text tabular --tables .surefoot/tables [--studies 30] [--again 0.2]

All methods choose among the same candidates and replay the same stored runs, which are made first where they
are missing (`benchmarks/train_grid.py`); each pays for the progress of the runs that it asks for, in full
trainings, and a run that goes on pays for what is new.

- choose: the race that `surefoot choose` begins with, at its given budget.  What `choose` does after it, the
  confirmation on fresh seeds, has no counterpart in the others and is left out.
- Optuna: TPE, multivariate in groups, with the Hyperband pruner from 1/81 by thirds; the optimizer is
  categorical, each has its own learning rate (a number, in logarithmic steps) and momentum-like setting.
- random: full trainings of candidates in random order.

The last two are cut off at the budget and recommend the best run that went furthest.  A study sees one table
seed of each candidate, studies take those in turn.  The truth is the mean over all seeds of a candidate.  A
recommendation is good, by two measures, if

- loss: its mean is at most 5 % above that of the best candidate (all losses here lie above 0),
- way: it is at most 5 % of the way from the best candidate to the median one.

Where 5 % of the loss is less than what another seed changes, as on digits, the first can be met by luck only;
and a method that trains more on its one seed may do worse, since it finds what that seed favours.
Printed is the least budget from which on, at every larger one too, at least half of the studies recommend
well: the median study's cost; and in brackets the same for a quarter and three quarters of them.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import random
import statistics
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

sys.path.insert(0, str(Path(__file__).parent))

from surefoot.choose import space
from surefoot.choose.policy import RUNGS, Race
from surefoot.training.run import Candidate, Point
from train_grid import TASKS, Table, described, ensure

TOLERANCE = 0.05
BUDGETS = (1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
QUARTERS = (0.25, 0.5, 0.75)
STEPS = tuple(round(rung / RUNGS[0]) for rung in RUNGS)  # Optuna counts resources in whole numbers
ROUNDING = 1e-9


@dataclass(frozen=True)
class Truth:
    """A task's whole grid.

    Attributes:
        candidates: every one of them.
        curves: of each seed that all candidates have, one for each candidate.
        means: of each candidate's final values over its seeds; infinite if one diverged.
    """

    candidates: list[Candidate]
    curves: list[list[list[Point]]]
    means: list[float]

    @classmethod
    def of(cls, table: Table) -> Truth:
        keys = [(candidate.optimizer, described(candidate)) for candidate in table.candidates]
        finals: dict[tuple[str, str], list[float]] = defaultdict(list)
        for (optimizer, text, _), curve in sorted(table.curves.items()):
            finals[optimizer, text].append(curve[-1].value)
        means = [statistics.fmean(finals[key]) for key in keys]
        return cls(
            table.candidates,
            [[table.curves[(*key, seed)] for key in keys] for seed in table.complete],
            [math.inf if math.isnan(mean) else mean for mean in means],
        )

    @property
    def bounds(self) -> dict[str, float]:
        """The largest mean that is good, by each measure."""
        best, median = min(self.means), statistics.median(self.means)
        return {"loss": (1 + TOLERANCE) * best, "way": best + TOLERANCE * (median - best)}

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

Found = list[list[int | None]]
"""What each study recommends at each budget."""


def choose(truth: Truth, study: int, budgets: Sequence[float]) -> list[int | None]:
    arms = [{"optimizer": c.optimizer, "hyperparameters": c.settings} for c in truth.candidates]
    priors = space.priors(list(dict.fromkeys(c.optimizer for c in truth.candidates)))
    portfolio = space.portfolio(truth.candidates)
    found: list[int | None] = []
    for budget in budgets:
        runs = Replay(truth.curves[study % len(truth.curves)])
        race = Race(arms, budget, seed=study, priors=priors, portfolio=portfolio)
        while (asked := race.ask()) is not None:
            for point in runs.to(*asked):
                race.tell(asked[0], point.progress, point.value)
        assert runs.spent <= budget + 1e-6
        found.append(race.finalists(1)[0])
    return found


def random_search(truth: Truth, study: int, budgets: Sequence[float]) -> list[int | None]:
    trace = Trace(truth, study)
    order = random.Random(study).sample(range(len(truth.candidates)), len(truth.candidates))
    for arm in order:
        if trace.runs.spent >= budgets[-1]:
            break
        for rung in RUNGS:
            trace.to(arm, rung)
    return [trace.at(budget) for budget in budgets]


def optuna_search(truth: Truth, study: int, budgets: Sequence[float]) -> list[int | None]:
    """Its own time grows with the square of the budget: 24 full trainings are hundreds of short trials."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    menu = Menu(truth.candidates)
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

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self.places: dict[str, dict[tuple[str, float], int]] = {}
        for place, candidate in enumerate(candidates):
            others = {k: v for k, v in candidate.hyperparameters.items() if k != "lr"}
            key = (json.dumps(others, sort_keys=True), candidate.hyperparameters["lr"])
            self.places.setdefault(candidate.optimizer, {})[key] = place

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


def recommended(
    truth: Truth, kept: Path, args: argparse.Namespace, pool: ProcessPoolExecutor
) -> dict[str, Found]:
    """What each method's studies recommend at each budget; those of Optuna are kept in a file."""
    known: dict[str, list[int | None]] = json.loads(kept.read_text()) if kept.exists() else {}
    work: dict[str, list[Future[list[int | None]]]] = {}
    numbers = range(args.studies)
    for name in ("choose", "random"):
        work[name] = [pool.submit(METHODS[name], truth, number, BUDGETS) for number in numbers]
    budgets = [budget for budget in BUDGETS if budget <= args.optuna]
    keys = [f"study {n} on seed {n % len(truth.curves)} at {budgets}" for n in numbers]
    missing = {
        key: pool.submit(optuna_search, truth, number, budgets)
        for number, key in enumerate(keys)
        if key not in known
    }
    for key, future in missing.items():
        known[key] = future.result()
        kept.write_text(json.dumps(known))
    found = {name: [future.result() for future in futures] for name, futures in work.items()}
    return found | {"Optuna": [known[key] for key in keys]}


def quartiles(truth: Truth, found: Found, bound: float) -> list[float]:
    """For each quarter, the least budget from which on that share of the studies recommends well."""
    good = [
        statistics.fmean(arm is not None and truth.means[arm] <= bound for arm in at_budget)
        for at_budget in zip(*found, strict=True)
    ]
    result = []
    for share in QUARTERS:
        bad = [number for number, rate in enumerate(good) if rate < share]
        first = bad[-1] + 1 if bad else 0
        result.append(BUDGETS[first] if first < len(good) else math.inf)
    return result


def rows(task: str, truth: Truth, found: Mapping[str, Found]) -> Iterator[list[Any]]:
    """The lines of the table for one task, one for each measure of what is good."""
    for measure, bound in truth.bounds.items():
        cost = {name: quartiles(truth, found[name], bound) for name in METHODS}
        longest = {name: BUDGETS[len(found[name][0]) - 1] for name in METHODS}
        mine, theirs = cost["choose"][1], cost["Optuna"][1]
        good = sum(mean <= bound for mean in truth.means)
        yield [
            task,
            measure,
            f"{good} of {len(truth.candidates)}",
            f"{truth.cost:.0f}",
            *(cell(cost[name], longest[name]) for name in METHODS),
            ratio(mine, truth.cost),
            bounded(mine, theirs, longest["Optuna"]),
        ]


def ratio(one: float, other: float) -> str:
    return f"{one / other:.2f}" if math.isfinite(one) else "–"


def bounded(one: float, other: float, longest: float) -> str:
    """The ratio; below which it is, where the other was only followed up to `longest`."""
    known = math.isfinite(other) or not math.isfinite(one)
    return ratio(one, other) if known else f"< {ratio(one, longest)}"


def cell(cost: Sequence[float], longest: float) -> str:
    low, middle, high = (f"{c:g}" if math.isfinite(c) else f"> {longest:g}" for c in cost)
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
    parser.add_argument("--again", type=float, default=1.0, help="as of train_grid.py")
    parser.add_argument("--optuna", type=float, default=24, help="largest budget of Optuna's studies")
    args = parser.parse_args()
    tables = ensure(args.tasks, args.seeds, args.tables, args.workers, args.again)
    print(f"{args.studies} studies a method, {args.seeds} seeds; in full trainings: median (quartiles)\n")
    columns = ["task", "measure", "good", "grid", *METHODS, "choose / grid", "choose / Optuna"]
    print(f"| {' | '.join(columns)} |\n" + "|---" * len(columns) + "|")
    with ProcessPoolExecutor(args.workers, multiprocessing.get_context("spawn")) as pool:
        for task, table in tables.items():
            truth = Truth.of(table)
            kept = args.tables / f"{task}-optuna-{optuna.__version__}.json"
            found = recommended(truth, kept, args, pool)
            for row in rows(task, truth, found):
                print("| " + " | ".join(map(str, row)) + " |", flush=True)


if __name__ == "__main__":
    main()
