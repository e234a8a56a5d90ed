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
from surefoot.lab.request_models import InspectRequest, RecipeRequest, SurfaceRequest
from surefoot.surfaces.optimizer_cards import cards

RECIPE = {"surface": "beale", "optimizers": [{"optimizer": "Adam"}]}


@pytest.fixture(scope="module")
def client() -> TestClient:
    """Without workers: what is refused here never comes to them."""
    return TestClient(create_app(LabOptions()), base_url="http://127.0.0.1", raise_server_exceptions=False)


def one(name: str = "Adam", **hyperparameters: Any) -> dict[str, Any]:
    return {"optimizers": [{"optimizer": name, "hyperparameters": hyperparameters}]}


REFUSED = [
    ({"steps": 10**9}, "steps: should be less than or equal to 2000, not 1000000000"),
    ({"steps": 0}, "steps: should be greater than or equal to 1"),
    ({"steps": 10.5}, "steps: should be a valid integer"),
    ({"steps": "10"}, "steps: should be a valid integer"),
    ({"steps": True}, "steps: should be a valid integer"),
    ({"surface": "x" * 401}, "surface: string should have at most 400 characters"),
    ({"surface": ""}, "surface: string should have at least 1 character"),
    ({"surface": 3}, "surface: should be a valid string"),
    ({"optimizers": []}, "optimizers: list should have at least 1 item"),
    ({"optimizers": RECIPE["optimizers"] * 13}, "optimizers: list should have at most 12 items"),
    ({"optimizers": [{"optimizer": "Adm"}]}, "optimizers[0].optimizer: unknown optimizer 'Adm'; did you"),
    ({"optimizers": [*RECIPE["optimizers"], {"optimizer": "x" * 41}]}, "optimizers[1].optimizer: string"),
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
    (one(lr=True), "optimizers[0].hyperparameters.lr: Adam takes a number for lr, not True"),
    (one(lr="fast"), "optimizers[0].hyperparameters.lr: Adam takes a number for lr, not 'fast'"),
    (one(lr=-1), "optimizers[0].hyperparameters.lr: Invalid learning rate: -1"),
    (one(lr={"a": 1}), "optimizers[0].hyperparameters.lr: it should be a number, true, false, a short word"),
    (one(learning_rate=1), "optimizers[0].hyperparameters.learning_rate: Adam has no setting 'learning_"),
    (one(beta=[0.9, 0.9]), "optimizers[0].hyperparameters.beta: Adam has no setting 'beta'; did you mean"),
    (one(fused=True), "optimizers[0].hyperparameters.fused: Adam has no setting 'fused'"),
    (one(betas=[0.9]), "optimizers[0].hyperparameters.betas: Adam takes 2 numbers for betas"),
    (one(betas=[0.9, None]), "optimizers[0].hyperparameters.betas: Adam takes 2 numbers for betas"),
    (one(betas=[1, 2, 3, 4]), "optimizers[0].hyperparameters.betas: it should be"),
    (one(amsgrad=1), "optimizers[0].hyperparameters.amsgrad: Adam takes true or false for amsgrad, not 1"),
    (one("LBFGS", max_iter=10**9), "optimizers[0].hyperparameters.max_iter: LBFGS takes a whole number"),
    (one("LBFGS", max_eval=10**9), "optimizers[0].hyperparameters.max_eval: LBFGS takes a whole number"),
    (one("LBFGS", history_size=1e3), "optimizers[0].hyperparameters.history_size: LBFGS takes a whole"),
    (one("LBFGS", line_search_fn="weak"), "optimizers[0].hyperparameters.line_search_fn: LBFGS takes None"),
    (one("Muon", ns_steps=100), "optimizers[0].hyperparameters.ns_steps: Muon takes a whole number from"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "line"), REFUSED, ids=[line[:50] for _, line in REFUSED])
def test_what_is_not_allowed_is_refused_in_one_line(client, change, line):
    answer = client.post("/api/animate", json=RECIPE | change)
    assert answer.status_code == 422
    assert list(answer.json()) == ["detail"]
    assert answer.json()["detail"].startswith(line)
    assert "\n" not in answer.json()["detail"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("place", ['"lr": %s', '"start": [1, %s]', '"noise": %s', '"x": [%s, 3]'])
def test_numbers_must_be_finite(client, number, place):
    body = json.dumps(RECIPE)[:-1] + ", " + place % number + "}"
    answer = client.post("/api/animate", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e301", "1" + "0" * 400])
def test_settings_must_be_finite(client, number):
    body = json.dumps(RECIPE | one(lr=0.125)).replace("0.125", number)
    answer = client.post("/api/animate", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "optimizers[0].hyperparameters.lr: it should be a finite number"


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
    answer = client.post("/api/animate", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert list(answer.json()) == ["detail"]
    assert len(answer.content) < 1000


def test_a_body_that_is_too_large_is_refused_by_its_length_and_while_it_is_read(client):
    large = json.dumps(RECIPE | {"surface": "x" * 70_000})
    assert (
        client.post("/api/animate", content=large, headers={"Content-Type": "application/json"}).status_code
        == 413
    )

    def pieces():
        for _ in range(1000):
            yield b" " * 1000

    answer = client.post("/api/animate", content=pieces(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert answer.json() == {"detail": "the body is larger than 64 KiB"}


def test_a_path_that_is_not_there_is_refused():
    with pytest.raises(ValidationError, match="there is no path 1; the last one is 0"):
        InspectRequest.model_validate({"recipe": RECIPE, "path": 1, "step": 0})


def test_the_name_of_an_optimizer_is_found_as_the_command_line_finds_it():
    assert (
        RecipeRequest.model_validate(RECIPE | one("random-search")).optimizers[0].optimizer == "RandomSearch"
    )


def test_every_optimizer_takes_its_own_defaults():
    for name, card in cards().items():
        defaults = json.loads(json.dumps({setting.name: setting.default for setting in card.hyperparameters}))
        body = RecipeRequest.model_validate(RECIPE | one(name, **defaults))
        assert body.optimizers[0].hyperparameters == defaults


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=8), part, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from([*RecipeRequest.model_fields, "other"]), JSON))
def test_whatever_is_sent_is_taken_or_refused(body):
    for model, sent in (
        (RecipeRequest, RECIPE | body),
        (SurfaceRequest, body),
        (InspectRequest, {"recipe": body}),
    ):
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
        RecipeRequest.model_validate(RECIPE | one(name, **wanted))
    except ValidationError as error:
        problems = error.errors()
    assert {problem["type"] for problem in problems} <= {"refused", "setting"}
