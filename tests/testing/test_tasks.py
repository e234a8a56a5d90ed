"""A wrong task is caught by the suite, by the test that is meant for its mistake; a right one passes."""

from __future__ import annotations

import itertools

import pytest
import torch

from surefoot.checks import task as checking
from surefoot.tasks import TaskError
from surefoot.testing.tasks import TaskSuite
from tests.checks.test_task import Healthy, changed
from tests.testing.test_optimizers import failures


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(checking, "TIMING_SECONDS", 0.0)


def suite(task):
    return type("Suite", (TaskSuite,), {"task": task})()


def test_a_right_one_passes():
    assert failures(suite(Healthy())) == set()


def of_any_order(self, seed):
    while True:
        yield next(Healthy.batches(self, int(torch.seed() % 1000)))


def unreadable(self):
    raise TaskError("pictures: none of 3 files can be read")


calls = itertools.count()


@pytest.mark.parametrize(
    ("members", "caught"),
    [
        ({"steps": 0}, "test_it_is_a_task"),
        ({"model": lambda self: "no model"}, "test_its_model"),
        ({"batches": of_any_order}, "test_its_batches"),
        ({"batches": of_any_order}, "test_a_run_repeats_itself"),
        ({"loss": lambda self, m, b: m(b[0])}, "test_its_loss"),
        ({"loss": lambda self, m, b: Healthy.loss(self, m, b).detach()}, "test_its_gradients"),
        ({"validate": lambda self, m: Healthy.validate(self, m) + next(calls)}, "test_its_measure"),
        ({"validate": lambda self, m: Healthy.validate(self, m) + next(calls)}, "test_a_run_repeats_itself"),
        ({"problems": unreadable}, "test_its_data"),
    ],
)
def test_a_wrong_one_is_caught(members, caught):
    with pytest.raises(AssertionError):
        getattr(suite(changed(**members)), caught)()


def test_one_that_lacks_a_member_is_caught():
    with pytest.raises(AssertionError, match="lacks a member"):
        suite(object()).test_it_is_a_task()


def test_one_that_cannot_go_on_is_caught():
    class Remembers(Healthy):
        """Its loss depends on how often it was asked, which no checkpoint knows."""

        def model(self):
            self.asked = 0
            return super().model()

        def loss(self, model, batch):
            self.asked += 1
            return super().loss(model, batch) * self.asked

        def validate(self, model):
            return Healthy.loss(self, model, next(self.batches(1))).item()

    with pytest.raises(AssertionError, match="after a stop"):
        suite(Remembers()).test_a_run_goes_on_as_if_it_had_never_stopped()
