"""Seconds per evaluation of each optimizer, before anything is compared."""

from __future__ import annotations

import pytest

from surefoot.study.run import Candidate
from surefoot.training.step_times import time_each, typical


def test_every_optimizer_has_its_pace_and_pays_for_its_kernels_once(sample):
    task = sample()
    times, failed = time_each(task, [Candidate("Adam", {}), Candidate("LBFGS", {"max_iter": 3})])
    assert times.keys() == {"Adam", "LBFGS"}
    assert not failed
    assert all(pace.seconds > 0 and pace.compile_seconds >= 0 for pace in times.values())
    assert times["Adam"].compile_seconds > times["Adam"].seconds


def test_one_that_cannot_take_a_step_says_why(sample):
    times, failed = time_each(sample(), [Candidate("SparseAdam", {}), Candidate("SGD", {})])
    assert times.keys() == {"SGD"}
    assert "sparse" in failed["SparseAdam"].lower()


def test_who_has_no_turn_in_time_is_told_and_whoever_is_needed_has_one(sample):
    times, failed = time_each(
        sample(), [Candidate("Adam", {}), Candidate("SGD", {}), Candidate("Lion", {})], lambda: -1.0, needed=1
    )
    assert times.keys() == {"Adam"}
    assert times["Adam"].seconds > 0
    assert failed == dict.fromkeys(["SGD", "Lion"], "was not timed: there was no time left for that")


def test_rounds_end_when_time_does(sample):
    left = iter([1.0] * 4)  # a first round of both, and a second of one alone
    names = ["Adam", "SGD"]
    times, failed = time_each(sample(), [Candidate(name, {}) for name in names], lambda: next(left, -1.0))
    assert times.keys() == set(names)
    assert not failed


def test_a_machine_that_is_busy_in_some_rounds_changes_nothing():
    quiet = {"Adam": [1.0] * 5, "SGD": [0.8] * 5, "Muon": [3.0] * 5}
    busy = [1.0, 4.0, 1.0, 2.5, 1.7]
    slowed = {name: [t * b for t, b in zip(times, busy, strict=True)] for name, times in quiet.items()}
    assert typical(slowed) == pytest.approx({"Adam": 1.0, "SGD": 0.8, "Muon": 3.0})


def test_one_interrupted_step_changes_nothing():
    times = {"Adam": [1.0, 9.0, 1.0], "SGD": [0.8, 0.8, 0.8], "Muon": [3.0, 3.0, 3.0]}
    assert typical(times) == pytest.approx({"Adam": 1.0, "SGD": 0.8, "Muon": 3.0}, rel=0.01)


def test_nothing_timed_is_nothing():
    assert typical({}) == {}
