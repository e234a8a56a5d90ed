"""Small budgets: what the race chooses with them, and whether its forecasts are honest.

    python benchmarks/train_grid.py digits tabular text line --seeds 3 --fresh 0     # tables, once
    python benchmarks/random_tables.py digits tabular text
    python benchmarks/forecast.py TABLE.csv.gz… [--replays 8]

The first table is the mean regret of the race, whose portfolio begins with the baseline as in a live study,
beside random search, with the standard error over tasks.  It and all that follows is over several replays of
each task, each with a random four fifths of its arms, so that no result hangs on a single arm.

Then the forecasts, from all replays whose recommendation was not trained to the end: its final difference to
the baseline and to the three nearest rivals.  What `reliability.RUNGS` says comes from all tables, and is
printed to be pasted; the coverage of 90 % intervals and the Brier scores are those of the same fitted without
the task (or without the whole table) that is judged, as means over tasks.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from surefoot.search.forecast.forecast import (
    UNKNOWN_ORDER,
    Gap,
    Lead,
    at,
    chance,
    compared,
    on_log_scale,
    standing,
)
from surefoot.search.forecast.reliability import Reliability
from surefoot.search.race.on_tables import TableRace
from surefoot.search.race.race import Race
from surefoot.search.replay.baselines import RandomSearch
from surefoot.search.replay.replay import Instance, ReplayPolicy, instances, replay
from surefoot.search.replay.scoring import FEWEST_ARMS
from surefoot.search.space.lr_grid import log_rate
from surefoot.search.space.table_priors import lr_priors
from surefoot.store import CurveTable, TableArm, read_table
from surefoot.study.run import Candidate

BUDGETS = (0.1, 0.3, 1.0, 2.0)
FURTHER = (0.2, 0.5, 0.75, 1.5, 3.0)
"""More budgets for the forecasts."""

KEPT_ARMS = 0.8
RIVALS = 3
USUAL_RATE = 1e-3
PROGRESSES = (1 / 27, 1 / 9, 1 / 3)
TAILS = 0.045
"""Below and above: a little less than a twentieth each, since a task that was not seen is not like those that
were."""

RIDGE = 0.02
"""Weight of the squared coefficients of the logistic model beside the mean log loss."""

Key = tuple[str, str]


class Recorded:
    """A policy whose curves are kept as they were told."""

    def __init__(self, player: ReplayPolicy) -> None:
        self.player = player
        self.curves: dict[int, dict[float, float]] = defaultdict(dict)

    def ask(self) -> tuple[int, float] | None:
        return self.player.ask()

    def tell(self, arm: int, progress: float, value: float) -> None:
        self.curves[arm][progress] = value
        self.player.tell(arm, progress, value)

    def recommend(self) -> int:
        return self.player.recommend()


@dataclass(frozen=True)
class Pair:
    """A gap, and what became of it: the final difference, infinite where one of the two diverged."""

    key: Key
    gap: Gap
    final: float
    baseline: bool

    @property
    def added(self) -> float:
        """In units of the scale, in the direction of who was ahead."""
        ahead = 1.0 if self.gap.difference >= 0 else -1.0
        return ahead * (self.final - self.gap.difference) / self.gap.scale


@dataclass(frozen=True)
class Outcome:
    """How a recommendation stood among those looked at, and whether it was the best of them in the end."""

    key: Key
    lead: Lead
    best: bool


@dataclass
class Found:
    """Of all replays."""

    regrets: dict[Key, dict[float, list[float]]]
    random: dict[Key, dict[float, list[float]]]
    pairs: list[Pair]
    leads: list[Outcome]


def thinned(arms: Sequence[TableArm], seed: str) -> tuple[TableArm, ...]:
    source = random.Random(seed)
    return tuple(arm for arm in arms if source.random() < KEPT_ARMS)


def baseline_of(arms: Sequence[Candidate]) -> int:
    """AdamW, or Adam, at the learning rate nearest to the usual one."""
    usual = [i for i, arm in enumerate(arms) if arm.optimizer.lower() == "adamw"]
    usual = usual or [i for i, arm in enumerate(arms) if arm.optimizer.lower() == "adam"]
    return min(
        usual or range(len(arms)),
        key=lambda i: (abs(log_rate(arms[i].hyperparameters) - math.log10(USUAL_RATE)), i),
    )


def replays(table: CurveTable, task: str, number: int) -> Iterator[Instance]:
    seeds = table.seeds if isinstance(table.seeds, tuple) else ()
    every = len(seeds) or len({seed for arm in table.tasks[task] for seed in arm.curves})
    for order in range(number):
        own = thinned(table.tasks[task], f"{table.name} {task} {order}")
        yield from instances(replace(table, tasks={task: own}), task, [order if every else 0])


def look(table: CurveTable, task: str, number: int, found: Found) -> None:
    """Replay the race with every budget, and note what it knew and what became of it."""
    key = (table.name, task)
    for instance in replays(table, task, number):
        arms, baseline = instance.arms, baseline_of(instance.arms)
        priors = lr_priors((arm.optimizer for arm in arms), table.lr_priors)
        for budget in (*BUDGETS, *FURTHER):
            race = Recorded(TableRace(Race(arms, budget, priors=priors, portfolio=[baseline])))
            chosen, _ = replay(race, instance.curves, budget)
            found.regrets[key][budget].append(instance.scores[chosen])
            note(key, instance, race, chosen, baseline, found)
            blind, _ = replay(RandomSearch(arms, budget, True, instance.order), instance.curves, budget)
            found.random[key][budget].append(instance.scores[blind])


def note(key: Key, instance: Instance, race: Recorded, chosen: int, baseline: int, found: Found) -> None:
    curves = {arm: own for arm, own in race.curves.items() if all(map(math.isfinite, own.values()))}
    if chosen not in curves or max(curves[chosen]) >= 1:
        return
    finals = {arm: instance.curves[arm].values[-1] for arm in curves}
    finals = {arm: value if math.isfinite(value) else math.inf for arm, value in finals.items()}
    if min(finals.values()) > 0 and (logs := on_log_scale(list(curves.values()))):
        curves = {arm: dict(curve) for arm, curve in zip(curves, logs, strict=True)}
        finals = {arm: math.log(value) for arm, value in finals.items()}
    own, every = curves.pop(chosen), [*curves.values()]
    every.append(own)
    gaps = {arm: gap for arm, curve in curves.items() if (gap := compared(own, curve, every))}
    furthest = max((gap.progress for gap in gaps.values()), default=0.0)
    near = sorted((a for a in gaps if gaps[a].progress == furthest), key=lambda a: gaps[a].difference)
    for arm in dict.fromkeys([*([baseline] if baseline in gaps else []), *near[:RIVALS]]):
        if gaps[arm].scale == 0:
            continue  # nothing is forecast
        final = finals[arm] - finals[chosen] if finals[arm] != finals[chosen] else 0.0
        found.pairs.append(Pair(key, gaps[arm], final, arm == baseline))
    if lead := standing(own, list(curves.values())):
        best = finals[chosen] <= min(finals[arm] for arm in curves)
        found.leads.append(Outcome(key, lead, best))


# ------------------------------------------------------------------ what they show


def rung_of(progress: float) -> float:
    return min(PROGRESSES, key=lambda rung: abs(math.log(rung / progress)))


def weights(keys: Sequence[Key]) -> NDArray[np.float64]:
    """Each task weighs the same."""
    return np.array([1 / keys.count(key) for key in keys])


def quantile(values: NDArray[np.float64], weight: NDArray[np.float64], level: float) -> float:
    order = np.argsort(values)
    along = np.cumsum(weight[order]) / weight.sum()
    return float(values[order][min(len(order) - 1, int(np.searchsorted(along, level)))])


def logistic(leads: Sequence[Outcome]) -> tuple[float, ...]:
    """Constant, then weights of log how many, nearest distance, order kept; by Newton's method."""
    known = [told.lead for told in leads]
    x = np.array([[1.0, math.log(x.looked_at), x.nearest, x.order_kept - UNKNOWN_ORDER] for x in known])
    y = np.array([float(told.best) for told in leads])
    w = weights([told.key for told in leads])
    w /= w.sum()
    beta = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ beta))
        slope = x.T @ (w * (y - p)) - RIDGE * beta
        curve = (x.T * (w * p * (1 - p))) @ x + RIDGE * np.eye(len(beta))
        beta = beta + np.linalg.solve(curve, slope)
    return tuple(map(float, beta))


def fitted(pairs: Sequence[Pair], leads: Sequence[Outcome], drift: float = math.nan) -> Reliability:
    """Of one rung."""
    added, weight = np.array([p.added for p in pairs]), weights([p.key for p in pairs])
    low, middle, high = (quantile(added, weight, level) for level in (TAILS, 0.5, 1 - TAILS))
    kept = mean_over_tasks((lead.key, float(lead.best)) for lead in leads)
    return Reliability(rung_of(pairs[0].gap.progress), low, middle, high, kept, *logistic(leads), drift)


def mean_over_tasks(values: Iterable[tuple[Key, float]]) -> float:
    by: dict[Key, list[float]] = defaultdict(list)
    for key, value in values:
        by[key].append(value)
    return statistics.fmean(map(statistics.fmean, by.values())) if by else math.nan


def drifts(tables: Sequence[CurveTable]) -> dict[float, float]:
    """By rung, the median over tasks of how far above the final one the best learning rate of a line lay."""
    found: dict[float, list[float]] = {rung: [] for rung in PROGRESSES}
    for table in tables:
        for arms in table.tasks.values():
            for rung in PROGRESSES:
                if own := [d for line in lines(arms) if (d := moved(line, rung)) is not None]:
                    found[rung].append(statistics.fmean(own))
    return {rung: statistics.median(own) if own else math.nan for rung, own in found.items()}


def lines(arms: Sequence[TableArm]) -> Iterator[list[tuple[float, dict[float, float]]]]:
    """Learning rates with curves of arms that share everything else, in the better half of all."""
    every: dict[str, list[tuple[float, dict[float, float]]]] = defaultdict(list)
    for arm in arms:
        others = {name: value for name, value in arm.hyperparameters.items() if name != "lr"}
        for seed, curve in arm.curves.items():
            key = json.dumps([arm.optimizer, others, seed], sort_keys=True)
            told = {p: v for p, v in zip(curve.progress, curve.values, strict=True) if math.isfinite(v)}
            if told and math.isfinite(curve.values[-1]):
                every[key].append((log_rate(arm.hyperparameters), told))
    long = [line for line in every.values() if len(line) >= 5]
    finals = [curve[max(curve)] for line in long for _, curve in line]
    for line in long:
        if min(curve[max(curve)] for _, curve in line) <= statistics.median(finals):
            yield line


def moved(line: Sequence[tuple[float, dict[float, float]]], rung: float) -> float | None:
    near = [(value, rate) for rate, curve in line if (value := at(curve, rung)) is not None]
    final = min((curve[max(curve)], rate) for rate, curve in line)
    return min(near)[1] - final[1] if near else None


def judged(
    pairs: Sequence[Pair], leads: Sequence[Outcome], group: Callable[[Key], str]
) -> tuple[dict[str, float], dict[str, float]]:
    """Coverage and Brier scores, as means over tasks, each group of tasks judged by the others."""
    hits: dict[str, list[tuple[Key, float]]] = defaultdict(list)
    brier: dict[str, list[tuple[Key, float]]] = defaultdict(list)
    for rung in PROGRESSES:
        here = [p for p in pairs if rung_of(p.gap.progress) == rung]
        ahead = [x for x in leads if rung_of(x.lead.progress) == rung]
        for name in sorted({group(p.key) for p in here}):
            known = fitted(
                [p for p in here if group(p.key) != name], [x for x in ahead if group(x.key) != name]
            )
            for pair in (p for p in here if group(p.key) == name):
                hit = (pair.key, float(known.low <= pair.added <= known.high))
                for kind in ("all", "baseline" if pair.baseline else "rival", f"at {rung:.2f}"):
                    hits[kind].append(hit)
            for lead in (x for x in ahead if group(x.key) == name):
                p = chance(known, lead.lead)
                brier["P(best)"].append((lead.key, (p - lead.best) ** 2))
                brier["the leader for sure"].append((lead.key, 1.0 - lead.best))
                brier["mean P(best)"].append((lead.key, p))
                brier["share best"].append((lead.key, float(lead.best)))
    return (
        {kind: mean_over_tasks(own) for kind, own in hits.items()},
        {kind: mean_over_tasks(own) for kind, own in brier.items()},
    )


def print_regrets(console: Console, found: Found) -> None:
    table = Table("full trainings", *(f"{budget:g}" for budget in BUDGETS), box=None)
    for name in dict.fromkeys(name for name, _ in found.regrets):
        keys = [key for key in found.regrets if key[0] == name]
        table.add_row(f"{name} ({len(keys)})", *(f"{mean(found.regrets, keys, b)[0]:.3f}" for b in BUDGETS))
    for label, regrets in (("the race", found.regrets), ("random search", found.random)):
        told = (mean(regrets, list(regrets), budget) for budget in BUDGETS)
        table.add_row(label, *(f"{middle:.3f} ± {error:.3f}" for middle, error in told))
    console.print(table)


def mean(
    regrets: dict[Key, dict[float, list[float]]], keys: Sequence[Key], budget: float
) -> tuple[float, float]:
    """Over tasks, with its standard error."""
    own = [statistics.fmean(regrets[key][budget]) for key in keys]
    error = statistics.stdev(own) / math.sqrt(len(own)) if len(own) > 1 else math.nan
    return statistics.fmean(own), error


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="+", type=Path)
    parser.add_argument("--replays", type=int, default=8)
    args = parser.parse_args()
    tables = [read_table(path) for path in args.tables]
    found = Found(defaultdict(lambda: defaultdict(list)), defaultdict(lambda: defaultdict(list)), [], [])
    for table in tables:
        for task, arms in table.tasks.items():
            if len(arms) >= FEWEST_ARMS and any(len(c.values) > 1 for a in arms for c in a.curves.values()):
                look(table, task, args.replays, found)
    console = Console(highlight=False, width=110)
    print_regrets(console, found)
    for words, group in (("task", "|".join), ("table", lambda key: key[0])):
        hits, brier = judged(found.pairs, found.leads, group)
        told = ", ".join(f"{kind} {share:.3f}" for kind, share in hits.items())
        console.print(f"90 % intervals, each {words} left out: {told}")
        told = ", ".join(f"{kind} {score:.3f}" for kind, score in brier.items())
        console.print(f"Brier scores, each {words} left out: {told}")
    drift = drifts(tables)
    for rung in PROGRESSES:
        pairs = [p for p in found.pairs if rung_of(p.gap.progress) == rung]
        known = fitted(pairs, [x for x in found.leads if rung_of(x.lead.progress) == rung], drift[rung])
        numbers = (
            known.low,
            known.middle,
            known.high,
            known.kept,
            known.level,
            known.crowd,
            known.lead,
            known.order,
        )
        told = ", ".join(f"{number:.3g}" for number in (*numbers, known.drift))
        console.print(f"    Reliability(1 / {1 / rung:.0f}, {told}),  # {len(pairs)} pairs")


if __name__ == "__main__":
    main()
