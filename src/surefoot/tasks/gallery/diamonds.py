"""diamonds: what does a diamond cost?  Regression on a table of numbers and categories.

Data: prices and properties of 53,940 round cut diamonds, collected by Hadley Wickham from the offers in a
search engine for loose diamonds about 2008, part of ggplot2 (MIT licence), as shipped inside plotnine (MIT
licence).  Neither names terms of the offers themselves.
The 146 rows that stand there twice are used once.  The logarithm of the price is predicted from carat, depth,
table, the three lengths, and cut, colour and clarity, which are embedded.
Without plotnine: made-up stones of the same number, announced by a warning and named in `measure`.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from surefoot.tasks.batching import shuffled
from surefoot.tasks.gallery.packaged import found, missing, packaged_file

PACKAGE, FILE = "plotnine", "data/diamonds.csv"
SHA256 = "9574730b03aba241d899c4a97511c5061b19358fab89510774fb6c24168345c4"

NUMBERS = ("carat", "depth", "table", "x", "y", "z")
CATEGORIES = {
    "cut": ("Fair", "Good", "Very Good", "Premium", "Ideal"),
    "color": tuple("DEFGHIJ"),
    "clarity": ("I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"),
}
MADE_UP = 50_000
HELD_OUT = 8_000
SPLIT_SEED = 0

BATCH = 256
WIDTH = 4  # of a category's row
HIDDEN = 64


Columns = tuple[Tensor, Tensor, Tensor]
"""Numbers (rows, 6) as they stand in the table, categories (rows, 3), and the logarithm of the price."""

Batch = tuple[Tensor, Tensor, Tensor]
"""As `Columns`, with numbers and the logarithm standardised."""


def _real(path: Path) -> Columns:
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = dict.fromkeys(map(tuple, csv.reader(file)))
    table = dict(zip(header, zip(*rows, strict=True), strict=True))
    numbers = torch.tensor([[float(value) for value in table[name]] for name in NUMBERS])
    categories = torch.tensor(
        [[grades.index(value) for value in table[name]] for name, grades in CATEGORIES.items()]
    )
    prices = torch.tensor([float(price) for price in table["price"]])
    return numbers.T.contiguous(), categories.T.contiguous(), prices.log()


def _made_up() -> Columns:
    """A price that grows with the weight, and less or more steeply with each grade; with noise."""
    generator = torch.Generator().manual_seed(SPLIT_SEED)
    numbers = torch.randn(MADE_UP, len(NUMBERS), generator=generator)
    counts = torch.tensor([len(grades) for grades in CATEGORIES.values()])
    categories = (torch.rand(MADE_UP, len(counts), generator=generator) * counts).long()
    worth = (categories / counts * torch.sin(2 * numbers[:, 1 : 1 + len(counts)])).sum(1)
    return numbers, categories, numbers[:, 0] + worth + 0.1 * torch.randn(MADE_UP, generator=generator)


class DiamondsNetwork(nn.Module):
    """Standardised numbers and categories to the standardised logarithm of the price."""

    def __init__(self) -> None:
        super().__init__()
        self.grades = nn.ModuleList(nn.Embedding(len(names), WIDTH) for names in CATEGORIES.values())
        self.head = nn.Sequential(
            nn.Linear(len(NUMBERS) + len(CATEGORIES) * WIDTH, HIDDEN),
            nn.SiLU(),
            nn.Linear(HIDDEN, HIDDEN),
            nn.SiLU(),
            nn.Linear(HIDDEN, 1),
        )

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        """(stones, 6) and (stones, 3) to (stones,)."""
        rows = [grade(column) for grade, column in zip(self.grades, categories.T, strict=True)]
        found: Tensor = self.head(torch.cat([numbers, *rows], 1))[:, 0]
        return found


class Diamonds:
    """The logarithm of the price, from six numbers and three grades; 8,000 stones held out by a fixed seed.

    Numbers and logarithm are standardised by what the stones to train on show, so a constant guess scores
    about 1.
    """

    name = "diamonds"
    steps = 1500

    @property
    def measure(self) -> str:
        """The mean squared error on the held-out stones; says so if they are made up."""
        words = "mean squared error on held-out stones"
        return words if found(PACKAGE, FILE) else f"{words}, made up"

    @functools.cached_property
    def _data(self) -> tuple[Batch, Batch, float]:
        """Stones to train on, those held out, and the scale of the logarithm."""
        path = packaged_file(PACKAGE, FILE, SHA256)
        if path is None:
            missing(self.name, PACKAGE, "stones")
        numbers, categories, price = _real(path) if path else _made_up()
        rows = torch.randperm(len(price), generator=torch.Generator().manual_seed(SPLIT_SEED))
        held_out, training = rows[:HELD_OUT], rows[HELD_OUT:]
        numbers = (numbers - numbers[training].mean(0)) / numbers[training].std(0)
        scale = float(price[training].std())
        price = (price - price[training].mean()) / scale
        return (
            (numbers[training], categories[training], price[training]),
            (numbers[held_out], categories[held_out], price[held_out]),
            scale,
        )

    def model(self) -> nn.Module:
        """Embeddings of 4 numbers a grade and two hidden layers of 64 units: 5,521 parameters."""
        return DiamondsNetwork()

    def batches(self, seed: int) -> Iterator[Batch]:
        """256 stones a batch; each epoch goes once through all in a new order and drops the rest."""
        numbers, categories, price = self._data[0]
        for rows in shuffled(len(price), BATCH, seed):
            yield numbers[rows], categories[rows], price[rows]

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean squared error."""
        numbers, categories, price = batch
        return nn.functional.mse_loss(model(numbers, categories), price)

    def validate(self, model: nn.Module) -> float:
        """Mean squared error on the held-out stones."""
        with torch.no_grad():
            return self.loss(model, self._data[1]).item()

    def metrics(self, model: nn.Module) -> dict[str, float]:
        """Median error: half of the held-out prices are missed by less, as a share of the true price."""
        _, (numbers, categories, price), scale = self._data
        with torch.no_grad():
            error = (model(numbers, categories) - price) * scale
        return {"median error": float(torch.expm1(error).abs().median())}


TASK = Diamonds()
