"""Arms whose settings were all drawn: the prior orders them, and all settings say who is near."""

from __future__ import annotations

import random
from statistics import fmean

from surefoot.search.race.on_tables import candidate
from surefoot.search.race.race import Race
from surefoot.search.space.drawn import in_order, nearest
from surefoot.search.space.lr_grid import Grid
from surefoot.study.run import Candidate


def drawn(count: int = 60) -> list[Candidate]:
    rng = random.Random(3)
    return [
        candidate("Adam", {"lr": 10 ** rng.uniform(-6, 0), "weight_decay": 10 ** rng.uniform(-6, -1)})
        for _ in range(count)
    ]


def test_what_the_prior_expects_comes_first_and_everything_comes() -> None:
    decades = [-6 + place / 10 for place in range(60)]
    order = in_order(decades, -3.0, 0.5)
    assert sorted(order) == list(range(60))
    assert fmean(abs(decades[place] + 3) for place in order[:15]) < 0.7
    assert fmean(abs(decades[place] + 3) for place in order[-15:]) > 1.0
    assert order == in_order(decades, -3.0, 0.5)


def test_the_nearest_are_near_in_all_settings() -> None:
    settings = [
        {"lr": 1e-3, "beta": 0.9, "kind": "a"},
        {"lr": 1e-3, "beta": 0.999, "kind": "b"},
        {"lr": 2e-3, "beta": 0.91, "kind": "a"},
        {"lr": 1.0, "beta": 0.9, "kind": "a"},
    ]
    assert nearest(settings, 0, [1, 2, 3]) == [2, 1, 3]


def test_drawn_settings_are_told_from_grids_and_from_one_change_at_a_time() -> None:
    assert Grid(drawn()).drawn
    assert not Grid([candidate("Adam", {"lr": 10.0**n, "b": b}) for n in range(-5, 1) for b in (0, 1)]).drawn
    assert not Grid([candidate("Adam", {"lr": 10.0**n}) for n in range(-5, 1)]).drawn
    one_at_a_time = [{"lr": 1e-3, "b": b} for b in range(8)] + [{"lr": 2e-3, "b": 0}, {"lr": 5e-4, "b": 0}]
    assert not Grid([candidate("Adam", own) for own in one_at_a_time]).drawn


def test_a_larger_budget_looks_at_more_of_the_drawn() -> None:
    def looked_at(budget: float) -> int:
        race, seen = Race(arms, budget), set()
        while (request := race.ask()) is not None:
            seen.add(request[0])
            race.tell(*request, 1 + abs(request[0] - 30) / request[1])
        return len(seen)

    arms = drawn(300)
    assert looked_at(8) > 2.5 * looked_at(2) > 25
