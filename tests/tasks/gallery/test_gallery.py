"""What holds for every built-in task, and what each promises."""

import importlib.util
import math
import warnings
from itertools import islice

import pytest
import torch

from surefoot.study.run import Candidate
from surefoot.tasks import builtin_tasks, load_task
from surefoot.tasks.gallery.digits import Digits
from surefoot.tasks.gallery.tabular import Tabular
from surefoot.tasks.gallery.text import CONTEXT, SYMBOLS, Text
from surefoot.training.loop import train


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
            return [task.loss(model, batch).item() for batch in islice(task.batches(seed), 5)]

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

    @pytest.mark.slow
    def test_a_run_is_determined_by_candidate_and_seed(self, name):
        candidate = Candidate("Adam", {"lr": 1e-2})  # no decay: the gradients of flights are sparse

        def value(seed):
            return train(load_task(name), candidate, seed, 0.02).point.value

        assert value(0) == value(0)
        assert value(0) != value(1)


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


def test_text_is_real_and_no_held_out_paragraph_is_trained_on():
    from pydoc_data.topics import topics

    task = Text()
    training, held_out = task._paragraphs
    real = "\n\n".join(topics.values())
    assert all(paragraph in real for paragraph in training + held_out)
    assert sum(map(len, training)) > 200_000
    assert not set(training) & set(held_out)
    seen, following = task._data[1]
    assert torch.equal(seen[:, 1:], following[:, :-1])


def test_text_is_predicted_better_than_by_the_frequencies_of_characters():
    task = load_task("text")
    counts = task._data[0].bincount(minlength=SYMBOLS) + 1.0
    following = task._data[1][1]
    frequencies_alone = -torch.log(counts / counts.sum())[following].mean().item()
    torch.manual_seed(0)
    model = trained(task, lambda p: torch.optim.Adam(p, lr=1e-2), 150)
    assert task.validate(model) < frequencies_alone - 0.2


def test_text_never_looks_ahead():
    model = load_task("text").model()
    seen = torch.arange(CONTEXT)[None]
    changed = seen.clone()
    changed[0, -1] = 0
    assert torch.allclose(model(seen)[0, :-1], model(changed)[0, :-1], atol=1e-6)
    assert not torch.allclose(model(seen)[0, -1], model(changed)[0, -1], atol=1e-3)


def test_tabular_rows_are_real_and_the_split_never_overlaps():
    from sklearn.datasets import load_breast_cancer

    (inputs, outputs), (held_out, held_out_outputs) = Tabular()._data
    assert inputs.shape == (400, 20)
    assert outputs.shape == (400, 10)
    rows = torch.cat([torch.cat([inputs, outputs], 1), torch.cat([held_out, held_out_outputs], 1)])
    assert len(rows.unique(dim=0)) == 569
    # Standardised logarithms: in the order of the original measurements.
    measured = torch.tensor(load_breast_cancer().data[:, 0]).sort().values
    shown = rows[:, 0].double().sort().values
    assert torch.corrcoef(torch.stack([(measured + measured.mean() / 10).log(), shown]))[0, 1] > 0.99999


def test_tabular_is_predicted_better_than_by_least_squares():
    task = load_task("tabular")
    (inputs, outputs), (held_out, held_out_outputs) = (
        (torch.cat([x, torch.ones(len(x), 1)], 1), y) for x, y in task._data
    )
    linear = held_out @ torch.linalg.lstsq(inputs, outputs).solution
    reached = train(task, Candidate("Adam", {"lr": 1e-2}), 0, 1.0).point
    assert reached.value < (linear - held_out_outputs).square().mean()


@pytest.mark.parametrize(
    ("make", "package", "measure", "hint"),
    [
        (Text, "pydoc_data", "validation loss on made-up words", "whole standard library"),
        (Tabular, "sklearn", "error on held-out rows, made up", r"pip install 'surefoot\[gallery\]'"),
    ],
)
def test_without_its_package_a_task_says_that_its_data_is_made_up(monkeypatch, make, package, measure, hint):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else find(name))
    task = make()
    assert measure in task.measure
    with pytest.warns(UserWarning, match=hint):
        untrained = task.validate(task.model())
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # announced once
        torch.manual_seed(0)
        model = trained(task, lambda p: torch.optim.Adam(p, lr=1e-2), 100).eval()
    assert 0.02 < task.validate(model) / untrained < 0.7
