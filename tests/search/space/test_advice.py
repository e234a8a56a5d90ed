"""The instant answer: three optimizers, why, and that it is a prior."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from surefoot.search.race.race import Race
from surefoot.search.space import candidates as space
from surefoot.search.space.advice import advise, prior_order
from surefoot.search.space.prior_results import Experience, KnownTask, Showing, usual_order
from surefoot.search.space.task_features import TaskFeatures
from surefoot.study.run import Schedule

NETWORK = TaskFeatures(10_000, 400, {"convolution kernels": 1.0})
NAMES = ["Adam", "AdamW", "LBFGS", "Lion", "SGD"]


def experience(**regrets):
    """Three known tasks just like the one asked about, with the same regrets on each."""
    showings = {name: Showing(regret, 0.3, regret == 0) for name, regret in regrets.items()}
    return Experience(tuple(KnownTask(f"task{n}", NETWORK, showings, "SGD lr=0.1") for n in range(3)))


SEEN = experience(SGD=0.0, Lion=0.2, Adam=0.6, AdamW=1.2)


def asked(seen=SEEN, task="mine", features=NETWORK, names=NAMES):
    return advise(task, features, seen, names, f"surefoot choose {task}")


def test_the_advice_is_the_usual_optimizer_and_two_in_the_order_of_what_is_expected():
    document = json.loads(json.dumps(asked()))
    assert [one["optimizer"] for one in document["advice"]] == ["AdamW", "SGD", "Lion"]
    regrets = [one["expected_regret"] for one in document["advice"]]
    assert regrets[1:] == sorted(regrets[1:])
    assert document["sentence"].startswith(
        "Begin with AdamW lr=0.001, as is usual, and SGD lr=0.02 momentum=0.9: so "
    )
    assert document["kind"] == "prior"
    assert "not a measurement" in document["disclaimer"]
    assert document["command"] == "surefoot choose mine"
    assert document["advice"][1]["label"] == "SGD lr=0.02 momentum=0.9"


def test_the_reason_says_how_each_did_on_which_tasks():
    reasons = {one["optimizer"]: one["reason"] for one in asked()["advice"]}
    assert reasons["SGD"].startswith("The best on task0, task1 and task2.")
    assert reasons["Lion"].startswith("Nearly the best on task0, task1 and task2.")
    assert reasons["AdamW"].startswith("Worse than most on task0, task1 and task2.")
    assert "2 times the usual one" in reasons["SGD"]
    middling = asked(experience(Adam=0.6), names=["Adam"])["advice"][0]
    assert middling["reason"].startswith("In the better half on task0, task1 and task2.")
    lucky = {"Adam": Showing(0.0, 0.3, confirmed=False)}
    once = Experience((KnownTask("task0", NETWORK, lucky),))
    assert asked(once, names=["Adam"])["advice"][0]["reason"].startswith("Nearly the best on task0")
    poor = asked(experience(AdamW=1.5), names=["AdamW"])["advice"][0]
    assert poor["reason"].startswith("Worse than most on task0")


def test_similar_tasks_are_told_with_what_is_in_common():
    document = asked()
    assert "(task0, task1 and task2)" in document["sentence"]
    (first, *_) = document["similar"]
    assert first["similarity"] == 1
    assert "mostly convolution kernels" in first["in_common"]
    assert first["winner"] == "SGD lr=0.1"


def test_without_evidence_it_is_usual_practice_and_says_so():
    document = asked(Experience())
    assert [one["optimizer"] for one in document["advice"]] == usual_order(NAMES)[:3]
    assert "usual practice" in document["sentence"]
    assert all("usual practice" in one["reason"] for one in document["advice"])
    far = asked(features=TaskFeatures(10**9, 10**6, {"embeddings": 1.0}))
    assert "no known task is much like this one" in far["sentence"]


def test_what_was_measured_on_the_task_itself_is_left_out():
    document = asked(task="task1")
    assert document["measured_before"]
    assert [one["task"] for one in document["similar"]] == ["task0", "task2"]
    assert not asked()["measured_before"]


@pytest.mark.parametrize("name", space.choose_from(None))
def test_every_optimizer_can_be_advised_and_its_code_runs(name):
    document = asked(experience(**{name: 0.0}), names=[name])
    (one,) = document["advice"]
    names = {"model": nn.Linear(3, 2, bias=name != "Muon")}
    exec(one["snippet"], names)
    assert isinstance(names["optimizer"], torch.optim.Optimizer)
    assert names["scheduler"].course.steps == NETWORK.steps


def test_with_sparse_gradients_no_weights_decay():
    sparse = TaskFeatures(10_000, 400, {"embeddings": 1.0}, sparse=True)
    for one in asked(features=sparse)["advice"]:
        assert not one["hyperparameters"].get("weight_decay")


def test_a_race_looks_first_at_what_promises_most():
    grid = space.candidates(NAMES, Schedule())
    order = prior_order("mine", NETWORK, SEEN, NAMES)
    assert order == ["AdamW", "SGD", "Lion", "Adam", "LBFGS"]  # the usual one, then as expected
    race = Race(grid, 1e3, order=order)
    looked = []
    while len(looked) < 3 * len(NAMES):
        arm, progress = race.ask()
        race.tell(arm, progress, 1.0)
        looked.append(grid[arm].optimizer)
    assert list(dict.fromkeys(looked)) == order
