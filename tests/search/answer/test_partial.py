"""What is told to whoever stops a study in the middle."""

from __future__ import annotations

import math
import random

import pytest

from surefoot.search.answer.before_confirmation import Reached
from surefoot.search.answer.partial import confirmation_so_far, screening_so_far
from surefoot.search.confirm.confirmation import Confirmation
from surefoot.search.race.screening import Screening
from surefoot.study.direction import Direction
from surefoot.study.run import Candidate

ADAM, SGD = Candidate("Adam", {"lr": 0.01}), Candidate("SGD", {"lr": 0.1})
BASELINE, FLOOR = Candidate("AdamW", {"lr": 0.001}), Candidate("RandomSearch", {"scale": 0.01})
AHEAD = Reached(Candidate("Adam", {"lr": 0.01}), 1 / 9, 0.5)


def told(following=None, band=math.nan):
    return screening_so_far(AHEAD, following, band, 34, 377, "validation loss")


def test_screening_is_never_told_as_a_result():
    words = told()
    assert words.startswith("So far")
    assert "not a result" in words
    assert "34 of 377" in words
    assert "Adam lr=0.01 is ahead, with 0.500 at 1/9 of the training (validation loss)" in words
    assert "No other optimizer" in words


@pytest.mark.parametrize(
    ("band", "hint"),
    [(0.2, "within the noise band of 0.20"), (0.05, "outside the noise band"), (math.nan, "not known yet")],
)
def test_the_next_optimizer_is_held_against_the_noise(band, hint):
    words = told(Reached(Candidate("SGD", {"lr": 0.1}), 1 / 9, 0.6), band)
    assert "SGD lr=0.1 is 0.10 behind" in words
    assert hint in words


def test_values_at_different_progress_are_not_compared():
    words = told(Reached(Candidate("SGD", {"lr": 0.1}), 1 / 27, 0.4), 0.2)
    assert "behind" not in words
    assert "do not compare" in words


def test_a_race_tells_who_is_ahead():
    screening = Screening([ADAM, SGD], 3.0, 0, lambda _: None)
    assert screening.so_far("loss") == ""
    while (request := screening.ask()) is not None:
        screening.tell(request, {"Adam": 0.5, "SGD": 0.7}[request.candidate.optimizer])
    assert "Adam lr=0.01 is ahead, with 0.500 at the end of the training (loss)" in screening.so_far("loss")
    assert "SGD lr=0.1 is 0.20 behind" in screening.so_far("loss")


def confirmation(runs, means, diverged=()):
    """A confirmation that was stopped after so many runs."""
    stopped = Confirmation(
        [ADAM, SGD], BASELINE, FLOOR, runs=200, first_seed=1, floor_seeds=1, margin=None,
        label=lambda c: c.optimizer, decide=lambda _: None,
    )  # fmt: skip
    for _ in range(runs):
        request = stopped.ask()
        name = request.candidate.optimizer
        noise = random.Random(f"{name} {request.seed}").gauss(0, 0.1)
        stopped.tell(request, math.nan if name in diverged else means.get(name, 9.0) + noise)
    return stopped


def words_of(stopped):
    return confirmation_so_far(stopped, "loss", lambda candidate: candidate.optimizer)


def test_before_two_seeds_of_each_nothing_is_said():
    assert words_of(confirmation(4, {})) is None


def test_a_confirmation_tells_the_leader_with_its_interval_and_probability():
    words = words_of(confirmation(9, {"Adam": 0.5, "SGD": 0.9, "AdamW": 2.0}))
    assert words.startswith("So far, after 2 to 3 fresh seeds of each: Adam leads")
    assert "probability" in words
    assert "Against AdamW, the baseline, its loss differs by −1." in words
    assert "95 % interval" in words


def test_a_leading_baseline_and_a_diverged_seed_are_told():
    assert "It is the baseline" in words_of(confirmation(9, {"AdamW": 0.0}))
    words = words_of(confirmation(9, {"Adam": 0.0}, diverged=("AdamW",)))
    assert "no interval" in words


@pytest.mark.parametrize(
    ("direction", "ahead", "next_one"), [(Direction.MINIMIZE, 0.2, 0.3), (Direction.MAXIMIZE, 0.9, 0.8)]
)
def test_behind_is_how_much_worse_whichever_way_is_better(direction, ahead, next_one):
    places = Reached(Candidate("Adam", {}), 1 / 9, ahead), Reached(Candidate("SGD", {}), 1 / 9, next_one)
    text = screening_so_far(*places, 0.05, 3, 9, "measure", direction)
    assert "SGD is 0.10 behind, outside the noise band of 0.050." in text
