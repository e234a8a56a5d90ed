import csv
import importlib.metadata
import math
import warnings

import pytest
import torch

from surefoot.study.run import Candidate
from surefoot.tasks.gallery.diamonds import CATEGORIES, FILE, NUMBERS, PACKAGE, Diamonds, _real
from surefoot.tasks.gallery.packaged import found
from surefoot.training.loop import train

real = pytest.mark.skipif(found(PACKAGE, FILE) is None, reason=f"{PACKAGE} is not installed")


@pytest.fixture(scope="module")
def task():
    return Diamonds()


def rows_of(batch):
    numbers, categories, price = batch
    return {row.numpy().tobytes() for row in torch.cat([numbers, categories, price[:, None]], 1)}


@real
def test_stones_are_read_as_they_stand_in_the_file():
    numbers, categories, price = _real(found(PACKAGE, FILE))
    with found(PACKAGE, FILE).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 53_940
    assert (len(numbers), len(categories), len(price)) == (53_794,) * 3  # each once
    for number, row in enumerate(rows[:500]):  # among which none stands twice
        assert numbers[number].tolist() == pytest.approx([float(row[name]) for name in NUMBERS])
        told = [names[k] for names, k in zip(CATEGORIES.values(), categories[number], strict=True)]
        assert told == [row[name] for name in CATEGORIES]
        assert price[number].item() == pytest.approx(math.log(float(row["price"])), rel=1e-5)
    assert categories.amax(0).tolist() == [4, 6, 7]


@real
def test_the_split_never_overlaps_and_the_training_rows_set_the_scale(task):
    training, held_out, _ = task._data
    assert (len(training[2]), len(held_out[2])) == (45_794, 8_000)
    assert len(rows_of(training) | rows_of(held_out)) == 53_794
    for column in (training[0], training[2]):
        assert torch.allclose(column.mean(0), torch.zeros(1), atol=1e-3)
        assert torch.allclose(column.std(0), torch.ones(1), atol=1e-3)


@real
def test_batches_hold_training_rows_alone(task):
    training, held_out, _ = task._data
    batches = task.batches(3)
    drawn = [next(batches) for _ in range(45_794 // 256)]
    drawn = rows_of([torch.cat(parts) for parts in zip(*drawn, strict=True)])
    assert len(drawn) == 178 * 256
    assert drawn <= rows_of(training)
    assert not drawn & rows_of(held_out)


@real
def test_a_short_training_beats_least_squares_on_the_numbers(task):
    (numbers, _, price), (held_out, _, held_out_price), _ = task._data
    fitted = torch.linalg.lstsq(numbers, price[:, None]).solution
    linear = (held_out @ fitted)[:, 0]
    reached = train(task, Candidate("Adam", {"lr": 1e-2}), 0, 0.2).point.value
    assert reached < (linear - held_out_price).square().mean() / 2


class Says(torch.nn.Module):
    def __init__(self, price):
        super().__init__()
        self.price = price

    def forward(self, numbers, categories):
        return self.price


@real
def test_the_median_error_is_a_share_of_the_price(task):
    _, (_, _, price), scale = task._data
    assert task.metrics(Says(price)) == {"median error": 0}
    too_dear = price + math.log(1.25) / scale
    assert task.metrics(Says(too_dear))["median error"] == pytest.approx(0.25, rel=1e-3)


def test_without_its_package_it_says_that_its_stones_are_made_up(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "files", lambda package: None)
    task = Diamonds()
    assert task.measure == "mean squared error on held-out stones, made up"
    with pytest.warns(UserWarning, match=r"'diamonds' uses made-up stones.*'surefoot\[gallery\]'"):
        training, held_out, _ = task._data
    assert (len(training[2]), len(held_out[2])) == (42_000, 8_000)
    assert training[1].amax(0).tolist() == [4, 6, 7]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # announced once
        untrained = task.validate(task.model())
        reached = train(task, Candidate("Adam", {"lr": 1e-2}), 0, 0.2).point.value
    assert reached < untrained / 3
