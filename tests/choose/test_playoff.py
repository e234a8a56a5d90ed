"""The play-off: seeds decide, not the order of the race, and divergence loses."""

from __future__ import annotations

import math

from surefoot.choose.playoff import Playoff
from surefoot.training.run import Candidate

CANDIDATES = [Candidate(name, {"lr": 0.1}) for name in ("Adam", "SGD", "RMSprop", "ASGD")]


def play(values, count=2):
    decisions = []
    playoff = Playoff(CANDIDATES, [5, 6, 7], lambda c: c.optimizer, lambda *d: decisions.append(d))
    requests = []
    while (request := playoff.ask()) is not None:
        requests.append(request)
    for request in reversed(requests):
        playoff.tell(request, values[request.candidate.optimizer][request.seed - 5])
    return [c.optimizer for c in playoff.finalists(count)], requests, decisions


def test_the_mean_over_seeds_decides():
    values = {"Adam": (1, 9, 9), "SGD": (4, 4, 4), "RMSprop": (5, 3, 3), "ASGD": (6, 6, 6)}
    finalists, requests, decisions = play(values)
    assert finalists == ["RMSprop", "SGD"]
    assert len(requests) == 12
    assert {r.seed for r in requests} == {5, 6, 7}
    assert all(r.progress == 1 and r.phase == "screen" for r in requests)
    assert [kind for kind, _, _ in decisions] == ["finalist", "finalist", "eliminated", "eliminated"]
    assert decisions[0][1] == "RMSprop: 3.667 on average over 3 seeds, number 1; goes on."


def test_one_diverged_seed_comes_last_and_no_finalist_diverged():
    values = {"Adam": (1, math.nan, 1), "SGD": (4, 4, 4), "RMSprop": (math.nan,) * 3, "ASGD": (math.nan,) * 3}
    finalists, _, decisions = play(values)
    assert finalists == ["SGD"]
    assert "diverged on a seed" in decisions[-1][1]


def test_equal_candidates_keep_the_order_of_the_race():
    finalists, _, _ = play({c.optimizer: (2, 2, 2) for c in CANDIDATES})
    assert finalists == ["Adam", "SGD"]
