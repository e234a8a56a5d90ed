"""The command line, or the call, that asks a question.

command_with(Question("digits", runs=20.0), "--workers", "2")    # "surefoot choose digits --runs 20 …"
"""

from __future__ import annotations

import shlex
from typing import Any

from surefoot.study.question import SCHEDULES, SCRIPT_MEASURE, Question
from surefoot.tasks import command_words
from surefoot.tasks.by_value import is_by_value


def command_with(question: Question, *options: str) -> str:
    """The command line that asks this question, with further options; of a task by value the call."""
    if is_by_value(question.task):
        return _call(question)
    words = ["surefoot", "choose", *([] if question.script else command_words(question.task))]
    if question.optimizers:
        words += ["--optimizers", ",".join(map(_word, question.optimizers))]
    words += (
        ["--runs", f"{question.runs:g}"]
        if question.runs is not None
        else ["--budget", f"{question.budget_seconds:g}s"]
    )
    if question.goal != "best":
        words += ["--goal", question.goal]
    if question.target is not None:
        words += ["--target", repr(question.target)]
    if not question.script and question.schedule != SCHEDULES[question.goal]:
        words += ["--schedule", question.schedule]
    if question.baseline != "AdamW":
        words += ["--baseline", _word(question.baseline)]
    for text in question.sets:
        words += ["--set", text]
    if question.candidates:
        words += ["--candidates", question.candidates]
    if question.maximize is not None:
        words.append("--maximize" if question.maximize else "--no-maximize")
    if question.margin is not None:
        words += ["--margin", f"{question.margin:g}"]
    if question.seed:
        words += ["--seed", str(question.seed)]
    if question.measure not in ("", SCRIPT_MEASURE):
        words += ["--measure", question.measure]
    words += ["--study", question.study] if question.study else []
    return shlex.join([*words, *options, *(["--", *question.script] if question.script else [])])


def _call(question: Question) -> str:
    """The call that asks this question of a task which only Python knows."""
    given: dict[str, Any] = {
        "optimizers": list(question.optimizers) or None,
        "runs": question.runs,
        "budget": question.budget_seconds,
        "goal": question.goal if question.goal != "best" else None,
        "target": question.target,
        "schedule": question.schedule if question.schedule != SCHEDULES[question.goal] else None,
        "baseline": question.baseline if question.baseline != "AdamW" else None,
        "sets": list(question.sets) or None,
        "candidates": question.candidates,
        "maximize": question.maximize,
        "margin": question.margin,
        "seed": question.seed or None,
        "study": question.study or None,
    }
    words = [f"{name}={value!r}" for name, value in given.items() if value is not None]
    return f"surefoot.choose({', '.join(['task', *words])})"


def _word(optimizer: str) -> str:
    """As it is typed; a reference to one's own class keeps its letters."""
    return optimizer if ":" in optimizer else optimizer.lower()
