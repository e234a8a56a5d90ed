"""How a budget is divided, what it buys, and what its end is."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.errors import InvalidInputError
from surefoot.search import ask
from surefoot.search.budget import (
    CONFIRMED_FROM,
    FEWEST_STEPS,
    divide,
    finalists_for,
    price_in_words,
    round_up,
    shortest_rung,
    what_it_buys,
)
from surefoot.search.confirm.confirmation import FEWEST_SEEDS
from surefoot.search.deadline import Deadline
from surefoot.search.pace import Pace
from surefoot.study.answer import Level

totals = st.floats(0.01, 1e5)


@given(totals, st.sampled_from([0.0, 1.0, 3.0]), st.booleans())
def test_the_parts_are_no_more_than_the_whole(total, before, floor):
    budget = divide(total, before=before, floor=floor)
    assert budget.total == total
    first = budget.race + budget.playoff + budget.floor_seeds + budget.baseline
    assert min(total, before) + first <= total + 1e-9
    left = total - before - first
    if budget.level is Level.CONFIRMED:
        assert left >= 2 * FEWEST_SEEDS - 1e-9
        assert finalists_for(left) >= 1
    else:
        assert left <= 1e-9


@given(totals, totals)
def test_more_budget_never_means_weaker_evidence(one, other):
    less, more = sorted((one, other))
    order = list(Level)
    assert order.index(divide(more).level) <= order.index(divide(less).level)


@given(st.floats(0, 1e3))
def test_those_who_are_confirmed_are_paid_for(trainings):
    count = finalists_for(trainings)
    assert count == 0 or (count + 1) * FEWEST_SEEDS <= trainings + 1e-6


def test_random_search_costs_nothing_where_the_budget_is_small():
    assert [divide(total).floor_seeds for total in (1, 8, 13, 19, 20, 30, 100)] == [0, 0, 0, 0, 2, 3, 3]
    assert divide(100, floor=False).floor_seeds == 0


@pytest.mark.parametrize(("steps", "total"), [(20, 13), (60, 13), (250, 40), (10_000, 40)])
def test_no_rung_is_shorter_than_a_few_steps(steps, total):
    assert shortest_rung(steps, 0.05, total) * steps >= FEWEST_STEPS - 1e-9


def test_a_small_budget_looks_beyond_the_warmup():
    assert shortest_rung(10_000, 0.05, 3.0) == pytest.approx(0.1)
    assert shortest_rung(10_000, 0.05, 30.0) < 0.05


def test_the_look_says_what_the_budget_buys_and_what_more_costs():
    said = what_it_buys(divide(2.0), 6.0, 1, 12.0, 0.5)
    assert said == (
        "One training takes about 6 s: 12 s pay for about 2 trainings, a forecast; a measured answer needs "
        "about 19 s (--budget 19s); a confirmed answer needs about 49 s (--budget 49s)."
    )
    said = what_it_buys(divide(3.0), 60.0, 2, None, 0.5)
    assert said == (
        "One training takes about 60 s: 3 trainings, about 90 s with 2 workers, pay for a measured answer; "
        "a confirmed answer needs about 4 min 00 s (--runs 8)."
    )
    assert what_it_buys(divide(60.0), 1.0, 1, 60.0, 0.5).endswith("a confirmed answer.")


def test_an_answer_says_what_a_stronger_one_costs():
    assert price_in_words(Level.MEASURED, divide(2.0), 6.0, 1, None) == (
        f"A confirmed answer needs about 48 s (--runs {CONFIRMED_FROM:g})."
    )
    assert price_in_words(Level.CONFIRMED, divide(20.0), 6.0, 1, None) == ""
    # What 60 seconds did not pay for here does not cost 49.
    assert "(--budget 90s)" in price_in_words(Level.MEASURED, divide(20.0), 6.0, 1, 1.0, 60.0)
    assert price_in_words(Level.PRIOR, divide(2.0), math.nan, 1, 1.0) == ""


@pytest.mark.parametrize(("value", "up"), [(47.1, 48), (48.0, 48), (0.123, 0.13), (1999.0, 2000.0)])
def test_prices_are_rounded_up(value, up):
    assert round_up(value) == pytest.approx(up)


def test_a_pace_is_learnt_from_what_runs_took():
    pace = Pace(6.0, overhead=0.0)
    assert pace.seconds(0.5) == 3.0
    pace.saw(1.0, 12.0)
    assert pace.seconds(1.0) == pytest.approx(12.0)
    for _ in range(3):
        pace.saw(0.01, 0.6)  # short ones, which the time between them made long
    assert pace.seconds(1.0) == pytest.approx(12.0)
    for _ in range(9):
        pace.saw(1.0, 6.0)
    assert pace.seconds(1.0) == pytest.approx(6.0)


def test_a_deadline_keeps_time_for_the_answer():
    now = 2.0
    deadline = Deadline.of(10.0, lambda: now)
    assert 7.4 < deadline.left < 8.0
    assert deadline.part(0.5, lambda: 2.0).left == pytest.approx(deadline.left / 2)
    assert deadline.part(1.0, lambda: 2.0) is deadline
    assert Deadline.of(None, lambda: now).left == math.inf


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ({"runs": 0.0}, "--runs 0: give a budget above 0"),
        ({"runs": -1.0}, "--runs -1: give a budget above 0"),
        ({"runs": math.nan}, "--runs nan: it must be a finite number"),
        ({"runs": math.inf}, "--runs inf: it must be a finite number"),
        ({"runs": 1e9}, "--runs 1e[+]09: that is more than 1,000,000 full trainings"),
        ({"budget_seconds": 0.0}, "--budget 0s: give a budget above 0"),
        ({"budget_seconds": 1e9}, "--budget 1e[+]09s: that is more than a year"),
        ({"budget_seconds": math.nan}, "--budget nan: it must be a finite number"),
        ({"budget_seconds": None}, "no budget: give a budget above 0"),
        ({"runs": 2.0, "goal": "fastest"}, "--runs 2: --goal fastest trains the baseline 3 times"),
    ],
)
def test_a_bad_budget_is_refused_in_one_line(budget, message):
    with pytest.raises(InvalidInputError, match=message):
        ask("line", **budget)
