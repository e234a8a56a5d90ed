"""The play-off: seeds decide, not the order of the race, go where it is close, and divergence loses."""

from __future__ import annotations

import math
import random

import pytest

from surefoot.search.race.playoff import LASTING, Playoff, entrants
from surefoot.study.run import Candidate, Phase

NAMES = ("Adam", "SGD", "RMSprop", "ASGD", "Lion", "NAdam", "Adagrad", "Rprop", "Adamax", "RAdam")
CANDIDATES = [Candidate(name, {"lr": 0.1}) for name in NAMES]


def play(value, count=2, candidates=CANDIDATES, runs=30):
    """A play-off on value(optimizer, number of the seed); returns finalists, requests and decisions."""
    decisions, requests = [], []
    playoff = Playoff(candidates, 5, runs, lambda c: c.optimizer, decisions.append)
    while True:
        waiting = []
        while (request := playoff.ask()) is not None:
            waiting.append(request)
        if not waiting:
            return [c.optimizer for c in playoff.finalists(count)], requests, decisions
        for request in reversed(waiting):
            playoff.tell(request, value(request.candidate.optimizer, request.seed - 5))
        requests += waiting


def test_the_mean_over_seeds_decides():
    lucky = {"Adam": (1, 9, 9, 9, 9), "SGD": (4,) * 5, "RMSprop": (5, 3, 3, 3, 3), "ASGD": (6,) * 5}
    finalists, requests, decisions = play(
        lambda name, seed: lucky[name][seed], candidates=CANDIDATES[:4], runs=9
    )
    assert finalists == ["RMSprop", "SGD"]
    assert {r.seed for r in requests} == {5, 6, 7}
    assert all(r.progress == 1 and r.phase == Phase.SCREEN for r in requests)
    assert [place.goes_on for place in decisions] == [True, True, False, False]
    assert decisions[0].text == "RMSprop: 3.67 on average over 3 seeds; number 1, goes on."


def test_each_round_is_for_fewer_and_the_runs_are_kept():
    finalists, requests, _ = play(lambda name, seed: NAMES.index(name), count=4)
    sizes = [sum(r.seed == seed for r in requests) for seed in (5, 6, 7, 8, 9)]
    assert sizes == [10, 10, 8, 6, 6]
    assert finalists == list(NAMES[:4])


@pytest.mark.parametrize("runs", [8, 15, 30, 60])
def test_no_more_than_the_runs_are_asked_for(runs):
    noise = random.Random(runs)
    many = [Candidate(f"Optimizer{number}", {}) for number in range(entrants(runs))]
    finalists, requests, _ = play(lambda name, seed: noise.random(), 4, many, runs)
    fresh = [r for r in requests if r.seed > 5]
    assert runs - max(LASTING, len(many)) < len(fresh) <= runs
    assert len(finalists) == 4


def test_who_diverged_on_a_seed_comes_last_and_is_no_finalist():
    def value(name, seed):
        return math.nan if name != "SGD" and seed == 1 else NAMES.index(name)

    finalists, _, decisions = play(value)
    assert finalists == ["SGD"]
    assert "diverged on a seed" in decisions[-1].text


def test_who_left_early_is_told_beside_the_best_over_the_seeds_it_had():
    """After two seeds Adam leads; it then gets worse, and who left has the lower mean."""
    values = {"Adam": [0, 0, 9, 9, 9], "RAdam": [5, 5]}
    _, _, decisions = play(lambda name, seed: values.get(name, [4] * 5)[seed], count=9)
    place = next(place for place in decisions if place.candidate.optimizer == "RAdam")
    assert place.text == "RAdam: 5.00 on average over 2 seeds, 5.0 behind Adam; number 10, stopped."
    assert (place.behind, place.best.optimizer, place.seeds) == (5, "Adam", 2)


def test_one_seed_is_not_several():
    _, _, decisions = play(lambda name, seed: NAMES.index(name), candidates=CANDIDATES[:3], runs=2)
    assert [place.text for place in decisions] == [
        "Adam: 0 on average over 1 seed; number 1, goes on.",
        "SGD: 1.00 on average over 1 seed, 1.0 behind Adam; number 2, goes on.",
        "RMSprop: 2.00 on average over 1 seed, 2.0 behind Adam; number 3, stopped.",
    ]


def test_equal_candidates_keep_the_order_of_the_race():
    assert play(lambda name, seed: 2)[0] == ["Adam", "SGD"]


def test_the_best_is_seldom_missed():
    """One of ten is better by a standard deviation and a half."""

    def found(study):
        draw = random.Random(study)
        finalists, _, _ = play(lambda name, seed: draw.gauss(-1.5 * (name == "RAdam"), 1), count=4)
        return "RAdam" in finalists

    assert sum(map(found, range(100))) >= 95
