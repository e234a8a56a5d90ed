"""The bookkeeping of a race: exact in any order of arrival, and never beyond the budget."""

from __future__ import annotations

import math
import random

import hypothesis.strategies as st
import pytest
from hypothesis import given

from surefoot.search.race.ledger import Ledger, lowest_first
from surefoot.study.cost import Tariff

RUNGS = [1 / 9, 1 / 3, 1.0]


def ledger(budget: float = 10.0, tariff: Tariff | None = None) -> Ledger:
    return Ledger(RUNGS, budget, tariff or Tariff())


def test_a_run_that_goes_on_pays_for_what_is_new() -> None:
    own = ledger()
    for rung, progress in enumerate(RUNGS):
        own.ask(4, rung)
        assert own.left() == pytest.approx(10 - progress)  # it is promised
        own.tell(4, progress, 1.0 - rung)
        assert own.spent() == pytest.approx(progress)
    assert own.values == {4: {0: 1.0, 1: 0.0, 2: -1.0}}
    assert (own.reached(4), own.last(4)) == (2, -1.0)
    assert own.changes(2) == {4: -1.0}


def test_a_value_counts_for_every_rung_that_its_run_has_passed() -> None:
    own = ledger()
    own.ask(0, 0)
    own.tell(0, 0.4, 0.7)
    assert own.values == {0: {0: 0.7, 1: 0.7}}
    own.ask(1, 0)
    own.tell(1, 0.1, 0.2, ended=True)
    assert own.values[1] == dict.fromkeys(range(3), 0.2)


def test_who_diverged_is_at_no_rung() -> None:
    own = ledger()
    for arm in range(3):
        own.ask(arm, 0)
        own.tell(arm, RUNGS[0], 1.0 - arm)
    own.ask(1, 1)
    own.tell(1, RUNGS[1], math.inf)
    assert own.diverged() == {1}
    assert lowest_first(own.at(0)) == [2, 0]
    assert own.changes(1) == {}


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 2)), max_size=40),
    st.floats(0.05, 5),
    st.integers(0, 9),
)
def test_what_is_affordable_never_exceeds_the_budget_whatever_the_order_of_arrival(
    wanted: list[tuple[int, int]], budget: float, seed: int
) -> None:
    own, rng = ledger(budget, Tariff(start=0.1)), random.Random(seed)
    while wanted:
        jobs = own.affordable(dict.fromkeys(wanted[:5]), math.inf)
        jobs = list({arm: (arm, rung) for arm, rung in jobs}.values())
        for arm, rung in jobs:
            own.ask(arm, rung)
        rng.shuffle(jobs)
        for arm, rung in jobs:
            own.tell(arm, RUNGS[rung], rng.random())
        assert own.left() >= -1e-6
        del wanted[:5]


def test_the_first_run_may_go_further_than_its_rung_and_shorter_ones_are_then_given_up() -> None:
    own = ledger()
    own.ask(0, 0)
    own.tell(0, 0.5, 0.3)
    own.coarsen(0)
    assert own.rungs == [0.5, 1.0]
    assert own.values == {0: {0: 0.3}}


def test_telling_what_was_not_asked_is_an_error() -> None:
    with pytest.raises(ValueError, match="never asked"):
        ledger().tell(0, 1.0, 0.5)
