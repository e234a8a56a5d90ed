"""A forecast in an answer: beside whom, at which progress, and no surer than stored trainings were."""

from __future__ import annotations

import math

import pytest
from hypothesis import given

from surefoot.analysis.claim_words import forecast_in_words
from surefoot.report import answer_lines
from surefoot.search.answer.before_confirmation import RaceStanding
from surefoot.search.answer.forecasts import forecast_of, worth
from surefoot.search.forecast.reliability import RUNGS
from surefoot.study.answer import Level
from surefoot.study.claims import Forecast
from surefoot.study.records import RunRecord
from surefoot.study.run import Candidate, Phase, Point, Status
from tests.answers import small_answer
from tests.search.answer.test_before_confirmation import anything, candidates

ADAM, SGD, BASE, LION = candidates[0], candidates[1], candidates[2], candidates[3]


def run(candidate, *values):
    points = tuple(
        Point(progress, 1.0, value) for progress, value in zip((1 / 9, 1 / 3), values, strict=False)
    )
    return RunRecord(candidate, 0, Phase.SCREEN, Status.COMPLETED, points)


def forecast(runs, ranked, baseline=BASE):
    return forecast_of(RaceStanding.of(runs, ranked, baseline, 0))


THREE = [run(ADAM, 0.5, 0.3), run(SGD, 0.7, 0.5), run(BASE, 0.6)]


def test_the_baseline_is_compared_where_both_were_and_the_rank_is_of_the_furthest_rung():
    found = forecast(THREE, [ADAM, SGD])
    assert found is not None
    assert (found.who, found.against) == (ADAM, BASE)
    assert (found.progress, found.reached, found.looked_at) == (1 / 9, 1 / 3, 3)
    assert found.log
    assert found.seen == pytest.approx(math.log(0.6 / 0.5))
    assert found.low < found.estimate < found.high
    assert found.rank_kept == RUNGS[-1].kept
    assert 0 < found.p_best < 1


def test_a_recommended_baseline_is_compared_with_the_nearest_rival():
    found = forecast([run(BASE, 0.5, 0.2), run(ADAM, 0.6, 0.3), run(SGD, 0.6, 0.5)], [ADAM, SGD])
    assert found is not None
    assert (found.who, found.against) == (BASE, ADAM)


def test_values_that_are_not_all_positive_are_compared_as_they_are():
    found = forecast([run(ADAM, 0.5, -0.3), run(SGD, 0.7, 0.5), run(BASE, 0.6)], [ADAM, SGD])
    assert found is not None
    assert not found.log
    assert found.seen == pytest.approx(0.1)


def test_nothing_is_forecast_from_a_single_comparison_without_a_scale():
    assert forecast([run(ADAM, 0.3), run(BASE, 0.4)], [ADAM]) is None
    assert forecast([run(ADAM, 0.3)], [ADAM]) is None
    assert forecast([], []) is None


def test_words_tell_the_interval_and_what_the_rank_was_worth():
    found = Forecast(ADAM, BASE, 1 / 3, False, 0.1, 0.08, -0.02, 0.3, 0.9, 1 / 3, 0.46, 7, 0.43, 1.3)
    assert forecast_in_words(found, "AdamW, the baseline") == (
        "Trained to the end on this seed, it should come 0.080 ahead of AdamW, the baseline "
        "(90 % interval: 0.020 behind to 0.30 ahead)"
    )
    told = Forecast(ADAM, BASE, 1 / 3, False, -0.1, -0.2, -0.3, -0.1, 0.9, 1 / 3, 0.46, 7, 0.43, 0.9)
    assert forecast_in_words(told, "AdamW").endswith("0.20 behind AdamW (90 % interval: 0.10 to 0.30 behind)")
    shares = Forecast(ADAM, BASE, 1 / 3, True, 0.2, 0.1, -0.05, 2.0, 0.9, 1 / 3, 0.46, 7, 0.43, 0.9)
    assert forecast_in_words(shares, "AdamW") == (
        "Trained to the end on this seed, it should come 9.5 % lower than AdamW (90 % interval: 5.1 % higher "
        "to 86 % lower)"
    )
    assert worth(found) == [
        "Of 7 looked at, it ends as the best with probability 0.46: at 1/3 of the training the leader of "
        "stored trainings was the best in the end in 43 %.",
        "The best learning rate falls as training goes on: at 1/3 it was 1.3 times that of the whole "
        "training, the median of stored ones.",
    ]
    assert len(worth(told)) == 1, "no drift, no word of it"


def test_the_page_says_it_beside_how_sure():
    found = forecast(THREE, [ADAM, SGD])
    answer = small_answer(ADAM, level=Level.FORECAST, forecast=found, baseline=BASE)
    (name, text), *_ = answer_lines.notes(answer)
    assert name == "How sure"
    assert text.startswith(
        "Forecast from shorter trainings. Trained to the end on this seed, it should come "
    )
    assert "AdamW lr=0.001, the baseline (90 % interval:" in text


def test_an_interval_that_misses_its_estimate_is_refused():
    with pytest.raises(ValueError, match="not between"):
        Forecast(ADAM, BASE, 0.3, False, 0.1, 1.0, 0.0, 0.5, 0.9, 0.3, 0.5, 2, 0.4, 1.0)


@given(anything)
def test_whatever_was_measured_a_forecast_is_finite_and_promises_nothing(runs):
    found = forecast(runs, [Candidate("Adam", {"lr": 0.01})])
    if found is None:
        return
    assert all(map(math.isfinite, (found.low, found.estimate, found.high, found.p_best)))
    text = " ".join([forecast_in_words(found, "it"), *worth(found)])
    assert not any(claim in text for claim in ("beats", "better", "worse", "win", "nan", "inf"))
    assert found.progress <= found.reached
