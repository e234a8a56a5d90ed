"""One broken task for each mistake, each told in exactly one line; healthy tasks are told nothing."""

from __future__ import annotations

import itertools
import random
import re
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import surefoot
from surefoot.checks import task as checking
from surefoot.checks.findings import TaskFacts
from surefoot.checks.task import check
from surefoot.study.direction import Direction
from surefoot.tasks import TaskError, builtin_tasks

CLASSES, ROWS = 4, 240
DRAWN = torch.Generator().manual_seed(1)
X = torch.randn(ROWS, 6, generator=DRAWN)
Y = torch.arange(ROWS) % CLASSES


class Healthy:
    """A classifier with dropout and batch normalisation; every mistake below is a small change of it."""

    name, steps, measure = "mine", 12, "validation loss"

    def model(self):
        return nn.Sequential(
            nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, CLASSES)
        )

    def batches(self, seed):
        generator = torch.Generator().manual_seed(seed)
        while True:
            rows = torch.randint(0, 120, (16,), generator=generator)
            yield X[rows], Y[rows]

    def loss(self, model, batch):
        return functional.cross_entropy(model(batch[0]), batch[1])

    def validate(self, model):
        return self.loss(model, (X[120:], Y[120:])).item()

    def validate_alone(self, model):
        return functional.cross_entropy(model(X[120:]), Y[120:]).item()


def changed(**members):
    return type("Changed", (Healthy,), members)()


def only(task, words, *, wrong=True):
    """The one finding there is."""
    report = check(task, workers=1)
    assert len(report.findings) == 1, [f.text for f in report.findings]
    found = report.findings[0]
    assert "\n" not in found.text
    assert found.text.startswith("mine: ")
    assert re.search(words, found.text), found.text
    assert found.wrong is wrong
    assert report.wrong == (report.findings if wrong else ())
    return report


class TestHealthyTasks:
    def test_the_one_that_is_broken_below(self):
        report = check(Healthy(), workers=1)
        assert report.findings == ()
        assert report.facts.parameters == 108
        assert report.facts.batch == "float32 16×6, int64 16"
        assert (report.facts.steps, report.facts.batches_seen, report.facts.held_out) == (12, 12, 120)
        assert 0 < report.facts.seconds_per_step < 1
        assert 1 < report.facts.initial_value < 2

    @pytest.mark.parametrize("name", ["digits", "tabular", "text", "line"])
    def test_of_some_built_in_tasks_nothing_is_told(self, name, monkeypatch):
        task = builtin_tasks()[name]
        monkeypatch.setattr(type(task), "steps", 2)
        monkeypatch.setattr(checking, "TIMING_SECONDS", 0.0)
        assert check(task, workers=1).findings == ()

    def test_one_made_from_a_loader(self):
        table = TensorDataset(X[:120], Y[:120])
        for train in (DataLoader(table, 16, shuffle=True), table):
            task = surefoot.Task(
                model=Healthy().model, loss=nn.CrossEntropyLoss(), train=train,
                validation=(X[120:], Y[120:]), batch_size=16, steps=12,
            )  # fmt: skip
            assert check(task, workers=1).findings == ()

    def test_regression_full_batch_and_physics(self):
        points = torch.linspace(0, 1, 128)[:, None]

        def residual(model, batch):
            x = batch.requires_grad_()
            slope = torch.autograd.grad(model(x).sum(), x, create_graph=True)[0]
            return (slope - 1).square().mean() + model(torch.zeros(1, 1)).square().mean()

        def measure(model):
            return (model(points) - points).square().mean().item()

        task = changed(
            model=lambda self: nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1)),
            batches=lambda self, seed: itertools.repeat(points),
            loss=lambda self, model, batch: residual(model, batch),
            validate=lambda self, model: measure(model),
        )
        assert check(task, workers=1).findings == ()

    def test_nothing_outside_is_moved(self):
        torch.manual_seed(7), random.seed(7), np.random.seed(7)
        torch.set_num_threads(2)
        check(Healthy())
        drawn = torch.rand(1).item(), random.random(), np.random.rand()
        torch.manual_seed(7), random.seed(7), np.random.seed(7)
        assert drawn == (torch.rand(1).item(), random.random(), np.random.rand())
        assert torch.get_num_threads() == 2


class Once:
    """Keeps one model."""

    model = nn.Linear(6, CLASSES)


def from_the_clock(self):
    torch.manual_seed(time.time_ns() % 2**31)
    return nn.Linear(6, CLASSES)


def always_seeded(self):
    torch.manual_seed(3)
    return nn.Linear(6, CLASSES)


def loaded(self):
    model = nn.Linear(6, CLASSES)
    model.load_state_dict({"weight": torch.ones(CLASSES, 6), "bias": torch.zeros(CLASSES)})
    return model


def named_anew(self, numbers=itertools.count()):  # noqa: B008  it is to remember
    model = nn.Module()
    model.add_module(f"layer_{next(numbers)}", nn.Linear(6, CLASSES))
    model.forward = lambda x: next(iter(model.children()))(x)
    return model


@pytest.mark.parametrize(
    ("model", "words", "wrong"),
    [
        (lambda self: 3, r"model\(\) must return a torch.nn.Module, not int", True),
        (lambda self: 1 / 0, r"model\(\) raised ZeroDivisionError: .* \(.*test_task.py:\d+\)$", True),
        (lambda self: nn.ReLU(), "no parameter to train", True),
        (lambda self: Once.model, r"same weights in memory each time, .*: make the model inside", True),
        (from_the_clock, r"other weights each time for the same seed \(weight\)", True),
        (always_seeded, r"same weights for every seed: leave out its torch.manual_seed", True),
        (loaded, r"same weights for every seed; where they are loaded that is meant", False),
        (
            named_anew,
            r"names its weights otherwise each time \(layer_\d+.weight, then layer_\d+.weight\)",
            True,
        ),
    ],
)
def test_models(model, words, wrong):
    only(changed(model=model), words, wrong=wrong)


def endless(batch_of):
    def batches(self, seed):
        generator = torch.Generator().manual_seed(seed)
        while True:
            yield batch_of(torch.randint(0, 120, (16,), generator=generator))

    return batches


def ends(self, seed):
    return itertools.islice(Healthy().batches(seed), 5)


def deaf(self, seed):
    return Healthy().batches(0)


def not_repeatable(self, seed):
    return Healthy().batches(random.SystemRandom().randrange(10**9))


def from_the_global_generator(self, seed):
    while True:
        rows = torch.randint(0, 120, (16,))
        yield X[rows], Y[rows]


def in_place(self, seed):
    batch = [torch.empty(16, 6), torch.empty(16, dtype=torch.int64)]
    for x, y in Healthy().batches(seed):
        batch[0].copy_(x)
        batch[1].copy_(y)
        yield batch


def fails_later(self, seed):
    for number, batch in enumerate(Healthy().batches(seed)):
        if number == 9:
            raise OSError("the disk is gone")
        yield batch


@pytest.mark.parametrize(
    ("batches", "words", "wrong"),
    [
        (lambda self, seed: iter([]), r"batches\(0\) gives no batch at all", True),
        (lambda self, seed: 3, r"batches\(\) raised TypeError", True),
        (ends, r"ends after 5 batches, and a training takes 12: go round without end", True),
        (fails_later, r"batches\(\) raised OSError: the disk is gone \(.*test_task.py:\d+\)", True),
        (deaf, r"ignores its seed: it gives seeds 0 and 1 the same batches; .*shuffle=True", True),
        (not_repeatable, r"gives other batches when it is called again", True),
        (from_the_global_generator, r"draws from the global generators", False),
        (in_place, r"the same object again and again, changed in place", True),
    ],
)
def test_batches(batches, words, wrong):
    only(changed(batches=batches), words, wrong=wrong)


def with_nan(rows):
    x = X[rows].clone()
    x[2, 3] = float("nan")
    return x, Y[rows]


def seldom_nan(self, seed):
    for number, (x, y) in enumerate(Healthy().batches(seed)):
        yield (x.masked_fill(torch.ones(6).bool(), float("inf")) if number == 7 else x), y


def masked(self, model, batch):
    return functional.cross_entropy(model(batch[0].nan_to_num()), batch[1])


@pytest.mark.parametrize(
    ("members", "words", "wrong"),
    [
        (
            {"batches": endless(with_nan)},
            r"in batch 1 of batches\(0\), 1 of 96 numbers are nan or inf.* batch\[0\], a",
            True,
        ),
        (
            {"batches": seldom_nan},
            r"in batch 8 of batches\(0\), 96 of 96 numbers are nan or infinite in batch\[0\]",
            True,
        ),
        (
            {
                "batches": endless(with_nan),
                "loss": masked,
                "validate": lambda self, m: masked(self, m, (X[120:], Y[120:])).item(),
            },
            "though the loss is finite there",
            False,
        ),
    ],
)
def test_data_that_is_no_number(members, words, wrong):
    only(changed(**members), words, wrong=wrong)


def labelled(batch_of_labels):
    return endless(lambda rows: (X[rows], batch_of_labels(Y[rows])))


def rarely_out_of_range(self, seed):
    for number, (x, y) in enumerate(Healthy().batches(seed)):
        yield x, (y.masked_fill(y == 1, 9) if number == 10 else y)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (
            {"batches": labelled(lambda y: y + 1)},
            r"loss\(\): labels go from 1 to 4, but the model has 4 classes, 0 to 3: subtract 1 \(.*:\d+\)$",
        ),
        (
            {"batches": rarely_out_of_range},
            "labels go from 0 to 9, but the model has 4 classes, 0 to 3: correct",
        ),
        (
            {"batches": labelled(lambda y: y - 1)},
            "labels go from -1 to 2, but the model has 4 classes, 0 to 3",
        ),
        (
            {"validate": lambda self, m: self.loss(m, (X[120:], Y[120:] + 1)).item()},
            r"validate\(\): a label is 4, but the model has no such class",
        ),
        (
            {
                "model": lambda self: nn.Sequential(nn.Embedding(3, 2), nn.Flatten(), nn.Linear(2, CLASSES)),
                "loss": lambda self, m, b: functional.cross_entropy(m(b[1][:, None]), b[1]),
            },
            r"a whole number \(batch\[1\] from 0 to 3\) lies outside of the rows that an nn.Embedding has",
        ),
    ],
)
def test_labels(members, words):
    only(changed(**members), words)


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (
            lambda self, m, b: m(b[0]),
            r"loss\(\) must return one number, not a tensor of shape \(\d+, 4\): take",
        ),
        (
            lambda self, m, b: functional.cross_entropy(m(b[0]), b[1]) * float("inf"),
            r"loss\(\) is inf on the first",
        ),
        (
            lambda self, m, b: functional.cross_entropy(m(b[0]), b[1].float()),
            r"loss\(\) raised RuntimeError: .*; a batch holds float32 16×6, int64 16$",
        ),
        (
            lambda self, m, b: functional.cross_entropy(m(b[0][:, :3]), b[1]),
            r"raised RuntimeError: mat1 and mat2 shapes .*test_task.py:\d+\); a batch holds",
        ),
        (lambda self, m, b: m(b[0]).nonsense, r"loss\(\) raised AttributeError"),
    ],
)
def test_losses_that_the_measure_uses_too(loss, words):
    only(changed(loss=loss, validate=lambda self, m: Healthy.loss(self, m, (X[120:], Y[120:])).item()), words)


def without(change):
    """The same loss, changed; the measure is left as it is."""
    return lambda self, m, b: change(Healthy.loss(self, m, b))


MEASURE = {"validate": lambda self, m: Healthy.loss(self, m, (X[120:], Y[120:])).item()}


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (without(lambda loss: loss.item()), r"loss\(\) must return a tensor, not float"),
        (without(lambda loss: loss.detach()), "no parameter gets a gradient"),
        (
            without(lambda loss: torch.ones((), requires_grad=True) + loss.detach()),
            "no parameter gets a gradient",
        ),
        (without(lambda loss: loss * 0), "every gradient is zero"),
        (
            without(lambda loss: loss.detach() + (loss - loss).sqrt()),
            "the gradient of .* is not finite, though the",
        ),
    ],
)
def test_gradients(loss, words):
    only(changed(loss=loss, **MEASURE), words)


class Unused(nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.forgotten = nn.Linear(6, CLASSES), nn.Linear(6, 3)
        self.frozen = nn.Linear(6, 6).requires_grad_(False)

    def forward(self, x):
        return self.used(self.frozen(x))


class Listed(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = [nn.Linear(6, 6), nn.Linear(6, 6)]
        self.last = nn.Linear(6, CLASSES)

    def forward(self, x):
        for layer in self.hidden:
            x = layer(x).relu()
        return self.last(x)


class Forgetful(nn.Module):
    def __init__(self):
        super().__init__()
        self.last, self.mean = nn.Linear(6, CLASSES), torch.zeros(6)

    def forward(self, x):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * x.detach().mean(0)
        return self.last(x - self.mean)


class Turns(nn.Module):
    """Its halves take turns, so that no batch reaches both."""

    def __init__(self):
        super().__init__()
        self.halves, self.turn = nn.ModuleList([nn.Linear(6, CLASSES), nn.Linear(6, CLASSES)]), 0

    def forward(self, x):
        self.turn = (self.turn + 1) % 2 if self.training else self.turn
        return self.halves[self.turn](x)


@pytest.mark.parametrize(
    ("model", "words", "wrong"),
    [
        (
            Unused,
            r"forgotten.weight and forgotten.bias of the model get no gradient \(2 more are frozen on",
            True,
        ),
        (
            Listed,
            r"Listed.hidden\[\d\].\w+, .* and Listed.hidden\[\d\].\w+, not among .*nn.ModuleList",
            True,
        ),
        (Forgetful, r"Forgetful.mean changes in training and is no buffer", False),
        (
            lambda: nn.Sequential(nn.Embedding(CLASSES, 5, sparse=True), nn.Flatten(), nn.Linear(5, CLASSES)),
            r"the gradient of 0.weight is sparse",
            False,
        ),
    ],
)
def test_parts_of_models(model, words, wrong):
    ids = "Embedding" in str(model())

    def loss(self, m, b):
        return functional.cross_entropy(m(b[1][:, None] if ids else b[0]), b[1])

    only(changed(model=lambda self: model(), loss=loss), words, wrong=wrong)


def test_parts_that_take_turns_are_all_seen():
    assert check(changed(model=lambda self: Turns()), workers=1).findings == ()


def test_targets_of_another_shape_are_no_matter_of_taste():
    targets = torch.randn(ROWS, generator=torch.Generator().manual_seed(2))
    task = changed(
        model=lambda self: nn.Linear(6, 1),
        batches=endless(lambda rows: (X[rows], targets[rows])),
        loss=lambda self, m, b: functional.mse_loss(m(b[0]), b[1]),
        validate=lambda self, m: functional.mse_loss(m(X[120:])[:, 0], targets[120:]).item(),
    )
    only(task, r"compares targets of shape \[16\] with outputs of shape \[16, 1\], all with all")


def test_a_loss_that_starts_at_0_is_told_to_be_fine():
    def from_a_copy(self, model, batch):  # the gradient is not 0, though the loss is
        logs = model(batch[0]).log_softmax(1).gather(1, batch[1][:, None])
        return -((logs - logs.detach()).exp() - 1).mean()

    only(
        changed(loss=from_a_copy, validate=Healthy.validate_alone), "starts at 0, which is fine", wrong=False
    )


def test_a_batch_of_one_row_and_batch_normalisation():
    one = endless(lambda rows: (X[rows], Y[rows]))

    def batches(self, seed):
        for number, (x, y) in enumerate(one(self, seed)):
            yield (x[:1], y[:1]) if number % 8 == 7 else (x, y)

    only(
        changed(batches=batches),
        "a batch of one row, which batch normalisation cannot be trained on: drop_last",
    )


def trains(self, model):
    model.train()
    return Healthy.validate(self, model)


def leaves_training(self, model):
    value = Healthy.validate(self, model)
    model.train()
    return value


def nudges(self, model):
    model[0].bias.add_(1.0)
    return Healthy.validate(self, model)


def freezes(self, model):
    model[0].requires_grad_(False)
    return Healthy.validate(self, model)


def some_rows(self, model):
    rows = torch.randint(120, ROWS, (100,))
    return self.loss(model, (X[rows], Y[rows])).item()


def uses_up(self, model, left=iter([(X[120:], Y[120:])])):  # noqa: B008  it is to remember
    return [self.loss(model, batch).item() for batch in left].pop()


def slope(self, model):
    loss = self.loss(model, (X[120:], Y[120:]))
    return torch.autograd.grad(loss, model[0].weight)[0].norm().item()


@pytest.mark.parametrize(
    ("validate", "words", "wrong"),
    [
        (lambda self, m: None, r"validate\(\) must return a float, not NoneType", True),
        (lambda self, m: self.loss(m, (X[120:], Y[120:])), r"not Tensor; return value.item\(\)", True),
        (lambda self, m: [][0], r"validate\(\) raised IndexError: .*test_task.py:\d+\)", True),
        (lambda self, m: m(X[120:]).sum().item() * float("nan"), r"returns nan before any training", True),
        (trains, r"changes the model \(1.running_mean.*it leaves the model in training mode", True),
        (leaves_training, r"leaves the model in training mode; .*put back", False),
        (nudges, r"validate\(\) changes the model \(0.bias\); it must only measure", True),
        (freezes, r"validate\(\) freezes 0.bias and 0.weight", True),
        (
            some_rows,
            r"validate\(\) gives \S+, then \S+, for the same model: measure always the same rows",
            True,
        ),
        (uses_up, r"raised IndexError: .*, when it was called for the second time", True),
        (slope, r"validate\(\) needs gradients, and is called without: wrap that in torch.enable_grad", True),
        (
            lambda self, m: self.loss(m, (X[120:160], Y[120:160])).item(),
            r"measures on 40 rows: .* about 16 %",
            False,
        ),
    ],
)
def test_validation(validate, words, wrong):
    only(changed(validate=validate), words, wrong=wrong)


def test_a_measure_named_like_a_score_needs_a_direction():
    only(changed(measure="accuracy"), "of 'accuracy' higher is better .*maximize=True")
    assert check(changed(measure="accuracy"), workers=1).facts.direction is None


@pytest.mark.parametrize("maximize", [True, False])
def test_the_task_or_whoever_asks_says_the_direction(maximize):
    for report in (
        check(changed(measure="accuracy", maximize=maximize), workers=1),
        check(changed(measure="accuracy"), workers=1, maximize=maximize),
    ):
        assert not report.findings
        assert report.facts.direction is Direction.of(maximize)
    contradicting = check(changed(maximize=maximize), workers=1, maximize=not maximize)
    assert [finding.wrong for finding in contradicting.findings] == [True]
    assert f"and it is asked for maximize={not maximize}" in contradicting.findings[0].text


def test_a_measure_that_does_not_depend_on_the_model():
    other = Healthy().model().eval()
    only(changed(validate=lambda self, m: 0.5), r"validate\(\) does not depend on the model: it is 0.500")
    only(changed(validate=lambda self, m: self.loss(other, (X, Y)).item()), "does not depend on the model")


def test_equal_values_of_untrained_models_are_no_constant_measure():
    class Silent(Healthy):
        def model(self):
            net = super().model()
            nn.init.zeros_(net[4].weight)
            nn.init.zeros_(net[4].bias)
            return net

        def validate(self, model):  # of all rows in one class as long as the outputs are 0
            return (model(X).argmax(1) != Y).float().mean().item()

    assert not [f.text for f in check(Silent(), workers=1).wrong if f.about == "validate"]


def test_dropout_in_a_measure_in_training_mode_is_the_reason():
    task = changed(model=lambda self: nn.Sequential(nn.Dropout(0.5), nn.Linear(6, CLASSES)), validate=trains)
    only(task, "for the same model: it puts the model into training mode, with dropout")


class TestCost:
    FACTS = TaskFacts(1000, seconds_per_step=0.01, validation_seconds=0.1, peak_memory=10**6)

    def told(self, **members):
        facts = replace(self.FACTS, **members)
        return [f.text for f in checking._about_cost(Healthy(), facts, checking.LossFacts(), workers=2)]

    def test_a_quick_one(self):
        assert self.told() == []

    def test_slow_steps_are_told_with_the_length_of_a_study(self):
        (text,) = self.told(seconds_per_step=5.0)
        assert "a study of 13 trainings takes about 9 h 02 min with 2 at once" in text

    def test_a_slow_validation(self):
        (text,) = self.told(validation_seconds=30.0)
        assert "one validation takes 30 s, as long as 3000 steps" in text

    def test_more_memory_than_there_is(self):
        (text,) = self.told(peak_memory=10**15)
        assert text.endswith("--workers 1")

    def test_a_study_is_its_trainings_side_by_side(self):
        assert self.FACTS.training_seconds == pytest.approx(1000 * 0.01 + 10 * 0.1)
        assert self.FACTS.study_seconds(2) == pytest.approx(13 * 11 / 2)
        assert TaskFacts(5).study_seconds(2) is None


def test_a_slow_step_is_timed_once_and_a_quick_one_often():
    calls = []

    def loss(self, model, batch):
        calls.append(1)
        return Healthy.loss(self, model, batch)

    checking.seconds_per_step(changed(loss=loss), 10.0)
    slow, calls[:] = len(calls), []
    checking.seconds_per_step(changed(loss=loss), 1e-3)
    assert (slow, len(calls)) == (1, 13)


class TestOwnFiles:
    def problems(self):
        return ["3 files cannot\nbe read: a.png …", "2 images are small"]

    def test_what_is_only_noteworthy_is_told(self):
        report = check(changed(problems=TestOwnFiles.problems), workers=1)
        assert [(f.about, f.wrong, f.text) for f in report.findings] == [
            ("data", False, "mine: 3 files cannot be read: a.png …"),
            ("data", False, "mine: 2 images are small"),
        ]

    def test_what_the_task_refuses_is_wrong_and_told_once(self):
        def refuses(self, seed):
            raise TaskError("mine: 3 files cannot be read: a.png …")

        report = check(changed(problems=TestOwnFiles.problems, batches=refuses), workers=1)
        assert [f.wrong for f in report.findings] == [True, False]
        assert "3 files" in report.findings[0].text


def test_all_findings_are_listed_and_the_worst_come_first():
    task = changed(
        model=lambda self: Unused(),
        batches=deaf,
        validate=lambda self, m: self.loss(m, (X[:30], Y[:30])).item(),
    )
    report = check(task, workers=1)
    assert [(f.about, f.wrong) for f in report.findings] == [
        ("batches", True), ("gradient", True), ("validate", False),
    ]  # fmt: skip
    assert len(report.wrong) == 2
    assert len(report.told) == 1
