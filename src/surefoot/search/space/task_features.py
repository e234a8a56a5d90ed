"""What makes tasks alike: the few facts of a task that decide which optimizers suit it.

    traits = traits_of(load_task("digits"), seen)   # `seen` is what the Look step found
    similarity(traits, others)                      # 1 for the same facts, towards 0 for nothing in common
    in_common(traits, others)                       # ["mostly convolution kernels", "about as large"]

The scales are set by hand, from what is known of optimizers; no result was used to fit them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from surefoot.tasks import Task
from surefoot.training.random_state import seed_everything

SIZE_DECADES, LENGTH_DECADES = 2.0, 2.0
"""A hundred times the parameters, or the steps, makes one unit of distance."""

ROLES_SCALE = 0.5
"""So large a share of the parameters in other roles makes one unit of distance."""

NORM_UNITS = 1.0
"""Batch norm makes a network deaf to the size of its weights, and so kind to large learning rates."""

KIND_UNITS = 2.0
"""Sparse gradients, and full batches, change which optimizers work at all."""

MAIN_ROLE = 0.5
"""A role that holds more than this share of the parameters says what kind of network it is."""


@dataclass(frozen=True)
class Traits:
    """Facts of a task, known before anything is trained.

    Attributes:
        parameters: trainable elements.
        steps: of one full training.
        roles: share of the trainable elements by role, as in `training.look.Role`.
        batch_norm: the model normalises over batches.
        sparse: some gradients are sparse.
        full_batch: every batch is the same one, so that the loss has no noise.
    """

    parameters: int
    steps: int
    roles: Mapping[str, float]
    batch_norm: bool = False
    sparse: bool = False
    full_batch: bool = False


def traits_of(task: Task, seen: Mapping[str, Any]) -> Traits:
    """The traits of a task, from its Look step, one model and two batches.

    Args:
        task: has passed the Look step.
        seen: `Look.to_dict()`.
    """
    seed_everything(0)
    kinds = {type(module).__name__ for module in task.model().modules()}
    batches = list(itertools.islice(task.batches(0), 2))
    total = max(1, int(seen["parameters"]))
    return Traits(
        parameters=total,
        steps=int(seen["steps"]),
        roles={role["name"]: role["parameters"] / total for role in map(_as_mapping, seen["roles"])},
        batch_norm=any("BatchNorm" in kind for kind in kinds),
        sparse=bool(seen["sparse"]),
        full_batch=len(batches) == 2 and _same(*batches),
    )


def similarity(one: Traits, other: Traits) -> float:
    """How alike two tasks are, in (0, 1]; symmetric."""
    distances = [
        abs(math.log10(one.parameters / other.parameters)) / SIZE_DECADES,
        abs(math.log10(one.steps / other.steps)) / LENGTH_DECADES,
        _apart(one.roles, other.roles) / ROLES_SCALE,
        NORM_UNITS * (one.batch_norm != other.batch_norm),
        KIND_UNITS * (one.sparse != other.sparse),
        KIND_UNITS * (one.full_batch != other.full_batch),
    ]
    return math.exp(-0.5 * math.fsum(distance**2 for distance in distances))


def in_common(one: Traits, other: Traits) -> list[str]:
    """What two tasks share, in words; what is usual and shared by most is not told."""
    main = _main_role(one)
    alike = {
        f"mostly {main}": bool(main) and main == _main_role(other),
        "about as many parameters": _within(one.parameters, other.parameters, SIZE_DECADES / 4),
        "about as many steps": _within(one.steps, other.steps, LENGTH_DECADES / 4),
        "batch norm": one.batch_norm and other.batch_norm,
        "sparse gradients": one.sparse and other.sparse,
        "the same batch in every step": one.full_batch and other.full_batch,
    }
    return [words for words, shared in alike.items() if shared]


def _apart(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """The share of the parameters that would have to change their role, in [0, 1]."""
    roles = sorted({*one, *other})
    return math.fsum(abs(one.get(role, 0.0) - other.get(role, 0.0)) for role in roles) / 2


def _main_role(traits: Traits) -> str:
    return next((role for role, share in traits.roles.items() if share > MAIN_ROLE), "")


def _within(one: float, other: float, decades: float) -> bool:
    return abs(math.log10(one / other)) <= decades


def _as_mapping(role: Any) -> Mapping[str, Any]:
    """A role of a Look that was stored as JSON, or was not."""
    return role if isinstance(role, Mapping) else vars(role)


def _same(one: Any, other: Any) -> bool:
    """Whether two batches hold the same; of unknown kinds only one and the same object does."""
    if one is other:
        return True
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and one.shape == other.shape and bool(torch.equal(one, other))
    if isinstance(one, Mapping):
        alike = isinstance(other, Mapping) and one.keys() == other.keys()
        return alike and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, Sequence) and not isinstance(one, str):
        alike = isinstance(other, Sequence) and len(one) == len(other)
        return alike and all(map(_same, one, other))
    return isinstance(one, int | float | str) and bool(one == other)
