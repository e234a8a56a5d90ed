"""What runs cost that take time to start, and the rungs of a race that can measure at some marks only."""

from __future__ import annotations

import math

import pytest

from surefoot.search.race.on_tables import candidate
from surefoot.search.race.race import Race
from surefoot.search.race.rungs import RUNGS, at_marks
from surefoot.study.cost import Tariff

ARMS = [candidate(name, {"lr": 10.0**-step}) for name in ("Adam", "SGD", "Lion") for step in range(5)]


@pytest.mark.parametrize(
    ("tariff", "cost"),
    [
        (Tariff(), 0.3),
        (Tariff(continues=False), 0.5),
        (Tariff(start=0.1), 0.1 + 0.9 * 0.3),
        (Tariff(start=0.1, continues=False), 0.1 + 0.9 * 0.5),
    ],
)
def test_the_cost_of_going_further(tariff, cost):
    assert tariff.cost(0.2, 0.5) == pytest.approx(cost)
    assert tariff.cost(0.0, 1.0) == 1.0
    assert tariff.cost(0.5, 0.5) == tariff.cost(0.5, 0.2) == 0.0


@pytest.mark.parametrize(
    ("reports", "rungs"),
    [
        (1, [1.0]),
        (2, [0.5, 1.0]),
        (5, [0.2, 0.4, 1.0]),
        (10, [0.1, 0.2, 0.4, 1.0]),
        (500, [0.014, 0.038, 0.112, 0.334, 1.0]),
    ],
)
def test_rungs_are_the_first_marks_at_or_beyond_thirds(reports, rungs):
    marks = [(number + 1) / reports for number in range(reports)]
    assert at_marks(RUNGS, marks) == pytest.approx(rungs)


@pytest.mark.parametrize("reports", [1, 3, 5, 500])
@pytest.mark.parametrize("tariff", [Tariff(), Tariff(start=0.4), Tariff(start=0.05, continues=False)])
def test_a_race_at_marks_finds_the_best_within_its_budget(reports, tariff):
    marks = [(number + 1) / reports for number in range(reports)]
    race = Race(ARMS, budget=12.0, marks=marks, tariff=tariff)
    reached, spent = {}, 0.0
    while (asked := race.ask()) is not None:
        arm, progress = asked
        assert any(math.isclose(progress, mark) for mark in marks)
        spent += tariff.cost(reached.get(arm, 0.0), progress)
        reached[arm] = progress
        step = -math.log10(ARMS[arm].hyperparameters["lr"])
        race.tell(arm, progress, abs(step - 2) + 0.3 * (ARMS[arm].optimizer != "Lion") + 1 / progress)
    assert race.finished
    assert spent <= 12.0 + 1e-6
    assert ARMS[race.recommend()] == candidate("Lion", {"lr": 0.01})


def test_no_rung_is_so_short_that_starting_costs_more_than_training():
    race = Race(ARMS, budget=100.0, tariff=Tariff(start=0.2))
    _, progress = race.ask()
    assert progress == pytest.approx(1 / 3)
