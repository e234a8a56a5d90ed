"""How far each optimizer came, from made-up runs and decisions."""

from __future__ import annotations

import math

import pytest

from surefoot.analysis.fates import fates
from surefoot.study.decisions import PlayoffPlace, Stopped
from surefoot.study.records import DecisionRecord, RunRecord
from surefoot.study.run import Candidate, Phase, Point, Status


def run(name, lr, values, *, seed=0, status=Status.COMPLETED):
    points = tuple(Point(at, 1.0, value) for at, value in values.items())
    return RunRecord(Candidate(name, {"lr": lr}), seed, Phase.SCREEN, status, points)


def record(decision):
    return DecisionRecord(0, 0.0, decision)


def stopped(name, lr, rung, value, band):
    return record(Stopped("A sentence.", Candidate(name, {"lr": lr}), rung, value, band))


def place(name, number, behind, seeds, *, goes_on):
    best = Candidate("Adam", {"lr": 0.01})
    return record(PlayoffPlace("A sentence.", Candidate(name, {}), number, goes_on, 0.1, seeds, behind, best))


RUNS = (
    run("Adam", 0.01, {1 / 3: 0.2, 1.0: 0.10}),
    run("SGD", 0.1, {1 / 3: 0.3, 1.0: 0.13}),
    run("SGD", 1.0, {1 / 3: 2.0}),
    run("Lion", 0.01, {1 / 3: 0.7}),
    run("Lion", 0.1, {}, status=Status.DIVERGED),
    run("Rprop", 0.1, {1 / 3: math.nan}, status=Status.DIVERGED),
)
STOPPED = stopped("Lion", 0.01, 1 / 3, 0.7, 0.1)


def test_a_fate_is_that_of_the_candidate_that_came_furthest():
    found = fates(RUNS, [STOPPED])
    assert (found["SGD"].stage, found["SGD"].progress, found["SGD"].runs) == ("end", 1.0, 2)
    assert found["SGD"].behind == pytest.approx(0.03)


def test_who_fell_at_a_rung_is_told_with_the_band():
    fate = fates(RUNS, [STOPPED])["Lion"]
    assert (fate.stage, fate.progress, fate.band, fate.diverged) == ("rung", 1 / 3, 0.1, 1)
    assert fate.behind == pytest.approx(0.5)
    assert not fate.within


def test_within_the_band_only_the_budget_stopped_it():
    wide = stopped("Lion", 0.01, 1 / 3, 0.7, 0.6)
    assert fates(RUNS, [wide])["Lion"].within


def test_without_a_decision_there_is_no_band():
    assert math.isnan(fates(RUNS, [])["Lion"].band)
    assert not fates(RUNS, [])["Lion"].within


def test_an_optimizer_whose_every_run_diverged_has_no_value():
    fate = fates(RUNS, [])["Rprop"]
    assert (fate.stage, fate.behind, fate.runs, fate.diverged) == ("diverged", math.inf, 1, 1)


def test_the_play_off_counts_by_its_means_and_its_seeds_are_no_race():
    more = (*RUNS, run("SGD", 0.1, {1.0: 0.01}, seed=1))
    playoff = [
        place("Adam", 1, 0.0, 4, goes_on=True),
        place("SGD", 2, 0.04, 3, goes_on=False),
        place("Lion", 3, math.inf, 3, goes_on=False),
    ]
    found = fates(more, playoff)
    assert (found["SGD"].stage, found["SGD"].behind) == ("playoff", 0.04)
    assert (found["SGD"].best, found["SGD"].seeds) == ("Adam", 3)
    assert found["Lion"].behind == math.inf
    assert fates(more, [])["Adam"].behind == 0.0
