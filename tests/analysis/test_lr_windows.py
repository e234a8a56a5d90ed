"""Flat windows of the learning rate, from made-up screening runs."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.analysis.lr_windows import lowest_line, rate_windows
from surefoot.study.records import RunRecord
from surefoot.study.run import Candidate, Phase, Point, Status

RATES = (0.001, 0.01, 0.1, 1.0)


def run(rate, values, *, name="SGD", status=Status.COMPLETED, phase=Phase.SCREEN, seed=0, **more):
    """A run with these values at thirds of the training."""
    points = tuple(Point((i + 1) / 3, 1.0, value) for i, value in enumerate(values))
    return RunRecord(Candidate(name, {"lr": rate, **more}), seed, phase, status, points)


def test_edges_lie_where_the_line_over_log_lr_leaves_the_band():
    runs = [run(rate, [value]) for rate, value in zip(RATES, (0.5, 0.1, 0.3, 0.9), strict=True)]
    window = rate_windows(runs, deviation=0.05)["SGD"]
    assert window.best == 0.01
    assert window.low == pytest.approx(10**-2.25)  # 0.1 of the way up 0.4
    assert window.high == pytest.approx(10**-1.5)
    assert window.decades == pytest.approx(0.75)
    assert not window.open_low
    assert not window.open_high


def test_a_window_that_was_not_left_is_open():
    runs = [run(rate, [0.1]) for rate in RATES]
    window = rate_windows(runs, deviation=0.01)["SGD"]
    assert (window.low, window.high) == (0.001, 1.0)
    assert window.open_low
    assert window.open_high


def test_a_window_ends_before_what_diverged():
    runs = [run(rate, [0.1]) for rate in RATES[:3]] + [run(1.0, [math.nan], status=Status.DIVERGED)]
    window = rate_windows(runs, deviation=0.01)["SGD"]
    assert (window.high, window.open_high, window.blow_up) == (0.1, False, 0.25)


def test_the_window_is_seen_at_the_furthest_rung_that_three_rates_reached():
    runs = [run(rate, [1.0, 0.5]) for rate in RATES[:3]] + [run(1.0, [0.2])]
    assert lowest_line(runs)[0] == pytest.approx(2 / 3)
    assert rate_windows(runs, deviation=0.1)["SGD"].progress == pytest.approx(2 / 3)


def test_two_rates_show_no_window():
    assert rate_windows([run(rate, [0.1]) for rate in RATES[:2]], deviation=0.1) == {}


def test_an_optimizer_that_has_learned_nothing_yet_has_no_window():
    runs = [run(rate, [2.29]) for rate in RATES]
    assert rate_windows(runs, deviation=0.01, initial=2.3) == {}
    assert "SGD" in rate_windows(runs, deviation=0.001, initial=2.3)


def test_noise_is_wider_earlier_in_the_training_in_proportion_to_the_loss():
    runs = [run(rate, [value]) for rate, value in zip(RATES, (3.0, 1.0, 1.15, 3.0), strict=True)]
    narrow = rate_windows(runs, deviation=0.01)["SGD"]
    wide = rate_windows(runs, deviation=0.01, final=0.1)["SGD"]
    assert narrow.high < 0.1 < wide.high


def test_the_best_of_the_other_settings_counts_at_each_rate():
    plain = [run(rate, [0.2], momentum=0.0) for rate in RATES]
    fast = [run(rate, [0.1], momentum=0.9) for rate in RATES[1:3]]
    values = [0.2, 0.1, 0.1, 0.2]
    assert lowest_line(plain + fast) == (pytest.approx(1 / 3), list(zip(RATES, values, strict=True)))


def test_a_rate_that_diverged_with_some_settings_only_is_not_lost():
    runs = [run(rate, [0.2]) for rate in RATES]
    assert lowest_line([*runs, run(1.0, [], status=Status.DIVERGED, momentum=0.9)]) == lowest_line(runs)


def test_seeds_of_the_play_off_are_not_in_the_line():
    runs = [run(rate, [0.2]) for rate in RATES]
    assert lowest_line([*runs, run(0.01, [0.01], seed=1)]) == lowest_line(runs)


def test_confirmation_is_not_screening():
    assert rate_windows([run(rate, [0.1], phase=Phase.CONFIRM) for rate in RATES], deviation=0.1) == {}


@given(st.lists(st.floats(0.01, 10), min_size=3, max_size=8), st.floats(1e-3, 1))
def test_the_best_rate_lies_in_its_window_and_a_wider_band_makes_no_narrower_one(values, deviation):
    runs = [run(10.0**-i, [value]) for i, value in enumerate(values)]
    window = rate_windows(runs, deviation)["SGD"]
    wider = rate_windows(runs, 2 * deviation)["SGD"]
    assert window.low <= window.best <= window.high
    assert wider.low <= window.low * (1 + 1e-9)
    assert window.high <= wider.high * (1 + 1e-9)
