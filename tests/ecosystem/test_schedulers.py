"""Every learning rate scheduler of torch, and weight averaging, on our optimizers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler, swa_utils

from tests.ecosystem.training import (
    OPTIMIZERS,
    TOLERANCE,
    batches,
    distance,
    loss_of,
    make_model,
    pair,
    train,
    values,
)

STEPS = 12

# A warm-up that starts at zero and a decay that ends there: zero is compiled into a kernel of its own.
SCHEDULERS: dict[str, Callable[[torch.optim.Optimizer], Any]] = {
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda step: min(step / 4, 1.0)),
    "MultiplicativeLR": lambda o: lr_scheduler.MultiplicativeLR(o, lambda step: 0.9),
    "StepLR": lambda o: lr_scheduler.StepLR(o, 3),
    "MultiStepLR": lambda o: lr_scheduler.MultiStepLR(o, [2, 7]),
    "ConstantLR": lambda o: lr_scheduler.ConstantLR(o, 0.5, total_iters=5),
    "LinearLR": lambda o: lr_scheduler.LinearLR(o, 0.1, total_iters=8),
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, 0.8),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.ConstantLR(o, 0.1, 4), lr_scheduler.ExponentialLR(o, 0.9)], milestones=[4]
    ),
    "ChainedScheduler": lambda o: lr_scheduler.ChainedScheduler(
        [lr_scheduler.LinearLR(o, 0.2, total_iters=5), lr_scheduler.ExponentialLR(o, 0.9)]
    ),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS - 2),
    "PolynomialLR": lambda o: lr_scheduler.PolynomialLR(o, STEPS - 2, power=2.0),
    "CyclicLR": lambda o: lr_scheduler.CyclicLR(
        o, 0.001, 0.05, step_size_up=3, cycle_momentum=_has_momentum(o)
    ),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(
        o, 0.05, total_steps=STEPS + 1, cycle_momentum=_has_momentum(o)
    ),
    "CosineAnnealingWarmRestarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 4),
    "ReduceLROnPlateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=1, threshold=0.2),
    "SWALR": lambda o: swa_utils.SWALR(o, swa_lr=0.002, anneal_epochs=6),
}


def _has_momentum(optimizer: torch.optim.Optimizer) -> bool:
    return "momentum" in optimizer.defaults or "betas" in optimizer.defaults


def advance(model, optimizer, scheduler, data) -> list[tuple[Any, ...]]:
    """Train with a scheduler; what it set before each step."""
    seen = []
    for batch in data:
        group = optimizer.param_groups[0]
        seen.append((float(group["lr"]), group.get("momentum"), group.get("betas")))
        train(model, optimizer, [batch])
        metric = [loss_of(model, batch).detach()]
        scheduler.step(*metric if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau) else [])
    return seen


def start(make, name: str, scheduler: str, lr_is_tensor: bool):
    model, settings = make_model(), dict(OPTIMIZERS[name])
    if lr_is_tensor:
        settings["lr"] = torch.tensor(settings["lr"], dtype=torch.float64)
    optimizer = make(model.parameters(), **settings)
    return model, optimizer, SCHEDULERS[scheduler](optimizer)


def test_every_scheduler_of_torch_is_here():
    classes = {
        name
        for name, cls in inspect.getmembers(lr_scheduler, inspect.isclass)
        if issubclass(cls, lr_scheduler.LRScheduler) and cls.__module__ == lr_scheduler.__name__
    }
    assert {*classes, "SWALR"} - {"LRScheduler", "_LRScheduler"} == set(SCHEDULERS)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("name", "lr_is_tensor"),
    [(name, False) for name in sorted(OPTIMIZERS)] + [(name, True) for name in ("SGD", "Adam", "AdamW")],
)
@pytest.mark.parametrize("scheduler", sorted(SCHEDULERS))
def test_scheduled_training_equals_torch(scheduler, name, lr_is_tensor):
    theirs, ours = pair(name)
    expected, found = (start(make, name, scheduler, lr_is_tensor) for make in (theirs, ours))
    seen = advance(*expected, batches(STEPS))
    assert advance(*found, batches(STEPS)) == seen
    assert len(set(seen)) > 1, "the scheduler changed nothing"
    assert distance(values(found[0]), values(expected[0])) <= TOLERANCE


@pytest.mark.parametrize(("name", "lr_is_tensor"), [("SGD", False), ("AdamW", True)])
@pytest.mark.parametrize("scheduler", sorted(SCHEDULERS))
def test_scheduled_training_resumes(scheduler, name, lr_is_tensor):
    _, ours = pair(name)
    data = batches(STEPS)
    whole = start(ours, name, scheduler, lr_is_tensor)
    advance(*whole, data)

    first = start(ours, name, scheduler, lr_is_tensor)
    advance(*first, data[:5])
    second = start(ours, name, scheduler, lr_is_tensor)
    for before, after in zip(first, second, strict=True):
        after.load_state_dict(before.state_dict())
    advance(*second, data[5:])
    assert distance(values(second[0]), values(whole[0])) == 0


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_averaged_model_equals_torch(name):
    averages = []
    for make in pair(name):
        model = make_model()
        averaged = swa_utils.AveragedModel(model)
        optimizer = make(model.parameters(), **OPTIMIZERS[name])
        scheduler = swa_utils.SWALR(optimizer, swa_lr=0.01, anneal_epochs=3)
        for batch in batches(STEPS):
            advance(model, optimizer, scheduler, [batch])
            averaged.update_parameters(model)
        assert distance(values(averaged.module), values(model)) > 0.01
        averages.append(values(averaged.module))
    assert distance(*averages) <= TOLERANCE
