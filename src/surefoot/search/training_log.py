"""A full training written down as a study of its own, so that `list`, `report` and the lab show it.

    log = TrainingLog.begin(store, plan, task, source="digits-1f2e3d4c", command="surefoot train …")
    log.study                                  # "digits-1f2e3d4c-train-5a6b7c8d"
    train_fully(plan, task, folder, log)
    log.finish(result)

The study has one run, and its name is made from all that fixes it: the same training finds the same study,
and what is told twice, by a training that goes on or is made again, is there once.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from typing import Any, Self

from surefoot.path_names import path_name_near
from surefoot.search.answer.answer import recommendation
from surefoot.store import Store, StoreError, StudyLog
from surefoot.store.environment import environment
from surefoot.study.answer import Answer, CandidateResult, Level, Verdict
from surefoot.study.codec import as_tuples
from surefoot.study.format import number
from surefoot.study.label import candidate_label
from surefoot.study.profile import TaskProfile
from surefoot.study.question import TrainingPlan, TrainingQuestion
from surefoot.study.run import Phase, Point, Status
from surefoot.tasks import Task
from surefoot.training.full.plan import TrainingState
from surefoot.training.full.train import Follower
from surefoot.training.loop import Live

PHASE = Phase.CONFIRM
"""A full training of one candidate with one seed is what confirmation makes, and is shown as such."""

MOST_OF_SOURCE = 80
"""Characters; what follows must fit into a name as well."""

VERDICTS = {Status.COMPLETED: Verdict.TRAINED, Status.DIVERGED: Verdict.DIVERGED}


class TrainingLog(Follower):
    """Writes the curve down as it grows.

    A store that fails meanwhile does not end the training: what it missed is written with the next point, or
    by the next sitting, which knows the whole curve.

    Attributes:
        study: the name of the study.
        trouble: what the store said last, where it failed; empty where all is written.
    """

    def __init__(self, log: StudyLog, study: str, plan: TrainingPlan, measure: str) -> None:
        self.study, self.trouble = study, ""
        self._log, self._plan, self._measure = log, plan, measure
        self._run = log.start_run(plan.candidate, plan.seed, PHASE)

    @classmethod
    def begin(cls, store: Store, plan: TrainingPlan, task: Task, source: str | None, command: str) -> Self:
        """Begin the study, or go on with it.

        Args:
            store: where.
            plan: what is trained.
            task: that of the plan.
            source: the study whose recommendation it is; None for settings that the user named.
            command: what trains so, without what only this machine has.

        Raises:
            StoreError: the store fails.
        """
        question = TrainingQuestion(plan, study_name(plan, source), source, command)
        profile = TaskProfile(task.name, plan.steps, task.measure, direction=plan.direction)
        log = store.begin(question, profile, environment())
        return cls(log, question.study, plan, task.measure)

    def begun(self, evaluations: int, curve: tuple[Point, ...]) -> None:
        """What an earlier sitting measured is there, too, even if the store failed then."""
        with self._noting_trouble(), self._log.at_once():
            for point in curve:
                self._log.add_point(self._run, point)

    def measured(self, live: Live, point: Point, best: bool) -> None:
        """Add a point."""
        with self._noting_trouble():
            self._log.add_point(self._run, point)

    def finish(self, result: TrainingState) -> None:
        """Write down how it ended; a training that was stopped has not.

        Raises:
            StoreError: the store fails.
        """
        if result.status not in VERDICTS:
            return
        self.begun(0, result.curve)
        with self._log.at_once():
            self._log.end_run(
                self._run, result.status, result.message, result.seconds_per_step, result.state_bytes
            )
            self._log.finish(self._answer(result))

    @contextlib.contextmanager
    def _noting_trouble(self) -> Any:
        try:
            yield
            self.trouble = ""
        except StoreError as error:
            self.trouble = str(error)

    def _answer(self, result: TrainingState) -> Answer:
        """With what a single training can say."""
        plan, candidate = self._plan, self._plan.candidate
        value = result.curve[-1].value if result.status == Status.COMPLETED else math.nan
        measured = CandidateResult(
            label=candidate_label(candidate),
            optimizer=candidate.optimizer,
            hyperparameters=as_tuples(candidate.hyperparameters),
            schedule=candidate.schedule,
            phase=PHASE,
            seeds=(plan.seed,),
            progress=result.curve[-1].progress,
            values=(value if math.isfinite(value) else None,),
            seconds_per_step=result.seconds_per_step,
            state_bytes=result.state_bytes,
            diverged=int(result.status == Status.DIVERGED),
        )
        return Answer(
            study=self.study,
            task=plan.task,
            measure=self._measure,
            verdict=VERDICTS[result.status],
            sentence=sentence(plan, result, self._measure),
            recommendation=recommendation(candidate, plan.steps),
            candidates=(measured,),
            runs=1,
            seconds=result.curve[-1].seconds,
            best=result.best,
            metrics=dict(result.metrics or {}),
            level=Level.MEASURED,
            direction=plan.direction,
        )


def sentence(plan: TrainingPlan, result: TrainingState, measure: str) -> str:
    """How a training that is over ended, in words."""
    label, best = candidate_label(plan.candidate), result.best
    if result.status == Status.DIVERGED:
        text = f"{label} diverged at step {result.evaluations:,} of {plan.steps:,}: {result.message}."
        word = plan.direction.best
        return text + (f" Its {word} {measure} before was {number(best.value)}." if best else "")
    text = f"Trained with {label}: {measure} {number(result.curve[-1].value)} after {plan.steps:,} steps."
    if best and best.progress < 1:
        at = f"after {round(best.progress * plan.steps):,}"
        text += f" The {plan.direction.best} was {number(best.value)} {at}."
    return text


def study_name(plan: TrainingPlan, source: str | None) -> str:
    """The name of a training's study: the same for the same training."""
    subject = source or plan.task.partition("?")[0].rpartition("/")[2].replace(".", "-")
    word = path_name_near(subject)[:MOST_OF_SOURCE]
    document = json.dumps(plan.document, sort_keys=True)
    return f"{word}-train-{hashlib.sha256(document.encode()).hexdigest()[:8]}"
