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
