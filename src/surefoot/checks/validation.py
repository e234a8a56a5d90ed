"""Does `validate()` only measure: a number, the same each time, without a trace in the model?"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from surefoot.checks.findings import Finding, Mistake, asking
from surefoot.checks.loss import NAMED, explained
from surefoot.checks.model import fresh, same, weights
from surefoot.errors import InvalidInputError
from surefoot.naming import listed
from surefoot.study.direction import Direction, direction_of
from surefoot.study.format import number, share
from surefoot.tasks import Task, said_by
from surefoot.training.constant_measure import constant_measure
from surefoot.training.random_state import seed_everything

FEW = 100
"""Held-out rows below which a measure says more of them than of the model."""

CLOSE = 1e-6


@dataclass
class Measured:
    """Of one validation: seconds, rows that went through the model, the value before any training, and which
    way of it is better."""

    seconds: float | None = None
    rows: int = 0
    value: float | None = None
    direction: Direction | None = None


def check_validation(task: Task, measured: Measured, maximize: bool | None = None) -> Iterator[Finding]:
    """What is wrong with it; fills `measured`.  If there is no number to be had, that is a `Mistake`.

    Args:
        task: whose.
        measured: to be filled.
        maximize: whether higher is better, as whoever asks says; None: as the task says.
    """
    model = fresh(task, 0).eval()
    before, modes, trained = weights(model), _modes(model), _trained(model)
    counted = model.register_forward_hook(lambda _, inputs, output: _count(measured, inputs, output))
    begin = time.perf_counter()
    value = _value(task, model, seed=0)
    measured.seconds = time.perf_counter() - begin
    counted.remove()
    changed = [name for name, tensor in weights(model).items() if not same(tensor, before[name])]
    switched = _modes(model) != modes
    frozen = trained - _trained(model)
    if not math.isfinite(value):
        where = f"{task.name}: validate()"
        raise Mistake("validate", f"{where} returns {value} before any training", raised=True)
    model.eval()
    again = _value(task, model, seed=1, once_more=True)
    if changed:
        hint = "; it leaves the model in training mode" if switched else ""
        yield Finding(
            "validate", True,
            f"{task.name}: validate() changes the model ({listed(changed, NAMED)}); it must only measure"
            f"{hint}",
        )  # fmt: skip
    elif frozen:
        yield Finding(
            "validate", True,
            f"{task.name}: validate() freezes {listed(sorted(frozen), NAMED)}: leave requires_grad as it is",
        )  # fmt: skip
    elif not math.isclose(value, again, rel_tol=CLOSE, abs_tol=1e-12):
        cause = (
            "it puts the model into training mode, with dropout: leave that out"
            if switched
            else "measure always the same rows, and draw what is random from a generator of its own"
        )
        yield Finding(
            "validate", True,
            f"{task.name}: validate() gives {number(value, 6)}, then {number(again, 6)}, for the same "
            f"model: {cause}",
        )  # fmt: skip
    elif switched:
        yield Finding(
            "validate", False,
            f"{task.name}: validate() leaves the model in training mode; it is called in evaluation "
            "mode, and modes are put back: leave that to it",
        )  # fmt: skip
    measured.value = value
    if not changed and value == again and (constant := constant_measure(task, model, value)):
        yield Finding("validate", True, constant)
    try:
        measured.direction = direction_of(task.name, task.measure, said_by(task), maximize)
    except InvalidInputError as unclear:
        yield Finding("validate", True, str(unclear))
    if 0 < measured.rows < FEW:
        yield Finding(
            "validate", False,
            f"{task.name}: validate() measures on {measured.rows} rows: which ones they are moves the "
            "value by about "
            f"{share(1 / math.sqrt(measured.rows))}, and no optimizer can be told apart by less; hold "
            "out more",
        )  # fmt: skip


def _value(task: Task, model: nn.Module, seed: int, *, once_more: bool = False) -> float:
    seed_everything(seed)
    try:
        with asking(task, "validate"), torch.no_grad():
            value: Any = task.validate(model)
    except Mistake as mistake:
        if once_more:
            raise Mistake(
                "validate", f"{mistake}, when it was called for the second time"
            ) from mistake.__cause__
        raise explained(task, mistake, None, None) from mistake.__cause__
    if not isinstance(value, int | float):
        hint = "; return value.item()" if isinstance(value, Tensor) else ""
        raise Mistake(
            "validate", f"{task.name}: validate() must return a float, not {type(value).__name__}{hint}"
        )
    return float(value)


def _count(measured: Measured, inputs: Any, output: Any) -> None:
    """Rows are what both the input and the output have so many of."""
    for tensor in (output, *inputs):
        if isinstance(tensor, Tensor):
            measured.rows += len(tensor) if tensor.dim() else 1
            return


def _modes(model: nn.Module) -> list[bool]:
    return [module.training for module in model.modules()]


def _trained(model: nn.Module) -> set[str]:
    return {name for name, p in model.named_parameters() if p.requires_grad}
