"""From a candidate, which is data, to its optimizer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from surefoot.errors import InvalidInputError
from surefoot.naming import nearest
from surefoot.study.optimizers import find_algorithm
from surefoot.study.run import Candidate

DECAY_ON = "weight_decay_on"
"""The one setting of a candidate that is no constructor argument: which parameters decay."""

DECAYS_ON = ("all", "matrices")
"""Every parameter, as a constructor has it; or those of two dimensions and more, so neither biases nor norms.

Embeddings decay with the matrices, as in most training scripts: dimensions alone decide, for any model.
"""

Parameters = nn.Module | Iterable[Tensor] | Iterable[tuple[str, Tensor]]
"""What is trained: a module, or its parameters, with or without their names."""


def build_optimizer(candidate: Candidate, model: Parameters) -> torch.optim.Optimizer:
    """The candidate's optimizer over all parameters of `model`.

    Raises:
        InvalidInputError: there is no such optimizer, or `weight_decay_on` is not known.
        TypeError, ValueError: it does not take these hyperparameters.
    """
    # A candidate read back from JSON has lists where optimizers expect pairs.
    settings: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in candidate.hyperparameters.items()
    }
    groups = parameter_groups(model, settings.pop(DECAY_ON, DECAYS_ON[0]))
    make: Any = find_algorithm(candidate.optimizer).make
    optimizer: torch.optim.Optimizer = make(groups, **settings)
    return optimizer


def parameter_groups(model: Parameters, decay_on: str) -> Iterable[Any]:
    """All parameters of a model, in one group, or in two where only matrices decay."""
    if decay_on not in DECAYS_ON:
        raise InvalidInputError(f"unknown {DECAY_ON} {decay_on!r}{nearest(str(decay_on), DECAYS_ON)}")
    parameters: list[Any] = list(model.parameters() if isinstance(model, nn.Module) else model)
    if decay_on == "all":
        return parameters
    groups: list[dict[str, Any]] = [
        {"params": [p for p in parameters if _dimensions(p) >= 2]},
        {"params": [p for p in parameters if _dimensions(p) < 2], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def _dimensions(parameter: Tensor | tuple[str, Tensor]) -> int:
    return (parameter[1] if isinstance(parameter, tuple) else parameter).ndim
