"""The digits study that said "beats every rival, P(best) 100 %" where it had dropped better candidates.

The values are those of `surefoot choose digits --runs 200` as it was reported: of the runs at full length the
two best were Adafactor's at lr 0.5 and 0.2; Adafactor at lr 0.05 stood for it in the play-off and fell there.
"""

from __future__ import annotations

import random

import pytest

from surefoot.search.answer.answer import Evidence, build_answer
from surefoot.search.confirm.confirmation import Confirmation
from surefoot.study.answer import Answer, Verdict
from surefoot.study.claims import Relation
from surefoot.study.decisions import PlayoffPlace
from surefoot.study.label import candidate_label
from surefoot.study.records import DecisionRecord, RunRecord
from surefoot.study.run import Candidate, Phase, Point, Schedule, Status
from tests.made_studies import BASELINE, FLOOR, PROFILE, QUESTION

LEADER = Candidate("AdaBelief", {"lr": 0.01, "weight_decay": 0.1}, Schedule(warmup=0.2))
FINALISTS = {
    LEADER.key: 0.0630,
    (ADAM := Candidate("Adam", {"lr": 0.01, "weight_decay": 5e-4})).key: 0.0690,
    (NADAM := Candidate("NAdam", {"lr": 0.01, "weight_decay": 5e-4})).key: 0.0710,
    (ADADELTA := Candidate("Adadelta", {"lr": 5.0, "weight_decay": 5e-4})).key: 0.0720,
    BASELINE.key: 0.1540,
}
ADAFACTOR = {0.1: 0.0632, 0.2: 0.0564, 0.5: 0.0488, 0.05: 0.0751, 1.0: 0.0864}
DEVIATION = 0.0045


def adafactor(rate: float) -> Candidate:
    return Candidate("Adafactor", {"lr": rate, "weight_decay": 0.01})


def ended(candidate: Candidate, seed: int, phase: Phase, value: float) -> RunRecord:
    return RunRecord(candidate, seed, phase, Status.COMPLETED, (Point(1.0, 1.0, value),), "", 1e-3, 79_000)


def digits(runs: int, seed: int = 0) -> Answer:
    """The study's answer after a confirmation of so many runs."""
    draw = random.Random(seed)
    records = [ended(adafactor(rate), 0, Phase.SCREEN, value) for rate, value in ADAFACTOR.items()]
    records += [ended(LEADER, 0, Phase.SCREEN, 0.0571)]
    stood = adafactor(0.05)
    place = PlayoffPlace("", stood, 10, False, 0.0751, 2, 0.012, LEADER)
    confirmation = Confirmation(
        [LEADER, ADAM, NADAM, ADADELTA], BASELINE, FLOOR, runs=runs, first_seed=500_000, floor_seeds=0,
        margin=None, label=candidate_label, decide=lambda _: None,
    )  # fmt: skip
    while (request := confirmation.ask()) is not None:
        value = draw.gauss(FINALISTS[request.candidate.key], DEVIATION)
        confirmation.tell(request, value)
        records.append(ended(request.candidate, request.seed, request.phase, value))
    return build_answer(
        Evidence(QUESTION, PROFILE, records, [DecisionRecord(0, 0.0, place)], 56.0), confirmation
    )


@pytest.fixture(scope="module")
def answer() -> Answer:
    return digits(150)


def test_the_best_value_that_was_dropped_is_named_with_its_reason(answer: Answer) -> None:
    assert answer.unconfirmed is not None
    assert answer.unconfirmed.candidate == adafactor(0.5)
    assert (
        "Adafactor lr=0.5 weight_decay=0.01 had 0.0488 on one seed at full length and was not confirmed: "
        "Adafactor lr=0.05 weight_decay=0.01 stood for Adafactor, and fell in the play-off."
    ) in answer.sentence


def test_p_best_counts_it(answer: Answer) -> None:
    assert answer.recommendation.candidate == LEADER
    assert answer.p_best_confirmed is not None
    assert answer.p_best_confirmed > 0.9
    assert answer.p_best is not None
    assert answer.p_best < 0.9
    assert answer.contenders == 10
    assert answer.expected_regret is not None
    assert answer.expected_regret > 1e-4


def test_a_win_is_over_those_who_were_measured_and_names_them() -> None:
    won = [found for found in (digits(300, seed) for seed in range(4)) if found.verdict is Verdict.WIN]
    assert won
    for found in won:
        assert "it is better than each of these 4 finalists: " in found.sentence
        assert "Adafactor" not in found.sentence.partition(". ")[0]
        assert "every rival" not in found.sentence


def test_two_seeds_of_each_say_no_more_than_they_know() -> None:
    """T2: far better than the baseline, the finalists level, and no sentence that denies the other."""
    for seed in range(20):
        found = digits(10, seed)
        base = next(c for c in found.claims if c.against.key == BASELINE.key)
        assert base.relation in (Relation.BETTER, Relation.AHEAD)
        head = found.sentence.partition(". ")[0]
        open_part = head.partition("could not tell it from ")[2].partition(";")[0]
        assert "AdamW" not in open_part
        assert "AdamW lr=0.001 (the baseline)" in head.partition("better than ")[2]
        assert "% lower (95 % interval" in found.sentence
