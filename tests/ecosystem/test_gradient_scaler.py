"""torch.amp.GradScaler on our optimizers: scaling, clipping, skipped steps and growth."""

from __future__ import annotations

import pytest
import torch
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from tests.ecosystem.training import (
    OPTIMIZERS,
    TOLERANCE,
    batches,
    distance,
    loss_of,
    make_model,
    pair,
    values,
)

CLIPS = {
    "unclipped": lambda params: None,
    "norm": lambda params: clip_grad_norm_(params, 0.05),
    "value": lambda params: clip_grad_value_(params, 0.01),
}
OVERFLOW = 4  # the step whose gradient is infinite


def train_scaled(make, settings, clip):
    """Train through a scaler; the model, the scale after each step, and whether each step moved it."""
    model = make_model()
    optimizer = make(model.parameters(), **settings)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=3)
    scales, moved = [], []
    for step, batch in enumerate(batches(10)):
        optimizer.zero_grad()
        scaler.scale(loss_of(model, batch)).backward()
        if step == OVERFLOW:
            next(model.parameters()).grad[0, 0] = torch.inf
        if clip is not CLIPS["unclipped"]:
            scaler.unscale_(optimizer)
            clip(list(model.parameters()))
        before = values(model)
        scaler.step(optimizer)
        scaler.update()
        scales.append(scaler.get_scale())
        moved.append(distance(values(model), before) > 0)
    return model, scales, moved


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_scaled_training_equals_torch(name, clip):
    (expected, scales, moved), found = (
        train_scaled(make, OPTIMIZERS[name], CLIPS[clip]) for make in pair(name)
    )
    assert scales == [1024, 1024, 2048, 2048, 1024, 1024, 1024, 2048, 2048, 2048]
    assert moved == [step != OVERFLOW for step in range(10)]
    assert found[1:] == (scales, moved)
    assert distance(values(found[0]), values(expected)) <= TOLERANCE


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "Adagrad"])  # those that torch has a fused step for
def test_fused_scaled_training_equals_torch(name):
    # torch's fused steps unscale and skip by themselves.
    (expected, *outcome), found = (
        train_scaled(make, OPTIMIZERS[name] | {"fused": True}, CLIPS["unclipped"]) for make in pair(name)
    )
    assert found[1:] == tuple(outcome)
    assert distance(values(found[0]), values(expected)) <= TOLERANCE
