"""Tasks of a user, small enough to race in seconds."""

from __future__ import annotations

import os
import sys
import time

import torch
from torch import nn

from surefoot.search.runner import COMMIT_SECONDS

torch.manual_seed(5)
FEATURES = torch.randn(200, 6)
TARGETS = torch.tanh(FEATURES @ torch.randn(6, 1)) + 0.1 * torch.randn(200, 1)


class Small:
    """Regression with a small network."""

    name = "small"
    steps = 40
    measure = "mean squared error"

    def model(self):
        return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))

    def batches(self, seed):
        generator = torch.Generator().manual_seed(seed)
        while True:
            rows = torch.randint(0, 150, (16,), generator=generator)
            yield FEATURES[rows], TARGETS[rows]

    def loss(self, model, batch):
        return nn.functional.mse_loss(model(batch[0]), batch[1])

    def validate(self, model):
        return nn.functional.mse_loss(model(FEATURES[150:]), TARGETS[150:]).item()


class Larger(Small):
    """The same, changed: another model."""

    def model(self):
        return nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 1))


class Counted(Small):
    """Notes in a file which process begins to train; no worker is faster than a commit may wait."""

    def model(self):
        worker = sys.argv[0] == "-c"
        with open(os.environ["COUNTED"], "a") as file:
            file.write(f"{os.getpid()} {'worker' if worker else 'coordinator'}\n")
        time.sleep(COMMIT_SECONDS if worker else 0)
        return super().model()


class Failing(Small):
    """Passes the first look and fails in every run."""

    def __init__(self):
        self.calls = 0

    def batches(self, seed):
        for number, batch in enumerate(super().batches(seed)):
            if number > 30:
                raise RuntimeError("the disk with the data is gone")
            yield batch


class Words(Small):
    """Looks its features up in a table of which each batch touches some rows."""

    name = "words"

    def model(self):
        return nn.Sequential(nn.Embedding(200, 1, sparse=True), nn.Flatten(0))

    def batches(self, seed):
        generator = torch.Generator().manual_seed(seed)
        while True:
            yield (torch.randint(0, 200, (32,), generator=generator),)

    def loss(self, model, batch):
        return nn.functional.mse_loss(model(batch[0]), TARGETS[batch[0], 0])

    def validate(self, model):
        return self.loss(model, (torch.arange(200),)).item()


words = Words()
small, larger, failing = Small(), Larger(), Failing()
counted = Counted()
