"""A wrong optimizer is caught by the suite, each by the test that is meant for it; a right one passes."""

from __future__ import annotations

import inspect
import unittest

import pytest
import torch

from surefoot import formula as f
from surefoot import optim
from surefoot.testing.optimizers import OptimizerSuite


class PlainSgd(torch.optim.Optimizer):
    """The reference."""

    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                self.move(p, group)

    def move(self, p, group):
        p.sub_(group["lr"] * p.grad)


class Right(f.Optimizer, arguments="*, maximize"):
    """Right: gradient descent.

    Example:
        >>> optimizer = Right(model.parameters(), lr=0.1)
    """

    equation = "p ← p − lr · g, which is all that there is"
    paper = "Cauchy, Méthode générale pour la résolution des systèmes, 1847"
    good_at = "being the reference of a test"
    bad_at = "everything that is ill-conditioned"
    lr: float = f.learning_rate(0.1, f.LogNormal(0.1))

    @staticmethod
    def update(p, g, s, h):
        return p - h.lr * g


class Doubled(Right):
    __doc__ = Right.__doc__

    @staticmethod
    def update(p, g, s, h):
        return p - 2 * h.lr * g


class Silent(Right):
    __doc__ = Right.__doc__
    good_at = ""


class Forgets(PlainSgd):
    """Its momentum is an attribute, which no checkpoint and no copy keeps."""

    def move(self, p, group):
        kept = self.__dict__.setdefault("kept", {})
        kept[id(p)] = kept.get(id(p), 0) * 0.9 + p.grad
        p.sub_(group["lr"] * kept[id(p)])


class TouchesAll(Right):
    __doc__ = Right.__doc__
    sparse = "rows"

    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = p.grad.to_dense() if p.grad.is_sparse else p.grad
                p.data.mul_(0.9)
        return super().step(closure)


class Coarse(PlainSgd):
    """Right in float64 alone."""

    def move(self, p, group):
        p.sub_(group["lr"] * (p.grad if p.dtype == torch.float64 else p.grad.round()))


def suite(optimizer, **members):
    return type("Suite", (OptimizerSuite,), {"optimizer": optimizer, **members})()


def failures(suite):
    """The names of the tests that fail."""
    found = set()
    for name, test in inspect.getmembers(suite, inspect.ismethod):
        if name.startswith("test_"):
            try:
                test()
            except unittest.SkipTest:
                continue
            except AssertionError:
                found.add(name)
    return found


@pytest.mark.parametrize("optimizer", [Right, PlainSgd, torch.optim.Adam, optim.Adam])
def test_a_right_one_passes(optimizer):
    reference = PlainSgd if optimizer in (Right, PlainSgd) else None
    assert failures(suite(optimizer, reference=reference)) == set()


TRAJECTORY = "test_its_trajectory_is_the_reference_s"
WRONG = {
    Doubled: {TRAJECTORY},
    Silent: {"test_its_card_is_complete"},
    Forgets: {
        TRAJECTORY,
        "test_a_checkpoint_goes_on_as_if_nothing_had_happened",
        "test_copies_go_on_alike",
    },
    Coarse: {"test_other_precisions_stay_near_float64"},
    TouchesAll: {TRAJECTORY, "test_rows_that_a_gradient_does_not_touch_stay"},
}


@pytest.mark.parametrize("optimizer", WRONG)
def test_a_wrong_one_is_caught(optimizer):
    assert failures(suite(optimizer, reference=PlainSgd)) == WRONG[optimizer]


def test_one_whose_kernel_is_not_its_formula_is_caught(monkeypatch):
    own = suite(Right)
    run = own._run
    monkeypatch.setattr(own, "_run", lambda *a, backend="auto", **k: run(*a, backend="eager", **k))
    with pytest.raises(AssertionError, match="no kernel ran"):
        own.test_the_kernel_equals_the_formula()


def test_without_a_reference_its_test_is_skipped():
    with pytest.raises(unittest.SkipTest):
        suite(Right).test_its_trajectory_is_the_reference_s()
