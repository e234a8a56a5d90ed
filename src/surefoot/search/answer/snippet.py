"""The code to paste: the chosen optimizer with everything that it was measured with.

snippet(Candidate("AdamW", {"lr": 0.002, "weight_decay_on": "matrices"}), steps=400)

It makes the parameter groups, the optimizer and the schedule for a `model`, and says how to step.  Trained
with it on the same data in the same order, a model ends where the measured run ended.
"""

from __future__ import annotations

from pathlib import Path

from surefoot.study.build import DECAY_ON
from surefoot.study.optimizers import Algorithm, find_algorithm
from surefoot.study.run import Candidate, Schedule

WIDEST = 100  # characters of a line

GROUPS = """\
matrices = [p for p in model.parameters() if p.ndim >= 2]
others = [p for p in model.parameters() if p.ndim < 2]  # biases and norms do not decay
groups = [{"params": matrices}, {"params": others, "weight_decay": 0.0}]"""

OWN_SCHEDULE = "# with your script's own schedule, as it was measured"

COUNTING = """\
evaluations = 0  # of the loss so far; this optimizer makes several in each of its steps


def counted(closure):
    def evaluate():
        global evaluations
        evaluations += 1
        return closure()

    return evaluate

"""


def snippet(candidate: Candidate, steps: int) -> str:
    """Python code that makes `optimizer` and `scheduler` for a `model`, and shows the training step.

    Args:
        candidate: what to write down.
        steps: length of the full training that it was measured on, in evaluations of the loss.
    """
    algorithm = find_algorithm(candidate.optimizer)
    own = candidate.schedule.kind == "script"
    scheduled = "lr" in algorithm.hyperparameters and not own
    return "\n".join(
        [
            *_imports(candidate, algorithm, scheduled),
            "",
            *([GROUPS] if DECAY_ON in candidate.hyperparameters else []),
            _constructor(candidate, algorithm),
            *(_schedule(candidate.schedule, steps, algorithm) if scheduled else []),
            OWN_SCHEDULE if own else f"# {_when(algorithm)}: " + "; ".join(_step(algorithm, scheduled)),
        ]
    )


def _imports(candidate: Candidate, algorithm: Algorithm, scheduled: bool) -> list[str]:
    lines = ["import math"] if candidate.schedule.kind == "cosine" and scheduled else []
    lines += ["from torch.optim.lr_scheduler import LambdaLR"] if scheduled else []
    source, colon, name = candidate.optimizer.rpartition(":")
    if not colon:
        return [*lines, "from surefoot import optim"]
    if source.endswith(".py"):
        return [*lines, f"from {Path(source).stem} import {name}  # {source}"]
    return [*lines, f"from {source} import {name}"]


def _constructor(candidate: Candidate, algorithm: Algorithm) -> str:
    settings = {n: v for n, v in candidate.hyperparameters.items() if n != DECAY_ON}
    name = algorithm.label if ":" in candidate.optimizer else f"optim.{candidate.optimizer}"
    parameters = "groups" if DECAY_ON in candidate.hyperparameters else "model.parameters()"
    arguments = [parameters, *(f"{n}={_pair(v)!r}" for n, v in settings.items())]
    line = f"optimizer = {name}({', '.join(arguments)})"
    if len(line) <= WIDEST:
        return line
    return "\n".join([f"optimizer = {name}(", *(f"    {argument}," for argument in arguments), ")"])


def _pair(value: object) -> object:
    """A candidate read back from JSON has lists where optimizers expect pairs."""
    return tuple(value) if isinstance(value, list) else value


def _schedule(schedule: Schedule, steps: int, algorithm: Algorithm) -> list[str]:
    if not algorithm.needs_closure:
        return [
            f"steps = {steps}  # in one full training: put yours",
            *_course(schedule),
            "scheduler = LambdaLR(optimizer, lr_factor)",
        ]
    return [
        f"steps = {steps}  # evaluations of the loss in one full training: put yours",
        *_course(schedule),
        COUNTING,
        "scheduler = LambdaLR(optimizer, lambda _: lr_factor(evaluations))",
    ]


def _course(schedule: Schedule) -> list[str]:
    """The schedule as a function of the step, as in `training.schedule`."""
    if schedule.kind == "cosine":
        return [
            f"warmup = round({schedule.warmup} * steps)",
            "def lr_factor(step):",
            "    share = min(max((step - warmup) / max(1, steps - warmup), 0.0), 1.0)",
            "    return min(1.0, (step + 1) / (warmup + 1)) * (1 + math.cos(math.pi * share)) / 2",
        ]
    warmup = f"warmup = round({schedule.warmup} * steps)"
    if schedule.kind == "constant":
        return [warmup, "def lr_factor(step):", "    return min(1.0, (step + 1) / (warmup + 1))"]
    return [
        warmup,
        f"start = steps - round({schedule.cooldown} * steps)  # of the cooldown",
        "def lr_factor(step):",
        "    rise = min(1.0, (min(step, start) + 1) / (warmup + 1))",
        "    fall = (steps - step) / max(1, steps - start)",
        "    return rise * max(0.0, min(1.0, fall))",
    ]


def _step(algorithm: Algorithm, scheduled: bool) -> list[str]:
    closure = "closure" if not scheduled else "counted(closure)"
    steps = [f"optimizer.step({closure if algorithm.needs_closure else ''})"]
    return [*steps, "scheduler.step()"] if scheduled else steps


def _when(algorithm: Algorithm) -> str:
    return "for each batch, until `steps` evaluations" if algorithm.needs_closure else "after each batch"
