"""Does a measure depend on the model at all?  One that does not makes all runs equal and answers empty."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from surefoot.study.format import number
from surefoot.tasks import Task, TaskError
from surefoot.training.loop import validate

SHIFTS = (1.0, 0.1, 3.0)
"""How far the weights are moved, over their own size.  Several, since an error rate may be met by chance."""

LEAST = 0.1
"""Weights smaller than this on average are moved as if they were of this size: a layer may start at 0."""


def constant_measure(task: Task, model: nn.Module, value: float) -> str:
    """In a line, that the measure gives one value for very different weights; empty if it does not.

    Args:
        task: whose measure.
        model: with the weights that gave `value`; they are spoilt.
        value: of the measure.
    """
    generator = torch.Generator().manual_seed(0)
    for shift in SHIFTS:
        _move(model, shift, generator)
        try:
            moved = validate(task, model)
        except TaskError:
            raise
        except Exception:  # such weights may be too much for it: so it depends on them
            return ""
        if moved != value or math.isnan(moved):
            return ""
    return (
        f"{task.name}: validate() does not depend on the model: it is {number(value)} whatever the weights "
        "are; measure with the model that it is given"
    )


def _move(model: nn.Module, shift: float, generator: torch.Generator) -> None:
    for tensor in _floating(model):
        size = max(LEAST, float(tensor.detach().double().square().mean().sqrt()))
        noise = torch.randn(tensor.shape, generator=generator).to(tensor)
        with torch.no_grad():
            tensor.add_(shift * size * noise)


def _floating(model: nn.Module) -> Iterator[Tensor]:
    """Parameters and buffers: an average of the weights, which a measure may use, is mostly a buffer."""
    for tensor in itertools.chain(model.parameters(), model.buffers()):
        if tensor.is_floating_point() and tensor.numel():
            yield tensor
