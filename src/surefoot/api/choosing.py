"""A question, a store and an engine put together: what the command line and `surefoot.choose` share.

answer_question(question, store, url, EngineOptions(workers=2), RaceDisplay())
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from surefoot.engines.options import EngineOptions
from surefoot.path_names import trunks_of
from surefoot.search import choose_optimizer
from surefoot.search.question import extended, find_extended
from surefoot.search.runner import Watcher
from surefoot.store import Store
from surefoot.study.answer import Answer
from surefoot.study.durations import Amount
from surefoot.study.question import Question
from surefoot.tasks import Task, load_task
from surefoot.tasks.by_value import ship


def extend(store: Store, question: Question, more: Amount) -> Question:
    """Give a study more budget: the one that is named, or the latest that asks the same.

    Args:
        store: where it is kept.
        question: what is asked; its own budget does not count.
        more: how much more.

    Returns:
        The study's question with all of its budget.

    Raises:
        InvalidInputError: there is no such study, it asks something else, or its budget is of the other kind.
    """
    found = find_extended(store, question)
    with store.claimed(found.name):
        extension = extended(found, more, in_runs=question.runs is not None)
        store.extend(extension.question, extension.decisions)
    return extension.question


def answer_question(
    question: Question,
    store: Store,
    place: str,
    options: EngineOptions,
    display: AbstractContextManager[Watcher],
    *,
    task: Task | None = None,
    opened: Callable[[Any], None] = lambda engine: None,
) -> Answer:
    """Answer a question, going on with its study where that was interrupted.

    Args:
        question: what is asked.
        store: where its study is kept.
        place: the store's URL or path, beside which trunks lie.
        options: where runs are made.
        display: shows how far it is, for as long as runs are made.
        task: where the question's reference is of a task by value.
        opened: is told of the engine before the first run.

    Raises:
        Interrupted: in place of KeyboardInterrupt, with what is known so far.
        Exception: as of `choose_optimizer` and `EngineOptions.open`.
    """
    trunks = options.folder(question.study) or trunks_of(question.study, place)
    references = [question.task, question.baseline, *question.sources]
    shipped = None if task is None else ship(task)
    with (
        store.claimed(question.study),
        options.open(references, shipped) as engine,
        display as watcher,
    ):
        opened(engine)
        load = load_task if task is None else lambda reference: task
        return choose_optimizer(question, store, engine, trunks, watcher, load)
