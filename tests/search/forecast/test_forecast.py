"""Forecasts: no surer than the shorter trainings are, whatever the units, and honest on simulated studies."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.search.forecast.forecast import (
    LEVEL,
    Lead,
    at,
    chance,
    compared,
    final_difference,
    probability_best,
    standing,
)
from surefoot.search.forecast.reliability import RUNGS, reliability

PROGRESSES = (1 / 27, 1 / 9, 1 / 3, 1.0)
values = st.integers(-1000, 1000).map(float)  # so that offsets and factors are exact
curves = st.lists(values, min_size=2, max_size=3).map(lambda own: dict(zip(PROGRESSES, own, strict=False)))


@given(
    st.lists(curves, min_size=2, max_size=6), st.integers(-1000, 1000), st.sampled_from([2.0**-10, 0.5, 64.0])
)
def test_units_and_offsets_change_nothing(own, shift, factor):
    moved = [{progress: factor * value + shift for progress, value in curve.items()} for curve in own]
    one, other = (compared(curves[0], curves[1], curves) for curves in (own, moved))
    assert one is not None
    assert other is not None
    assert one.progress == other.progress
    near = pytest.approx(factor * one.scale, rel=1e-6, abs=1e-6 * (1 + abs(shift)))
    assert other.scale == near
    first, second = final_difference(one), final_difference(other)
    for end in ("low", "estimate", "high"):
        wanted = factor * getattr(first, end)
        assert getattr(second, end) == pytest.approx(wanted, rel=1e-5, abs=1e-5 * (1 + abs(shift)))


@given(st.lists(curves, min_size=2, max_size=6))
def test_two_candidates_see_the_same_difference_from_either_side(own):
    one, other = compared(own[0], own[1], own), compared(own[1], own[0], own)
    assert one is not None
    assert other is not None
    assert (one.progress, one.difference) == (other.progress, -other.difference)


@given(st.lists(curves, min_size=1, max_size=8))
def test_an_interval_holds_its_estimate_and_a_probability_is_one(own):
    assert 0 <= probability_best(own[0], own[1:]) <= 1
    for rival in own[1:]:
        gap = compared(own[0], rival, own)
        assert gap is not None
        found = final_difference(gap)
        assert found.low <= found.estimate <= found.high
        assert found.level == LEVEL


def test_nothing_is_said_of_progresses_that_only_one_has():
    assert compared({0.1: 1.0}, {0.3: 2.0}, []) is None
    assert at({0.1: 1.0}, 0.101) == 1.0
    assert at({}, 0.1) is None


def test_the_furthest_common_progress_counts():
    gap = compared({1 / 9: 2.0, 1 / 3: 1.0}, {1 / 9: 2.5, 1 / 3: 1.5, 1: 0.1}, [])
    assert gap is not None
    assert gap.progress == 1 / 3
    assert gap.difference == 0.5
    assert gap.scale == pytest.approx(math.hypot(0.5, 1.0)), (
        "the difference, and the fall since a third of it"
    )


@given(st.sampled_from(RUNGS), st.integers(2, 30), st.floats(0.1, 1), st.floats(0.1, 1))
def test_more_rivals_a_shorter_lead_and_an_order_that_changed_make_less_sure(rung, count, lead, order):
    sure = chance(rung, Lead(rung.progress, count, lead, order))
    assert chance(rung, Lead(rung.progress, count + 1, lead, order)) < sure
    assert chance(rung, Lead(rung.progress, count, lead / 2, order)) < sure
    assert chance(rung, Lead(rung.progress, count, lead, order / 2)) < sure


def test_how_steady_the_order_was_is_read_from_the_rung_before():
    steady = [{1 / 9: float(place), 1 / 3: float(place)} for place in range(3)]
    turned = [{1 / 9: -own[1 / 9], 1 / 3: own[1 / 3]} for own in steady]
    for curves, kept in ((steady, 1.0), (turned, 0.0), (steady[:2], 0.5), ([{1 / 3: 1.0}] * 3, 0.5)):
        found = standing(curves[0], curves[1:])
        assert found is not None
        assert found.order_kept == kept


def test_every_rung_is_worth_something_and_no_rung_is_certain():
    for rung in RUNGS:
        assert rung.low < rung.middle < rung.high
        assert rung.low < 0 < rung.high, "a lead may shrink and grow"
        assert 0 < rung.kept < 1
        assert rung.drift > 0
    spreads = [rung.high - rung.low for rung in RUNGS]
    assert spreads == sorted(spreads, reverse=True), "the longer, the surer"
    assert reliability(1e-4) is RUNGS[0]
    assert reliability(0.2) is RUNGS[1] or reliability(0.2) is RUNGS[2]
    assert reliability(0.9) is RUNGS[-1]


def study(source, stop):
    """Curves of power laws with noise, some of which cross, up to a rung and at the end."""
    noise = 10 ** source.uniform(-2, -0.5)
    found = []
    for _ in range(source.randint(2, 10)):
        floor, height, slope = (
            source.lognormvariate(-1, 0.4),
            source.uniform(0.5, 2),
            source.uniform(0.2, 0.9),
        )
        own = {p: floor + height * (1 + 40 * p) ** -slope + source.gauss(0, noise) for p in PROGRESSES}
        found.append(own)
    shorter = [{p: v for p, v in own.items() if p <= stop} for own in found]
    return shorter, [own[1.0] for own in found]


@pytest.mark.parametrize("stop", PROGRESSES[:3])
def test_intervals_and_probabilities_are_honest_on_simulated_studies(stop):
    source = random.Random(7)
    hits, brier, blind = [], [], []
    for _ in range(600):
        shorter, finals = study(source, stop)
        order = sorted(range(len(shorter)), key=lambda arm: shorter[arm][stop])
        leader, rival = order[0], source.choice(order[1:])
        gap = compared(shorter[leader], shorter[rival], shorter)
        assert gap is not None
        if gap.scale == 0:
            continue  # nothing is forecast
        found = final_difference(gap)
        hits.append(found.low <= finals[rival] - finals[leader] <= found.high)
        best = finals[leader] == min(finals)
        others = [shorter[arm] for arm in order[1:]]
        brier.append((probability_best(shorter[leader], others) - best) ** 2)
        blind.append(1.0 - best)
    assert statistics.fmean(hits) >= 0.87
    assert statistics.fmean(brier) < statistics.fmean(blind)
