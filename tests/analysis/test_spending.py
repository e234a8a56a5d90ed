import math
from dataclasses import replace

import pytest

from surefoot.analysis.spending import last_decided, last_decision, spending
from surefoot.study.question import Question
from tests.report.sample_study import empty_study, sample_study


def test_an_unfinished_study_has_spent_what_its_last_decision_says():
    study = sample_study(finished=False)
    found = spending(study)
    assert found.trainings == pytest.approx(sum(run.points[-1].progress for run in study.runs if run.points))
    assert (found.seconds, found.seconds_allowed) == (107, 120)
    assert found.share == pytest.approx(107 / 120)
    assert found.words == "34.8 full trainings measured; 107 s of 2 min 00 s"
    assert last_decided(study) == "2026-11-24T16:44:22+00:00"


def test_a_finished_study_has_spent_what_its_answer_says():
    assert spending(sample_study()).seconds == 107.3


def test_a_budget_of_runs_counts_full_trainings():
    found = spending(replace(sample_study(finished=False), question=Question("digits", runs=50, study="s")))
    assert found.share == pytest.approx(found.trainings / 50)
    assert "50 allowed" in found.words


def test_what_is_not_known_is_not_told():
    bare = replace(empty_study(), question=Question("digits", study="s"), created="yesterday")
    assert math.isnan(spending(bare).share)
    assert spending(bare).words == "0 full trainings measured"
    assert math.isnan(last_decision(bare))
    assert last_decided(bare) == ""
    assert last_decided(replace(sample_study(), created="yesterday")) == ""
