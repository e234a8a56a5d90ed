"""What arms are worth with their neighbours: noise averaged, the low side taken, the cliff kept off."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import pytest
from hypothesis import given

from surefoot.search.race.on_tables import candidate
from surefoot.search.race.smoothing import LOW_SIDE_DECADES, Neighbourhood


def arms(rates, optimizer="Adam", **others):
    return [candidate(optimizer, {"lr": rate, **others}) for rate in rates]


RATES = [10 ** (-4 + 0.2 * step) for step in range(16)]


def test_of_a_flat_window_the_low_side_is_worth_most():
    flat = dict.fromkeys(range(12), 0.3) | dict.fromkeys(range(12, 16), 0.9)
    worth = Neighbourhood(arms(RATES)).judge(flat)
    assert worth[8] == pytest.approx(0.3, abs=0.01)
    assert worth[11] > worth[10] > worth[8]  # the nearer to the cliff, the worse, at the same value


def test_one_lucky_value_is_not_believed():
    values = {arm: 0.30 + 0.01 * abs(arm - 5) for arm in range(13)}
    values[10] = 0.29  # beside 0.34 and 0.36
    worth = Neighbourhood(arms(RATES)).judge(values)
    assert min(worth, key=worth.__getitem__) < 7


def test_a_diverged_neighbour_counts_as_the_worst_and_is_worth_nothing():
    worth = Neighbourhood(arms(RATES[:4])).judge({0: 0.3, 1: 0.3, 2: 0.4, 3: math.inf})
    assert 3 not in worth
    assert worth[2] > worth[1] > worth[0]


def test_neighbours_speak_for_an_arm_that_was_not_measured_only_from_nearby():
    worth = Neighbourhood(arms(RATES)).judge({4: 0.3, 6: 0.5})
    assert 5 in worth
    assert 0.3 < worth[5] < 0.5
    assert 12 not in worth


def test_optimizers_know_nothing_of_each_other():
    both = arms(RATES[:2]) + arms(RATES[:2], "SGD")
    assert Neighbourhood(both).judge({0: 0.3, 1: 0.3, 2: 0.5}).keys() == {0, 1, 2}


def test_arms_with_other_settings_are_further_away():
    near = Neighbourhood([*arms([1e-3]), *arms([1e-3], momentum=0.9), *arms([1e-3 * 10**LOW_SIDE_DECADES])])
    worth = near.judge({0: 0.2, 1: 0.8, 2: 0.2})
    assert worth[0] < 0.3
    assert worth[1] < 0.8


def test_trust_weighs_a_value():
    near = Neighbourhood(arms(RATES[:2]))
    doubted = near.judge({0: 0.2, 1: 0.6}, {1: 0.1})
    assert doubted[0] < near.judge({0: 0.2, 1: 0.6})[0]


def test_nothing_is_worth_anything_before_a_healthy_value():
    assert Neighbourhood(arms(RATES)).judge({}) == {}
    assert Neighbourhood(arms(RATES)).judge({0: math.inf}) == {}


@given(st.lists(st.floats(0, 10), min_size=16, max_size=16), st.floats(0.1, 10), st.floats(-5, 5))
def test_units_do_not_matter(values, scale, shift):
    near = Neighbourhood(arms(RATES))
    plain = near.judge(dict(enumerate(values)))
    moved = near.judge({arm: shift + scale * value for arm, value in enumerate(values)})
    assert all(moved[arm] == pytest.approx(shift + scale * plain[arm], abs=1e-9) for arm in plain)


def test_an_arm_is_expected_to_change_as_its_neighbours_did():
    expected = Neighbourhood(arms(RATES)).carry({0: -0.1, 1: -0.1, 2: -0.1, 15: -0.5})
    assert expected(14) < -0.3
    assert expected(3) == pytest.approx(-0.1, abs=0.02)
    assert Neighbourhood(arms(RATES)).carry({})(0) == 0
