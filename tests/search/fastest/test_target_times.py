"""The ladder: what its ratio must obey, whatever the curves."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from surefoot.search.fastest.target_times import Ladder, seconds_to

VALUES = st.lists(st.floats(-100, 100), min_size=2, max_size=8)
FACTORS = st.floats(0.01, 100)


def curve(values, pace=1.0):
    return [(pace * (number + 1), value) for number, value in enumerate(values)]


def ladder(values, pace=1.0, target=None):
    return Ladder.of([curve(values, pace)], whole=pace * len(values), target=target)


def falling(values):
    """Strictly descending, by steps that rounding does not swallow."""
    ordered = sorted(set(values), reverse=True)
    assume(len(ordered) > 1 and all(a - b > 1e-3 for a, b in pairwise(ordered)))
    return ordered


@given(VALUES)
def test_the_baseline_has_ratio_one_wherever_it_has_got_better(values):
    values = falling(values)
    steps = ladder(values, target=values[-1])
    for length in range(1, len(values) + 1):
        assert steps.ratio(curve(values)[:length]) == pytest.approx(1)


@given(VALUES, VALUES, FACTORS, FACTORS, st.floats(-50, 50))
def test_the_units_of_time_and_value_do_not_matter(base, values, seconds, scale, shift):
    base = falling(base)
    before = ladder(base).ratio(curve(values))
    moved = ladder([shift + scale * v for v in base], pace=seconds)
    after = moved.ratio(curve([shift + scale * v for v in values], pace=seconds))
    assert after == pytest.approx(before, rel=1e-3)


@given(VALUES, VALUES, st.data(), st.booleans())
def test_lower_values_never_take_longer(base, values, data, ended):
    less = data.draw(st.lists(st.floats(0, 50), min_size=len(values), max_size=len(values)))
    lower = [value - drop for value, drop in zip(values, less, strict=True)]
    steps = ladder(base)
    assert steps.ratio(curve(lower), ended) <= steps.ratio(curve(values), ended) * (1 + 1e-9)


@given(VALUES, VALUES, FACTORS)
def test_a_slower_run_has_a_higher_ratio_in_proportion(base, values, factor):
    steps = ladder(base)
    assert steps.ratio(curve(values, factor)) == pytest.approx(factor * steps.ratio(curve(values)))


@given(VALUES, VALUES)
def test_every_ratio_is_positive_and_finite(base, values):
    assert 0 < ladder(base).ratio(curve(values)) < math.inf


def test_a_run_that_has_not_reached_the_first_rung_is_ordered_by_its_value():
    steps = ladder([1.0, 0.5, 0.2, 0.1])
    ratios = [steps.ratio([(1.0, value)]) for value in (1.0, 1.5, 3.0, 1e300)]
    assert ratios[0] == 1
    assert ratios == sorted(set(ratios))


def test_the_target_is_what_the_baseline_reaches_in_three_quarters_of_its_training():
    falls = [1.0, 0.8, 0.6, 0.4, 0.2, 0.18, 0.16, 0.14]
    assert ladder(falls).target == pytest.approx(0.18)
    worse = Ladder.of([curve(falls), curve(falls), curve([v + 0.1 for v in falls])], whole=8.0)
    assert worse.target == pytest.approx(0.24)  # all seeds reach it
    assert (worse.reached, worse.seeds) == (3, 3)


def test_a_run_that_reaches_the_target_has_its_final_ratio():
    steps = ladder([1.0, 0.5, 0.25, 0.125], target=0.25)
    assert steps.ratio([(0.5, 1.0), (1.0, 0.0), (2.0, 5.0)]) == pytest.approx((0.5 + 0.5 * 0.75) / 3)


def test_a_miss_ranks_behind_every_run_that_reaches_the_target_in_the_baselines_time():
    steps = ladder([1.0, 0.5, 0.25, 0.125], target=0.125)
    quick_miss = [(0.1, 0.2), (0.4, 0.126)]
    slow_hit = [(2.0, 1.0), (4.0, 0.125)]
    assert steps.ratio(quick_miss) < steps.ratio(slow_hit) < steps.ratio(quick_miss, ended=True)


@pytest.mark.parametrize("scale", [0.01171875, 0.1, 1 / 3, 1.0, 7.0])
def test_rounding_does_not_decide_who_reaches_the_target(scale):
    base = [6.0, 5.0, 4.0, 3.0, 2.0, 0.4, 0.25, 0.0]  # 0.4 after three quarters
    steps = ladder([scale * value for value in base])
    assert steps.ratio(curve([scale * 0.4, scale * 9.0])) == pytest.approx(1 / 6)


def test_a_target_beyond_the_baseline_still_ranks():
    steps = ladder([1.0, 0.5], target=0.1)
    assert steps.reached == 0
    assert steps.baseline_seconds(0.1) > steps.baseline_seconds(0.3) > steps.baseline_seconds(0.5) == 2.0


def test_a_baseline_that_never_improves_still_makes_a_ladder():
    steps = ladder([2.0, 3.0, 2.5], target=1.0)
    assert steps.ratio([(1.0, 2.0)]) == 1
    assert steps.ratio([(1.0, 1.5)]) < 1 < steps.ratio([(1.0, 2.5)])


def test_a_ladder_needs_a_value():
    with pytest.raises(ValueError, match="finite"):
        Ladder.of([[(1.0, math.nan)]], whole=1.0)


def test_the_time_to_a_target_is_interpolated():
    points = [(1.0, 10.0), (2.0, 6.0), (3.0, 8.0), (4.0, 2.0)]
    assert seconds_to(points, 8.0) == pytest.approx(1.5)
    assert seconds_to(points, 5.0) == pytest.approx(3.5)
    assert seconds_to(points, 12.0) == 1.0
    assert seconds_to(points, 1.0) == math.inf
