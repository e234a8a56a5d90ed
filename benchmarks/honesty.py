"""Is a confirmation as honest as it says? Thousands of simulated studies, through the real `Confirmation`.

    python benchmarks/honesty.py [--studies 1000] [--only wins,power,intervals,pairing,positive,ties,playoff]
    python benchmarks/honesty.py --live digits [--studies 6] [--runs 120] [--optimizers adam,sgd,rmsprop,lion]

The simulated part draws every arm's results around a true mean that is known here and nowhere else. Means are
in standard deviations between seeds; the last arm is the baseline. Budgets are in full trainings for the
confirmation alone: `surefoot choose digits --runs 200` leaves it about 100.

The live part asks real studies with different seeds, trains the recommended settings and the baseline on 20
fresh seeds each, and tells whether the fresh means are where the reported intervals say. A fresh mean has
noise of its own; the interval is widened by it, as the interval of a difference of two independent means is.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from rich.console import Console

from digits_grid import measure
from surefoot.engines.local.engine import LocalEngine
from surefoot.report.live import RaceDisplay
from surefoot.search import ask, choose_optimizer
from surefoot.search.confirm.confirmation import Confirmation, Cost, Outcome
from surefoot.search.race.playoff import Playoff, entrants
from surefoot.store import Store
from surefoot.study.answer import Answer
from surefoot.study.label import candidate_label
from surefoot.study.run import Candidate

DEFAULT_BUDGET = 100
BEST_AHEAD = (0.5, 1.0, 2.0, 4.0)
FRESH_SEEDS = 20


@dataclass(frozen=True)
class Scenario:
    """The truth of a simulated study.

    Attributes:
        name: for the table.
        means: true means, finalists first, baseline last.
        deviations: standard deviations of seeds, one for each arm; 1 where empty.
        skew: of the results; 0 is normal, otherwise log-normal.
        correlation: of two arms' results on the same seed.
        runs: the budget.
        positive: the results are exponentials, as losses are: `means` are then the logarithms of the true
            means, and `deviations` those of the logarithms.
    """

    name: str
    means: tuple[float, ...]
    deviations: tuple[float, ...] = ()
    skew: float = 0.0
    correlation: float = 0.0
    runs: int = DEFAULT_BUDGET
    positive: bool = False

    @property
    def truth(self) -> list[float]:
        """The true mean of each arm."""
        return [math.exp(mean) for mean in self.means] if self.positive else list(self.means)

    @property
    def arms(self) -> list[Candidate]:
        return [Candidate("Arm", {"number": number}) for number in range(len(self.means))]

    def results(self, seed: int, seeds: int = 400) -> np.ndarray:
        """One row for each arm."""
        generator = np.random.default_rng([seed, self.runs, zlib.crc32(self.name.encode())])
        shape = (len(self.means), seeds)
        own, shared = generator.standard_normal(shape), generator.standard_normal(seeds)
        noise = math.sqrt(1 - self.correlation) * own + math.sqrt(self.correlation) * shared
        if self.skew:
            noise = _skewed(noise, self.skew)
        deviations = np.array(self.deviations or [1.0] * len(self.means))
        drawn = np.array(self.means)[:, None] + deviations[:, None] * noise
        return np.exp(drawn - deviations[:, None] ** 2 / 2) if self.positive else drawn


def _skewed(normal: np.ndarray, skew: float) -> np.ndarray:
    """Log-normal with mean 0, standard deviation 1 and about this skew."""
    width = skew / 3  # the skew of a log-normal is close to 3 times its width, for a small one
    variance = (math.exp(width**2) - 1) * math.exp(width**2)
    return (np.exp(width * normal) - math.exp(width**2 / 2)) / math.sqrt(variance)


@dataclass(frozen=True)
class Study:
    """What a simulated study said, held against the truth.

    Attributes:
        verdict: "win", "tie" or "budget".
        runs: it took.
        is_best: whether the recommended arm's true mean is the lowest.
        falsely_better: whether the leader was called better than an arm that is as good or better.
        falsely_equal: whether a tie holds an arm further than the margin from the recommended one.
        paired: whether arms were compared seed by seed.
        held: whether the interval of each arm's mean holds it; the recommended arm's first.
        effect_held: likewise for the difference to the baseline; None where the baseline is recommended.
        rivals_held: likewise for the difference of each rival to the leader.
        needed: trainings said to be needed.
    """

    verdict: str
    runs: int
    is_best: bool
    falsely_better: bool
    falsely_equal: bool
    paired: bool
    held: tuple[bool, ...]
    effect_held: bool | None
    rivals_held: tuple[bool, ...]
    needed: int | None


def simulate(scenario: Scenario, seed: int) -> Study:
    """One study, to its end."""
    arms = scenario.arms
    truth = {arm.key: mean for arm, mean in zip(arms, scenario.truth, strict=True)}
    results = dict(zip(truth, scenario.results(seed), strict=True))
    confirmation = Confirmation(
        arms[:-1], arms[-1], Candidate("Floor", {}), runs=scenario.runs, first_seed=0, floor_seeds=0,
        margin=None, label=lambda arm: str(arm.hyperparameters["number"]), decide=lambda *_: None,
    )  # fmt: skip
    runs = 0
    while (request := confirmation.ask()) is not None:
        confirmation.tell(request, float(results[request.candidate.key][request.seed]))
        runs += 1
    return _judged(confirmation.outcome(dict.fromkeys(truth, Cost(1.0, 1.0))), truth, runs)


def _judged(outcome: Outcome, truth: dict[str, float], runs: int) -> Study:
    chosen, base = outcome.recommended.key, outcome.baseline.key
    ahead = next(arm for arm in truth if arm not in outcome.comparisons)
    better = [c.rival for c in outcome.comparisons.values() if c.decision == "better"]
    others = [arm for arm in truth if arm != chosen]
    effect = outcome.effect
    return Study(
        outcome.verdict,
        runs,
        truth[chosen] == min(truth.values()),
        any(truth[rival] <= truth[ahead] for rival in better),
        outcome.verdict == "tie" and any(abs(truth[c.key] - truth[chosen]) > 0.5 for c in outcome.tied),
        outcome.pairing.used,
        tuple(outcome.means[arm].low <= truth[arm] <= outcome.means[arm].high for arm in [chosen, *others]),
        None if chosen == base else effect.low <= truth[chosen] - truth[base] <= effect.high,
        tuple(
            c.difference.low <= truth[c.rival] - truth[ahead] <= c.difference.high
            for c in outcome.comparisons.values()
        ),
        outcome.trainings_needed,
    )


def _simulate(work: tuple[Scenario, int]) -> Study:
    return simulate(*work)


# ------------------------------------------------------------ scenarios


def one_better(by: float, arms: int = 5, baseline: float | None = None, **more: float) -> Scenario:
    """One finalist ahead of the others; the baseline as these, or where it is said."""
    means = (0.0, *[by] * (arms - 2), by if baseline is None else baseline)
    return Scenario(f"one of {arms} better by {by:g}", means, **more)


def equal(arms: int, **more: float) -> Scenario:
    return Scenario(f"{arms} equal arms", (0.0,) * arms, **more)


REALISTIC = [
    equal(2),
    equal(5),
    Scenario("4 equal finalists, baseline 1 behind", (0, 0, 0, 0, 1)),
    Scenario("4 equal finalists, baseline 4 behind", (0, 0, 0, 0, 4)),
    *[one_better(by) for by in BEST_AHEAD],
    replace(one_better(1, baseline=4), name="one finalist better by 1, baseline 4 behind"),
    replace(one_better(2, baseline=4), name="one finalist better by 2, baseline 4 behind"),
    Scenario("finalists 0.5 apart, baseline 2 behind", (0, 0.5, 1, 1.5, 2)),
    Scenario("finalists 1 apart, baseline 4 behind", (0, 1, 2, 3, 4)),
    Scenario("two finalists equal, two 3 behind", (0, 0, 3, 3, 4)),
    Scenario("2 arms, baseline 1 behind", (0, 1)),
    Scenario("2 arms, baseline 2 behind", (0, 2)),
    Scenario("3 arms, 0, 0.5, 2", (0, 0.5, 2)),
    Scenario("unequal spread, equal means", (0,) * 5, (1, 0.5, 2, 1, 0.7)),
    Scenario("unequal spread, unequal means", (0, 0.5, 1, 1, 3), (1, 0.5, 2, 1, 0.7)),
    Scenario("skew 1, equal finalists", (0, 0, 0, 0, 3), skew=1),
    Scenario("skew 1, finalists 0.5 apart", (0, 0.5, 1, 1.5, 3), skew=1),
]
HARSH = [
    Scenario("skew 2, equal finalists", (0, 0, 0, 0, 3), skew=2),
    Scenario("baseline 0.5 better than the only finalist", (0.5, 0)),
]


POSITIVE = [
    Scenario("5 equal, deviations 0.05", (0.0,) * 5, (0.05,) * 5, positive=True),
    Scenario("5 equal, deviations 0.5", (0.0,) * 5, (0.5,) * 5, positive=True),
    Scenario("equal means, deviations 0.03 to 0.6", (0.0,) * 5, (0.03, 0.1, 0.6, 0.3, 0.1), positive=True),
    Scenario("2 equal means, deviations 0.05 and 1", (0.0, 0.0), (0.05, 1.0), positive=True),
    Scenario(
        "3 equal finalists, baseline 15 times, deviations 0.01 and 0.8",
        (0.0, 0.0, 0.0, 2.7),
        (0.01, 0.01, 0.01, 0.8),
        positive=True,
    ),
    Scenario("half the baseline's, deviations 0.3", (0.0, 0.7), (0.3, 0.3), positive=True),
]


# ------------------------------------------------------------ tables


class Simulator:
    """Runs studies on some processes."""

    def __init__(self, studies: int, processes: int) -> None:
        self.studies = studies
        self.pool = Pool(processes)

    def __call__(self, scenario: Scenario, studies: int | None = None) -> list[Study]:
        count = studies or self.studies
        return self.pool.map(_simulate, [(scenario, seed) for seed in range(count)], chunksize=25)


def share(flags: Iterator[bool] | Sequence[bool]) -> str:
    """A percentage with its standard error."""
    flags = list(flags)
    if not flags:
        return "–"
    p = sum(flags) / len(flags)
    return f"{100 * p:.1f} ± {100 * math.sqrt(p * (1 - p) / len(flags)):.1f}"


def table(title: str, head: Sequence[str]) -> None:
    print(f"\n{title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}", flush=True)


def row(*cells: object) -> None:
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def wins(run: Simulator) -> None:
    title = f"(a) Equal arms: false wins in {run.studies} studies; at most 5 % may be"
    table(title, ["arms", "budget", "win, %", "any arm called worse, %", "runs used"])
    for arms in (2, 3, 5):
        for budget in (40, DEFAULT_BUDGET):
            found = run(equal(arms, runs=budget))
            row(
                arms,
                budget,
                share(s.verdict == "win" for s in found),
                share(s.falsely_better for s in found),
                f"{statistics.fmean(s.runs for s in found):.0f}",
            )


def power(run: Simulator) -> None:
    title = "(b) One of five arms better: how often it wins"
    table(title, ["better by", "budget", "win of the better arm, %", "recommended, %", "runs used"])
    for by in (1.0, 2.0):
        for budget in (30, 60, DEFAULT_BUDGET):
            found = run(one_better(by, runs=budget), run.studies // 2)
            row(
                by,
                budget,
                share(s.verdict == "win" and s.is_best for s in found),
                share(s.is_best for s in found),
                f"{statistics.fmean(s.runs for s in found):.0f}",
            )


def intervals(run: Simulator) -> None:
    title = f"(c) 95 % intervals that hold the truth, %, in {run.studies // 2} studies each"
    table(
        title,
        ["scenario", "budget", "minus baseline", "its mean", "every mean", "each rival minus it"],
    )
    for scenarios, name in ((REALISTIC, "all of these"), (HARSH, "")):
        everything: list[Study] = []
        for scenario in scenarios:
            for budget in (40, DEFAULT_BUDGET):
                found = run(replace(scenario, runs=budget), run.studies // 2)
                _row_of_intervals(scenario.name, budget, found)
                everything += found
        if name:
            _row_of_intervals(f"**{name}**", "", everything)


def _row_of_intervals(name: str, budget: object, found: Sequence[Study]) -> None:
    effects = [s.effect_held for s in found if s.effect_held is not None]
    every = [held for s in found for held in s.held]
    rivals = [held for s in found for held in s.rivals_held]
    row(name, budget, share(effects), share(s.held[0] for s in found), share(every), share(rivals))


def pairing(run: Simulator) -> None:
    title = "Pairing by seed, where the correlation pays; five arms"
    table(
        title,
        ["correlation", "paired, %", "equal: win, %", "equal: any called worse, %", "better by 1: win, %"],
    )
    for correlation in (0.0, 0.1, 0.5, 0.9):
        same = run(equal(5, correlation=correlation))
        apart = run(one_better(1, correlation=correlation), run.studies // 2)
        row(
            correlation,
            share(s.paired for s in same),
            share(s.verdict == "win" for s in same),
            share(s.falsely_better for s in same),
            share(s.verdict == "win" and s.is_best for s in apart),
        )


def positive(run: Simulator) -> None:
    """Losses: results are log-normal, with spreads that differ."""
    title = "Positive values: deviations are of the logarithms"
    head = ["scenario", "budget", "falsely better, %", "win, %", "means held, %", "differences held, %"]
    table(title, head)
    studies = max(20, run.studies // 2)
    for scenario in POSITIVE:
        for budget in (20, 40, DEFAULT_BUDGET):
            found = run(replace(scenario, runs=budget), studies)
            row(
                scenario.name,
                budget,
                share(s.falsely_better for s in found),
                share(s.verdict == "win" for s in found),
                share([held for s in found for held in s.held]),
                share([held for s in found for held in s.rivals_held]),
            )


def ties(run: Simulator) -> None:
    title = "Ties within half a standard deviation between seeds, the default margin"
    head = ["arms", "budget", "tie, %", "a false tie, %", "win, %", "runs used", "runs said to be needed"]
    table(title, head)
    studies = max(20, run.studies // 5)
    for name, means in (
        ("2 equal", (0, 0)),
        ("2 equal, baseline 4 behind", (0, 0, 4)),
        ("5 equal", (0, 0, 0, 0, 0)),
        ("2, apart by the margin", (0, 0.5001)),
        ("2, apart by 1", (0, 1)),
    ):
        for budget in (DEFAULT_BUDGET, 1000):
            found = run(Scenario(name, means, runs=budget), studies)
            needed = [s.needed for s in found if s.needed is not None]
            row(
                name,
                budget,
                share(s.verdict == "tie" for s in found),
                share(s.falsely_equal for s in found),
                share(s.verdict == "win" for s in found),
                f"{statistics.fmean(s.runs for s in found):.0f}",
                f"{statistics.median(needed):.0f} more" if needed else "–",
            )


def playoff(run: Simulator) -> None:
    optimizers, runs, finalists = 15, 30, 4
    title = (
        f"The play-off: the best of {optimizers} optimizers is among {finalists} finalists after {runs} runs"
    )
    table(title, ["spread of the means", "play-off, %", "runs spread evenly, %"])
    for spread in (0.5, 1.0, 2.0, 4.0):
        found = run.pool.map(
            _play_off, [(spread, optimizers, runs, finalists, s) for s in range(run.studies)]
        )
        row(spread, *(share(column) for column in zip(*found, strict=True)))


def _play_off(work: tuple[float, int, int, int, int]) -> tuple[bool, bool]:
    """Whether the best one is a finalist: of the real play-off, and of as many runs spread evenly.

    The race's value of each is the luckiest of several settings that are almost as good.
    """
    spread, optimizers, runs, finalists, seed = work
    generator = np.random.default_rng(seed)
    means = spread * np.abs(generator.standard_normal(optimizers))
    results = means[:, None] + generator.standard_normal((optimizers, 1 + runs))
    results[:, 0] = means + generator.standard_normal((optimizers, 5)).min(axis=1)
    order = np.argsort(results[:, 0])
    arms = {Candidate("Arm", {"number": int(number)}).key: int(number) for number in order}
    raced = [Candidate("Arm", {"number": number}) for number in arms.values()]
    game = Playoff(raced[: entrants(runs)], 0, runs, lambda arm: "", lambda *_: None)
    while (request := game.ask()) is not None:
        game.tell(request, float(results[arms[request.candidate.key], request.seed]))
    played = [arms[candidate.key] for candidate in game.finalists(finalists)]
    evenly = np.argsort(results[:, : 1 + runs // optimizers].mean(axis=1))[:finalists]
    return int(means.argmin()) in played, int(means.argmin()) in evenly


TABLES = {
    "wins": wins,
    "power": power,
    "intervals": intervals,
    "pairing": pairing,
    "positive": positive,
    "ties": ties,
    "playoff": playoff,
}


# ------------------------------------------------------------ live


def live(task: str, studies: int, runs: int, optimizers: Sequence[str] | None) -> None:
    """(d) Real studies, and what they recommend on fresh seeds."""
    answers = [_asked(task, runs, optimizers, seed) for seed in range(studies)]
    asked = [arm for answer in answers for arm in (answer.recommendation.candidate, answer.baseline)]
    fresh = measure(task, list({candidate.key: candidate for candidate in asked}.values()), FRESH_SEEDS)
    table(
        f"(d) {task}: the recommended settings on {FRESH_SEEDS} fresh seeds",
        ["study", "recommended", "verdict", "mean", "95 % interval", "fresh mean", "within",
         "minus baseline", "95 % interval", "fresh difference", "within"],
    )  # fmt: skip
    for seed, answer in enumerate(answers):
        best, base = answer.recommendation.candidate, answer.baseline
        own = next(c for c in answer.candidates if c.phase == "confirm" and c.candidate.key == best.key)
        mean = (own.mean, own.low, own.high)
        effect = (answer.effect.estimate, answer.effect.low, answer.effect.high)
        after = fresh[best.key]
        cells = [*_held_against(mean, statistics.fmean(after), _squared_error(after))]
        if best.key != base.key:
            gap = statistics.fmean(after) - statistics.fmean(fresh[base.key])
            cells += _held_against(effect, gap, _squared_error(after) + _squared_error(fresh[base.key]))
        row(seed, candidate_label(best), answer.verdict, *cells)


def _asked(task: str, runs: int, optimizers: Sequence[str] | None, seed: int) -> Answer:
    question = ask(task, optimizers, runs=runs, seed=seed)
    with (
        tempfile.TemporaryDirectory() as folder,
        Store.at(f"{folder}/evidence.db") as store,
        LocalEngine() as engine,
        open(os.devnull, "w") as nowhere,
    ):
        display = RaceDisplay(Console(file=nowhere), live=False)
        return choose_optimizer(question, store, engine, Path(folder) / "checkpoints", display)


def _held_against(interval: tuple[float, float, float], fresh: float, squared_error: float) -> list[str]:
    """Cells: what was reported, what fresh seeds say, and whether that is within the widened interval."""
    estimate, low, high = interval
    noise = 1.96**2 * squared_error
    below, above = (math.sqrt((estimate - end) ** 2 + noise) for end in (low, high))
    within = -below <= fresh - estimate <= above
    said = ("yes" if low <= fresh <= high else "yes, as widened") if within else "no"
    return [f"{estimate:.4g}", f"{low:.4g} to {high:.4g}", f"{fresh:.4g}", said]


def _squared_error(values: Sequence[float]) -> float:
    return statistics.variance(values) / len(values)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int)
    parser.add_argument("--only", default=",".join(TABLES))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--live", metavar="TASK")
    parser.add_argument("--runs", type=int, default=120)
    parser.add_argument("--optimizers", type=lambda names: names.split(","))
    args = parser.parse_args()
    if args.live:
        live(args.live, args.studies or 6, args.runs, args.optimizers)
        return
    started = time.monotonic()
    run = Simulator(args.studies or 1000, args.processes)
    for name in args.only.split(","):
        TABLES[name](run)
    print(f"\n{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
