"""What holds for every built-in task, and what each promises."""

import importlib.util
import math
import warnings
from itertools import islice

import pytest
import torch

from surefoot.tasks import builtin_tasks, load_task
from surefoot.tasks.digits import Digits


def trained(task, optimizer, steps):
    model = task.model()
    optimizer = optimizer(model.parameters())
    for batch in islice(task.batches(0), steps):
        optimizer.zero_grad()
        task.loss(model, batch).backward()
        optimizer.step()
    return model


@pytest.mark.parametrize("name", builtin_tasks())
class TestEveryTask:
    def test_batches_are_fixed_by_their_seed(self, name):
        task = load_task(name)
        torch.manual_seed(0)
        model = task.model()

        def losses(seed):
            return [task.loss(model, batch).item() for batch in islice(task.batches(seed), 30)]

        assert losses(0) == losses(0)
        assert losses(0) != losses(1)

    def test_the_initial_weights_come_from_torchs_generator(self, name):
        task = load_task(name)

        def weights(seed):
            torch.manual_seed(seed)
            return torch.nn.utils.parameters_to_vector(task.model().parameters())

        assert torch.equal(weights(0), weights(0))
        assert not torch.equal(weights(0), weights(1))

    def test_validation_is_a_number_and_changes_nothing(self, name):
        task = load_task(name)
        model = task.model()
        before = torch.nn.utils.parameters_to_vector(model.parameters())
        first = task.validate(model)
        assert math.isfinite(first)
        assert task.validate(model) == first
        assert torch.equal(before, torch.nn.utils.parameters_to_vector(model.parameters()))


def test_line_finds_w_and_b():
    task = load_task("line")
    model = trained(task, lambda p: torch.optim.SGD(p, lr=0.1), task.steps)
    assert model.weight.item() == pytest.approx(2.0, abs=0.1)
    assert model.bias.item() == pytest.approx(-1.0, abs=0.1)
    assert task.validate(model) == pytest.approx(0.09, rel=0.3)


def test_digits_are_real_and_the_split_never_overlaps():
    task = Digits()
    (images, labels), (held_out, held_out_labels) = task._data
    assert images.shape == (1297, 1, 8, 8)
    assert held_out.shape == (500, 1, 8, 8)
    assert set(labels.tolist()) == set(held_out_labels.tolist()) == set(range(10))
    from sklearn.datasets import load_digits

    assert torch.cat([images, held_out]).sum().item() * 16 == load_digits().data.sum()
    training = {tuple(image.flatten().tolist()) for image in images}
    assert not any(tuple(image.flatten().tolist()) in training for image in held_out)


def test_digits_are_read_by_a_usual_optimizer():
    task = load_task("digits")
    torch.manual_seed(0)
    model = trained(task, lambda p: torch.optim.Adam(p, lr=1e-2), task.steps)
    assert task.accuracy(model) > 0.96


def test_without_scikit_learn_digits_says_that_its_images_are_made_up(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "sklearn" else find(name))
    task = Digits()
    assert task.measure == "validation loss on made-up digits"
    with pytest.warns(UserWarning, match=r"pip install 'surefoot\[gallery\]'"):
        task.validate(task.model())
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # announced once
        torch.manual_seed(0)
        model = trained(task, lambda p: torch.optim.Adam(p, lr=3e-3), 200)
    assert 0.7 < task.accuracy(model) < 1.0
