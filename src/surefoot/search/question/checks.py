"""What cannot be asked: every refusal is one line, with the way out.

check_budget(None, 0.0, script=False, goal="best")    # InvalidInputError: --runs 0: give a budget above 0, …
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from pathlib import Path

from surefoot.errors import InvalidInputError
from surefoot.naming import nearest
from surefoot.search.budget import DEAREST
from surefoot.search.fastest.stopwatch import LADDER_SEEDS
from surefoot.search.space import candidates as space
from surefoot.search.space import constraints
from surefoot.study.answer import Goal
from surefoot.study.optimizers import find_algorithm

LONGEST = 366 * 24 * 3600.0
"""Seconds beyond which a budget is a slip of the keyboard."""


def check_finite(**numbers: float | None) -> None:
    """Neither a budget nor what values are compared with can be infinite or nan."""
    for name, number in numbers.items():
        if number is not None and not math.isfinite(number):
            option = "budget" if name == "budget_seconds" else name
            raise InvalidInputError(f"--{option} {number:g}: it must be a finite number")


def check_budget(budget_seconds: float | None, runs: float | None, script: bool, goal: Goal) -> None:
    """Neither nothing, nor so much that it is a slip, nor less than what comes before the race."""
    option, given, most = ("runs", runs, DEAREST) if runs is not None else ("budget", budget_seconds, LONGEST)
    unit = "s" if option == "budget" else ""
    told = f"--{option} {given:g}{unit}" if given is not None else "no budget"
    if given is None or given <= 0:
        raise InvalidInputError(f"{told}: give a budget above 0, such as --budget 5m or --runs 40")
    if given > most:
        least = "a year" if option == "budget" else f"{most:,.0f} full trainings"
        raise InvalidInputError(f"{told}: that is more than {least}")
    if runs is not None and script and runs < 1:
        raise InvalidInputError(
            f"{told}: a script is run once to its end to see how it trains; give 1 at least"
        )
    if runs is not None and goal == "fastest" and runs < LADDER_SEEDS + 1:
        raise InvalidInputError(
            f"{told}: --goal fastest trains the baseline {LADDER_SEEDS} times before the race, for its "
            f"target; give {LADDER_SEEDS + 1} at least"
        )


def check_aim(goal: Goal, schedule: str | None, target: float | None) -> None:
    """A target is for the goal "fastest", and that goes with a rate that does not cool down."""
    if goal == "best" and target is not None:
        raise InvalidInputError(f"a target of {target:g} goes with --goal fastest only")
    if goal == "fastest" and schedule not in (None, "constant"):
        raise InvalidInputError(
            f"--goal fastest needs --schedule constant, not {schedule}: where the learning rate cools down, "
            "the best values come at the end, and every optimizer would take the whole training"
        )


def check_subject(task: str | None, script: Sequence[str], measure: str | None) -> None:
    """Either a task, which has a measure, or a script, which has none."""
    if task and script:
        raise InvalidInputError(f"either a task ({task!r}) or a command after -- ({script[0]!r} …), not both")
    if not task and not script:
        raise InvalidInputError("say what to train: a TASK, such as digits, or a command: -- python train.py")
    if measure and not script:
        raise InvalidInputError("--measure goes with a command after --; a task names its own measure")


def check_script(
    script: Sequence[str], goal: Goal, schedule: str | None, sets: Sequence[str], baseline: str
) -> None:
    """What trains must exist, and what the script decides itself cannot be asked for."""
    if shutil.which(script[0]) is None:
        hint = f"; write -- python {script[0]}" if script[0].endswith(".py") else ""
        raise InvalidInputError(f"there is no command {script[0]!r}{hint}")
    file = next((word for word in script[1:] if word.endswith(".py")), None)
    if file and not Path(file).is_file():
        near = nearest(file, [str(path) for path in Path(file).parent.glob("*.py")])
        raise InvalidInputError(f"there is no file {file!r}{near}")
    if schedule is not None:
        raise InvalidInputError(
            f"--schedule {schedule} goes with a task only: a script keeps its own schedule"
        )
    if goal == "fastest":
        raise InvalidInputError(
            "--goal fastest goes with a task only: it times the steps of every optimizer first"
        )
    if warmed := [text for text in sets if constraints.parse(text).name == constraints.WARMUP]:
        raise InvalidInputError(f"--set {warmed[0]} goes with a task only: a script keeps its own schedule")
    for ruled in space.rule_out([find_algorithm(baseline).name], (), (), in_script=True):
        raise InvalidInputError(f"--baseline {baseline}: {ruled.text}")
