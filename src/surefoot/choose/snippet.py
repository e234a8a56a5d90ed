"""The code to paste: the chosen optimizer with the schedule it was measured with."""

from __future__ import annotations

from surefoot.formula import Declared
from surefoot.optim import OPTIMIZERS
from surefoot.training.run import Candidate, Schedule


def snippet(candidate: Candidate, steps: int) -> str:
    """Python code that makes `optimizer` and `scheduler` for a `model`, and shows the training step.

    Args:
        candidate: what to write down.
        steps: length of the full training that it was measured on.
    """
    settings = "".join(f", {name}={value!r}" for name, value in candidate.hyperparameters.items())
    optimizer = OPTIMIZERS[candidate.optimizer]
    return "\n".join(
        [
            "import math" if candidate.schedule.kind == "cosine" else "",
            "from torch.optim.lr_scheduler import LambdaLR",
            "from surefoot import optim",
            "",
            f"optimizer = optim.{candidate.optimizer}(model.parameters(){settings})",
            f"steps = {_optimizer_steps(steps, optimizer)}  # in one full training: put yours",
            *_schedule(candidate.schedule),
            "scheduler = LambdaLR(optimizer, lr_factor)",
            "# after each batch: " + _step(optimizer) + "; scheduler.step()",
        ]
    ).lstrip("\n")


def _schedule(schedule: Schedule) -> list[str]:
    warmup = f"min(1.0, (step + 1) / (round({schedule.warmup} * steps) + 1))"
    if schedule.kind == "constant":
        return ["def lr_factor(step):", f"    return {warmup}"]
    if schedule.kind == "cosine":
        return [
            "def lr_factor(step):",
            f"    warmup = round({schedule.warmup} * steps)",
            "    share = min(max((step - warmup) / max(1, steps - warmup), 0.0), 1.0)",
            "    return min(1.0, (step + 1) / (warmup + 1)) * (1 + math.cos(math.pi * share)) / 2",
        ]
    return [
        f"start = steps - round({schedule.cooldown} * steps)  # of the cooldown",
        "def lr_factor(step):",
        f"    rise = {warmup}",
        "    fall = (steps - step) / max(1, steps - start)",
        "    return rise * max(0.0, min(1.0, fall))",
    ]


def _step(optimizer: type[Declared]) -> str:
    return "optimizer.step(closure)" if optimizer.needs_closure else "optimizer.step()"


def _optimizer_steps(evaluations: int, optimizer: type[Declared]) -> int:
    """A closure optimizer makes one step of several evaluations."""
    per_step = optimizer.hyperparameters.get("max_iter")
    return max(1, evaluations // int(per_step.default)) if per_step else evaluations
