"""Candidates from a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from surefoot.search import ask
from surefoot.search.space import candidates as space
from surefoot.search.space.user_candidates import read_candidates
from surefoot.study.run import Candidate, Schedule

OWN = f"{Path(__file__).parent.parent / 'own_optimizer.py'}:Signs"


def read(folder, entries, kind="trunk"):
    file = folder / "mine.json"
    file.write_text(json.dumps(entries))
    return read_candidates(str(file), Schedule(kind))


def test_what_an_entry_does_not_say_is_as_the_constructor_has_it(tmp_path):
    adam, own = read(
        tmp_path,
        [
            {"optimizer": "adamw", "hyperparameters": {"lr": 0.01, "betas": [0.9, 0.95]}, "warmup": 0.1},
            {"optimizer": OWN, "hyperparameters": {"weight_decay": 0.1, "weight_decay_on": "matrices"}},
        ],
        "cosine",
    )
    settings = {"lr": 0.01, "betas": (0.9, 0.95), "weight_decay": 0.01}
    assert adam == Candidate("AdamW", settings, Schedule("cosine", warmup=0.1))
    assert own.hyperparameters == {"lr": 0.003, "weight_decay": 0.1, "weight_decay_on": "matrices"}


def test_the_recommendation_of_an_answer_is_an_entry(tmp_path):
    schedule = {"kind": "trunk", "warmup": 0.2, "cooldown": 0.2}
    (found,) = read(tmp_path, [{"optimizer": "SGD", "hyperparameters": {"lr": 1}, "schedule": schedule}] * 2)
    assert found.schedule == Schedule(warmup=0.2)
    assert found in [*space.candidates(["SGD"], Schedule()), found]


def test_toml_has_tables(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('[[candidates]]\noptimizer = "sgd"\nwarmup = 0.0\nhyperparameters = {lr = 0.3}\n')
    (found,) = read_candidates(str(file), Schedule())
    assert found == Candidate("SGD", {"lr": 0.3, "momentum": 0, "weight_decay": 0}, Schedule(warmup=0.0))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"optimizer": "adamm"}, "did you mean 'Adam'"),
        ({"optimizer": "adam", "hyper": {}}, "unknown 'hyper'"),
        ({"optimizer": "adam", "hyperparameters": [1]}, "names with values"),
        ({"optimizer": "adam", "hyperparameters": {"lrr": 1}}, "did you mean 'lr'"),
        ({"optimizer": "adam", "hyperparameters": {"betas": 0.9}}, "takes 2 numbers"),
        ({"optimizer": "adam", "hyperparameters": {"betas": [0.9, 1.5]}}, "index 1: 1.5"),
        ({"optimizer": "sgd", "hyperparameters": {"nesterov": True}}, "Nesterov momentum requires"),
        ({"optimizer": "adam", "schedule": {"kind": "cosine"}}, "kind is the study's, 'trunk'"),
        ({"optimizer": "adam", "warmup": 1.5}, "below 1"),
        ({"optimizer": OWN, "hyperparameters": {"lr": -1}}, "must be above 0"),
        ({"optimizer": OWN.replace("Signs", "Demanding")}, "'rho' has no default"),
        ("adam", "expected"),
    ],
)
def test_what_is_not_valid_is_refused_with_file_and_number(tmp_path, entry, message):
    with pytest.raises(ValueError, match=message) as refused:
        read(tmp_path, [{"optimizer": "sgd"}, entry])
    assert "mine.json, candidate 2: " in str(refused.value)


@pytest.mark.parametrize("text", ["", "[", "{}", "[]", "3"])
def test_a_file_of_something_else_is_refused(tmp_path, text):
    file = tmp_path / "mine.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"mine\.json: "):
        read_candidates(str(file), Schedule())


def test_a_file_that_changed_asks_another_question(tmp_path):
    file = tmp_path / "mine.json"
    file.write_text('[{"optimizer": "sgd"}]')
    one = ask("digits", candidates=str(file))
    assert one == ask("digits", candidates=str(file))
    assert one.study != ask("digits").study
    assert f"--candidates {file}" in one.command
    file.write_text('[{"optimizer": "adam"}]')
    assert ask("digits", candidates=str(file)).study != one.study
