"""torch.distributed.checkpoint in mid-training, on plain and on sharded parameters."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.ecosystem.training import OPTIMIZERS, TOLERANCE, batches, distance, make_model, pair, train, values
from tests.ecosystem.two_processes import NEEDS_GLOO, full_values, in_two_processes, own_batches, sharded

dcp = pytest.importorskip("torch.distributed.checkpoint")
state_dict = pytest.importorskip("torch.distributed.checkpoint.state_dict")

Pair = tuple[nn.Module, torch.optim.Optimizer]


def through_files(source: Pair, target: Pair, folder: Path) -> None:
    """Move model and optimizer by a checkpoint in a folder."""

    def parts(of: Pair):
        return dict(zip(("model", "optimizer"), state_dict.get_state_dict(*of), strict=True))

    dcp.save(parts(source), checkpoint_id=folder)
    loaded = parts(target)
    dcp.load(loaded, checkpoint_id=folder)
    state_dict.set_state_dict(*target, model_state_dict=loaded["model"], optim_state_dict=loaded["optimizer"])


def through_memory(source: Pair, target: Pair, folder: Path) -> None:
    """Move model and optimizer by dictionaries whose keys are parameter names."""
    target[0].load_state_dict(source[0].state_dict())
    state_dict.set_optimizer_state_dict(*target, state_dict.get_optimizer_state_dict(*source))


def other_model() -> nn.Module:
    """The same model with weights that a checkpoint has to replace."""
    model = make_model()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(1.0)
    return model


def interrupted(name: str, before, after, move, folder: Path, wrap=lambda model: model, data=batches):
    """Train with `before`, move to a new model and go on there with `after`."""
    settings, steps = OPTIMIZERS[name], data(8)
    model, other = wrap(make_model()), wrap(other_model())
    source = model, before(model.parameters(), **settings)
    target = other, after(other.parameters(), **settings)
    train(*source, steps[:4])
    move(source, target, folder / f"{before.__module__}-{after.__module__}")
    train(*target, steps[4:])
    return other


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
@pytest.mark.parametrize("move", [through_files, through_memory])
@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_training_goes_on_from_a_checkpoint(name, move, tmp_path):
    theirs, ours = pair(name)
    whole = make_model()
    train(whole, theirs(whole.parameters(), **OPTIMIZERS[name]), batches(8))
    expected = interrupted(name, theirs, theirs, move, tmp_path)
    for before, after in ((ours, ours), (theirs, ours), (ours, theirs)):
        found = interrupted(name, before, after, move, tmp_path)
        assert distance(values(found), values(expected)) <= TOLERANCE, (before, after)
        # In torch too, NAdam goes on with `mu_product` in another precision.
        assert distance(values(found), values(whole)) <= 1e-10, (before, after)


def train_sharded(folder: Path):
    """By optimizer: what training arrives at that a checkpoint interrupts."""
    ends = {}
    for name in OPTIMIZERS:
        _, ours = pair(name)
        model = interrupted(name, ours, ours, through_files, folder / name, sharded, own_batches)
        ends[name] = full_values(model)
    return ends


@pytest.mark.slow
@NEEDS_GLOO
def test_sharded_training_goes_on_from_a_checkpoint(tmp_path):
    alone = {}
    for name in OPTIMIZERS:
        theirs, _ = pair(name)
        alone[name] = values(interrupted(name, theirs, theirs, through_memory, tmp_path))
    for ends in in_two_processes(train_sharded, tmp_path, tmp_path):
        far = {name: distance(found, alone[name]) for name, found in ends.items()}
        assert {name: d for name, d in far.items() if d > TOLERANCE} == {}
        assert far.keys() == OPTIMIZERS.keys()
