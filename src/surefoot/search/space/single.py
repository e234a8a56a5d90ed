"""One candidate, to be trained and not raced: a study's recommendation, or what the user names.

named("adamw", ["lr=3e-4", "betas=(0.9,0.95)", "warmup=0.1"], "trunk")
recommended(store.study("digits-1f2e3d4c"), "digits")
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from surefoot.errors import InvalidInputError
from surefoot.search.space import candidates as space
from surefoot.search.space import constraints
from surefoot.search.space.constraints import WARMUP, Constraint, Range, check_value
from surefoot.study.build import DECAY_ON, DECAYS_ON
from surefoot.study.optimizers import Algorithm, find_algorithm
from surefoot.study.records import StudyRecord
from surefoot.study.run import Candidate, Schedule, ScheduleKind

KINDS: tuple[ScheduleKind, ...] = ("trunk", "constant", "cosine")


def named(optimizer: str, sets: Sequence[str], schedule: str) -> Candidate:
    """An optimizer with the settings that the user names; the others are its constructor's.

    Args:
        optimizer: its name, or the reference of one's own class.
        sets: "NAME=VALUE" each, as `constraints.parse` reads them, with a single value.
        schedule: kind of the schedule.

    Raises:
        InvalidInputError: there is no such optimizer or setting, or a setting cannot have that value or has
            several.
    """
    algorithm = find_algorithm(optimizer)
    parsed = [constraints.parse(text) for text in sets]
    for constraint in parsed:
        _check(constraint, algorithm)
    chosen = {name: _single(name, values) for name, values in constraints.allowed(algorithm, parsed).items()}
    plan = Schedule(kind=cast(ScheduleKind, schedule))
    if WARMUP in chosen:
        plan = replace(plan, warmup=chosen.pop(WARMUP))
    if refused := space.refusal(algorithm, chosen):
        raise InvalidInputError(f"{algorithm.label} refuses it: {refused}")
    if chosen.get(DECAY_ON) == DECAYS_ON[0]:
        del chosen[DECAY_ON]
    usual = space.baseline(algorithm.name, plan)
    return replace(usual, hyperparameters={**usual.hyperparameters, **chosen})


def recommended(study: StudyRecord, task: str) -> Candidate:
    """What a finished study recommends for a task, exactly as it was measured.

    Raises:
        InvalidInputError: the study has no answer yet, or is of another task or of a script.
    """
    if study.script:
        raise InvalidInputError(
            f"study {study.name!r} is of a script, whose training is not ours to make; "
            "its answer shows the lines to put into the script"
        )
    if study.answer is None:
        command = study.question.command or "surefoot choose …"
        raise InvalidInputError(f"study {study.name!r} has no answer yet; to go on with it: {command}")
    candidate = study.answer.recommendation.candidate
    if study.task != task:
        raise InvalidInputError(
            f"study {study.name!r} is of the task {study.task!r}, not {task!r}; to use its settings all the "
            f"same: {' '.join(words(candidate))}"
        )
    return candidate


def words(candidate: Candidate) -> list[str]:
    """The options of a command line that name a candidate."""
    found = ["--optimizer", candidate.optimizer]
    for name, value in candidate.settings.items():
        found += ["--set", f"{name}={_written(value)}"]
    return [*found, "--schedule", candidate.schedule.kind]


def _check(constraint: Constraint, algorithm: Algorithm) -> None:
    where = f"--set {constraint.text}"
    if constraint.optimizer not in ("", algorithm.label.lower()):
        raise InvalidInputError(f"{where}: the optimizer is {algorithm.label}, not {constraint.optimizer!r}")
    meant = constraints.allowed(algorithm, [constraint]).get(constraint.name, constraint.values)
    for value in meant:
        if not isinstance(value, Range):
            check_value(algorithm, constraint.name, value, where)


def _single(name: str, values: Sequence[Any]) -> Any:
    if len(values) > 1 or isinstance(values[0], Range):
        raise InvalidInputError(f"--set {name}: a single training has one value of it, not several")
    return values[0]


def _written(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"({','.join(map(_written, value))})"
    return str(value)
