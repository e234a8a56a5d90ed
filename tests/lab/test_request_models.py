"""What pages may send: every limit, refused in one line that says where and what would do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.testclient import TestClient

from surefoot.lab.app import create_app
from surefoot.lab.options import LabOptions
from surefoot.lab.request_models import InspectBody, RecipeBody, SurfaceBody
from surefoot.surfaces.optimizer_cards import cards

RECIPE = {"surface": "beale", "racers": [{"optimizer": "Adam"}]}


@pytest.fixture(scope="module")
def client() -> TestClient:
    """Without workers: what is refused here never comes to them."""
    return TestClient(create_app(LabOptions()), base_url="http://127.0.0.1", raise_server_exceptions=False)


def racer(name: str = "Adam", **hyperparameters: Any) -> dict[str, Any]:
    return {"racers": [{"optimizer": name, "hyperparameters": hyperparameters}]}


REFUSED = [
    ({"steps": 10**9}, "steps: should be less than or equal to 2000, not 1000000000"),
    ({"steps": 0}, "steps: should be greater than or equal to 1"),
    ({"steps": 10.5}, "steps: should be a valid integer"),
    ({"steps": "10"}, "steps: should be a valid integer"),
    ({"steps": True}, "steps: should be a valid integer"),
    ({"surface": "x" * 401}, "surface: string should have at most 400 characters"),
    ({"surface": ""}, "surface: string should have at least 1 character"),
    ({"surface": 3}, "surface: should be a valid string"),
    ({"racers": []}, "racers: list should have at least 1 item"),
    ({"racers": RECIPE["racers"] * 13}, "racers: list should have at most 12 items"),
    ({"racers": [{"optimizer": "Adm"}]}, "racers[0].optimizer: unknown optimizer 'Adm'; did you mean 'Adam"),
    ({"racers": [*RECIPE["racers"], {"optimizer": "x" * 41}]}, "racers[1].optimizer: string should have"),
    ({"tuning": "best"}, "tuning: should be 'default', 'same-lr' or 'tuned'"),
    ({"lr": 0}, "lr: should be greater than 0"),
    ({"lr": 1e7}, "lr: should be less than or equal to 1000000"),
    ({"start": [1.0]}, "start: list should have at least 2 items"),
    ({"start": [1.0, 1e7]}, "start[1]: should be less than or equal to 1000000"),
    ({"x": [1, 1]}, "x: the second number must be larger"),
    ({"y": [2, 1]}, "y: the second number must be larger"),
    ({"noise": -1}, "noise: should be greater than or equal to 0"),
    ({"seed": -1}, "seed: should be greater than or equal to 0"),
    ({"seed": 2**31}, "seed: should be less than 2147483648"),
    ({"sede": 1}, "sede: there is no such field; did you mean 'seed'?"),
    (racer(lr=True), "racers[0].hyperparameters.lr: Adam takes a number for lr, not True"),
    (racer(lr="fast"), "racers[0].hyperparameters.lr: Adam takes a number for lr, not 'fast'"),
    (racer(lr=-1), "racers[0].hyperparameters.lr: Invalid learning rate: -1"),
    (racer(lr={"a": 1}), "racers[0].hyperparameters.lr: it should be a number, true, false, a short word"),
    (racer(learning_rate=1), "racers[0].hyperparameters.learning_rate: Adam has no setting 'learning_rate'"),
    (racer(beta=[0.9, 0.9]), "racers[0].hyperparameters.beta: Adam has no setting 'beta'; did you mean"),
    (racer(fused=True), "racers[0].hyperparameters.fused: Adam has no setting 'fused'"),
    (racer(betas=[0.9]), "racers[0].hyperparameters.betas: Adam takes 2 numbers for betas"),
    (racer(betas=[0.9, None]), "racers[0].hyperparameters.betas: Adam takes 2 numbers for betas"),
    (racer(betas=[1, 2, 3, 4]), "racers[0].hyperparameters.betas: it should be"),
    (racer(amsgrad=1), "racers[0].hyperparameters.amsgrad: Adam takes true or false for amsgrad, not 1"),
    (racer("LBFGS", max_iter=10**9), "racers[0].hyperparameters.max_iter: LBFGS takes a whole number"),
    (racer("LBFGS", max_eval=10**9), "racers[0].hyperparameters.max_eval: LBFGS takes a whole number"),
    (racer("LBFGS", history_size=1e3), "racers[0].hyperparameters.history_size: LBFGS takes a whole number"),
    (racer("LBFGS", line_search_fn="weak"), "racers[0].hyperparameters.line_search_fn: LBFGS takes None or"),
    (racer("Muon", ns_steps=100), "racers[0].hyperparameters.ns_steps: Muon takes a whole number from 1 to"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "line"), REFUSED, ids=[line[:50] for _, line in REFUSED])
def test_what_is_not_allowed_is_refused_in_one_line(client, change, line):
    answer = client.post("/api/race", json=RECIPE | change)
    assert answer.status_code == 422
    assert list(answer.json()) == ["detail"]
    assert answer.json()["detail"].startswith(line)
    assert "\n" not in answer.json()["detail"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("place", ['"lr": %s', '"start": [1, %s]', '"noise": %s', '"x": [%s, 3]'])
def test_numbers_must_be_finite(client, number, place):
    body = json.dumps(RECIPE)[:-1] + ", " + place % number + "}"
    answer = client.post("/api/race", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e301", "1" + "0" * 400])
def test_settings_must_be_finite(client, number):
    body = json.dumps(RECIPE | racer(lr=0.125)).replace("0.125", number)
    answer = client.post("/api/race", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "racers[0].hyperparameters.lr: it should be a finite number"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"[" * 60_000, 400),
        (b'{"a":' * 12_000, 400),
        (b'{"surface": ' + b"9" * 60_000 + b"}", 400),
        (b"\xff\xfe", 400),
        (b"null", 422),
        (b"3", 422),
        (b'"text"', 422),
    ],
    ids=range(9),
)
def test_what_is_no_recipe_at_all_is_refused(client, body, status):
    answer = client.post("/api/race", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert list(answer.json()) == ["detail"]
    assert len(answer.content) < 1000


def test_a_body_that_is_too_large_is_refused_by_its_length_and_while_it_is_read(client):
    large = json.dumps(RECIPE | {"surface": "x" * 70_000})
    assert (
        client.post("/api/race", content=large, headers={"Content-Type": "application/json"}).status_code
        == 413
    )

    def pieces():
        for _ in range(1000):
            yield b" " * 1000

    answer = client.post("/api/race", content=pieces(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert answer.json() == {"detail": "the body is larger than 64 KiB"}


def test_a_racer_that_is_not_there_is_refused():
    with pytest.raises(ValidationError, match="there is no racer 1; the last one is 0"):
        InspectBody.model_validate({"recipe": RECIPE, "racer": 1, "step": 0})


def test_the_name_of_an_optimizer_is_found_as_the_command_line_finds_it():
    assert RecipeBody.model_validate(RECIPE | racer("random-search")).racers[0].optimizer == "RandomSearch"


def test_every_optimizer_takes_its_own_defaults():
    for name, card in cards().items():
        defaults = json.loads(json.dumps({setting.name: setting.default for setting in card.hyperparameters}))
        body = RecipeBody.model_validate(RECIPE | racer(name, **defaults))
        assert body.racers[0].hyperparameters == defaults


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=8), part, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from([*RecipeBody.model_fields, "other"]), JSON))
def test_whatever_is_sent_is_taken_or_refused(body):
    for model, sent in ((RecipeBody, RECIPE | body), (SurfaceBody, body), (InspectBody, {"recipe": body})):
        try:
            found = model.model_validate(sent)
        except ValidationError:
            continue
        json.dumps(found.model_dump(), allow_nan=False)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(cards())), st.data())
def test_whatever_is_set_is_taken_or_refused(name, data):
    known = st.sampled_from([setting.name for setting in cards()[name].hyperparameters])
    wanted = data.draw(st.dictionaries(known, JSON, max_size=4))
    problems = []
    try:
        RecipeBody.model_validate(RECIPE | racer(name, **wanted))
    except ValidationError as error:
        problems = error.errors()
    assert {problem["type"] for problem in problems} <= {"refused", "setting"}
