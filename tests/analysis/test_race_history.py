from dataclasses import replace

import pytest

from surefoot.analysis.race_history import journeys, looks, rungs
from surefoot.study.decisions import Promoted, Stopped
from surefoot.study.records import DecisionRecord
from tests.report.sample_study import RUNGS, empty_study, sample_study


def test_rungs_hold_every_decision_with_its_band(study):
    found = rungs(study)
    assert [rung.progress for rung in found] == pytest.approx(RUNGS)
    for rung in found:
        assert 0 < rung.survivors < len(rung.steps)
        assert rung.best == rung.steps[0].value
        for step in rung.steps:
            assert isinstance(step, Promoted) == (step.value <= rung.limit + 1e-12)


def test_the_limit_is_the_best_and_the_band():
    found = rungs(sample_study())[0]
    band = max(step.band for step in found.steps)
    assert found.limit == pytest.approx(found.best + band)
    assert found.limit > band


def test_who_was_stopped_and_went_on_later_has_gone_on(study):
    stopped = next(d.decision for d in study.decisions if isinstance(d.decision, Stopped))
    step = Promoted(stopped.text, stopped.candidate, stopped.rung, stopped.value, stopped.band)
    later = DecisionRecord(10_000, 0.0, step)
    before, after = rungs(study)[0], rungs(replace(study, decisions=(*study.decisions, later)))[0]
    assert after.survivors == before.survivors + 1
    assert len(after.steps) == len(before.steps)


def test_journeys_count_candidates_rung_by_rung(study):
    found = {journey.optimizer: journey for journey in journeys(study)}
    adam = found["Adam"]
    assert [stage.progress for stage in adam.stages] == pytest.approx(RUNGS)
    assert adam.stages[0].measured == 12  # fourteen candidates, two of which diverged
    assert adam.diverged == 2
    for stage, after in zip(adam.stages, adam.stages[1:], strict=False):
        assert stage.went_on == after.measured
    assert adam.stages[-1].went_on == 0
    assert adam.confirmed_seeds == 6
    assert adam.ended == ""


def test_the_confirmed_lead_and_the_others_say_what_stopped_them(study):
    found = journeys(study)
    assert [journey.optimizer for journey in found[:4]] == ["Adam", "SGD", "Adamax", "AdamW"]
    ended = {journey.optimizer: journey.ended for journey in found}
    assert "3 seeds, number 4" in ended["Adagrad"]
    assert "against a band" in ended["Rprop"]


def test_looks_name_the_leader_and_every_rival(study):
    first, last = looks(study)
    assert (first.seeds, first.leader) == (4, "SGD lr=0.1")
    rival = first.rivals[0]
    assert (rival.rival, rival.decision) == ("Adam lr=0.003", "undecided")
    assert (rival.estimate, rival.low, rival.high) == pytest.approx((0.001, -0.003, 0.005))
    assert (last.rivals[0].rival, last.rivals[0].decision) == ("SGD lr=0.1", "better")


def test_a_study_that_only_failed_has_no_race():
    assert rungs(empty_study()) == ()
    assert looks(empty_study()) == ()
    assert [stage for journey in journeys(empty_study()) for stage in journey.stages] == []
