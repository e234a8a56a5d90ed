import math
from dataclasses import replace

import pytest

from surefoot.analysis.tables import (
    history,
    optimizers,
    rate_curves,
    results,
)
from surefoot.study.label import candidate_label
from surefoot.study.run import Phase, Schedule, Status
from tests.report.sample_study import HOSTILE, MADE, RUNGS, empty_study, sample_study


def test_results_are_confirmed_candidates_best_first_and_the_floor_last(study):
    found = results(study.answer)
    assert [row.phase for row in found] == ["confirm"] * 4 + ["floor"]
    means = [row.mean for row in found[:-1]]
    assert means == sorted(means)
    assert {row.optimizer: row.role for row in found} == {
        "Adam": "recommended", "SGD": "", "Adamax": "", "AdamW": "baseline", "RandomSearch": Phase.FLOOR,
    }  # fmt: skip


def test_no_screening_entry_is_a_result(study):
    screened = tuple(entry for entry in study.answer.candidates if entry.phase == Phase.SCREEN)
    assert screened
    assert results(replace(study.answer, candidates=screened)) == ()


def test_a_diverged_seed_counts_as_a_seed_but_not_in_the_mean(study):
    sgd = next(row for row in results(study.answer) if row.optimizer == "SGD")
    assert (sgd.seeds, sgd.diverged, len(sgd.values)) == (6, 1, 5)
    assert math.isfinite(sgd.mean)


def test_recommending_the_baseline_gives_both_roles(study):
    answer = replace(study.answer, baseline=study.answer.recommendation.candidate)
    assert "recommended, baseline" in {row.role for row in results(answer)}


def test_hyperparameters_match_through_json(study):
    listed = replace(study.answer.recommendation, hyperparameters={"betas": [0.9, 0.99], "lr": 0.003})
    assert any(row.recommended for row in results(replace(study.answer, recommendation=listed)))


def test_every_learning_rate_curve_has_a_line_for_each_rung_it_reached(study):
    assert history(study).progresses == pytest.approx(RUNGS)
    curves = {curve.optimizer: curve for curve in rate_curves(study)}
    assert curves.keys() == MADE.keys()
    adam = curves["Adam"]
    assert [line.progress for line in adam.lines] == pytest.approx(RUNGS)
    assert adam.diverged == (0.1,)
    assert len(adam.lines[0].points) == 2 * len(adam.lines[0].best)
    for line in adam.lines:
        for rate, best in line.best:
            assert best == min(value for other, value in line.points if other == rate)
    assert adam.window.low == pytest.approx(0.001)
    assert adam.window.progress == pytest.approx(RUNGS[0])


def test_runs_of_the_play_off_are_in_no_learning_rate_curve(study):
    run = next(run for run in study.runs if run.phase == Phase.SCREEN and run.status == Status.COMPLETED)
    more = replace(study, runs=(*study.runs, replace(run, seed=run.seed + 1)))
    assert rate_curves(more) == rate_curves(study)


def test_candidates_that_differ_in_their_schedule_only_are_two(study):
    run = next(run for run in study.runs if run.phase == Phase.SCREEN)
    longer = replace(run.candidate, schedule=Schedule(warmup=0.2))
    assert longer.key != run.candidate.key
    assert candidate_label(longer) == f"{candidate_label(run.candidate)} warmup=0.2"


def test_a_result_has_its_interval_if_the_answer_gives_one(study):
    found = {row.optimizer: row.interval for row in results(study.answer)}
    assert found["Adam"] == (0.08, 0.1)
    assert found["SGD"] is None
    assert found["RandomSearch"] is None


def test_confirmed_optimizers_come_first_and_the_floor_is_none(study):
    assert optimizers(study) == ("Adam", "AdamW", "Adamax", "SGD", HOSTILE, "Adagrad", "RMSprop", "Rprop")


def test_studies_without_an_answer_or_a_good_run():
    assert results(sample_study(finished=False).answer) == ()
    assert all(curve.window is None for curve in rate_curves(sample_study(finished=False)))
    assert rate_curves(empty_study()) == ()
    assert history(empty_study()).progresses == ()
