"""Our optimizers prepared by Accelerate: accumulated gradients, clipping, schedulers, saved states."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import DataLoader

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

pytestmark = pytest.mark.real

accelerate = pytest.importorskip("accelerate")

EPOCHS = 4


def prepare(make, name: str):
    """An accelerator, and what it prepared for one optimizer."""
    accelerator = accelerate.Accelerator(cpu=True, gradient_accumulation_steps=2)
    model = make_model()
    optimizer = make(model.parameters(), **OPTIMIZERS[name])
    loader = DataLoader(batches(6), batch_size=None)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 0.5, total_iters=8)
    return accelerator, *accelerator.prepare(model, optimizer, loader, scheduler)


def train(accelerator, model, optimizer, loader, scheduler, epochs: int = EPOCHS):
    for _ in range(epochs):
        for batch in loader:
            with accelerator.accumulate(model):
                accelerator.backward(loss_of(model, batch))
                if accelerator.sync_gradients:
                    accelerator.clip_grad_norm_(model.parameters(), 0.5)
                optimizer.step()
                scheduler.step()
                optimizer.zero_grad()


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_accumulated_training_equals_torch(name):
    ends = []
    for make in pair(name):
        accelerator, model, *rest = prepare(make, name)
        train(accelerator, model, *rest)
        assert not rest[0].step_was_skipped
        ends.append(values(model))
    assert distance(ends[0], values(make_model())) > 1e-3
    assert distance(*ends) <= TOLERANCE


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_training_goes_on_from_a_saved_state(name, tmp_path):
    theirs, ours = pair(name)
    ends = []
    for number, (before, after) in enumerate(((theirs, theirs), (theirs, ours), (ours, ours))):
        first, second = prepare(before, name), prepare(after, name)
        train(*first, epochs=EPOCHS // 2)
        first[0].save_state(tmp_path / str(number))
        second[0].load_state(tmp_path / str(number))
        train(*second, epochs=EPOCHS // 2)
        ends.append(values(second[1]))
    whole = prepare(ours, name)
    train(*whole)
    assert distance(ends[0], values(whole[1])) <= 1e-10  # torch's NAdam goes on in another precision
    assert distance(ends[1], ends[0]) <= TOLERANCE
    assert distance(ends[2], ends[0]) <= TOLERANCE
