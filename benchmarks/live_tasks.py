"""Small trainings of many kinds, a fraction of a second each, on which a whole grid is affordable.

    task = make("noisy", 0)   # a `surefoot.Task`

Each kind is a function of a `variant`: 0 is what `live_grid.py` reports, others have other data, and often
another length, for whoever tries constants out.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from functools import cache

import torch
from torch import Tensor, nn

from surefoot import Task
from surefoot.tasks import builtin_tasks

Batch = tuple[Tensor, Tensor]


def _generator(kind: int, variant: int) -> torch.Generator:
    return torch.Generator().manual_seed(1000 * kind + variant)


def _drawn(data: Batch, size: int) -> Callable[[int], Iterator[Batch]]:
    """Batches with replacement."""

    def batches(seed: int) -> Iterator[Batch]:
        generator = torch.Generator().manual_seed(seed)
        while True:
            rows = torch.randint(len(data[0]), (size,), generator=generator)
            yield data[0][rows], data[1][rows]

    return batches


def _task(
    name: str,
    model: Callable[[], nn.Module],
    criterion: Callable[[Tensor, Tensor], Tensor],
    train: Batch,
    held_out: Batch,
    steps: int,
    batch: int = 32,
) -> Task:
    return Task(
        name=name,
        model=model,
        loss=lambda model, batch: criterion(model(batch[0]), batch[1]),
        train=_drawn(train, batch),
        validation=lambda model: criterion(model(held_out[0]), held_out[1]).item(),
        measure="validation loss",
        steps=steps,
    )


@cache
def _digits() -> tuple[Tensor, Tensor]:
    """Images as (rows, 64) and labels, in a fixed random order."""
    from sklearn.datasets import load_digits

    data = load_digits()
    order = torch.randperm(len(data.target), generator=torch.Generator().manual_seed(7))
    return torch.tensor(data.data, dtype=torch.float32)[order] / 16, torch.tensor(data.target)[order]


def _split_digits(variant: int) -> tuple[Batch, Batch]:
    images, labels = _digits()
    images, labels = images.roll(400 * variant, 0), labels.roll(400 * variant, 0)
    return (images[:1200], labels[:1200]), (images[1200:], labels[1200:])


def _mlp(*widths: int, unit: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [nn.Linear(before, after), unit()]
    return nn.Sequential(*layers[:-1])


def _cnn() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 8, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(256, 10),
    )


def noisy(variant: int) -> Task:
    """Isotropic linear regression with much noise: nothing beats plain averaging."""
    g = _generator(1, variant)
    truth = torch.randn(20, 1, generator=g)

    def rows(count: int, noise: float) -> Batch:
        x = torch.randn(count, 20, generator=g)
        return x, x @ truth + noise * torch.randn(count, 1, generator=g)

    steps = (300, 200)[variant % 2]
    mse = nn.functional.mse_loss
    return _task("noisy", lambda: nn.Linear(20, 1), mse, rows(4000, 1.0), rows(1000, 0.0), steps, 16)


def finetune(variant: int) -> Task:
    """A trunk that has learnt five digits, and a new head for the other five, on a hundred rows."""
    images, labels = _digits()
    low = labels < 5 if variant % 2 == 0 else labels % 2 == 0
    groups = torch.arange(5) + 5 if variant % 2 == 0 else 2 * torch.arange(5) + 1
    with torch.random.fork_rng():
        torch.manual_seed(variant)
        trunk = _mlp(64, 48, 32, 10)
        old, old_labels = images[low], labels[low]
        optimizer = torch.optim.Adam(trunk.parameters(), lr=3e-3)
        for _ in range(300):
            rows = torch.randint(len(old), (32,))
            optimizer.zero_grad()
            nn.functional.cross_entropy(trunk(old[rows]), old_labels[rows]).backward()
            optimizer.step()
    state = {name: value.clone() for name, value in trunk[:4].state_dict().items()}
    new = images[~low]
    new_labels = (labels[~low][:, None] == groups).int().argmax(1)

    def model() -> nn.Module:
        made = _mlp(64, 48, 32, 5)
        made[:4].load_state_dict(state)
        return made

    train, held_out = (new[:100], new_labels[:100]), (new[100:], new_labels[100:])
    return _task("finetune", model, nn.functional.cross_entropy, train, held_out, 100, 16)


def short(variant: int) -> Task:
    """Digits in sixty steps."""
    train, held_out = _split_digits(variant)
    return _task("short", _cnn, nn.functional.cross_entropy, train, held_out, (60, 80)[variant % 2])


def convolution(variant: int) -> Task:
    """Digits with convolutions."""
    train, held_out = _split_digits(variant + 1)
    return _task("convolution", _cnn, nn.functional.cross_entropy, train, held_out, (120, 150)[variant % 2])


def parity(variant: int) -> Task:
    """The parity of three of ten bits: flat at first."""
    g = _generator(2, variant)
    bits = torch.randint(2, (1024, 10), generator=g).float() * 2 - 1
    chosen = torch.randperm(10, generator=g)[:3]
    signs = bits[:, chosen].prod(1, keepdim=True).clamp(min=0)

    def model() -> nn.Module:
        return _mlp(10, 48, 1)

    criterion = nn.functional.binary_cross_entropy_with_logits
    train, held_out = (bits[:700], signs[:700]), (bits[700:], signs[700:])
    return _task("parity", model, criterion, train, held_out, (250, 200)[variant % 2])


def ill_conditioned(variant: int) -> Task:
    """Least squares on all rows at once; scales differ by a thousand."""
    g = _generator(3, variant)
    scales = torch.logspace(0, -1.5, 30)
    truth = torch.randn(30, 1, generator=g) / scales[:, None] / 5

    def rows(count: int) -> Batch:
        x = torch.randn(count, 30, generator=g) * scales
        return x, x @ truth + 0.1 * torch.randn(count, 1, generator=g)

    train, held_out = rows(200), rows(500)
    mse = nn.functional.mse_loss
    task = _task("ill_conditioned", lambda: nn.Linear(30, 1), mse, train, held_out, 200)
    return Task(
        name=task.name,
        model=lambda: nn.Linear(30, 1),
        loss=lambda model, batch: mse(model(batch[0]), batch[1]),
        train=[train],
        validation=lambda model: mse(model(held_out[0]), held_out[1]).item(),
        measure="validation loss",
        steps=(200, 150)[variant % 2],
    )


class _Ratings(nn.Module):
    """The product of a row's and a column's factors, whose gradients are sparse."""

    def __init__(self) -> None:
        super().__init__()
        self.row = nn.Embedding(60, 4, sparse=True)
        self.column = nn.Embedding(40, 4, sparse=True)

    def forward(self, places: Tensor) -> Tensor:
        return (self.row(places[:, 0]) * self.column(places[:, 1])).sum(1)


def sparse(variant: int) -> Task:
    """Ratings as products of factors, looked up: sparse gradients."""
    g = _generator(4, variant)
    full = torch.randn(60, 3, generator=g) @ torch.randn(3, 40, generator=g) / 1.7
    places = torch.stack([torch.randint(n, (3000,), generator=g) for n in (60, 40)], 1)
    values = full[places[:, 0], places[:, 1]] + 0.2 * torch.randn(3000, generator=g)
    train, held_out = (places[:2200], values[:2200]), (places[2200:], values[2200:])
    return _task("sparse", _Ratings, nn.functional.mse_loss, train, held_out, (250, 200)[variant % 2], 64)


def normalised(variant: int) -> Task:
    """The gallery's tabular regression with batch normalisation, made short."""
    task = builtin_tasks()["tabular"]
    return Task(
        name="normalised",
        model=task.model,
        loss=task.loss,
        train=task.batches,
        validation=task.validate,
        measure="validation loss",
        steps=(150, 100)[variant % 2],
    )


class _Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRU(2, 16, batch_first=True)
        self.last = nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.last(self.cell(x)[0][:, -1])
        return found


def recurrent(variant: int) -> Task:
    """The sum of the marked two of eight numbers, by a recurrent network."""
    g = _generator(5, variant)
    numbers = torch.rand(1500, 8, generator=g)
    marked = torch.rand(1500, 8, generator=g).argsort(1) < 2
    data = torch.stack([numbers, marked.float()], 2)
    sums = (numbers * marked).sum(1, keepdim=True)
    train, held_out = (data[:1000], sums[:1000]), (data[1000:], sums[1000:])
    return _task("recurrent", _Recurrent, nn.functional.mse_loss, train, held_out, (100, 80)[variant % 2])


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(12, 16)
        self.position = nn.Parameter(0.1 * torch.randn(8, 16))
        self.block = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        self.last = nn.Linear(16, 12)

    def forward(self, tokens: Tensor) -> Tensor:
        found: Tensor = self.last(self.block(self.embedding(tokens) + self.position)).transpose(1, 2)
        return found


def attention(variant: int) -> Task:
    """Say a word of eight letters backwards, by one block of attention."""
    tokens = torch.randint(12, (1500, 8), generator=_generator(6, variant))
    backwards = tokens.flip(1) if variant % 2 == 0 else tokens.roll(3, 1)
    train, held_out = (tokens[:1000], backwards[:1000]), (tokens[1000:], backwards[1000:])
    return _task(
        "attention", _Attention, nn.functional.cross_entropy, train, held_out, (100, 80)[variant % 2]
    )


def logistic(variant: int) -> Task:
    """Benign or malignant, by logistic regression on raw, badly scaled columns' logarithms."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    order = torch.randperm(len(data.target), generator=_generator(7, variant))
    columns = torch.tensor(data.data, dtype=torch.float32)[order]
    columns = torch.log1p(columns) - torch.log1p(columns).mean(0)
    labels = torch.tensor(data.target, dtype=torch.float32)[order][:, None]
    criterion = nn.functional.binary_cross_entropy_with_logits
    train, held_out = (columns[:400], labels[:400]), (columns[400:], labels[400:])
    return _task("logistic", lambda: nn.Linear(30, 1), criterion, train, held_out, (200, 300)[variant % 2])


def autoencoder(variant: int) -> Task:
    """Digits through a layer of eight."""
    (images, _), (others, _) = _split_digits(variant)
    return _task(
        "autoencoder",
        lambda: _mlp(64, 32, 8, 32, 64, unit=nn.Tanh),
        nn.functional.mse_loss,
        (images, images),
        (others, others),
        (200, 150)[variant % 2],
    )


def physics(variant: int) -> Task:
    """The gallery's differential equation, made short."""
    task = builtin_tasks()["physics"]
    return Task(
        name="physics",
        model=task.model,
        loss=task.loss,
        train=task.batches,
        validation=task.validate,
        measure="relative error",
        steps=(100, 80)[variant % 2],
    )


def mislabelled(variant: int) -> Task:
    """Digits by a dense network; a fifth of the training labels is wrong."""
    (images, labels), held_out = _split_digits(variant + 2)
    g = _generator(8, variant)
    wrong = torch.rand(len(labels), generator=g) < 0.2
    labels = torch.where(wrong, torch.randint(10, labels.shape, generator=g), labels)
    model = lambda: _mlp(64, 48, 10)  # noqa: E731
    train = (images, labels)
    return _task("mislabelled", model, nn.functional.cross_entropy, train, held_out, (250, 180)[variant % 2])


def frequencies(variant: int) -> Task:
    """A wave of three frequencies, by a network of sines: smooth regression on few points."""
    g = _generator(9, variant)
    x = torch.rand(700, 1, generator=g) * 2 - 1
    phases = torch.rand(3, generator=g) * 2 * math.pi
    waves = torch.sin(x * torch.tensor([2.0, 5.0, 9.0]) + phases).sum(1, keepdim=True)
    y = waves + 0.1 * torch.randn(700, 1, generator=g)
    model = lambda: _mlp(1, 32, 32, 1, unit=nn.Tanh)  # noqa: E731
    train, held_out = (x[:400], y[:400]), (x[400:], y[400:])
    return _task("frequencies", model, nn.functional.mse_loss, train, held_out, (300, 200)[variant % 2])


KINDS: dict[str, Callable[[int], Task]] = {
    make.__name__: make
    for make in (
        noisy,
        finetune,
        short,
        convolution,
        parity,
        ill_conditioned,
        sparse,
        normalised,
        recurrent,
        attention,
        logistic,
        autoencoder,
        physics,
        mislabelled,
        frequencies,
    )
}


@cache
def make(kind: str, variant: int) -> Task:
    """The task of this kind."""
    return KINDS[kind](variant)
