"""tabular: some measurements of cell nuclei from others, by a small network with batch normalisation.

Data: 569 fine needle aspirates of breast masses with 30 real measurements each: W. Wolberg, O. Mangasarian,
N. Street and W. Street, "Breast Cancer Wisconsin (Diagnostic)", UCI Machine Learning Repository, 1993,
https://doi.org/10.24432/C5DW2B, licence CC BY 4.0, as shipped inside scikit-learn.
Each of ten properties (radius, texture, smoothness …) comes as its mean over the nuclei of an image, its
standard error and its "worst" value, the mean of the three largest.  The worst values are predicted from
the other twenty columns.
Without scikit-learn: made-up measurements of the same size, announced by a warning and named in `measure`.
"""

from __future__ import annotations

import functools
import importlib.util
import warnings
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from surefoot.tasks.batching import shuffled

SAMPLES, HELD_OUT = 569, 169
INPUTS, OUTPUTS = 20, 10
BATCH = 32
WIDTH = 64
SPLIT_SEED = 0

Batch = tuple[Tensor, Tensor]


def _real() -> Batch:
    # Imported here: it takes a second, which listing the tasks should not.
    from sklearn.datasets import load_breast_cancer

    columns = torch.tensor(load_breast_cancer().data, dtype=torch.float32)
    # All are sizes: skewed, and some are 0, hence the tenth of the mean.
    columns = torch.log(columns + columns.mean(0) / 10)
    return columns[:, :INPUTS], columns[:, INPUTS:]


def _synthetic() -> Batch:
    """Each output is a smooth function of two mixtures of the inputs, with noise."""
    warnings.warn(
        "scikit-learn is not installed: 'tabular' uses made-up measurements; "
        "for the real ones: pip install 'surefoot[gallery]'",
        stacklevel=2,
    )
    generator = torch.Generator().manual_seed(SPLIT_SEED)
    inputs = torch.randn(SAMPLES, INPUTS, generator=generator)
    one, other = (torch.randn(INPUTS, OUTPUTS, generator=generator) / INPUTS**0.5 for _ in range(2))
    noise = 0.2 * torch.randn(SAMPLES, OUTPUTS, generator=generator)
    return inputs, inputs @ one + torch.sin(inputs @ other) + noise


def _real_data_installed() -> bool:
    return importlib.util.find_spec("sklearn") is not None


class Tabular:
    """Ten outputs from twenty inputs, 400 rows to train on, 169 held out, split by a fixed seed.

    All columns are standardised by what the training rows show, so a constant guess scores about 1, and least
    squares without a hidden layer scores 0.117.
    """

    name = "tabular"
    steps = 400

    @property
    def measure(self) -> str:
        """The mean squared error on the held-out rows; says so if they are made up."""
        words = "mean squared error on held-out rows"
        return words if _real_data_installed() else f"{words}, made up"

    @functools.cached_property
    def _data(self) -> tuple[Batch, Batch]:
        columns = torch.cat(_real() if _real_data_installed() else _synthetic(), dim=1)
        rows = torch.randperm(SAMPLES, generator=torch.Generator().manual_seed(SPLIT_SEED))
        held_out, training = columns[rows[:HELD_OUT]], columns[rows[HELD_OUT:]]
        centre, scale = training.mean(0), training.std(0)
        training, held_out = (training - centre) / scale, (held_out - centre) / scale
        return _split(training), _split(held_out)

    def model(self) -> nn.Module:
        """A hidden layer of 64 units with batch normalisation: 2,122 parameters."""
        return nn.Sequential(
            nn.Linear(INPUTS, WIDTH),
            nn.BatchNorm1d(WIDTH),
            nn.ReLU(),
            nn.Linear(WIDTH, OUTPUTS),
        )

    def batches(self, seed: int) -> Iterator[Batch]:
        """32 rows a batch; each epoch goes once through all rows in a new order and drops the rest."""
        inputs, outputs = self._data[0]
        for rows in shuffled(len(inputs), BATCH, seed):
            yield inputs[rows], outputs[rows]

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean squared error over rows and outputs."""
        inputs, outputs = batch
        return nn.functional.mse_loss(model(inputs), outputs)

    def validate(self, model: nn.Module) -> float:
        """Mean squared error on the held-out rows."""
        with torch.no_grad():
            return self.loss(model, self._data[1]).item()


def _split(columns: Tensor) -> Batch:
    return columns[:, :INPUTS], columns[:, INPUTS:]


TASK = Tabular()
