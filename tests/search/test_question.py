"""The question: its name, its command, and what does not go together."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace

import pytest

from surefoot.search import ask
from surefoot.search.question import command_with
from surefoot.search.question.naming import study_name

OWN = "tests/scripts/own_script.py"
SCRIPT = (sys.executable, OWN, "--epochs", "3 or 4")


def test_the_goal_decides_the_schedule_and_is_part_of_the_name_and_the_command():
    best = ask("digits")
    fastest = ask("digits", goal="fastest", target=0.125)
    assert (best.schedule, fastest.schedule) == ("trunk", "constant")
    assert best.study != fastest.study
    assert "--goal" not in best.command
    assert "--goal fastest --target 0.125" in fastest.command
    assert "--schedule" not in best.command + fastest.command


@pytest.mark.parametrize("schedule", ["trunk", "cosine"])
def test_fastest_refuses_a_schedule_that_cools_down(schedule):
    with pytest.raises(ValueError, match="needs --schedule constant"):
        ask("digits", goal="fastest", schedule=schedule)


def test_a_target_is_for_fastest_only():
    with pytest.raises(ValueError, match="--goal fastest"):
        ask("digits", target=0.1)


def test_a_script_names_its_study_and_comes_last_in_the_command():
    asked = ask(script=SCRIPT, seed=3, measure="error", sets=["lr=1e-3..1e-1"])
    assert asked.study.startswith("own_script-")
    assert asked.task == shlex.join(SCRIPT)
    assert (asked.plan.kind, asked.plan.warmup, asked.plan.cooldown) == ("script", 0.0, 0.0)
    words = shlex.split(command_with(asked, "--store", "x.db"))
    at = words.index("--")
    assert tuple(words[at + 1 :]) == SCRIPT
    assert words[at - 2 : at] == ["--store", "x.db"]
    assert words[words.index("--measure") :][:2] == ["--measure", "error"]
    assert ask(script=SCRIPT[:2], seed=3).study != asked.study
    assert "--measure" not in ask(script=SCRIPT).command


def test_a_study_of_a_task_is_named_as_if_there_were_no_scripts():
    question = ask("digits")
    assert study_name(replace(question, measure="error")) == question.study
    assert study_name(replace(question, seed=1)) != question.study


def test_a_name_follows_from_what_is_asked_and_not_from_how_it_is_written():
    question = ask(script=SCRIPT)
    assert study_name(replace(question, study="mine", command="other words")) == question.study


def test_a_direction_is_part_of_the_question_where_somebody_says_it():
    usual = ask("digits")
    for maximize, option in ((True, "--maximize"), (False, "--no-maximize")):
        asked = ask("digits", maximize=maximize)
        assert asked.study != usual.study
        assert asked.maximize is maximize
        assert option in shlex.split(asked.command)
    assert "maximize" not in usual.command


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"task": "digits", "script": SCRIPT}, "not both"),
        ({}, "say what to train"),
        ({"task": "digits", "measure": "error"}, "--measure goes with a command"),
        ({"script": SCRIPT, "schedule": "cosine"}, "keeps its own schedule"),
        ({"script": SCRIPT, "sets": ["adam.warmup=0.1"]}, "keeps its own schedule"),
        ({"script": SCRIPT, "goal": "fastest"}, "--goal fastest goes with a task only"),
        ({"script": SCRIPT, "baseline": "lbfgs"}, "LBFGS evaluates the loss several times"),
        ({"script": ("train.py",)}, "no command 'train.py'; write -- python train.py"),
        ({"script": (sys.executable, OWN[:-4] + ".py")}, f"did you mean '{OWN}'"),
    ],
)
def test_what_does_not_go_with_a_script_or_without_is_refused(asked, words):
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        ask(**asked)


def test_candidates_for_a_script_have_no_warmup(tmp_path):
    file = tmp_path / "mine.json"
    file.write_text('[{"optimizer": "adam", "hyperparameters": {"lr": 0.1}, "warmup": 0.1}]')
    with pytest.raises(ValueError, match="keeps its own schedule"):
        ask(script=SCRIPT, candidates=str(file))
