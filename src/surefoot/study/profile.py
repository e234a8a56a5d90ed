"""What is known of a task before its first run is judged: its model, what a step costs, how it reports.

    profile = look(load_task("digits"))   # `training.look` measures it; of a script the pilot run does
    profile.model.parameters, profile.seconds_per_step

A study keeps its profile, so that one which is resumed decides as it did before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from surefoot.study.direction import Direction


@dataclass(frozen=True, slots=True)
class Role:
    """The trainable parameters that play one role.

    Attributes:
        name: "weight matrices", "convolution kernels", "embeddings", "norms", "biases" or "other".
        tensors: how many.
        parameters: their elements in all.
        shapes: for people, the most frequent first, e.g. "64×128 (3), 10×64".
    """

    name: str
    tensors: int
    parameters: int
    shapes: str


@dataclass(frozen=True, slots=True)
class ModelProfile:
    """What there is to train, whatever the data.

    Attributes:
        roles: trainable parameters by role, the largest first.
        parameters: trainable elements in all.
        frozen: elements that are not trained.
        dtypes: of the trainable parameters, e.g. ("float32",).
        not_matrices: names of the first trainable parameters that have fewer or more than two dimensions.
        batch_norm: whether it normalises over batches.
    """

    roles: tuple[Role, ...] = ()
    parameters: int = 0
    frozen: int = 0
    dtypes: tuple[str, ...] = ()
    not_matrices: tuple[str, ...] = ()
    batch_norm: bool = False


@dataclass(frozen=True, slots=True)
class StepTime:
    """What an optimizer's steps take, forward and backward pass included.

    Attributes:
        seconds: per evaluation of the loss, with kernels warm.
        compile_seconds: what the very first step takes beyond that.
    """

    seconds: float
    compile_seconds: float


@dataclass(frozen=True, slots=True)
class PilotRun:
    """How a script trains and reports, as one run of it has shown.

    Attributes:
        seconds: of the whole run.
        start_seconds: of those before its first step.
        continues: whether a run that is taken further goes on from its checkpoint; else it starts again.
        marks: where it reports, as shares of the training.
        final_value: what it reported last.
    """

    seconds: float
    start_seconds: float
    continues: bool
    marks: tuple[float, ...] = ()
    final_value: float = math.nan


@dataclass(frozen=True, slots=True)
class ScriptProfile:
    """What one run of a script has shown of it.

    Attributes:
        model, sparse: as in `TaskProfile`.
        pilot: how it trains and reports.
    """

    pilot: PilotRun
    model: ModelProfile = ModelProfile()
    sparse: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskProfile:
    """What is known of a task.

    Attributes:
        task, steps, measure: the task's own words; the steps of a script are in its own unit.
        model: what there is to train.
        sparse: names of the parameters whose gradient is sparse.
        full_batch: whether every batch is the same one, so that the loss has no noise.
        seconds_per_step: median of forward, backward and a plain step on one thread.
        peak_memory: the process's largest resident memory afterwards, in bytes; 0 where it is not known.
        initial_value: the measure before any training (seed 0); None where it is not known.
        repeatable: the first batch's loss was the same when seed 0 was used again.
        fingerprint: changes when the model, the data, `steps` or `measure` does; a script's when its file
            does.
        workers: runs side by side.
        order: in which order to look at the optimizers, by what did well on similar tasks; empty: the usual.
        step_times: with the goal "fastest", by optimizer; empty until they were timed.
        untimed: why there is no time of an optimizer's step, as a sentence goes on after its name.
        pilot: how a script trains and reports; None of a task.
        direction: which way of the measure is better.
    """

    task: str
    steps: float
    measure: str
    model: ModelProfile = ModelProfile()
    sparse: tuple[str, ...] = ()
    full_batch: bool = False
    seconds_per_step: float = math.nan
    peak_memory: int = 0
    initial_value: float | None = None
    repeatable: bool = True
    fingerprint: str = ""
    workers: int = 1
    order: tuple[str, ...] = ()
    step_times: Mapping[str, StepTime] = field(default_factory=dict)
    untimed: Mapping[str, str] = field(default_factory=dict)
    pilot: PilotRun | None = None
    direction: Direction = Direction.MINIMIZE

    @property
    def timed(self) -> bool:
        """Whether a step was timed, or tried, with each optimizer."""
        return bool(self.step_times or self.untimed)
