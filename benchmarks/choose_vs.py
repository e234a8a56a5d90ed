"""What a good optimizer costs: `surefoot choose`, Optuna, random search and the exhaustive grid.

    python benchmarks/choose_vs.py digits text tabular [--studies 10] [--optuna 24]

All choose among the same candidates: those of the grid, which is trained first where it is missing
(`benchmarks/train_grid.py`). Costs are in full trainings; a run that goes on pays for what is new.

- study: whole studies of `surefoot choose`, live, held to the grid's candidates by `--set`: race,
  play-off and confirmation on seeds of their own. The least that a study spends is 13.
- race: what a study begins with, alone, at the given budget, on the grid's stored runs.
- Optuna: TPE, multivariate in groups, with the Hyperband pruner from 1/81 by thirds; the optimizer is
  categorical, each has its own learning rate (a number, in logarithmic steps) and momentum-like setting.
- random: full trainings of candidates in random order.
- grid: every candidate with one seed, then every candidate with another, …; recommended is the lowest mean.

Race, Optuna and random replay one seed of each candidate, studies take those in turn; the last two recommend
the best run that went furthest. The truth is the mean over the `--fresh` seeds, which no method sees (where a
candidate was too bad to get any, over the others). A recommendation is good, by three measures, if

- pick: its true mean is at most 5 % above that of what the grid picks after all its seeds,
- loss: at most 5 % above that of the truly best candidate (all losses here lie above 0),
- way: at most 5 % of the way from the best candidate to the median one.

Which of 256 is truly best only fresh seeds tell: where another seed changes more than 5 %, the grid itself
does not find it.

Printed is the least budget from which on, at every larger one too, at least half of the studies recommend
well: the median study's cost; and in brackets the same for a quarter and three quarters of them.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import combinations
from pathlib import Path
from typing import Any

import optuna
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parent))

from surefoot import optim
from surefoot.engines.local.engine import LocalEngine
from surefoot.report.live import RaceDisplay
from surefoot.search import ask, choose_optimizer
from surefoot.search.race.race import Race
from surefoot.search.race.rungs import RUNGS
from surefoot.search.space import candidates as space
from surefoot.search.space import constraints
from surefoot.store import Store
from surefoot.study.question import Question
from surefoot.study.run import Candidate, Point, Schedule
from train_grid import TASKS, USUAL, Table, described, ensure

TOLERANCE = 0.05
BUDGETS = (1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
STUDY_BUDGETS = (13, 24, 48, 100)
FIRST_STUDY = 1  # study 0 would screen on the very seed 0 that the others replay
QUARTERS = (0.25, 0.5, 0.75)
STEPS = tuple(round(rung / RUNGS[0]) for rung in RUNGS)  # Optuna counts resources in whole numbers
ROUNDING = 1e-9


@dataclass(frozen=True)
class Truth:
    """A task's whole grid.

    Attributes:
        task: its name.
        candidates: every one of them.
        curves: of each seed that all candidates have, one for each candidate.
        means: of each candidate's final values over fresh seeds; infinite if one diverged.
    """

    task: str
    candidates: list[Candidate]
    curves: list[list[list[Point]]]
    means: list[float]

    @classmethod
    def of(cls, table: Table) -> Truth:
        keys = [(candidate.optimizer, described(candidate)) for candidate in table.candidates]
        finals: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
        for (optimizer, text, seed), curve in sorted(table.curves.items()):
            finals[optimizer, text][seed] = curve[-1].value
        seen = table.complete
        fresh = [[value for seed, value in finals[key].items() if seed not in seen] for key in keys]
        means = [
            statistics.fmean(values or finals[key].values()) for key, values in zip(keys, fresh, strict=True)
        ]
        return cls(
            table.task,
            table.candidates,
            [[table.curves[(*key, seed)] for key in keys] for seed in seen],
            [math.inf if math.isnan(mean) else mean for mean in means],
        )

    @property
    def bounds(self) -> dict[str, float]:
        """The largest mean that is good, by each measure."""
        best, median = min(self.means), statistics.median(self.means)
        (picked,) = exhaustive(self, len(self.curves))
        return {
            "pick": (1 + TOLERANCE) * self.means[picked],
            "loss": (1 + TOLERANCE) * best,
            "way": best + TOLERANCE * (median - best),
        }

    @property
    def cost(self) -> float:
        """Of the grid with one seed, in full trainings; runs that diverge end early."""
        return statistics.fmean(sum(curve[-1].progress for curve in of_seed) for of_seed in self.curves)

    @cached_property
    def places(self) -> dict[tuple[str, str], int]:
        """Numbers of the candidates by what `key` makes of them."""
        return {key(candidate): place for place, candidate in enumerate(self.candidates)}


def key(candidate: Candidate) -> tuple[str, str]:
    """The same for a grid's candidate and for a study's, which names more of its settings."""
    searched = optim.OPTIMIZERS[candidate.optimizer].hyperparameters
    settings = {name: h.default for name, h in searched.items() if h.search and name not in USUAL}
    settings |= {
        name: candidate.hyperparameters[name] for name in settings.keys() & candidate.hyperparameters
    }
    return candidate.optimizer, json.dumps(settings, sort_keys=True)


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


Recommended = list[int | None]
"""What one study recommends at each budget."""


@dataclass(frozen=True)
class Found:
    """What the studies of one method recommend.

    Attributes:
        budgets: in full trainings.
        studies: of each study, what it recommends at each budget.
    """

    budgets: Sequence[float]
    studies: list[Recommended]

    def quartiles(self, truth: Truth, bound: float) -> list[float]:
        """For each quarter, the least budget from which on that share of the studies recommends well."""
        good = [
            statistics.fmean(arm is not None and truth.means[arm] <= bound for arm in at_budget)
            for at_budget in zip(*self.studies, strict=True)
        ]
        result = []
        for share in QUARTERS:
            bad = [number for number, rate in enumerate(good) if rate < share]
            first = bad[-1] + 1 if bad else 0
            result.append(self.budgets[first] if first < len(good) else math.inf)
        return result


# ------------------------------------------------------------ methods


def race(truth: Truth, study: int, budgets: Sequence[float]) -> Recommended:
    priors = space.priors(list(dict.fromkeys(c.optimizer for c in truth.candidates)))
    found: Recommended = []
    for budget in budgets:
        runs = Replay(truth.curves[study % len(truth.curves)])
        game = Race(truth.candidates, budget, priors=priors)
        while (asked := game.ask()) is not None:
            for point in runs.to(*asked):
                game.tell(asked[0], point.progress, point.value)
        assert runs.spent <= budget + 1e-6
        found.append(game.finalists(1)[0])
    return found


def random_search(truth: Truth, study: int, budgets: Sequence[float]) -> Recommended:
    trace = Trace(truth, study)
    order = random.Random(study).sample(range(len(truth.candidates)), len(truth.candidates))
    for arm in order:
        if trace.runs.spent >= budgets[-1]:
            break
        for rung in RUNGS:
            trace.to(arm, rung)
    return [trace.at(budget) for budget in budgets]


def optuna_search(truth: Truth, study: int, budgets: Sequence[float]) -> Recommended:
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
            settings = (json.dumps(others, sort_keys=True), candidate.hyperparameters["lr"])
            self.places.setdefault(candidate.optimizer, {})[settings] = place

    def choose(self, trial: optuna.Trial) -> int:
        name = trial.suggest_categorical("optimizer", list(self.places))
        others = list(dict.fromkeys(other for other, _ in self.places[name]))
        rates = sorted({rate for _, rate in self.places[name]})
        rate = rates[trial.suggest_int(f"{name} lr", 0, len(rates) - 1)]
        other = others[0]
        if len(others) > 1:
            other = trial.suggest_categorical(f"{name} settings", others)
        return self.places[name][other, rate]


def exhaustive(truth: Truth, seeds: int) -> list[int]:
    """What the grid recommends after so many seeds, for each choice of them."""
    finals = [[curve[-1].value for curve in of_seed] for of_seed in truth.curves]
    return [
        min(
            range(len(truth.candidates)),
            key=lambda arm: (math.isnan(mean := statistics.fmean(of_seed[arm] for of_seed in some)), mean),
        )
        for some in combinations(finals, seeds)
    ]


def grid(truth: Truth, studies: int) -> Found:
    seeds = range(1, len(truth.curves) + 1)
    found = [exhaustive(truth, n) for n in seeds]
    rows: list[Recommended] = [[arms[study % len(arms)] for arms in found] for study in range(studies)]
    return Found([n * truth.cost for n in seeds], rows)


def asked(truth: Truth, study: int, budget: float) -> Question:
    """The question that has exactly the grid's candidates."""
    rates: dict[str, list[str]] = defaultdict(list)
    for candidate in truth.candidates:
        rates[candidate.optimizer].append(repr(candidate.hyperparameters["lr"]))
    sets = [f"{name.lower()}.lr={','.join(dict.fromkeys(each))}" for name, each in rates.items()]
    for name in rates:
        known = optim.OPTIMIZERS[name].hyperparameters
        sets += [f"{name.lower()}.{usual}={known[usual].default}" for usual in USUAL if usual in known]
    sets += [f"warmup={Schedule().warmup}", "weight_decay_on=all"]
    question = ask(truth.task, list(rates), runs=budget, sets=sets, seed=FIRST_STUDY + study)
    raced = space.candidates(space.asked_for(question), question.plan, constraints.of(question))
    assert {key(candidate) for candidate in raced} == truth.places.keys()
    return question


def study(truth: Truth, number: int, budget: float, engine: LocalEngine) -> int:
    """What a whole study recommends, live."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Store.at(f"{folder}/evidence.db") as store,
        open(os.devnull, "w") as nowhere,
    ):
        display = RaceDisplay(Console(file=nowhere), live=False)
        question = asked(truth, number, budget)
        answer = choose_optimizer(question, store, engine, Path(folder) / "checkpoints", display)
    recommended = answer.recommendation
    return truth.places[key(Candidate(recommended.optimizer, recommended.hyperparameters))]


# ------------------------------------------------------------ results, kept in files


class Kept:
    """Results in a JSON file, so that a long comparison can be interrupted and goes on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    def __setitem__(self, name: str, value: Any) -> None:
        self.known[name] = value
        self.path.write_text(json.dumps(self.known))

    def missing(self, names: Sequence[str]) -> list[int]:
        return [number for number, name in enumerate(names) if name not in self.known]


def replayed(
    method: Callable[[Truth, int, Sequence[float]], Recommended],
    truth: Truth,
    studies: int,
    budgets: Sequence[float],
    pool: ProcessPoolExecutor,
) -> Found:
    work = pool.map(partial(method, truth, budgets=budgets), range(studies))
    return Found(budgets, list(work))


def optuna_kept(
    truth: Truth, studies: int, budgets: Sequence[float], kept: Kept, pool: ProcessPoolExecutor
) -> Found:
    names = [f"study {n} on seed {n % len(truth.curves)} at {budgets}" for n in range(studies)]
    missing = {n: pool.submit(optuna_search, truth, n, budgets) for n in kept.missing(names)}
    for number, future in missing.items():
        kept[names[number]] = future.result()
        _say(f"{truth.task}: Optuna's study {number} of {studies} is done")
    return Found(budgets, [kept.known[name] for name in names])


def live_kept(truth: Truth, studies: int, kept: Kept, workers: int) -> Found:
    wanted = [(number, budget) for number in range(studies) for budget in STUDY_BUDGETS]
    names = [f"study {FIRST_STUDY + number} at {budget}" for number, budget in wanted]
    started, missing = time.monotonic(), kept.missing(names)
    if missing:
        with LocalEngine(workers) as engine:
            for place in missing:
                kept[names[place]] = study(truth, *wanted[place], engine)
                _say(f"{truth.task}: {names[place]}, {time.monotonic() - started:.0f} s so far")
    found = iter(kept.known[name] for name in names)
    return Found(STUDY_BUDGETS, [[next(found) for _ in STUDY_BUDGETS] for _ in range(studies)])


def _say(text: str) -> None:
    print(f"\r{text}   ", end="", file=sys.stderr, flush=True)


# ------------------------------------------------------------ the table


def rows(truth: Truth, found: Mapping[str, Found]) -> Iterator[list[str]]:
    """The lines of the table for one task, one for each measure of what is good."""
    for measure, bound in truth.bounds.items():
        cost = {name: method.quartiles(truth, bound) for name, method in found.items()}
        middle = {name: quartiles[1] for name, quartiles in cost.items()}
        good = sum(mean <= bound for mean in truth.means)
        longest = found["Optuna"].budgets[-1]
        yield [
            truth.task,
            measure,
            f"{good} of {len(truth.candidates)}",
            *(cell(cost[name], method.budgets[-1]) for name, method in found.items()),
            ratio(middle["study"], truth.cost),
            ratio(middle["race"], truth.cost),
            bounded(middle["study"], middle["Optuna"], longest),
            bounded(middle["race"], middle["Optuna"], longest),
        ]


def ratio(one: float, other: float) -> str:
    return f"{one / other:.2f}" if math.isfinite(one) else "–"


def bounded(one: float, other: float, longest: float) -> str:
    """The ratio; below which it is, where the other was only followed up to `longest`."""
    known = math.isfinite(other) or not math.isfinite(one)
    return ratio(one, other) if known else f"< {ratio(one, longest)}"


def cell(cost: Sequence[float], longest: float) -> str:
    low, middle, high = (f"{c:.4g}" if math.isfinite(c) else f"> {longest:.4g}" for c in cost)
    return f"{middle} ({low}–{high})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tasks", nargs="*", default=list(TASKS))
    parser.add_argument("--seeds", type=int, default=4, help="of the whole grid, which the methods see")
    parser.add_argument("--fresh", type=int, default=20, help="of its best fifth, for the truth")
    parser.add_argument("--studies", type=int, default=10)
    parser.add_argument("--tables", type=Path, default=Path(".surefoot/tables"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--optuna", type=float, default=24, help="largest budget of Optuna's studies")
    args = parser.parse_args()
    tables = ensure(args.tasks, args.seeds, args.fresh, args.tables, args.workers)
    methods = ["grid", "study", "race", "Optuna", "random"]
    ratios = ["study / one seed of the grid", "race / it", "study / Optuna", "race / Optuna"]
    columns = ["task", "measure", "good", *methods, *ratios]
    print(f"{args.studies} studies a method; in full trainings: median (quartiles)\n")
    print(f"| {' | '.join(columns)} |\n" + "|---" * len(columns) + "|")
    with ProcessPoolExecutor(args.workers, multiprocessing.get_context("spawn")) as pool:
        for task, table in tables.items():
            truth = Truth.of(table)
            theirs = [budget for budget in BUDGETS if budget <= args.optuna]
            kept = {name: Kept(args.tables / f"{task}-{name}.json") for name in ("optuna", "studies")}
            found = {
                "grid": grid(truth, args.studies),
                "study": live_kept(truth, args.studies, kept["studies"], args.workers),
                "race": replayed(race, truth, args.studies, BUDGETS, pool),
                "Optuna": optuna_kept(truth, args.studies, theirs, kept["optuna"], pool),
                "random": replayed(random_search, truth, args.studies, BUDGETS, pool),
            }
            for row in rows(truth, found):
                print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
