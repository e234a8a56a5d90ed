"""The facts of a task, and how alike two tasks are."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from torch import nn

from surefoot.search.space.task_features import TaskFeatures, features_of, in_common, similarity
from surefoot.study.codec import decode, encode
from surefoot.study.profile import TaskProfile
from surefoot.tasks import load_task
from surefoot.training.profile import look

NETWORK = TaskFeatures(10_000, 400, {"convolution kernels": 0.8, "weight matrices": 0.2})
OTHERS = [
    replace(NETWORK, parameters=10_000_000),
    replace(NETWORK, steps=40_000),
    replace(NETWORK, roles={"weight matrices": 1.0}),
    replace(NETWORK, batch_norm=True),
    replace(NETWORK, sparse=True),
    replace(NETWORK, full_batch=True),
]


@pytest.mark.parametrize("other", OTHERS)
def test_every_fact_sets_tasks_apart_both_ways_alike(other):
    assert 0 < similarity(NETWORK, other) < 1
    assert similarity(NETWORK, other) == pytest.approx(similarity(other, NETWORK))
    further = replace(other, parameters=10**9)
    assert similarity(NETWORK, further) < similarity(NETWORK, other)


def test_a_task_is_wholly_like_itself_whatever_the_order_of_its_roles():
    assert similarity(NETWORK, replace(NETWORK, roles=dict(reversed(NETWORK.roles.items())))) == 1
    assert similarity(NETWORK, replace(NETWORK, parameters=20_000)) > 0.9


def test_what_is_in_common_is_told_and_nothing_else():
    assert in_common(NETWORK, replace(NETWORK, batch_norm=True)) == [
        "mostly convolution kernels",
        "about as many parameters",
        "about as many steps",
    ]
    assert in_common(NETWORK, TaskFeatures(10**8, 10**6, {"embeddings": 1.0}, sparse=True)) == []
    assert in_common(*[replace(NETWORK, sparse=True, full_batch=True, batch_norm=True)] * 2)[3:] == [
        "batch norm",
        "sparse gradients",
        "the same batch in every step",
    ]


class Small:
    """A task whose batches are given."""

    name, steps, measure = "small", 20, "loss"

    def __init__(self, batches, norm=False):
        self.given, self.norm = batches, norm

    def model(self):
        return nn.Sequential(nn.Linear(2, 3), *([nn.BatchNorm1d(3)] if self.norm else []))

    def batches(self, seed):
        while True:
            yield from self.given

    def loss(self, model, batch):
        x = batch["x"] if isinstance(batch, dict) else batch[0]
        return model(x).square().mean()

    def validate(self, model):
        return model(TWOS).square().mean().item()


ONES, TWOS = torch.ones(4, 2), 2 * torch.ones(4, 2)


@pytest.mark.parametrize(
    ("batches", "full"),
    [
        ([(ONES, 1)], True),
        ([(ONES, 1), (ONES.clone(), 1)], True),
        ([(ONES, 1), (TWOS, 1)], False),
        ([(ONES, 1), (ONES, 2)], False),
        ([{"x": ONES}, {"x": ONES.clone()}], True),
        ([{"x": ONES}, {"x": ONES, "y": ONES}], False),
        ([(ONES,), (torch.ones(3, 2),)], False),
        ([(ONES, object()), (ONES, object())], False),
    ],
)
def test_the_same_batch_in_every_step_is_seen(batches, full):
    task = Small(batches)
    assert features_of(look(task)).full_batch is full


def test_features_of_a_task():
    task = Small([(ONES,), (TWOS,)], norm=True)
    found = features_of(look(task))
    assert (found.parameters, found.steps, found.batch_norm, found.sparse) == (15, 20, True, False)
    assert found.roles == {"weight matrices": 6 / 15, "norms": 6 / 15, "biases": 3 / 15}


def test_a_profile_that_was_stored_says_the_same():
    profile = look(load_task("line"))
    stored = decode(TaskProfile, json.loads(json.dumps(encode(profile))))
    assert features_of(stored) == features_of(profile)
