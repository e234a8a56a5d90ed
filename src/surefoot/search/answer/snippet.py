"""The code to paste: the chosen optimizer with everything that it was measured with, in at most four lines.

snippet(Candidate("AdamW", {"lr": 0.002, "weight_decay_on": "matrices"}), steps=400)

It makes the optimizer with its parameter groups and the schedule for a `model`, and says how to step.
Trained with it on the same data in the same order, a model ends where the measured run ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from surefoot.study.build import DECAY_ON, DECAYS_ON
from surefoot.study.format import setting
from surefoot.study.optimizers import Algorithm, find_algorithm
from surefoot.study.run import Candidate, Schedule

OWN_SCHEDULE = "# with your script's own schedule, as it was measured"

MOST_LINES = 4
WIDEST = 80  # characters of a line

COURSES: Mapping[str, str] = {"trunk": "wsd", "constant": "constant", "cosine": "cosine"}
"""What `surefoot.schedules` calls them."""


def snippet(candidate: Candidate, steps: int) -> str:
    """Python code that makes `optimizer` and `scheduler` for a `model`, and shows the training step.

    Args:
        candidate: what to write down.
        steps: length of the full training that it was measured on, in evaluations of the loss.
    """
    algorithm = find_algorithm(candidate.optimizer)
    own = candidate.schedule.kind == "script"
    scheduled = "lr" in algorithm.hyperparameters and not own
    imports, constructor = _imports(candidate, scheduled), _constructor(candidate, algorithm)
    schedule = [_schedule(candidate.schedule, steps)] if scheduled else []
    lines = [*imports, *constructor, *schedule]
    if len(lines) < MOST_LINES:
        return "\n".join([*lines, OWN_SCHEDULE if own else f"# each batch: {_step(algorithm, scheduled)}"])
    return "\n".join([f"{lines[0]}  # {_step_in_short(algorithm)}", *lines[1:]])


def _imports(candidate: Candidate, scheduled: bool) -> list[str]:
    source, colon, name = candidate.optimizer.rpartition(":")
    ours = ["groups"] if _of_matrices(candidate) else []
    ours += ["optim"] if not colon else []
    ours += ["schedules"] if scheduled else []
    lines = [f"from surefoot import {', '.join(ours)}"] if ours else []
    if colon and source.endswith(".py"):
        lines.append(f"from {Path(source).stem} import {name}  # {source}")
    elif colon:
        lines.append(f"from {source} import {name}")
    return lines


def _constructor(candidate: Candidate, algorithm: Algorithm) -> list[str]:
    """With the settings that are not the optimizer's own defaults."""
    name = algorithm.label if ":" in candidate.optimizer else f"optim.{candidate.optimizer}"
    parameters = "groups.decay_matrices(model)" if _of_matrices(candidate) else "model.parameters()"
    told = {n: _pair(v) for n, v in candidate.hyperparameters.items() if n != DECAY_ON}
    shown = {n: v for n, v in told.items() if ":" in candidate.optimizer or _is_told(algorithm, n, v)}
    arguments = [parameters, *(f"{n}={v!r}" for n, v in shown.items())]
    line = f"optimizer = {name}({', '.join(arguments)})"
    whole = len(line) <= WIDEST or ":" in candidate.optimizer  # which has two imports
    return [line] if whole else _in_two(f"optimizer = {name}(", arguments)


def _in_two(start: str, arguments: Sequence[str]) -> list[str]:
    """As many arguments in the first line as it holds."""
    count = 1
    while count < len(arguments) and len(f"{start}{', '.join(arguments[: count + 1])},") <= WIDEST:
        count += 1
    return [f"{start}{', '.join(arguments[:count])},", f"    {', '.join(arguments[count:])})"]


def _of_matrices(candidate: Candidate) -> bool:
    return bool(candidate.hyperparameters.get(DECAY_ON, DECAYS_ON[0]) != DECAYS_ON[0])


def _is_told(algorithm: Algorithm, name: str, value: Any) -> bool:
    """The learning rate always, and what is not as the optimizer has it by itself; 0 and 0.0 are the same."""
    known = algorithm.hyperparameters.get(name)
    return name == "lr" or known is None or setting(value) != setting(known.default)


def _pair(value: object) -> object:
    """A candidate read back from JSON has lists where optimizers expect pairs."""
    return tuple(value) if isinstance(value, list) else value


def _schedule(schedule: Schedule, steps: int) -> str:
    cooldown = f", cooldown={schedule.cooldown!r}" if schedule.kind == "trunk" else ""
    shares = f"warmup={schedule.warmup!r}{cooldown}"
    return f"scheduler = schedules.{COURSES[schedule.kind]}(optimizer, steps={steps}, {shares})"


def _step(algorithm: Algorithm, scheduled: bool) -> str:
    closure = "closure" if not scheduled else "scheduler.counted(closure)"
    step = f"optimizer.step({closure if algorithm.needs_closure else ''})"
    return f"{step}; scheduler.step()" if scheduled else step


def _step_in_short(algorithm: Algorithm) -> str:
    """Beside an import, where the lines are full."""
    return "step(scheduler.counted(closure))" if algorithm.needs_closure else "step both after each batch"
