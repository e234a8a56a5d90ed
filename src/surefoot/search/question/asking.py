"""From what the user gives to a question that can be asked.

ask("digits", ["adamw", "sgd"], runs=20.0).command    # "surefoot choose digits --optimizers adamw,sgd …"
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from surefoot.path_names import check_path_name
from surefoot.search.question.checks import (
    check_aim,
    check_budget,
    check_finite,
    check_script,
    check_subject,
)
from surefoot.search.question.command import command_with
from surefoot.search.question.naming import study_name
from surefoot.search.space import candidates as space
from surefoot.search.space import constraints
from surefoot.search.space.user_candidates import read_candidates
from surefoot.study.answer import Goal
from surefoot.study.optimizers import find_algorithm
from surefoot.study.question import SCHEDULES, SCRIPT_MEASURE, Question
from surefoot.study.run import ScheduleKind
from surefoot.tasks import with_data


def ask(
    task: str | None = None,
    optimizers: Sequence[str] | None = None,
    budget_seconds: float | None = 300.0,
    runs: float | None = None,
    schedule: str | None = None,
    seed: int = 0,
    baseline: str = "AdamW",
    margin: float | None = None,
    study: str | None = None,
    goal: str = "best",
    target: float | None = None,
    sets: Sequence[str] = (),
    candidates: str | None = None,
    script: Sequence[str] = (),
    measure: str | None = None,
    maximize: bool | None = None,
) -> Question:
    """Check the question, which is about a task or about a script, and name its study.

    Raises:
        FileError: the file of candidates cannot be read.
        InvalidInputError: an optimizer does not exist, the study's name is not one, a number is not
            finite, the goal does not go with the schedule or the target, a constraint or a candidate is
            not valid, the script cannot be started, or it is asked for what only a task has.
    """
    check_subject(task, script, measure)
    chosen = tuple(space.choose_from(optimizers)) if optimizers else ()
    if study is not None:  # even an empty one, as of a variable that is not set
        check_path_name(study, "--study")
    aim = cast(Goal, goal)
    check_aim(aim, schedule, target)
    check_finite(budget_seconds=budget_seconds, runs=runs, margin=margin, target=target)
    check_budget(budget_seconds if runs is None else None, runs, bool(script), aim)
    if script:
        check_script(script, aim, schedule, sets, baseline)
    question = Question(
        with_data(task, None) if task else shlex.join(script),
        chosen,
        None if runs is not None else budget_seconds,
        runs,
        "script" if script else cast(ScheduleKind, schedule or SCHEDULES[aim]),
        seed,
        find_algorithm(baseline).name,
        margin,
        study or "",
        aim,
        target,
        tuple(sets),
        candidates,
        script=tuple(script),
        measure=(measure or SCRIPT_MEASURE) if script else "",
        maximize=maximize,
    )
    question = _with_extra(question)
    names, fixed = space.asked_for(question), constraints.of(question)
    constraints.check(fixed, [find_algorithm(name) for name in names])
    space.candidates(names, question.plan, fixed)  # so that refusals come now
    question = question if study else replace(question, study=study_name(question))
    return replace(question, command=command_with(question))


def _with_extra(question: Question) -> Question:
    """With the candidates in the file, and the fingerprints of one's own optimizers."""
    extra = read_candidates(question.candidates, question.plan) if question.candidates else ()
    asked = (*space.asked_for(question), *(c.optimizer for c in extra))
    own = sorted({name for name in asked if ":" in name})
    return replace(question, extra=extra, sources={name: _fingerprint(name) for name in own})


def _fingerprint(optimizer: str) -> str:
    """Of a class's source: a study must not go on with one that has changed meanwhile."""
    return hashlib.sha256(find_algorithm(optimizer).source.encode()).hexdigest()[:12]
