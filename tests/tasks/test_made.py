"""`surefoot.Task`: any data in, a task out that every part of Surefoot can use."""

from __future__ import annotations

import copy
import functools
import random
import subprocess
import sys
from itertools import islice

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, WeightedRandomSampler

import surefoot
from surefoot.study.run import Candidate
from surefoot.tasks import Task, TaskError, load_task, said_by
from surefoot.tasks.made import EPOCHS
from surefoot.training.loop import train

X = torch.randn(100, 4, generator=torch.Generator().manual_seed(3))
Y = (X.sum(1) > 0).long()
TABLE = TensorDataset(X, Y)
LOADER = DataLoader(TABLE, batch_size=16, shuffle=True)


class Noisy(Dataset):
    """Rows with noise from all three global generators, as augmentation draws it."""

    def __len__(self):
        return 20

    def __getitem__(self, row):
        noise = torch.rand(()) + random.random() + np.random.rand()
        return X[row] + float(noise), Y[row]


class Stream(IterableDataset):
    """Rows in an order of its own."""

    def __iter__(self):
        return iter([(X[row], Y[row]) for row in range(32)])


class Own(DataLoader):
    """A loader whose constructor is not torch's."""

    def __init__(self):
        super().__init__(TABLE, batch_size=20, shuffle=True)


def network():
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))


def task(**changes):
    members = {"model": network, "loss": nn.CrossEntropyLoss(), "train": LOADER, "validation": (X, Y)}
    members = members | changes
    sizeless = all(isinstance(members[name], DataLoader | list) for name in ("train", "validation"))
    return surefoot.Task(**({} if sizeless else {"batch_size": 10}) | members)


def first(made, seed, count=12):
    return list(islice(made.batches(seed), count))


def same(some, others):
    return all(
        torch.equal(a, b)
        for one, other in zip(some, others, strict=True)
        for a, b in zip(one, other, strict=True)
    )


KINDS = {
    "loader": LOADER,
    "loader with an own generator": DataLoader(TABLE, 16, shuffle=True, generator=torch.Generator()),
    "loader of another class": Own(),
    "weighted": DataLoader(TABLE, 16, sampler=WeightedRandomSampler(torch.arange(100.0), 100)),
    "table": TABLE,
    "tensors": (X, Y),
    "rows": Noisy(),
    "noisy loader": DataLoader(Noisy(), 5, shuffle=True),
    "list": [(X[at : at + 10], Y[at : at + 10]) for at in range(0, 100, 10)],
    "function": lambda seed: iter(
        DataLoader(TABLE, 2, shuffle=True, generator=torch.Generator().manual_seed(seed))
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_equal_seeds_give_equal_batches_whatever_is_drawn_between(kind):
    made = task(train=KINDS[kind], steps=40)
    assert isinstance(made, Task)
    torch.manual_seed(0)
    once = first(made, 0)
    again = []
    for batch in islice(made.batches(0), 12):
        again.append(batch)
        torch.rand(3), random.random(), np.random.rand()
    assert same(once, again)
    assert not same(once, first(made, 1))
    assert not same(once, [once[0]] * 12)


@pytest.mark.parametrize("kind", KINDS)
def test_drawing_batches_moves_no_generator(kind):
    made = task(train=KINDS[kind], steps=40)
    torch.manual_seed(1), np.random.seed(1), random.seed(1)
    before = torch.rand(1).item(), np.random.rand(), random.random()
    torch.manual_seed(1), np.random.seed(1), random.seed(1)
    first(made, 0)
    assert (torch.rand(1).item(), np.random.rand(), random.random()) == before


def test_each_epoch_goes_through_all_rows_in_a_new_order():
    batches = first(task(train=DataLoader(TABLE, 20, shuffle=True)), 0, 10)
    epochs = [torch.cat([x for x, _ in batches[at : at + 5]]) for at in (0, 5)]
    assert not torch.equal(*epochs)
    assert torch.equal(*(epoch.sort(0).values for epoch in epochs))


def test_two_iterators_of_one_loader_do_not_disturb_each_other():
    made = task()
    alone, one, other = first(made, 0), made.batches(0), made.batches(0)
    interleaved = [(next(one), next(other)) for _ in range(12)]
    assert same(alone, [pair[0] for pair in interleaved])
    assert same(alone, [pair[1] for pair in interleaved])
    assert LOADER.generator is None


def test_a_loader_with_worker_processes_repeats_its_order_and_ends_them():
    loader = DataLoader(Noisy(), 5, shuffle=True, num_workers=1)
    made = task(train=loader)
    assert same(first(made, 0, 6), first(made, 0, 6))
    assert not same(first(made, 0, 6), first(made, 1, 6))


def test_a_stream_needs_its_steps():
    made = task(train=Stream(), steps=30)
    assert len(first(made, 0)[0][0]) == 10
    with pytest.raises(TaskError, match="train has no length: say steps="):
        task(train=Stream())


def test_what_is_not_said():
    made = task()
    assert (made.name, made.steps, made.measure) == ("test_made", EPOCHS * 7, "validation loss")
    assert task(epochs=3).steps == 21
    assert task(train=(X, Y)).steps == EPOCHS * 10
    assert not any(hasattr(made, name) for name in ("metrics", "predict", "labels"))
    said = task(
        name="mine",
        steps=5,
        measure="error",
        metrics=lambda model: {"a": 1.0},
        predict=print,
        labels=["n", "y"],
    )
    assert (said.name, said.steps, said.measure, said.labels) == ("mine", 5, "error", ("n", "y"))
    assert said.metrics(None) == {"a": 1.0}
    assert said.predict is print


def test_validation_is_the_mean_over_examples_in_any_way_that_data_comes():
    model = network().eval()
    mean = nn.functional.cross_entropy(model(X), Y).item()
    for held_out in (
        (X, Y),
        TABLE,
        DataLoader(TABLE, 33),
        DataLoader(TABLE, 33, shuffle=True),
        [(X[:90], Y[:90]), (X[90:], Y[90:])],
    ):
        assert task(validation=held_out).validate(model) == pytest.approx(mean, rel=1e-5)
    noisy = task(validation=DataLoader(Noisy(), 5, shuffle=True))
    assert noisy.validate(model) == noisy.validate(model)


def error_rate(model):
    return float((model(X).argmax(1) != Y).float().mean())


def test_validation_may_be_a_function():
    made = task(validation=error_rate)
    assert made.measure == "error rate"
    assert 0 <= made.validate(network()) <= 1
    assert task(validation=lambda model: 0.5).measure == "validation value"


@pytest.mark.parametrize("maximize", [True, False, None])
def test_a_function_may_be_maximized_and_a_loss_is_minimized(maximize):
    assert said_by(task(validation=error_rate, maximize=maximize)) is maximize
    assert said_by(task()) is False


@pytest.mark.parametrize(
    "loss",
    [
        nn.CrossEntropyLoss(),
        nn.functional.cross_entropy,
        functools.partial(nn.functional.cross_entropy, reduction="mean"),
        lambda model, batch: nn.functional.cross_entropy(model(batch[0]), batch[1]),
    ],
)
def test_a_loss_of_torch_compares_and_an_own_one_is_called(loss):
    made = task(loss=loss)
    model = network().eval()
    assert made.loss(model, (X, Y)).item() == nn.functional.cross_entropy(model(X), Y).item()


def test_a_model_that_takes_its_shapes_from_its_input_is_shown_one():
    made = task(model=lambda: nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d(), nn.Linear(3, 2)))
    torch.manual_seed(0)
    model = made.model()
    assert model[0].weight.shape == (3, 4)
    assert model.training
    assert not model[1].num_batches_tracked
    torch.manual_seed(0)
    assert torch.equal(made.model()[0].weight, model[0].weight)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"model": nn.Linear(1, 1)},
            r"every run needs a fresh one: give a function, model=lambda: Linear\(…\)",
        ),
        ({"model": 3}, "model must be a function"),
        ({"loss": nn.MSELoss}, r"loss is a class; make one of it: loss=MSELoss\(\)"),
        ({"loss": 1.0}, "loss must be a function"),
        ({"train": iter(LOADER)}, "train is an iterator, used up after one pass"),
        ({"validation": iter(LOADER)}, "validation is an iterator"),
        ({"train": TABLE, "batch_size": None}, "train is a Dataset: say batch_size=64"),
        ({"train": None}, "train must be a DataLoader, .* not None"),
        ({"train": "digits.csv"}, "train must be a DataLoader, .* not a str"),
        ({"train": (X, Y[:3])}, r"unequal lengths: \(100, 4\), \(3,\)"),
        ({"train": TensorDataset(X[:0], Y[:0])}, "Dataset without rows"),
        ({"train": []}, "no batch in train"),
        ({"steps": 5, "epochs": 2}, "steps= or epochs=, not both"),
        ({"epochs": 0}, "epochs must be a whole number of at least 1"),
        ({"maximize": True}, "validation is data, whose mean loss is the measure, and of a loss lower is"),
        ({"validation": len, "maximize": "yes"}, "maximize must be True, False or None, not 'yes'"),
        ({"train": lambda seed: iter(LOADER)}, "train has no length"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(changes, words):
    with pytest.raises(TaskError, match=words) as caught:
        task(**changes)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("surefoot.Task: ")


def broken(model, batch):
    return model(batch[0]).no_such_method()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"loss": broken}, r"^test_made: loss\(\) raised AttributeError: .* \(.*test_made.py:\d+\)$"),
        ({"model": lambda: nn.Linear(3, 2)}, r"^test_made: loss\(\) raised RuntimeError: mat1 and mat2"),
        ({"train": [{"x": X}]}, r"^test_made: a batch is no pair \(x, y\) but a dict of 1: write"),
        ({"train": DataLoader(TABLE, 200, drop_last=True), "steps": 5}, "^test_made: there is no batch"),
    ],
)  # fmt: skip
def test_errors_in_use_name_the_task_and_the_line(changes, words):
    made = task(**changes)
    with pytest.raises(TaskError, match=words) as caught:
        made.loss(made.model(), next(made.batches(0)))
    assert "\n" not in str(caught.value)


FILE = """
import torch, surefoot
from torch import nn
x = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
task = surefoot.Task(
    model=lambda: nn.Linear(3, 1), loss=nn.MSELoss(), train=(x, x.sum(1, keepdim=True)),
    validation=(x, x.sum(1, keepdim=True)), batch_size=8, epochs=20,
)
"""


def test_it_is_loaded_by_reference_and_trained_as_any_other(tmp_path):
    (tmp_path / "five_lines.py").write_text(FILE)
    loaded = load_task(f"{tmp_path}/five_lines.py:task")
    assert (loaded.name, loaded.steps) == ("five_lines", 160)
    assert train(loaded, Candidate("SGD", {"lr": 0.3}), 0, 1.0).point.value < 1e-3


def test_a_run_that_is_taken_up_again_ends_bit_for_bit_where_it_would_have():
    made = task(train=DataLoader(Noisy(), 3, shuffle=True), steps=60)
    candidate, kept = Candidate("Adam", {"lr": 1e-2}), []
    straight = train(made, candidate, 0, 1.0).point.value
    train(made, candidate, 0, 0.5, keep=lambda state: kept.append(copy.deepcopy(state)))
    assert train(made, candidate, 0, 1.0, resume=kept[0]).point.value == straight


def test_importing_surefoot_or_its_optimizers_loads_nothing_for_it():
    shown = "print(sorted(sys.modules))"
    program = f"import sys, surefoot; {shown}; from surefoot import optim; {shown}"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    bare, optimizers = loaded.stdout.splitlines()
    assert "'torch'" not in bare
    assert "'surefoot.tasks'" not in optimizers
    with pytest.raises(AttributeError, match="no attribute 'Tusk'"):
        surefoot.Tusk  # noqa: B018
