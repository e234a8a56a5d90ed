"""Bracketing: both sides of every best learning rate are seen, as far as runs pay, the promising first."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping

import pytest

from surefoot.search.race.bracketing import MOST_ENTRANTS, Bracketing, entrants
from surefoot.study.decisions import Bracketed
from surefoot.study.requests import RunRequest
from surefoot.study.run import Candidate, Phase

NAMES = ("Adam", "SGD", "RMSprop", "Lion", "Adagrad", "NAdam")
RATES = [10.0 ** (step / 3 - 4) for step in range(13)]
GRID = [
    Candidate(name, {"lr": rate, "weight_decay": d}) for name in NAMES for d in (0.0, 0.1) for rate in RATES
]
Value = Callable[[Candidate], float]


def at(name: str, step: int, decay: float = 0.0) -> Candidate:
    return Candidate(name, {"lr": RATES[step], "weight_decay": decay})


def bowl(best: Mapping[str, tuple[int, float]]) -> Value:
    """A bowl in log lr around a step of each optimizer, with a floor of its own."""

    def value(candidate: Candidate) -> float:
        step, floor = best[candidate.optimizer]
        off = RATES.index(candidate.hyperparameters["lr"]) - step
        return floor * (1 + 0.1 * off**2) + candidate.hyperparameters["weight_decay"]

    return value


def bracketed(
    candidates: list[Candidate], value: Value, runs: float, known: Mapping[str, float] | None = None
) -> tuple[Bracketing, list[RunRequest], list[Bracketed]]:
    decisions: list[Bracketed] = []
    own = Bracketing(candidates, GRID, known or {}, 7, runs, decisions.append)  # type: ignore[arg-type]
    asked = []
    while (request := own.ask()) is not None:
        asked.append(request)
        own.tell(request, value(request.candidate))
    return own, asked, decisions


@pytest.mark.parametrize("start", [0, 2, 6, 11])
def test_the_edge_is_followed_until_both_sides_of_the_best_are_seen(start: int) -> None:
    own, asked, decisions = bracketed([at("SGD", start)], bowl({"SGD": (5, 0.3)}), 30)
    assert own.finalists(1) == [at("SGD", 5)]
    assert {r.candidate.key for r in asked} >= {at("SGD", step).key for step in (4, 5, 6)}
    assert all((r.seed, r.progress, r.phase) == (7, 1.0, Phase.SCREEN) for r in asked)
    assert decisions[-1].seen
    assert decisions[-1].rates == tuple(sorted(decisions[-1].rates))


def test_another_decay_is_another_line() -> None:
    known = {at("SGD", step, 0.1).key: 1e-3 for step in range(13)}
    own, asked, _ = bracketed([at("SGD", 4)], bowl({"SGD": (5, 0.3)}), 10, known)
    assert own.finalists(1) == [at("SGD", 5)]
    assert {r.candidate.hyperparameters["weight_decay"] for r in asked} == {0.0}


def test_nothing_is_trained_twice_and_nothing_above_a_rate_that_diverged() -> None:
    def value(candidate: Candidate) -> float:
        return math.nan if candidate.hyperparameters["lr"] > RATES[4] else 1 / candidate.hyperparameters["lr"]

    own, asked, decisions = bracketed([at("SGD", 3)], value, 20, {at("SGD", 3).key: value(at("SGD", 3))})
    assert [r.candidate for r in asked] == [
        at("SGD", 4),
        at("SGD", 5),
        *([at("SGD", 2)] if len(asked) > 2 else []),
    ]
    assert own.finalists(2)[0] == at("SGD", 4)
    assert decisions[-1].seen


def test_whose_every_rate_diverged_is_no_finalist() -> None:
    own, _, _ = bracketed(
        [at("SGD", 1), at("Adam", 3)], lambda c: math.nan if c.optimizer == "SGD" else 0.5, 20
    )
    assert {c.optimizer for c in own.finalists(5)} == {"Adam"}


@pytest.mark.parametrize("runs", [0, 1, 2, 3.9, 8, 15, 40])
def test_no_more_than_the_runs_are_asked_for(runs: float) -> None:
    draw = random.Random(3)
    own, asked, _ = bracketed([at(name, 6) for name in NAMES], lambda _: draw.random(), runs)
    assert len(asked) <= runs
    assert len({r.candidate.key for r in asked}) == len(asked)
    assert len(own.finalists(MOST_ENTRANTS)) >= 1
    assert entrants(runs) <= max(1, runs)


def test_small_budgets_see_both_sides_of_few_and_the_next_enters_when_those_are_done() -> None:
    best = {name: (6, 0.3 + 0.01 * place) for place, name in enumerate(NAMES)}
    own, asked, _ = bracketed([at(name, 6) for name in NAMES], bowl(best), 4)
    assert [r.candidate.optimizer for r in asked].count("RMSprop") == 0
    own, asked, _ = bracketed([at(name, 6) for name in NAMES], bowl(best), 12)
    assert len([r for r in asked if r.candidate.optimizer == "Adam"]) == 3
    assert own.finalists(1) == [at("Adam", 6)]


def test_two_rates_of_one_optimizer_may_be_finalists_where_noise_is_as_large_as_their_difference() -> None:
    def level(seed: int) -> bool:
        draw = random.Random(seed)
        values = {c.key: 0.3 * (1 + draw.gauss(0, 0.05)) + 0.2 * (c.optimizer != "SGD") for c in GRID}
        own, _, _ = bracketed([at("SGD", 6), at("Adam", 6)], lambda c: values[c.key], 20)
        return [c.optimizer for c in own.finalists(2)] == ["SGD", "SGD"]

    assert sum(map(level, range(40))) >= 10


def test_the_order_of_arrival_changes_nothing() -> None:
    values = {c.key: random.Random(c.key).random() for c in GRID}
    alone, expected, _ = bracketed([at(name, 6) for name in NAMES], lambda c: values[c.key], 20)
    for seed in range(6):
        rng = random.Random(seed)
        own = Bracketing([at(name, 6) for name in NAMES], GRID, {}, 7, 20, lambda _: None)
        asked, out = [], []
        while True:
            while len(out) < 3 and (request := own.ask()) is not None:
                asked.append(request)
                out.append(request)
            if not out:
                break
            request = out.pop(rng.randrange(len(out)))
            own.tell(request, values[request.candidate.key])
        assert asked == expected
        assert own.finalists(6) == alone.finalists(6)
