import csv
import importlib.metadata
import io
import itertools
import warnings
import zipfile

import numpy as np
import pytest
import torch

from surefoot import optim
from surefoot.search.space.candidates import rule_out
from surefoot.study.run import Candidate
from surefoot.tasks.gallery.flights import FILE, PACKAGE, Flights, FlightsNetwork, _numbered, _real
from surefoot.tasks.gallery.packaged import found
from surefoot.training.loop import train
from surefoot.training.profile import look

real = pytest.mark.skipif(found(PACKAGE, FILE) is None, reason=f"{PACKAGE} is not installed")


@pytest.fixture(scope="module")
def task():
    return Flights()


@real
def test_flights_are_read_as_they_stand_in_the_file():
    known, days, late = _real(found(PACKAGE, FILE))
    assert [len(column) for column in [*known, days, late]] == [327_346] * 10
    with zipfile.ZipFile(found(PACKAGE, FILE)).open("flights.csv") as file:
        rows = csv.DictReader(io.TextIOWrapper(file))
        first = [row for row in itertools.islice(rows, 3000) if row["arr_delay"] != "NA"]
    for number, row in enumerate(first):
        told = [str(column[number]) for column in known]
        flight = row["carrier"] + row["flight"]
        assert told[:3] == [row["carrier"], flight, row["tailnum"]]
        assert told[3:7] == [row["origin"], row["dest"], row["hour"], row["month"]]
        assert days[number] == int(row["day"]) - 1  # the file begins with January
        assert late[number] == (float(row["arr_delay"]) > 15)
    assert late.mean() == pytest.approx(0.237, abs=5e-4)
    assert set(days) == set(range(365))
    assert set(known[7][days % 7 == 0]) == {"0"}


@real
def test_whole_days_are_held_out(task):
    _, days, late = _real(found(PACKAGE, FILE))
    (known, targets), (held_out, held_out_targets), _ = task._data
    assert len(known) == (days % 8 != 0).sum()
    assert len(held_out) == (days % 8 == 0).sum() == len(held_out_targets)
    assert np.array_equal(targets.bool().numpy(), late[days % 8 != 0])
    assert np.array_equal(held_out_targets.bool().numpy(), late[days % 8 == 0])
    assert len(set(days[days % 8 == 0])) == 46


@real
def test_every_category_has_rows_of_its_own(task):
    (known, _), (held_out, _), rows = task._data
    columns = known.T
    bounds = [(int(column.min()), int(column.max())) for column in columns]
    assert all(high < low for (_, high), (low, _) in itertools.pairwise(bounds))
    assert bounds[-1][1] == rows - 1
    assert held_out.min() >= 0
    assert held_out.max() < rows


def test_rare_values_and_those_never_trained_on_share_a_number():
    values = np.array(["a"] * 12 + ["rare"] * 3 + ["b"] * 11 + ["unseen"] * 40)
    training = values != "unseen"
    numbers, count = _numbered(values, training)
    assert count == 3
    assert numbers.tolist() == [1] * 12 + [0] * 3 + [2] * 11 + [0] * 40


def test_gradients_are_sparse_and_dense():
    model = FlightsNetwork(rows=50, categories=3)
    model(torch.randint(50, (4, 3))).sum().backward()
    kinds = {name: p.grad.is_sparse for name, p in model.named_parameters()}
    assert kinds.pop("rows.weight")
    assert len(kinds) == 4
    assert not any(kinds.values())


@real
def test_the_look_sees_the_sparse_gradients(task):
    seen = look(task)
    assert seen.sparse == ("rows.weight",)
    ruled_out = {
        out.optimizer for out in rule_out(list(optim.OPTIMIZERS), seen.sparse, seen.model.not_matrices)
    }
    assert "SparseAdam" in ruled_out  # the head is dense
    assert not ruled_out & {"SGD", "Adam", "AdamW", "Adagrad"}


@real
@pytest.mark.parametrize(
    ("optimizer", "settings"),
    [("AdamW", {"lr": 1e-2, "weight_decay": 0}), ("SGD", {"lr": 0.3}), ("Adagrad", {"lr": 0.05})],
)
def test_one_optimizer_steps_both_kinds(task, optimizer, settings):
    torch.manual_seed(0)
    untrained = task.validate(task.model())
    assert train(task, Candidate(optimizer, settings), 0, 0.1).point.value < untrained - 0.02


@real
def test_a_short_training_beats_a_constant_guess(task):
    (_, late), (_, held_out_late), _ = task._data
    share = late.mean()
    guess = torch.nn.functional.binary_cross_entropy(share.expand_as(held_out_late), held_out_late)
    torch.manual_seed(0)
    model = task.model()
    optimizer = optim.Adam(model.parameters(), lr=5e-3)
    for batch in itertools.islice(task.batches(0), 150):
        optimizer.zero_grad()
        task.loss(model, batch).backward()
        optimizer.step()
    assert task.validate(model) < guess - 0.02
    assert task.metrics(model)["AUC"] > 0.63


class Knows(torch.nn.Module):
    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, known):
        return self.logits


@real
def test_auc_is_one_for_the_truth_and_a_half_for_a_constant(task):
    late = task._data[1][1]
    assert task.metrics(Knows(late))["AUC"] == 1
    assert task.metrics(Knows(-late))["AUC"] == 0
    assert task.metrics(Knows(torch.zeros_like(late)))["AUC"] == pytest.approx(0.5)


def test_without_its_package_it_says_that_its_flights_are_made_up(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "files", lambda package: None)
    task = Flights()
    assert task.measure == "validation loss on made-up flights"
    with pytest.warns(UserWarning, match=r"'flights' uses made-up flights.*'surefoot\[gallery\]'"):
        (known, _), (held_out, _), rows = task._data
    assert len(known) + len(held_out) == 60_000
    assert 1000 < rows < 10_000
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # announced once
        untrained = task.validate(task.model())
        reached = train(task, Candidate("Adam", {"lr": 1e-2}), 0, 0.15).point.value
    assert reached < untrained - 0.03
