import math
from dataclasses import replace

import pytest
from sample_study import HOSTILE, MADE, RUNGS, empty_study, sample_study

from surefoot.show.reading import common_rung, optimizers, rate_curves, results, rungs


def test_results_are_confirmed_candidates_best_first_and_the_floor_last(study):
    found = results(study.answer)
    assert [row.phase for row in found] == ["confirm"] * 4 + ["floor"]
    means = [row.mean for row in found[:-1]]
    assert means == sorted(means)
    assert {row.optimizer: row.role for row in found} == {
        "Adam": "recommended", "SGD": "", "Adamax": "", "AdamW": "baseline", "RandomSearch": "floor",
    }  # fmt: skip


def test_no_screening_entry_is_a_result(study):
    screened = [entry for entry in study.answer["candidates"] if entry["phase"] == "screen"]
    assert screened
    assert results(study.answer | {"candidates": screened}) == ()


def test_a_diverged_seed_counts_as_a_seed_but_not_in_the_mean(study):
    sgd = next(row for row in results(study.answer) if row.optimizer == "SGD")
    assert (sgd.seeds, sgd.diverged, len(sgd.values)) == (6, 1, 5)
    assert math.isfinite(sgd.mean)


def test_recommending_the_baseline_gives_both_roles(study):
    answer = study.answer | {"recommendation": study.answer["baseline"]}
    assert "recommended, baseline" in {row.role for row in results(answer)}


def test_hyperparameters_match_through_json(study):
    recommendation = study.answer["recommendation"] | {
        "hyperparameters": {"lr": 0.003, "betas": [0.9, 0.99]},
    }
    assert any(row.recommended for row in results(study.answer | {"recommendation": recommendation}))


def test_learning_rate_curves_compare_at_the_first_rung(study):
    assert common_rung(study) == pytest.approx(RUNGS[0])
    curves = {curve.optimizer: curve for curve in rate_curves(study)}
    assert curves.keys() == MADE.keys()
    assert curves["Adam"].diverged == (0.1,)
    assert len(curves["Adam"].points) == 2 * len(curves["Adam"].best)
    for rate, best in curves["Adam"].best:
        assert best == min(value for other, value in curves["Adam"].points if other == rate)
    assert curves["Adam"].window.low == pytest.approx(0.001)


def test_rungs_hold_every_decision_with_its_band(study):
    found = rungs(study)
    assert [rung.progress for rung in found] == pytest.approx(RUNGS)
    for rung in found:
        assert 0 < rung.survivors < len(rung.verdicts)
        assert all(verdict.survived == (verdict.value <= rung.band) for verdict in rung.verdicts)


def test_a_band_may_be_a_number(study):
    eliminated = next(d for d in study.decisions if d.kind == "eliminated")
    plain = replace(eliminated, details=dict(eliminated.details) | {"band": 0.5})
    assert rungs(replace(study, decisions=(plain,)))[0].band == 0.5


def test_confirmed_optimizers_come_first_and_the_floor_is_none(study):
    assert optimizers(study) == ("Adam", "AdamW", "Adamax", "SGD", HOSTILE, "Adagrad", "RMSprop", "Rprop")


def test_studies_without_an_answer_or_a_good_run():
    assert results(sample_study(finished=False).answer) == ()
    assert all(curve.window is None for curve in rate_curves(sample_study(finished=False)))
    assert rate_curves(empty_study()) == ()
    assert common_rung(empty_study()) is None
