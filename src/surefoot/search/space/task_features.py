"""What makes tasks alike: the few facts of a task that decide which optimizers suit it.

    features = features_of(look(load_task("digits")))
    similarity(features, others)   # 1 for the same facts, towards 0 for nothing in common
    in_common(features, others)    # ["mostly convolution kernels", "about as large"]

The scales are set by hand, from what is known of optimizers; no result was used to fit them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from surefoot.study.profile import TaskProfile

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
class TaskFeatures:
    """Facts of a task, known before anything is trained.

    Attributes:
        parameters: trainable elements.
        steps: of one full training.
        roles: share of the trainable elements by role, as in `study.profile.Role`.
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


def features_of(profile: TaskProfile) -> TaskFeatures:
    """The features of a task that was looked at."""
    total = max(1, profile.model.parameters)
    return TaskFeatures(
        parameters=total,
        steps=int(profile.steps),
        roles={role.name: role.parameters / total for role in profile.model.roles},
        batch_norm=profile.model.batch_norm,
        sparse=bool(profile.sparse),
        full_batch=profile.full_batch,
    )


def similarity(one: TaskFeatures, other: TaskFeatures) -> float:
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


def in_common(one: TaskFeatures, other: TaskFeatures) -> list[str]:
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


def _main_role(features: TaskFeatures) -> str:
    return next((role for role, share in features.roles.items() if share > MAIN_ROLE), "")


def _within(one: float, other: float, decades: float) -> bool:
    return abs(math.log10(one / other)) <= decades
