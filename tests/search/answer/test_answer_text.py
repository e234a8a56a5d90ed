"""What an answer says, read as text, over thousands of made-up studies: nothing contradicts anything."""

from __future__ import annotations

import math
import re
import shlex

import pytest
from hypothesis import HealthCheck, given, settings

from surefoot.search import ask
from surefoot.search.space import candidates as space
from surefoot.study.answer import Answer, Verdict
from surefoot.study.claims import ABOVE, Claim, Relation
from surefoot.study.format import share
from surefoot.study.label import candidate_label
from tests.made_studies import Made, answer_of, made

OFTEN = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
NUMBER = r"(−?[\d.]+(?:e-?\d+)?)"


def number_of(text: str) -> float:
    return float(text.replace("−", "-"))


def intervals(text: str) -> list[tuple[float, float]]:
    """Every interval that a text tells as two numbers."""
    return [
        (number_of(low), number_of(high)) for low, high in re.findall(rf"interval {NUMBER} to {NUMBER}", text)
    ]


def check_words(answer: Answer) -> None:
    told = " ".join([answer.sentence, *answer.why])
    for never in ("every rival", "nan", "inf ", "0.0 decades", "None"):
        assert never not in told, told
    assert candidate_label(answer.recommendation.candidate) in answer.sentence


def check_reasons(answer: Answer) -> None:
    for reason in answer.why:
        for low, high in intervals(reason):
            assert low <= high
            if reason.startswith("Not told apart"):
                assert low <= 0 <= high, reason
            elif reason.startswith("Probably worse") or " lost: " in reason:
                assert low >= 0, reason
        assert all(int(count) < 10_000 for count in re.findall(r"About (\d+) more", reason))


def check_scope(answer: Answer) -> None:
    """Who is called better than whom was tested, and is named."""
    others = [c for c in answer.claims if c.relation is not None]
    if answer.verdict == Verdict.WIN:
        assert any(c.relation is Relation.BETTER for c in others)
        assert {c.relation for c in others} <= {Relation.BETTER, Relation.DIVERGED}
        for claim in others:
            assert candidate_label(claim.against) in answer.sentence
    if "could not tell it from" in answer.sentence:
        part = answer.sentence.split("could not tell it from ")[1].split("; it is ")[0].split(". ")[0]
        for claim in others:
            if claim.relation in ABOVE:
                assert f"{candidate_label(claim.against)}," not in part + ","


def check_window(answer: Answer) -> None:
    window = answer.lr_windows.get(answer.recommendation.optimizer)
    rate = answer.recommendation.hyperparameters["lr"]
    if window:
        assert window.low * 0.99 <= rate <= window.high * 1.01
    assert all(window.decades >= 0.05 for window in answer.lr_windows.values())


def check_numbers(answer: Answer) -> None:
    assert 0 <= answer.p_best <= 1
    values = [v for c in answer.candidates for v in c.values if v is not None]
    positive = min(values, default=1) > 0
    for candidate in answer.candidates:
        if positive and candidate.low is not None and math.isfinite(candidate.low):
            assert candidate.low >= 0
    for claim in answer.claims:
        if claim.relation is Relation.EQUAL:
            assert (claim.estimate, claim.low, claim.high) == (0, 0, 0)
        elif math.isfinite(claim.estimate):
            assert claim.low <= claim.estimate <= claim.high


def check_unconfirmed(answer: Answer) -> None:
    left = answer.unconfirmed
    if left is None:
        return
    assert f"{candidate_label(left.candidate)} had " in answer.sentence
    assert "was not confirmed: " in answer.sentence
    best = candidate_label(answer.recommendation.candidate)
    mean = next((c.mean for c in answer.candidates if (c.label, c.phase) == (best, "confirm")), None)
    if left.progress >= 1 and mean is not None and left.value < mean:
        assert share(answer.p_best) != "100 %", (left.value, mean)


@given(made)
@OFTEN
def test_no_answer_contradicts_itself(drawn: Made) -> None:
    answer = answer_of(drawn)
    check_words(answer)
    check_reasons(answer)
    check_scope(answer)
    check_window(answer)
    check_numbers(answer)
    check_unconfirmed(answer)


def test_the_command_that_measures_the_best_unconfirmed_value_is_one_that_is_understood() -> None:
    drawn = Made(3, (0.0, 1.0, 1.0, 3.0, 9.0), 0.05, 0.06, 0.0, None, 0.0, 33, 12, 0.2, 3, None)
    left = answer_of(drawn).unconfirmed
    words = shlex.split(left.command)
    sets = [words[place + 1] for place, word in enumerate(words) if word == "--set"]
    names = words[words.index("--optimizers") + 1].split(",")
    question = ask(task="digits", optimizers=names, sets=sets, runs=20)
    assert left.candidate.optimizer in space.asked_for(question)
    assert f"{left.candidate.optimizer.lower()}.lr={left.candidate.hyperparameters['lr']}" in sets
    assert f"{left.candidate.optimizer.lower()}.warmup=0.2" in sets


def test_a_constant_measure_is_named_and_nobody_is_sent_for_more_trainings() -> None:
    answer = answer_of(Made(3, (0.0,) * 5, 0.0, 0.5, 0.0, None, 0.0, 30, 9, 0.05, 2, None))
    assert answer.verdict == Verdict.TIE
    assert answer.trainings_needed is None
    assert "does not depend on what was trained" in answer.why[0]
    assert {claim.relation for claim in answer.claims} == {Relation.EQUAL}
    assert all((claim.estimate, claim.low, claim.high) == (0, 0, 0) for claim in answer.claims)
    assert "is the same as that of" in answer.sentence or "It is the baseline itself" in answer.sentence


@pytest.mark.parametrize("relation", [Relation.BETTER, Relation.AHEAD])
def test_no_claim_can_be_made_against_its_own_interval(relation: Relation) -> None:
    answer = answer_of(Made(1, (0.0,) * 5, 0.01, 0.5, 0.0, None, 0.0, 30, 9, 0.05, 2, None))
    one, other = answer.recommendation.candidate, answer.baseline
    with pytest.raises(ValueError, match="needs an interval above 0"):
        Claim(one, other, relation, 0.1, -0.1, 0.3, 0.95, 4)
