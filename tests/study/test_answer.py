"""An answer's document: nothing is lost on the way, and what is not an answer is refused by the field."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given

from surefoot.study.answer import VERSION, Answer, Effect, Verdict
from surefoot.study.codec import DocumentError
from surefoot.study.strict_json import without_nan
from tests.answers import answers, small_answer
from tests.report.sample_study import sample_study


def same(one: Answer, other: Answer) -> bool:
    """Equality in which nan equals nan."""
    return repr(one) == repr(other)


@given(answer=answers)
def test_every_answer_comes_back_from_its_document(answer):
    document = json.loads(json.dumps(answer.to_document()))
    assert same(Answer.from_document(document), answer)


def test_an_answer_of_a_whole_study_comes_back_from_strict_json():
    answer = sample_study().answer
    document = json.loads(json.dumps(without_nan(answer.to_document()), allow_nan=False))
    assert document["version"] == VERSION
    assert without_nan(Answer.from_document(document).to_document()) == document


def test_nan_is_none_in_strict_json_and_nan_again_where_there_must_be_a_number():
    answer = small_answer(effect=Effect(math.nan, -math.inf, math.inf, 0.95), p_best=math.nan)
    document = without_nan(answer.to_document())
    assert document["effect"] == {"estimate": None, "low": None, "high": None, "level": 0.95, "ratio": None}
    read = Answer.from_document(document)
    assert math.isnan(read.effect.estimate)
    assert read.p_best is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"version": VERSION + 1}, "update it"),
        ({"verdict": "won"}, "Answer.verdict must be one of win, tie, budget, trained, diverged, not 'won'"),
        ({"sentence": None}, "Answer.sentence must be text"),
        ({"runs": "many"}, "Answer.runs must be a number"),
        ({"runs": True}, "Answer.runs must be a number"),
        ({"goal": "worst"}, "Answer.goal must be one of"),
        ({"why": "because"}, "Answer.why must be a list"),
        ({"lr_windows": []}, "Answer.lr_windows must be an object"),
        ({"recommendation": {"optimizer": "Adam"}}, "Answer.recommendation has no hyperparameters"),
        ({"pairing": {"used": 1, "correlation": 0}}, "Answer.pairing.used must be true or false"),
        ({"candidates": [3]}, r"Answer.candidates\[0\] must be an object"),
    ],
)
def test_what_is_not_an_answer_is_refused_by_its_field(wrong, message):
    with pytest.raises(DocumentError, match=message):
        Answer.from_document(small_answer().to_document() | wrong)


def test_a_key_of_a_later_surefoot_is_left_out_and_a_field_that_is_missing_has_its_default():
    document = small_answer().to_document() | {"colour": "blue"}
    del document["why"]
    assert Answer.from_document(document) == small_answer()


def test_a_full_training_compares_nothing():
    trained = replace(small_answer(), verdict=Verdict.TRAINED)
    assert not trained.comparative
    assert small_answer().comparative
