import copy
import math
import random

import numpy as np
import pytest
import torch

from surefoot import optim
from surefoot.study.run import Candidate, Schedule
from surefoot.tasks import TaskError
from surefoot.training import checkpoint
from surefoot.training.loop import TrunkState, Watch, train

CANDIDATES = [
    Candidate("Adam", {"lr": 1e-2, "betas": [0.8, 0.99]}),
    Candidate("SGD", {"lr": 1e-2, "momentum": 0.9}),
    Candidate("Rprop", {"lr": 1e-3}),
    Candidate("LBFGS", {"lr": 0.1, "max_iter": 3}),
    Candidate("RandomSearch", {"scale": 0.05}),
    Candidate("Adam", {"lr": 1e-2}, Schedule("constant")),
]


def names(candidate):
    return f"{candidate.optimizer}-{candidate.schedule.kind}"


def trunk(task, candidate, progress, resume=None):
    """The outcome, and a copy of the trunk's end."""
    kept = []
    outcome = train(
        task, candidate, 3, progress, resume=resume, keep=lambda state: kept.append(copy.deepcopy(state))
    )
    return outcome, kept[0]


def assert_same(a, b, path=""):
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b), path
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), path
        for key in a:
            assert_same(a[key], b[key], f"{path}.{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), path
        for index, (left, right) in enumerate(zip(a, b, strict=True)):
            assert_same(left, right, f"{path}.{index}")
    else:
        assert a == b, path


@pytest.mark.parametrize("candidate", CANDIDATES, ids=names)
class TestResuming:
    def test_equals_an_uninterrupted_run_bit_for_bit(self, sample, candidate):
        straight, far = trunk(sample(), candidate, 0.9)
        _, near = trunk(sample(), candidate, 0.3)
        middle_outcome, middle = trunk(sample(), candidate, 0.5, resume=near)
        resumed, far_again = trunk(sample(), candidate, 0.9, resume=middle)
        assert math.isfinite(straight.point.value)
        assert resumed.point.value == straight.point.value
        assert middle_outcome.point.value == train(sample(), candidate, 3, 0.5).point.value
        for field in ("evaluations", "batches", "last_step", "losses", "model", "optimizer", "draws"):
            assert_same(getattr(far, field), getattr(far_again, field), field)

    def test_the_same_seed_gives_the_same_value_and_another_does_not(self, sample, candidate):
        def value(seed):
            return train(sample(), candidate, seed, 0.2).point.value

        assert value(1) == value(1)
        assert value(1) != value(2)


def test_draws_of_every_generator_go_on_where_they_were(sample, tmp_path):
    class Noisy(sample):
        def loss(self, model, batch):
            return super().loss(model, batch) * (1 + 0.1 * np.random.normal() + 0.1 * random.gauss(0, 1))

        def validate(self, model):
            np.random.seed(5)  # careless: the run's own draws must not notice
            random.seed(5)
            return super().validate(model)

    straight, _ = trunk(Noisy(), CANDIDATES[0], 0.9)
    _, near = trunk(Noisy(), CANDIDATES[0], 0.35)
    checkpoint.save(tmp_path / "trunk", "mine", vars(near))
    loaded = TrunkState(**checkpoint.load(tmp_path / "trunk", "mine"))
    resumed, _ = trunk(Noisy(), CANDIDATES[0], 0.9, resume=loaded)
    assert resumed.point.value == straight.point.value
    marked = train(Noisy(), CANDIDATES[0], 3, 0.9, watch=Watch((0.2, 0.4), lambda point: None))
    assert marked.point.value == straight.point.value, "what is measured on the way changes nothing"


def test_a_trunk_ends_before_its_cooldown(sample):
    _, state = trunk(sample(), CANDIDATES[0], 0.5)
    assert (state.evaluations, state.batches) == (40, 40)
    assert state.optimizer["param_groups"][0]["lr"] == 1e-2


def test_a_trunk_that_lies_beyond_the_rung_is_not_used(sample):
    _, far = trunk(sample(), CANDIDATES[0], 0.9)
    again = train(sample(), CANDIDATES[0], 3, 0.3, resume=far)
    assert again.point.value == train(sample(), CANDIDATES[0], 3, 0.3).point.value


def test_cosine_keeps_no_trunk(sample):
    kept = []
    outcome = train(sample(), Candidate("Adam", {}, Schedule("cosine")), 0, 0.5, keep=kept.append)
    assert outcome.status == "completed"
    assert not kept


class Counting:
    """Counts the evaluations of the loss."""

    def __init__(self, task):
        self.task, self.count = task, 0

    def __getattr__(self, name):
        return getattr(self.task, name)

    def loss(self, model, batch):
        self.count += 1
        return self.task.loss(model, batch)

    def validate(self, model):
        return 0.0


@pytest.mark.parametrize("candidate", CANDIDATES, ids=names)
def test_every_optimizer_is_given_the_same_number_of_evaluations(sample, candidate):
    task = Counting(sample())
    train(task, candidate, 0, 0.8)
    assert abs(task.count - 80) <= 2  # half of the largest step here


def test_learning_rates_of_the_steps(sample, monkeypatch):
    rates = []
    original = optim.SGD.step

    def watched(self, closure=None):
        rates.append(self.param_groups[0]["lr"])
        return original(self, closure)

    monkeypatch.setattr(optim.SGD, "step", watched)
    train(sample(), Candidate("SGD", {"lr": 0.5}), 0, 0.2)
    assert rates[:6] == pytest.approx([0.5 * k / 6 for k in range(1, 7)])
    assert rates[-4:] == pytest.approx([0.5, 0.375, 0.25, 0.125])
    assert len(rates) == 20


def test_what_is_measured(sample):
    outcome = train(sample(), Candidate("Adam", {}), 0, 1.0)
    assert outcome.status == "completed"
    assert outcome.point.progress == 1.0
    assert 0 < outcome.seconds_per_step * 100 < 10 * outcome.point.seconds
    parameters = 4 * 8 + 8 + 8 + 1
    assert 8 * parameters <= outcome.state_bytes <= 8 * parameters + 64


def test_a_blow_up_stops_at_once_and_is_a_result(sample):
    task = Counting(sample())
    outcome = train(task, Candidate("SGD", {"lr": 1e6}), 0, 1.0)
    assert outcome.status == "diverged"
    assert math.isnan(outcome.point.value)
    assert outcome.point.progress == task.count / 100 < 0.3
    assert "training loss" in outcome.message


def test_a_run_that_only_validation_shows_to_be_lost(sample):
    task = Counting(sample())
    task.validate = lambda model: math.inf
    outcome = train(task, Candidate("SGD", {}), 0, 0.1)
    assert (outcome.status, outcome.message) == ("diverged", "the validation loss became inf")
    assert math.isnan(outcome.point.value)


@pytest.mark.parametrize("progress", [0.0, -0.1, 1.1, math.nan])
def test_a_progress_that_is_none(sample, progress):
    with pytest.raises(ValueError, match="progress must lie in"):
        train(sample(), Candidate("SGD", {}), 0, progress)


def test_stopping(sample):
    task = Counting(sample())
    outcome = train(task, Candidate("SGD", {}), 0, 1.0, stopped=lambda: task.count >= 7)
    assert (outcome.status, outcome.point, task.count) == ("stopped", None, 7)


def test_modules_meant_to_stay_in_evaluation_mode_do(sample):
    class Frozen(sample):
        def model(self):
            model = super().model()
            model[2].eval()
            self.seen = model
            return model

    task = Frozen()
    train(task, Candidate("SGD", {}), 0, 0.1)
    assert [module.training for module in task.seen] == [True, True, False, True]


def test_batches_that_end(sample):
    class Ends(sample):
        def batches(self, seed):
            yield next(super().batches(seed))

    with pytest.raises(TaskError, match=r"batches\(\) ended after 1 batches"):
        train(Ends(), Candidate("SGD", {}), 0, 1.0)


@pytest.mark.parametrize("value", [torch.tensor(1.0), None, "0.5"])
def test_a_validation_that_returns_no_number(sample, value):
    task = Counting(sample())
    task.validate = lambda model: value
    with pytest.raises(TaskError, match=f"must return a float, not {type(value).__name__}"):
        train(task, Candidate("SGD", {}), 0, 0.1)


def test_measuring_on_the_way_changes_nothing(sample):
    seen = []
    watched = train(sample(), CANDIDATES[0], 3, 0.9, watch=Watch((0.1, 0.5, 0.9, 1.0), seen.append))
    assert [point.progress for point in seen] == [0.1, 0.5]
    assert watched.point.value == train(sample(), CANDIDATES[0], 3, 0.9).point.value


def test_a_run_ends_at_the_first_mark_that_reaches_the_target(sample):
    seen, kept = [], []
    marks = tuple(number / 10 for number in range(1, 10))
    train(sample(), CANDIDATES[-1], 3, 1.0, watch=Watch(marks, seen.append))
    target = seen[4].value
    first = next(point for point in seen if point.value <= target)
    task, again = Counting(sample()), []
    task.validate = task.task.validate
    outcome = train(task, CANDIDATES[-1], 3, 1.0, keep=kept.append, watch=Watch(marks, again.append, target))
    assert outcome.status == "completed"
    assert (outcome.point.progress, outcome.point.value) == (first.progress, first.value)
    assert task.count == round(100 * first.progress)
    assert [point.value for point in again] == [p.value for p in seen if p.progress < first.progress]
    assert not kept


def test_a_step_beyond_a_mark_says_how_far_it_led(sample):
    seen = []
    train(
        sample(),
        Candidate("LBFGS", {"lr": 0.1, "max_iter": 8}),
        0,
        0.5,
        watch=Watch((0.01, 0.02), seen.append),
    )
    assert len(seen) == 1
    assert 0.02 < seen[0].progress < 0.5
