"""What is raced, and what is not."""

from __future__ import annotations

import pytest

from surefoot import optim
from surefoot.choose import space
from surefoot.choose.question import Question
from surefoot.training.run import Schedule


def test_all_but_the_floor_are_raced_by_default():
    assert set(space.choose_from(None)) == set(optim.OPTIMIZERS) - {"RandomSearch"}
    assert space.choose_from(["adam", "SGD", "Adam"]) == ["Adam", "SGD"]
    with pytest.raises(ValueError, match="did you mean 'AdamW'"):
        space.choose_from(["adamw2"])


@pytest.mark.parametrize("name", space.choose_from(None))
def test_every_candidate_of_the_grid_can_be_built(name):
    import torch

    grid = space.candidates([name], Schedule())
    centre, decades = space.priors([name])[name.lower()]
    rates = sorted({c.hyperparameters["lr"] for c in grid})
    assert rates[0] <= centre / 10 ** (2 * decades)
    assert rates[-1] >= centre * 10 ** (2 * decades)
    assert len({c.key for c in grid}) == len(grid)
    for candidate in (*grid, space.baseline(name, Schedule())):
        optim.OPTIMIZERS[name]([torch.zeros(1, 1)], **candidate.hyperparameters)


def test_what_cannot_work_is_ruled_out_with_its_reason():
    names = space.choose_from(None)

    def reasons(sparse, not_matrices):
        return {r.optimizer: r.reason for r in space.rule_out(names, sparse, not_matrices)}

    assert reasons([], []).keys() == {"SparseAdam"}
    assert reasons([], ["0.bias"]).keys() == {"Muon", "SparseAdam"}
    assert "0.bias" in reasons([], ["0.bias"])["Muon"]
    out = reasons(["embedding.weight"], [])
    assert out.keys() == {"Adafactor", "AdamW", "Muon", "SparseAdam"}
    assert "embedding.weight" in out["Adafactor"]


def test_the_same_question_has_the_same_name_and_another_another():
    assert Question.ask("digits").study == Question.ask("digits").study
    assert Question.ask("digits").study.startswith("digits-")
    others = [Question.ask("digits", seed=1), Question.ask("line"), Question.ask("digits", ["adam"])]
    assert len({q.study for q in (*others, Question.ask("digits"))}) == 4
    assert Question.ask("my/task.py:task").study.startswith("task-py-task-")


def test_bad_questions_are_refused():
    with pytest.raises(ValueError, match="did you mean"):
        Question.ask("digits", baseline="adamx")
    with pytest.raises(ValueError, match="letters, digits"):
        Question.ask("digits", study="my study!")


@pytest.mark.parametrize(
    "more",
    [
        {}, {"optimizers": ["adam", "sgd"], "seed": 3}, {"runs": 40.0, "schedule": "cosine"},
        {"budget_seconds": 90.0, "baseline": "SGD", "margin": 0.01, "study": "mine"},
    ],
    ids=str,
)  # fmt: skip
def test_the_command_of_a_question_asks_the_same_question(more):
    import shlex

    from surefoot.cli import choose

    question = Question.ask("digits", **more)
    words = shlex.split(question.command)[2:]
    given = choose.make_context("choose", words).params
    again = Question.ask(
        given["task"],
        None if given["optimizers"] == "all" else given["optimizers"].split(","),
        None if given["runs"] else given["budget"],
        given["runs"],
        given["schedule"],
        given["seed"],
        given["baseline"],
        given["margin"],
        given["study"],
    )
    assert again == question
