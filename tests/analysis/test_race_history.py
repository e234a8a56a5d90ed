from dataclasses import replace

import pytest

from surefoot.analysis.race_history import journeys, looks, rungs
from tests.report.sample_study import RUNGS, empty_study, sample_study


def test_rungs_hold_every_decision_with_its_band(study):
    found = rungs(study)
    assert [rung.progress for rung in found] == pytest.approx(RUNGS)
    for rung in found:
        assert 0 < rung.survivors < len(rung.verdicts)
        assert rung.best == rung.verdicts[0].value
        assert all(verdict.survived == (verdict.value <= rung.limit + 1e-12) for verdict in rung.verdicts)


def test_the_limit_is_the_best_and_the_band():
    found = rungs(sample_study())[0]
    band = max(verdict.band for verdict in found.verdicts)
    assert found.limit == pytest.approx(found.best + band)
    assert found.limit > band


def test_who_was_stopped_and_went_on_later_has_gone_on(study):
    stopped = next(d for d in study.decisions if d.kind == "eliminated" and "rung" in d.details)
    later = replace(stopped, kind="promoted", number=10_000)
    before, after = rungs(study)[0], rungs(replace(study, decisions=(*study.decisions, later)))[0]
    assert after.survivors == before.survivors + 1
    assert len(after.verdicts) == len(before.verdicts)


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
    assert first.differences["Adam lr=0.003"] == pytest.approx((0.001, -0.003, 0.005, "undecided"))
    assert last.differences["SGD lr=0.1"][3] == "better"


def test_a_study_that_only_failed_has_no_race():
    assert rungs(empty_study()) == ()
    assert looks(empty_study()) == ()
    assert [stage for journey in journeys(empty_study()) for stage in journey.stages] == []
