"""`surefoot.choose`: which optimizer, with which settings, should train this model?

    answer = surefoot.choose(model=make_model, loss=nn.CrossEntropyLoss(), train=loader, validation=held_out)
    answer = surefoot.choose(task, budget="10m", optimizers=["adamw", "sgd"])
    answer = surefoot.choose("digits", runs=40)

In a script, IPython and a notebook, whose cells may define everything: workers get the task by value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from surefoot.api.answers import StudyAnswer
from surefoot.api.choosing import answer_question, extend
from surefoot.api.displays import display_for_here
from surefoot.engines.options import EngineOptions
from surefoot.path_names import DEFAULT_STORE
from surefoot.search import Interrupted, ask
from surefoot.store import Store
from surefoot.study.durations import amount_of, seconds_of, trainings_of
from surefoot.tasks import Task, TaskError, check_task, with_data
from surefoot.tasks.by_value import is_by_value, reference_of
from surefoot.tasks.made import Task as MadeTask


def choose(
    task: Task | str | None = None,
    *,
    model: Callable[[], Any] | None = None,
    loss: Callable[..., Any] | None = None,
    train: Any = None,
    validation: Any = None,
    maximize: bool | None = None,
    steps: int | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    budget: str | float | None = "5m",
    runs: str | float | None = None,
    optimizers: Sequence[str] | None = None,
    sets: Sequence[str] = (),
    candidates: str | None = None,
    goal: str = "best",
    target: float | None = None,
    schedule: str | None = None,
    baseline: str = "AdamW",
    margin: float | None = None,
    seed: int = 0,
    study: str | None = None,
    store: str | Path = DEFAULT_STORE,
    workers: int | None = None,
    run_timeout: float | None = None,
    run_memory: int | None = None,
    gpus: str | None = None,
    report: str | Path | None = None,
    progress: bool = True,
) -> StudyAnswer:
    """Choose the optimizer and its settings for a task by measuring.

    A study that was interrupted goes on with the same call; a finished one is shown again without training.

    Args:
        task: a `surefoot.Task` or another object with its members, a built-in name such as "digits", or a
            reference: "file.py:object" or "package.module:object". Without it, give the four parts.
        model, loss, train, validation, steps, epochs, batch_size: the parts, as in `surefoot.Task`.
        maximize: whether higher values of the measure are better, as of an accuracy; None: as the task says.
        budget: time for the whole study, by the clock: "90s", "5m", "2h", or seconds; not heeded where `runs`
            is given. "+5m" goes on with the study that asked the same, for so much longer.
        runs: the budget in full trainings; it may be less than one. "+40" goes on with so many more.
        optimizers: names to try, or your own as "file.py:Class"; None: all.
        sets: what a setting may be, such as "weight_decay=0,0.1" or "lr=1e-4..1e-2".
        candidates: file of further candidates, JSON or TOML.
        goal: "best", the best value at the end, or "fastest", the least time to `target`.
        target: the value to reach, with the goal "fastest".
        schedule: "trunk", "constant" or "cosine"; None: that of the goal.
        baseline: optimizer to compare with, at its defaults.
        margin: differences below it are a tie; None: half of what a change of seed does.
        seed: fixes every draw.
        study: name of the study; None: made from the question.
        store: where studies are kept: an SQLAlchemy URL, or the path of an SQLite file.
        workers: runs side by side; None: one for each core.
        run_timeout: seconds before a run counts as hung.
        run_memory: bytes that one run may take.
        gpus: how many ("2"), "all" or which ("0,1"); None: as the task does.
        report: HTML file to write.
        progress: whether to show how far it is: live in a terminal, in one updating cell output in a
            notebook, in plain lines on standard error elsewhere.

    Returns:
        The answer: `.verdict`, `.recommendation`, `.optimizer(model)`, `.table()`, …

    Raises:
        ValueError: the question cannot be asked; TaskError, which is one: the task cannot be used.
        StoreError: the store cannot be used, or its study of this name answers another question.
        NoRunSucceededError: every run failed or diverged.
        Interrupted: a KeyboardInterrupt, by Ctrl-C or a notebook's "interrupt": the same call goes on.
    """
    parts = {"model": model, "loss": loss, "train": train, "validation": validation}
    if report is not None:
        _check_writable(Path(report))
    found = _task(task, parts, {"steps": steps, "epochs": epochs, "batch_size": batch_size}, maximize)
    amount = amount_of(budget, seconds_of) if runs is None else amount_of(runs, trainings_of)
    question = ask(
        task=found if isinstance(found, str) else reference_of(found),
        optimizers=optimizers,
        budget_seconds=amount.value if runs is None else None,
        runs=None if runs is None else amount.value,
        schedule=schedule,
        seed=seed,
        baseline=baseline,
        margin=margin,
        study=study,
        sets=sets,
        candidates=candidates,
        goal=goal,
        target=target,
        maximize=maximize if task is not None else None,  # a task made of parts says it itself
    )
    options = EngineOptions("local", workers, run_timeout, run_memory, gpus)
    display: AbstractContextManager[Any] = display_for_here(progress)
    with Store.at(store) as evidence:
        if amount.more:
            question = extend(evidence, question, amount)
        by_value = None if isinstance(found, str) else found
        try:
            answer_question(question, evidence, str(store), options, display, task=by_value)
        except Interrupted as interruption:
            so_far = f"{interruption.so_far} " if interruption.so_far else ""
            raise Interrupted(f"{so_far}Nothing is lost: the same call goes on.") from None
        record = evidence.study(question.study)
    answer = StudyAnswer(record)
    if report is not None:
        answer.report(report)
    return answer


def _check_writable(report: Path) -> None:
    """Hours of runs must not end in a report that cannot be written."""
    if not report.absolute().parent.is_dir():
        raise ValueError(f"cannot write {report}: folder {report.parent} does not exist")


def _task(
    task: Task | str | None, parts: dict[str, Any], length: dict[str, Any], maximize: bool | None
) -> Task | str:
    """The reference of a task, or a task by value, from what was given."""
    given = [name for name, value in (parts | length).items() if value is not None]
    if task is not None:
        if given:
            raise TaskError(f"surefoot.choose: a task has its own {given[0]}: give either, not both")
        if isinstance(task, str):
            if is_by_value(task):
                raise TaskError(f"{task!r} was made in Python: give the task itself, not its name")
            return with_data(task, None)
        return check_task(task, "surefoot.choose: the task")
    if missing := [name for name, value in parts.items() if value is None]:
        raise TaskError(f"surefoot.choose: give a task, or {', '.join(parts)}: {', '.join(missing)} missing")
    return MadeTask(**parts, **length, maximize=maximize)
