"""A study that is given more budget goes on: what it asks from then on, and what it is told of before.

extended(record, Amount(40, more=True))    # the question with 40 trainings more, and how the study begins

What a study had measured is measured no second time.  Where its candidates were confirmed and not told apart,
its race stands, and all that is new goes to the same finalists.  Otherwise the whole search is planned anew
with all of the budget, and finds in the store what it would train again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from surefoot.errors import InvalidInputError
from surefoot.search.question.command import command_with
from surefoot.search.question.naming import study_name
from surefoot.store import Store
from surefoot.study.answer import Level, Verdict
from surefoot.study.codec import encode
from surefoot.study.decisions import Budgeted, Resumed
from surefoot.study.durations import Amount
from surefoot.study.format import number, plural, seconds
from surefoot.study.question import Question
from surefoot.study.records import DecisionRecord, StudyRecord

BUDGET_FIELDS = ("runs", "budget_seconds", "study", "command", "earlier", "raced")
"""In which the question of a study and the one that extends it may differ."""


@dataclass(frozen=True, slots=True)
class Extension:
    """How a study goes on.

    Attributes:
        question: with the new budget.
        decisions: what it begins with: that it was resumed, and the plan of a race that stands.
    """

    question: Question
    decisions: tuple[DecisionRecord, ...]


def extended(record: StudyRecord, more: Amount, in_runs: bool) -> Extension:
    """The study with more budget.

    Args:
        record: what there is of it.
        more: how much.
        in_runs: whether that is in full trainings, not in seconds.

    Raises:
        InvalidInputError: its budget is of the other kind, or it is a full training, which has none.
    """
    before = record.question
    if not isinstance(before, Question):
        raise InvalidInputError(f"{record.name!r} is a full training: it has no budget to add to")
    if in_runs != (before.runs is not None):
        option, like = ("--runs", "--budget +5m") if in_runs else ("--budget", "--runs +40")
        unit = "time" if in_runs else "full trainings"
        raise InvalidInputError(f"{option} +: the budget of {record.name!r} is in {unit}; give {like}")
    answer, had = record.answer, before.budget
    passed = max([d.seconds for d in record.decisions], default=0.0)
    if answer is not None:
        passed = max(passed, answer.seconds)
    # Time that a finished study did not need is over; trainings that it did not need are still there.
    total = (passed if answer is not None and not in_runs else had) + more.value
    stands = answer is not None and answer.level is Level.CONFIRMED and answer.verdict is Verdict.BUDGET
    raced = (before.raced or had) if stands else None
    question = replace(
        before,
        runs=total if in_runs else None,
        budget_seconds=None if in_runs else total,
        earlier=(*before.earlier, had),
        raced=raced,
    )
    question = replace(question, command=command_with(question))
    verdict = answer.verdict.value if answer else ""
    reached = tuple(max((p.progress for p in run.points), default=0.0) for run in record.runs)
    resumed = Resumed(_words(record, question, more), total, verdict, reached)
    plan = [d for d in record.decisions if stands and _is_plan(d, raced)]
    return Extension(question, (DecisionRecord(0, passed, resumed), *plan))


def find_extended(store: Store, asked: Question) -> StudyRecord:
    """The study that is to go on: the latest that asks the same, whatever its budget and its name.

    Where the user has named a study, `asked` has that name, and the study must ask the same.

    Raises:
        InvalidInputError: there is none; the message says what to do.
    """
    wanted = _without_budget(asked)
    named = asked.study != study_name(asked)
    names = [
        summary.name for summary in reversed(store.studies()) if not named or summary.name == asked.study
    ]
    for name in names:
        record = store.study(name)
        if isinstance(record.question, Question) and _without_budget(record.question) == wanted:
            return record
    if named and names:
        raise InvalidInputError(f"study {asked.study!r} asks something else: see surefoot show {asked.study}")
    what = f"study {asked.study!r}" if named else f"study of {asked.task!r} with these options"
    raise InvalidInputError(f"there is no {what} to go on with: give a budget without +")


def _without_budget(question: Question) -> dict[str, object]:
    return {name: value for name, value in encode(question).items() if name not in BUDGET_FIELDS}


def _is_plan(record: DecisionRecord, raced: float | None) -> bool:
    plan = record.decision
    return isinstance(plan, Budgeted) and (plan.part, plan.given) == ("study", raced)


def _words(record: StudyRecord, question: Question, more: Amount) -> str:
    in_runs = question.runs is not None
    given = _budget(more.value, in_runs)
    told = f"Resumed with {given} more, after {plural(len(record.runs), 'run')}"
    if record.answer is None:
        return f"{told} and before there was an answer."
    if question.raced is not None:
        told += f"; its race with a budget of {_budget(question.raced, in_runs)} stands"
    return f"{told}. It had said: {record.answer.sentence}"


def _budget(amount: float, in_runs: bool) -> str:
    unit = "training" if amount == 1 else "trainings"
    return f"{number(amount)} {unit}" if in_runs else seconds(amount)
