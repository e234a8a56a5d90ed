"""Who came how far, who fell when, and where each stands, from made-up runs and decisions."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from surefoot.analysis.race_history import Fell, OptimizerStatus, race_history
from surefoot.analysis.tables import history
from surefoot.study.decisions import BestOfOptimizer, PlayoffPlace, Promoted, RaceStep, Stopped
from surefoot.study.records import DecisionRecord, RunRecord
from surefoot.study.run import Candidate, Phase, Point, Status
from tests.report.sample_study import RUNGS, empty_study, sample_study


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


def by_name(runs, decisions, **more):
    return {own.optimizer: own for own in race_history(runs, decisions, **more).optimizers}


# How far each came.


def test_an_optimizer_is_told_by_its_candidate_that_came_furthest():
    sgd = by_name(RUNS, [STOPPED])["SGD"]
    assert (sgd.fell, sgd.reached, sgd.runs) == (Fell.END, 1.0, 2)
    assert sgd.behind == pytest.approx(0.03)
    assert sgd.leading == RUNS[1]


def test_who_fell_at_a_rung_is_told_with_the_band():
    lion = by_name(RUNS, [STOPPED])["Lion"]
    assert (lion.fell, lion.reached, lion.band, lion.diverged) == (Fell.RUNG, 1 / 3, 0.1, 1)
    assert lion.behind == pytest.approx(0.5)
    assert not lion.within


def test_within_the_band_only_the_budget_stopped_it():
    wide = stopped("Lion", 0.01, 1 / 3, 0.7, 0.6)
    assert by_name(RUNS, [wide])["Lion"].within


def test_without_a_decision_there_is_no_band():
    lion = by_name(RUNS, [])["Lion"]
    assert math.isnan(lion.band)
    assert not lion.within


def test_an_optimizer_whose_every_run_diverged_has_no_value():
    rprop = by_name(RUNS, [])["Rprop"]
    assert (rprop.fell, rprop.behind, rprop.runs, rprop.diverged) == (Fell.LOST, math.inf, 1, 1)
    assert (rprop.standing, rprop.leading) == (OptimizerStatus.LOST, None)


def test_what_was_measured_before_a_run_was_lost_is_no_result():
    late = run("Rprop", 0.1, {1 / 3: 0.4, 0.5: math.nan}, status=Status.DIVERGED)
    rprop = by_name((*RUNS[:-1], late), [])["Rprop"]
    assert (rprop.fell, rprop.reached, rprop.standing) == (Fell.LOST, 0.0, OptimizerStatus.LOST)
    assert rprop.counts[0].measured == 1


def test_the_play_off_counts_by_its_means_and_its_seeds_are_no_race():
    more = (*RUNS, run("SGD", 0.1, {1.0: 0.01}, seed=1))
    playoff = [
        place("Adam", 1, 0.0, 4, goes_on=True),
        place("SGD", 2, 0.04, 3, goes_on=False),
        place("Lion", 3, math.inf, 3, goes_on=False),
    ]
    found = by_name(more, playoff)
    sgd = found["SGD"]
    assert (sgd.fell, sgd.behind, sgd.runs, sgd.playoff_seeds) == (Fell.PLAYOFF, 0.04, 2, 1)
    assert (sgd.playoff.best.optimizer, sgd.playoff.seeds) == ("Adam", 3)
    assert found["Lion"].behind == math.inf
    assert by_name(more, [])["Adam"].behind == 0.0


# Rung by rung.


def test_rungs_hold_every_decision_with_its_band(study):
    found = history(study).rungs
    assert [rung.progress for rung in found] == pytest.approx(RUNGS)
    for rung in found:
        assert 0 < rung.survivors < len(rung.steps)
        assert rung.best == rung.steps[0].value
        for step in rung.steps:
            assert isinstance(step, Promoted) == (step.value <= rung.limit + 1e-12)


def test_the_limit_is_the_best_and_the_band():
    found = history(sample_study()).rungs[0]
    band = max(step.band for step in found.steps)
    assert found.limit == pytest.approx(found.best + band)
    assert found.limit > band


def test_who_was_stopped_and_went_on_later_has_gone_on(study):
    early = next(d.decision for d in study.decisions if isinstance(d.decision, Stopped))
    step = Promoted(early.text, early.candidate, early.rung, early.value, early.band)
    later = DecisionRecord(10_000, 0.0, step)
    before = history(study).rungs[0]
    after = history(replace(study, decisions=(*study.decisions, later))).rungs[0]
    assert after.survivors == before.survivors + 1
    assert len(after.steps) == len(before.steps)


def test_candidates_are_counted_rung_by_rung(study):
    adam = next(own for own in history(study).optimizers if own.optimizer == "Adam")
    assert [count.progress for count in adam.counts] == pytest.approx(RUNGS)
    assert adam.counts[0].measured == 12  # fourteen candidates, two of which diverged
    assert adam.diverged == 2
    for count, after in zip(adam.counts, adam.counts[1:], strict=False):
        assert count.went_on == after.measured
    assert adam.counts[-1].went_on == 0
    assert adam.confirmed_seeds == 6
    assert adam.ended == ""


def test_the_confirmed_lead_and_the_others_say_what_stopped_them(study):
    found = history(study).optimizers
    assert [own.optimizer for own in found[:4]] == ["Adam", "SGD", "Adamax", "AdamW"]
    ended = {own.optimizer: own.ended for own in found}
    assert "3 seeds, number 4" in ended["Adagrad"]
    assert "against a band" in ended["Rprop"]


def test_looks_name_the_leader_and_every_rival(study):
    first, last = history(study).looks
    assert (first.seeds, first.leader) == (4, "SGD lr=0.1")
    rival = first.rivals[0]
    assert (rival.rival, rival.decision) == ("Adam lr=0.003", "undecided")
    assert (rival.estimate, rival.low, rival.high) == pytest.approx((0.001, -0.003, 0.005))
    assert (last.rivals[0].rival, last.rivals[0].decision) == ("SGD lr=0.1", "better")


def test_a_study_that_only_failed_has_no_race():
    found = history(empty_study())
    assert (found.rungs, found.looks, found.progresses) == ((), (), ())
    assert [own.counts for own in found.optimizers] == [()]


# Where each stands.


def screening(*, before=1.0):
    """A study in mid-race, with what was decided before a progress."""
    study = sample_study(finished=False)
    race = [d for d in study.decisions if isinstance(d.decision, RaceStep) and d.decision.rung < before]
    return [run for run in study.runs if run.phase == "screen"], race


def test_a_finished_study_has_the_confirmed_and_those_who_are_out(study):
    standing = {own.optimizer: own.standing for own in history(study).optimizers}
    assert (standing["Adam"], standing["Rprop"]) == (OptimizerStatus.CONFIRMED, OptimizerStatus.OUT)


def test_a_candidate_that_goes_on_keeps_its_optimizer_in_the_race():
    runs, race = screening(before=0.2)
    found = by_name(runs, race, finished=False)
    assert (found["Adam"].standing, found["Rprop"].standing) == (OptimizerStatus.RACING, OptimizerStatus.OUT)


def test_the_play_off_makes_finalists_and_sends_others_out():
    runs, _ = screening()
    found = by_name(runs, sample_study(finished=False).decisions, finished=False)
    assert (found["Adam"].standing, found["Adagrad"].standing) == (
        OptimizerStatus.FINALIST,
        OptimizerStatus.OUT,
    )


def test_a_best_candidate_that_was_stopped_on_its_way_is_out_when_the_race_names_it():
    runs, race = screening()
    own = [d.decision for d in race if d.decision.candidate.optimizer == "Rprop"]
    early = min(own, key=lambda step: step.value)
    best = BestOfOptimizer("Rprop is number 7", early.candidate, early.rung, early.value, place=7)
    rprop = by_name(runs, [*race, DecisionRecord(9999, 50.0, best)], finished=False)["Rprop"]
    assert (rprop.standing, rprop.ended) == (OptimizerStatus.OUT, early.text)
