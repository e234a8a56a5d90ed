"""Replay a policy on stored curves: what it would have recommended, and how far that is from the best.

    table = read_table("deepobs.csv.gz")
    regrets = mean_scores(replay_task(table, "mnist_vae", budgets=(1.0, 3.0), orders=range(20)))
    regrets["surefoot"][0].mean  # 0.02: mean regret of what the race recommends after 1 full training

Nothing is trained.  For each task and each of many random orders of its arms a policy gets a budget of full
trainings; it asks for arms up to a progress and is told every newly revealed point, for which it pays.
A run that has ended tells its last point again, free.  A request beyond the budget is cut to what the budget
still pays, and then the replay ends.

What is recommended is scored by the very curves that were replayed (lower is better):

- "final": r = min(1.5, (v - best) / (median - best)) for the last value v; a diverged arm scores 1.5;
- "time_to_target": t = min(4, its time to the target / the shortest of any arm).  A value of 0 or below is
  the target, where a run ends.
"""

from __future__ import annotations

import bisect
import json
import math
import random
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from surefoot.errors import InvalidInputError
from surefoot.search.confirm.sequential_test import LADDER, Plan, compare, leader, verdict
from surefoot.search.race.on_tables import candidate, table_race
from surefoot.search.replay.baselines import RandomSearch, SuccessiveHalving
from surefoot.store import Curve, CurveTable, TableArm
from surefoot.study.replay_scores import FalseWinners, MeanScore
from surefoot.study.run import Candidate

BUDGETS = (1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0)
"""In full trainings."""

WORST_REGRET, WORST_RATIO = 1.5, 4.0
_ROUNDING = 1e-9


class ReplayPolicy(Protocol):
    """What can be replayed: indices are into the arms that it was made with."""

    def ask(self) -> tuple[int, float] | None:
        """The next (arm, progress to take it to), or None when it is done."""
        ...

    def tell(self, arm: int, progress: float, value: float) -> None:
        """A newly revealed point of the arm's curve; nan if it diverged."""
        ...

    def recommend(self) -> int:
        """The arm to use."""
        ...


Factory = Callable[[Sequence[Candidate], float, bool, int], ReplayPolicy]
"""Makes a policy from (arms, budget, lower_is_better, seed)."""


def policies(table: CurveTable) -> dict[str, Factory]:
    """What a table is replayed with: the race beside what it has to beat, on the same orders."""
    return {
        "random search": RandomSearch,
        "successive halving": SuccessiveHalving,
        "surefoot": partial(table_race, stated=table.lr_priors),
    }


def replay(player: ReplayPolicy, curves: Sequence[Curve], budget: float) -> tuple[int, float]:
    """Run one policy over curves; returns the arm it recommends and the budget it spent."""
    revealed, left = [0] * len(curves), budget
    while left > _ROUNDING and (request := player.ask()) is not None:
        arm, target = request
        curve, done = curves[arm], revealed[arm]
        paid = curve.progress[done - 1] if done else 0.0
        wanted = end = _nearest(curve.progress, target)
        while end >= done and curve.progress[end] - paid > left + _ROUNDING:
            end -= 1
        if end < done:
            if wanted >= done:  # not even one more point is affordable
                break
            player.tell(arm, curve.progress[done - 1], curve.values[done - 1])
            continue
        for point in range(done, end + 1):
            player.tell(arm, curve.progress[point], curve.values[point])
        revealed[arm] = end + 1
        left -= curve.progress[end] - paid
    return player.recommend(), budget - left


def _nearest(progress: Sequence[float], target: float) -> int:
    """The index of the point nearest to the target, the earlier of two."""
    end = bisect.bisect_left(progress, target)
    if end == len(progress) or (end and target - progress[end - 1] <= progress[end] - target):
        end -= 1
    return max(end, 0)


def paid_part(curve: Curve, score: str) -> Curve:
    """The part of a run that is trained: up to the target, or to where it diverged for good."""
    end = len(curve.values)
    if score == "time_to_target":
        end = next((i + 1 for i, value in enumerate(curve.values) if value <= 0), end)
    else:
        while end > 1 and math.isnan(curve.values[end - 1]) and math.isnan(curve.values[end - 2]):
            end -= 1
    return Curve(curve.progress[:end], curve.values[:end])


def scores(curves: Sequence[Curve], score: str) -> list[float] | None:
    """What recommending each arm scores; None where no arm reaches the target.

    Raises:
        InvalidInputError: no arm has a last value, or all have the same.
    """
    if score == "time_to_target":
        times = [curve.progress[-1] if curve.values[-1] <= 0 else math.inf for curve in curves]
        shortest = min(times)
        return None if shortest == math.inf else [min(WORST_RATIO, time / shortest) for time in times]
    finals = [curve.values[-1] for curve in curves]
    healthy = [value for value in finals if not math.isnan(value)]
    best, spread = min(healthy), statistics.median(healthy) - min(healthy)
    if not spread > 0:
        raise InvalidInputError("the final values of half the arms equal the best: nothing is to be chosen")
    return [
        WORST_REGRET if math.isnan(value) else min(WORST_REGRET, (value - best) / spread) for value in finals
    ]


# -------------------------------------------------------------------- a task in many orders


@dataclass(frozen=True)
class Instance:
    """One version of a task, in one order of its arms.

    Attributes:
        order: its number; it seeds the policies.
        arms, curves, scores: in the order of this replay.
    """

    order: int
    arms: tuple[Candidate, ...]
    curves: tuple[Curve, ...]
    scores: tuple[float, ...]


Scores = Mapping[str, tuple[float, ...]]
"""Of one order of a task's arms: by policy, one score for each budget."""


def replay_task(
    table: CurveTable,
    task: str,
    budgets: Sequence[float] = BUDGETS,
    orders: Iterable[int] = range(200),
    players: Mapping[str, Factory] | None = None,
) -> list[Scores]:
    """The scores of each order of the arms that has anything to score.

    Args:
        table, task: what to replay.
        budgets: in full trainings.
        orders: their numbers.
        players: the policies, by name; by default those of `policies`.
    """
    players = policies(table) if players is None else players

    def scored(make: Factory, instance: Instance, budget: float) -> float:
        player = make(instance.arms, budget, True, instance.order)
        return instance.scores[replay(player, instance.curves, budget)[0]]

    return [
        {name: tuple(scored(make, instance, budget) for budget in budgets) for name, make in players.items()}
        for instance in instances(table, task, orders)
    ]


def mean_scores(found: Sequence[Scores]) -> dict[str, tuple[MeanScore, ...]]:
    """By policy, the mean over orders at each budget, and its standard error."""
    return {name: tuple(map(_mean, zip(*(one[name] for one in found), strict=True))) for name in found[0]}


def _mean(values: Sequence[float]) -> MeanScore:
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return MeanScore(statistics.fmean(values), error)


def instances(table: CurveTable, task: str, orders: Iterable[int]) -> Iterator[Instance]:
    """A task's arms in random orders; of several seeds each order takes one, in turn or drawn by arm."""
    versions = _versions(table, task)
    for order in orders:
        chosen = versions[order % len(versions)](order)
        random.Random(f"{task} {order}").shuffle(chosen)
        curves = tuple(curve for _, curve in chosen)
        reached = scores(curves, table.score)
        if reached is not None:
            arms = tuple(candidate(arm.optimizer, arm.hyperparameters) for arm, _ in chosen)
            yield Instance(order, arms, curves, tuple(reached))


Version = Callable[[int], list[tuple[TableArm, Curve]]]


def _versions(table: CurveTable, task: str) -> list[Version]:
    arms = [
        (arm, {seed: paid_part(curve, table.score) for seed, curve in arm.curves.items()})
        for arm in table.tasks[task]
    ]
    if table.seeds == "draw":
        return [lambda order: [(arm, _drawn(order, arm, runs)) for arm, runs in arms]]
    seeds = sorted({seed for _, runs in arms for seed in runs}) if table.seeds == "all" else table.seeds
    return [_fixed([(arm, runs[seed]) for arm, runs in arms if seed in runs]) for seed in seeds]


def _fixed(chosen: list[tuple[TableArm, Curve]]) -> Version:
    return lambda order: list(chosen)


def _drawn(order: int, arm: TableArm, runs: Mapping[str, Curve]) -> Curve:
    settings = json.dumps(arm.hyperparameters, sort_keys=True, separators=(",", ":"))
    return random.Random(f"{order}{(arm.optimizer, settings)}").choice(list(runs.values()))


# -------------------------------------------------------------------- false winners

FEWEST_SEEDS = 5
"""Arms with fewer seeds say too little about their true means."""


def false_winners(table: CurveTable, task: str, orders: Iterable[int]) -> FalseWinners | None:
    """Choose by one seed, and by the sequential test over all; None where fewer than two arms have seeds.

    The arm with the lowest mean over all seeds stands for the truth.
    """
    finals = {
        f"{arm.optimizer} {json.dumps(arm.hyperparameters)}": [
            c.values[-1] for _, c in sorted(arm.curves.items())
        ]
        for arm in table.tasks[task]
        if len(arm.curves) >= FEWEST_SEEDS
    }
    if len(finals) < 2 or table.score != "final":
        return None
    best = leader(finals)
    verdicts = [_confirmed(finals, random.Random(f"seeds {task} {order}")) for order in orders]
    wins = [winner for _, winner in verdicts if winner]
    return FalseWinners(
        len(finals),
        min(map(len, finals.values())),
        sum(first != best for first, _ in verdicts) / len(verdicts),
        len(wins) / len(verdicts),
        sum(winner != best for winner in wins) / len(verdicts),
    )


def _confirmed(finals: Mapping[str, Sequence[float]], rng: random.Random) -> tuple[str, str]:
    """The arm that leads by its first seed, and the one that wins over all seeds; "" where none does."""
    drawn = {arm: rng.sample(list(values), len(values)) for arm, values in finals.items()}
    first = leader({arm: values[:1] for arm, values in drawn.items()})
    fewest = min(map(len, drawn.values()))
    plan = Plan(looks=tuple(n for n in LADDER if n <= fewest))
    for look, seeds in enumerate(plan.looks):
        values = {arm: own[:seeds] for arm, own in drawn.items()}
        ahead = leader(values)
        found = verdict(compare(values, ahead, plan, look), ahead, plan, look)
        if found.outcome is not None:
            return first, ahead if found.outcome == "win" else ""
    return first, ""
