"""Live studies and replays: the same learning-rate priors, and so the same races."""

from __future__ import annotations

import math
import random

import pytest

from surefoot import optim
from surefoot.formula import LogNormal
from surefoot.search.race.on_tables import candidate, table_race
from surefoot.search.race.screening import Screening
from surefoot.search.replay.replay import policies, replay
from surefoot.search.space import candidates as space
from surefoot.search.space.constraints import parse
from surefoot.search.space.table_priors import lr_priors, prior_sources
from surefoot.store import Curve, CurveTable
from surefoot.study.run import Schedule

DECLARED = {
    name: own.hyperparameters["lr"].search
    for name, own in optim.OPTIMIZERS.items()
    if "lr" in own.hyperparameters and isinstance(own.hyperparameters["lr"].search, LogNormal)
}
RUNGS = (1 / 81, 1 / 27, 1 / 9, 1 / 3, 1.0)


def arms_of(grid):
    return [candidate(c.optimizer, c.settings) for c in grid]


def test_every_optimizer_that_is_raced_declares_a_prior():
    assert DECLARED.keys() == optim.OPTIMIZERS.keys() - {space.FLOOR}


@pytest.mark.parametrize("name", DECLARED)
def test_a_replay_has_the_prior_of_a_live_race_and_that_is_what_the_optimizer_declares(name):
    grid = space.candidates([name], Schedule())
    live = Screening(grid, 3.0, 0, lambda *_: None).race
    replayed = table_race(arms_of(grid), 3.0).race
    assert live.prior(name) == replayed.prior(name) == (DECLARED[name].center, DECLARED[name].decades)


@pytest.mark.parametrize("constraint", ["lr=1e-7..1e-6", "lr=5..50", "lr=1e-4..1e-2"])
def test_so_it_is_where_the_user_limits_the_learning_rate(constraint):
    names = ["AdamW", "SGD"]
    grid = space.candidates(names, Schedule(), [parse(constraint)])
    live = Screening(grid, 3.0, 0, lambda *_: None).race
    replayed = table_race(arms_of(grid), 3.0).race
    assert [live.prior(name) for name in names] == [replayed.prior(name) for name in names]


def curve_of(arm, seed):
    """Falls towards a bowl in log lr, noisily; the highest rates diverge at the third rung."""
    rng = random.Random(f"{arm} {seed}")
    declared = DECLARED[arm.optimizer]
    off = math.log10(arm.hyperparameters["lr"] / declared.center) - rng.uniform(-0.1, 0.1)
    points = sorted({*RUNGS, *(step / 40 for step in range(1, 41))})
    values = [0.2 + 0.1 * off**2 + 0.5 / (1 + 30 * p) + rng.gauss(0, 0.01) for p in points]
    if off > 1.5:
        end = points.index(RUNGS[2])
        return Curve(tuple(points[: end + 1]), (*values[:end], math.nan))
    return Curve(tuple(points), tuple(values))


@pytest.mark.parametrize("names", [["AdamW", "SGD", "Lion"], space.choose_from(None)])
@pytest.mark.parametrize("budget", [0.5, 2.0, 8.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_race_decides_the_same_live_and_replayed(names, budget, seed):
    grid = space.candidates(names, Schedule())
    curves = [curve_of(arm, seed) for arm in arms_of(grid)]
    decided = []
    live = Screening(grid, budget, seed, lambda decision: decided.append((type(decision), decision.text)))
    asked = 0
    while (request := live.ask()) is not None:
        curve = curves[grid.index(request.candidate)]
        known = [
            value for p, value in zip(curve.progress, curve.values, strict=True) if p <= request.progress
        ]
        live.tell(request, known[-1])
        asked += 1
    replayed = table_race(arms_of(grid), budget, True, seed)
    chosen, _ = replay(replayed, curves, budget)
    assert replayed.ask() is None  # where nothing is left, the replay did not ask it to conclude
    assert asked > 10
    assert decided == [(type(decision), decision.text) for decision in replayed.race.decisions]
    assert chosen == live.race.recommend()
    assert replayed.race.finalists(4) == live.race.finalists(4)


STATED = {"momentum": (1e-2, 0.8), "adamw": (1.0, 2.0)}


def arms(*names):
    return [candidate(name, {"lr": 10.0**n}) for name in names for n in range(-5, 3)]


def test_a_foreign_optimizer_has_the_prior_that_the_table_states_and_ours_never():
    assert lr_priors(["AdamW", "Momentum"], STATED) == {"adamw": (1e-3, 0.7), "momentum": (1e-2, 0.8)}
    race = table_race(arms("adamw", "momentum", "soap"), 1.0, stated=STATED).race
    assert race.prior("momentum") == (1e-2, 0.8)
    assert race.prior("adamw") == (1e-3, 0.7)


def test_of_an_unknown_one_the_middle_of_the_table_s_rates_is_taken():
    assert lr_priors(["soap", "momentum"]) == {}
    centre, decades = table_race(arms("momentum"), 1.0).race.prior("momentum")
    assert centre == pytest.approx(10**-1.5)
    assert decades == 1.0


def test_what_the_table_states_comes_into_its_replays():
    table = CurveTable("stated", "final", "all", {}, STATED)
    player = policies(table)["surefoot"](arms("momentum"), 1.0, True, 0)
    assert player.race.prior("momentum") == (1e-2, 0.8)


def test_it_is_told_where_each_prior_comes_from():
    sources = prior_sources(["sgd", "AdamW", "momentum", "soap"], STATED)
    assert sources == {"AdamW": "optimizer", "momentum": "table", "sgd": "optimizer", "soap": "rates"}
