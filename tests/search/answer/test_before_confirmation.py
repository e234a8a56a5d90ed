"""What is said where nothing was confirmed: never more than was seen."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.search.answer.before_confirmation import RaceStanding, reasons, sentence
from surefoot.study.answer import Level
from surefoot.study.records import RunRecord
from surefoot.study.run import Candidate, Phase, Point, Status

ADAM, SGD = Candidate("Adam", {"lr": 0.01}), Candidate("SGD", {"lr": 0.1})
BASE = Candidate("AdamW", {"lr": 0.001})


def run(candidate, progress, value, status=Status.COMPLETED, seed=0):
    points = (Point(progress, 1.0, value),) if progress else ()
    return RunRecord(candidate, seed, Phase.SCREEN, status, points)


def said(runs, ranked):
    standing = RaceStanding.of(runs, ranked, BASE, 0)
    return standing.level, sentence(standing, BASE, "loss"), reasons(standing)


def test_one_full_training_each_is_measured():
    level, words, why = said([run(ADAM, 1, 0.3), run(SGD, 1, 0.5), run(BASE, 1, 0.4)], [ADAM, SGD])
    assert level is Level.MEASURED
    assert words == (
        "Use Adam lr=0.01, by one seed: its loss after a full training is 0.300; AdamW lr=0.001, the "
        "baseline, came to 0.400."
    )
    assert why[0].startswith("Trained to the end as well, on the same seed: SGD lr=0.1: 0.500; AdamW")


def test_a_baseline_that_came_lower_is_recommended():
    level, words, _ = said([run(ADAM, 1, 0.3), run(BASE, 1, 0.2)], [ADAM])
    assert level is Level.MEASURED
    assert words.startswith("Use AdamW lr=0.001, by one seed")
    assert words.endswith("and it is the baseline.")


def test_shorter_trainings_are_a_forecast():
    level, words, why = said([run(ADAM, 1 / 9, 0.3), run(SGD, 1 / 9, 0.5)], [ADAM, SGD])
    assert level is Level.FORECAST
    assert words == (
        "A forecast: use Adam lr=0.01. It looked best of 2 at 1/9 of the training, on one seed (loss 0.300); "
        "nobody was trained to the end."
    )
    assert any("need not lead later" in reason for reason in why)


def test_a_baseline_at_the_end_is_not_compared_with_a_shorter_training():
    level, words, _ = said([run(ADAM, 1 / 3, 0.5), run(BASE, 1, 0.4)], [ADAM])
    assert level is Level.FORECAST
    assert "It alone was measured at 1/3" in words
    assert words.endswith("only AdamW lr=0.001, the baseline, was trained to the end (0.400).")


@pytest.mark.parametrize("runs", [[], [run(ADAM, 0, 0)], [run(ADAM, 1, math.nan, Status.DIVERGED)]])
def test_nothing_measured_is_a_prior(runs):
    level, words, _ = said(runs, [])
    assert level is Level.PRIOR
    assert words == "Use AdamW lr=0.001, as other tasks suggest: of this one nothing was measured."


candidates = [ADAM, SGD, BASE, Candidate("Lion", {"lr": 0.001})]
anything = st.lists(
    st.builds(
        run,
        st.sampled_from(candidates),
        st.sampled_from([0, 1 / 27, 1 / 9, 1 / 3, 1]),
        st.floats(-1e300, 1e300) | st.just(math.nan),
        st.sampled_from(Status),
        st.integers(0, 1),
    ),
    max_size=8,
    unique_by=lambda made: (made.candidate.key, made.seed),
)


@given(anything, st.permutations(candidates))
def test_whatever_was_measured_no_more_is_claimed(runs, ranked):
    level, words, why = said(runs, ranked)
    text = " ".join([words, *why])
    assert not any(claim in text for claim in ("beats", "better", "worse", "win", "lost", "nan"))
    full = [r for r in runs if r.seed == 0 and not r.lost and r.points and r.points[-1].progress == 1]
    if level is Level.MEASURED:
        assert any(math.isfinite(r.points[-1].value) for r in full)
    elif level is Level.FORECAST:
        assert "forecast" in words
        assert "by one seed:" not in words
