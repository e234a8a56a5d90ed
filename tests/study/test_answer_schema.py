"""`docs/answer.schema.json` is what `--json` promises: it fits real answers, and describes every field."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import jsonschema
import pytest

from surefoot.study.answer import VERSION, Answer, CandidateResult, Effect, LrWindow, Pairing, Recommendation
from surefoot.study.claims import Forecast, Outlying
from surefoot.study.run import Candidate, Point, Schedule
from surefoot.study.strict_json import without_nan
from tests.answers import small_answer
from tests.report.sample_study import sample_study

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "answer.schema.json").read_text(encoding="utf8"))
DEFINED, PROPERTIES = SCHEMA["$defs"], SCHEMA["properties"]
DESCRIBED = [
    (CandidateResult, DEFINED["candidate_result"]),
    (Candidate, DEFINED["candidate"]),
    (Schedule, DEFINED["schedule"]),
    (LrWindow, DEFINED["lr_window"]),
    (Recommendation, PROPERTIES["recommendation"]),
    (Effect, PROPERTIES["effect"]),
    (Pairing, PROPERTIES["pairing"]),
    (Point, PROPERTIES["best"]),
    (Forecast, PROPERTIES["forecast"]),
    (Outlying, PROPERTIES["outlying"]["items"]),
]


def check(answer: Answer) -> None:
    document = json.loads(json.dumps(without_nan(answer.to_document()), allow_nan=False))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)


def test_the_schema_is_one_and_of_this_version():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert PROPERTIES["version"]["const"] == VERSION
    assert SCHEMA["$id"].endswith(f":{VERSION}")


@pytest.mark.parametrize(("kind", "schema"), DESCRIBED, ids=[kind.__name__ for kind, _ in DESCRIBED])
def test_every_field_is_described_and_promised(kind, schema):
    names = {field.name for field in fields(kind)}
    assert names == schema["properties"].keys() == set(schema["required"])
    assert all("description" in entry or "$ref" in entry for entry in schema["properties"].values())


def test_every_field_of_an_answer_is_described_and_promised():
    names = {"version", *(field.name for field in fields(Answer))}
    assert names == PROPERTIES.keys() == set(SCHEMA["required"])
    assert all("description" in entry for entry in PROPERTIES.values())


def test_answers_fit():
    check(sample_study().answer)
    check(small_answer())


def test_what_is_not_an_answer_does_not_fit():
    document = without_nan(small_answer().to_document())
    for wrong in ({"verdict": "won"}, {"version": VERSION + 1}, {"candidates": [{}]}, {"runs": "many"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(SCHEMA).validate(document | wrong)
