"""Does `model()` make a fresh model, the same for the same seed and another for another?"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from surefoot.checks.findings import Finding, Mistake, asking
from surefoot.tasks import Task
from surefoot.training.random_state import seed_everything


def fresh(task: Task, seed: int) -> nn.Module:
    """A model as a run with this seed has it.

    Raises:
        Mistake: there is none.
    """
    seed_everything(seed)
    with asking(task, "model"):
        model = task.model()
    if not isinstance(model, nn.Module):
        raise Mistake(
            "model", f"{task.name}: model() must return a torch.nn.Module, not {type(model).__name__}"
        )
    return model


def check_model(task: Task) -> Iterator[Finding]:
    """What is wrong with it; a model that cannot be had at all is a `Mistake`."""
    where = f"{task.name}: model()"
    first = fresh(task, 0)
    drawn = torch.get_rng_state()
    if not any(p.requires_grad for p in first.parameters()):
        raise Mistake("model", f"{task.name}: the model has no parameter to train; every one is frozen, or "
                      "its layers stand in a list (use nn.ModuleList)")  # fmt: skip
    before = weights(first)
    again = fresh(task, 0)
    if again is first or _shared(first, again):
        yield Finding(
            "model", True,
            f"{where} returns the same weights in memory each time, so that a run goes on where the last one "
            "stopped: make the model inside the function",
        )  # fmt: skip
        return
    repeated = weights(again)
    if before.keys() != repeated.keys():
        one, then = next((a, b) for a, b in zip(before, repeated, strict=False) if a != b)
        yield Finding(
            "model", True,
            f"{where} names its weights otherwise each time ({one}, then {then}), so that no run can "
            "go on from "
            "a checkpoint: give names of your own; a Keras model goes into surefoot.Task(model=…)",
        )  # fmt: skip
        return
    if not all(same(before[name], repeated[name]) for name in before):
        name = next(name for name in before if not same(before[name], repeated[name]))
        yield Finding(
            "model", True,
            f"{where} gives other weights each time for the same seed ({name}): draw them from torch's "
            "global "
            "generator, as torch's layers do, and seed nothing from the clock",
        )  # fmt: skip
        return
    other = weights(fresh(task, 1))
    if all(same(before[name], other[name]) for name in before):
        reseeded = torch.equal(drawn, torch.get_rng_state())
        yield Finding(
            "model", reseeded,
            f"{where} gives the same weights for every seed: leave out its torch.manual_seed(…), or "
            "seeds will "
            "say nothing of how much chance there is"
            if reseeded
            else f"{where} gives the same weights for every seed; where they are loaded that is meant, "
            "and only "
            "the order of the data differs between seeds",
        )  # fmt: skip


def weights(model: nn.Module) -> dict[str, Tensor]:
    """A copy of parameters and buffers by name."""
    named = [*model.named_parameters(), *model.named_buffers()]
    return {name: tensor.detach().clone() for name, tensor in named}


def same(a: Tensor, b: Tensor) -> bool:
    """Equal, where nan equals itself."""
    return a.shape == b.shape and bool(((a == b) | ((a != a) & (b != b))).all())


def _shared(one: nn.Module, other: nn.Module) -> bool:
    trained = {id(p) for p in one.parameters() if p.requires_grad}
    return any(id(p) in trained for p in other.parameters())
