"""Seconds per evaluation of each optimizer, before anything is compared."""

from __future__ import annotations

from surefoot.training.pace import measure_paces
from surefoot.training.run import Candidate


def test_every_optimizer_has_its_pace_and_pays_for_its_kernels_once(sample):
    task = sample()
    paces, failed = measure_paces(task, [Candidate("Adam", {}), Candidate("LBFGS", {"max_iter": 3})])
    assert paces.keys() == {"Adam", "LBFGS"}
    assert not failed
    assert all(pace.seconds > 0 and pace.compile_seconds >= 0 for pace in paces.values())
    assert paces["Adam"].compile_seconds > paces["Adam"].seconds


def test_one_that_cannot_take_a_step_says_why(sample):
    paces, failed = measure_paces(sample(), [Candidate("SparseAdam", {}), Candidate("SGD", {})])
    assert paces.keys() == {"SGD"}
    assert "sparse" in failed["SparseAdam"].lower()
