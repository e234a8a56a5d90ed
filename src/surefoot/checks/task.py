"""Is a task ready for a study?  What is wrong with it, what is worth knowing, and how long a study takes.

    report = check(load_task("digits"))
    report.wrong                          # findings, the worst first; empty for a healthy task
    report.facts.seconds_per_step

Each finding is one line: what, where, what to do.  Nothing of it is random: the task is used with the same
seeds, on one thread, as a run uses it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import psutil

from surefoot.checks.data import Walk, check_data
from surefoot.checks.findings import CheckReport, Finding, Mistake, TaskFacts, described
from surefoot.checks.loss import LossFacts, check_loss
from surefoot.checks.model import check_model, fresh
from surefoot.checks.validation import Measured, check_validation
from surefoot.study.format import seconds, size
from surefoot.study.run import Candidate
from surefoot.tasks import Task, TaskError
from surefoot.training.loop import time_steps
from surefoot.training.meters import WARM_UP_STEPS, median_seconds, one_thread, peak_memory
from surefoot.training.profile import describe
from surefoot.training.random_state import untouched

TIMED_STEPS = 10
TIMING_SECONDS = 3.0
LONG_STUDY_SECONDS = 2 * 3600.0
ORDER = ("data", "model", "batches", "loss", "gradient", "validate", "cost")

__all__ = ["CheckReport", "Finding", "TaskFacts", "check"]


def check(task: Task, workers: int | None = None, maximize: bool | None = None) -> CheckReport:
    """Use every member of a task as a run does, and look at what comes.

    Args:
        task: any.
        workers: runs side by side in the study that would follow; default: one for each processor.
        maximize: whether higher values of the measure are better; None: as the task says.
    """
    with one_thread(), untouched():
        return _Check(task, workers or processors(), maximize).report()


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Check:
    """The parts in order; a part is left out where it needs one that has failed."""

    def __init__(self, task: Task, workers: int, maximize: bool | None) -> None:
        self.task, self.workers, self.maximize = task, workers, maximize
        self.facts = TaskFacts(task.steps)
        self.findings: list[Finding] = []
        self.walk, self.seen, self.measured = Walk(), LossFacts(), Measured()

    def report(self) -> CheckReport:
        if self.problems() and self.part(lambda: check_model(self.task)):
            self.describe_model()
            has_data = self.part(lambda: check_data(self.task, self.walk))
            trains = has_data and self.part(lambda: check_loss(self.task, self.walk, self.seen))
            if has_data:
                first = described(self.walk.first[0])
                self.facts = replace(self.facts, batch=first, batches_seen=self.walk.seen)
            measures = self.part(lambda: check_validation(self.task, self.measured, self.maximize))
            self.cost(trains and measures and not any(f.wrong for f in self.findings))
        ordered = sorted(self.findings, key=lambda f: (not f.wrong, ORDER.index(f.about)))
        return CheckReport(self.task.name, self.task.measure, tuple(ordered), self.facts)

    def part(self, findings: Callable[[], Iterable[Finding]]) -> bool:
        """Add what a part finds; whether it came to its end."""
        try:
            for finding in findings():
                self.findings.append(finding)
        except Mistake as mistake:
            # A measure mostly uses the loss: what is wrong there is told once.
            follows = mistake.about == "validate" and mistake.raised
            if not (follows and any(f.wrong and f.about in ("loss", "batches") for f in self.findings)):
                self.findings.append(mistake.finding)
            return False
        return True

    def problems(self) -> bool:
        """What a task on the user's own data says of its files; whether it can be trained on them."""
        listed = getattr(self.task, "problems", None)
        if not callable(listed):
            return True
        refused, lines = "", list[str]()
        try:
            lines = [" ".join(str(line).split()) for line in listed()]
            next(iter(self.task.batches(0)))
        except TaskError as error:
            refused = " ".join(str(error).split())
            self.findings.append(Finding("data", True, refused))
        rest = [line for line in lines if line not in refused]
        self.findings += [Finding("data", False, f"{self.task.name}: {line}") for line in rest]
        return not refused

    def describe_model(self) -> None:
        seen = describe(fresh(self.task, 0))
        self.facts = replace(self.facts, parameters=seen.parameters, frozen=seen.frozen, dtypes=seen.dtypes)

    def cost(self, whole: bool) -> None:
        """Time, memory, and what follows from them."""
        measured = self.measured
        self.facts = replace(
            self.facts,
            validation_seconds=measured.seconds,
            held_out=measured.rows or None,
            initial_value=measured.value,
            direction=measured.direction,
            seconds_per_step=seconds_per_step(self.task, self.seen.seconds) if whole else None,
            peak_memory=peak_memory() if whole else None,
        )
        if whole:
            self.findings += _about_cost(self.task, self.facts, self.seen, self.workers)


def seconds_per_step(task: Task, about: float | None) -> float:
    """The median over a few steps of plain gradient descent; of a slow step over one."""
    few = int(TIMING_SECONDS / max(about or 0.0, 1e-6))
    least = WARM_UP_STEPS + TIMED_STEPS if few > WARM_UP_STEPS + TIMED_STEPS else max(1, few)
    steps = time_steps(task, Candidate("SGD", {"lr": 1e-6}), least)
    return median_seconds([seconds / evaluations for evaluations, seconds in steps])


def _about_cost(task: Task, facts: TaskFacts, seen: LossFacts, workers: int) -> Iterator[Finding]:
    assert facts.seconds_per_step is not None
    assert facts.validation_seconds is not None
    assert facts.peak_memory is not None
    if seen.sparse:
        yield Finding(
            "cost", False,
            f"{task.name}: the gradient of {', '.join(seen.sparse[:3])} is sparse: only optimizers that "
            "know sparse "
            "gradients are tried",
        )  # fmt: skip
    training, validating = facts.steps * facts.seconds_per_step, facts.validation_seconds
    if validating > max(1.0, training / 4):
        yield Finding(
            "cost", False,
            f"{task.name}: one validation takes {seconds(validating)}, as long as "
            f"{validating / facts.seconds_per_step:.0f} "
            "steps, and a run makes up to ten: measure on fewer rows, or in larger batches",
        )  # fmt: skip
    study = facts.study_seconds(workers)
    if study is not None and study > LONG_STUDY_SECONDS:
        yield Finding(
            "cost", False,
            f"{task.name}: a step takes {seconds(facts.seconds_per_step)} and a training {facts.steps} "
            "steps, so that a "
            f"study of 13 trainings takes about {seconds(study)} with {workers} at once: fewer "
            "steps, a smaller "
            "model, or more cores",
        )  # fmt: skip
    room = psutil.virtual_memory().total
    if facts.peak_memory * workers > room:
        fitting = max(1, room // facts.peak_memory)
        yield Finding(
            "cost", False,
            f"{task.name}: a run takes {size(facts.peak_memory)}, and {workers} side by side "
            "more than the "
            f"{size(room)} of this machine: --workers {fitting}",
        )  # fmt: skip
