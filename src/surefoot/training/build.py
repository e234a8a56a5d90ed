"""From a candidate, which is data, to its optimizer."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from surefoot import optim
from surefoot.training.run import Candidate


def build_optimizer(candidate: Candidate, model: nn.Module) -> torch.optim.Optimizer:
    """The candidate's optimizer over all parameters of `model`.

    Raises:
        KeyError: there is no such optimizer.
        TypeError, ValueError: it does not take these hyperparameters.
    """
    # A candidate read back from JSON has lists where optimizers expect pairs.
    hyperparameters: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in candidate.hyperparameters.items()
    }
    make: type[torch.optim.Optimizer] = optim.find(candidate.optimizer)
    return make(model.parameters(), **hyperparameters)
