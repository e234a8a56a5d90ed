"""One study, from the question to the answer: look, race, play-off, confirmation, answer.

Each phase is a pure policy driven by the `Runner`; this file holds the order of the phases.  How the budget
is divided between them is arithmetic (`budget`), and the clock has the last word (`deadline`): whatever phase
it ends in, the study answers from what was measured until then.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from surefoot.engines.base import Engine
from surefoot.path_names import check_path_name
from surefoot.search import phases
from surefoot.search.answer_so_far import (
    answer_so_far,
    confirmed_answer,
    unconfirmed_answer,
    words_so_far,
)
from surefoot.search.budget_plan import PILOT_COST, BudgetPlan, no_budget, plan_budget
from surefoot.search.confirm.confirmation import Confirmation
from surefoot.search.fastest.ladder import time_steps, watch_baseline
from surefoot.search.look import look_at, rule_out, unseen
from surefoot.search.pilot import TimeIsUpError, tariff
from surefoot.search.runner import Runner, Watcher
from surefoot.search.sitting import Sitting
from surefoot.search.state import StudyState
from surefoot.store import Store
from surefoot.study.answer import Answer
from surefoot.study.cost import Tariff
from surefoot.study.decisions import Paused
from surefoot.study.format import plural, seconds
from surefoot.study.label import candidate_label
from surefoot.study.profile import TaskProfile
from surefoot.study.question import Question
from surefoot.tasks import Task, load_task
from surefoot.training.own_files import remove_trunks, remove_unfinished
from surefoot.training.snapshots import snapshots_folder


class Interrupted(KeyboardInterrupt):
    """Whoever asked has pressed Ctrl-C.

    Attributes:
        so_far: what is known at this point, in words; empty before there is anything.
        answer: what the study would have answered, had its budget ended here; None before the look.
    """

    def __init__(self, so_far: str, answer: Answer | None = None) -> None:
        super().__init__(so_far)
        self.so_far, self.answer = so_far, answer


def choose_optimizer(
    question: Question,
    store: Store,
    engine: Engine,
    checkpoints: Path,
    watcher: Watcher,
    load: Callable[[str], Task] = load_task,
) -> Answer:
    """Answer a question, going on with its study where that was interrupted.

    Args:
        question: what is asked.
        store: where everything is recorded as it happens.
        engine: where runs are made.
        checkpoints: folder for the trunks of this study's runs; they are removed once there is an answer.
        watcher: who is kept informed.
        load: from the question's reference to the task, for what is measured in this process.

    Returns:
        The answer, which the store now holds.

    Raises:
        TaskError: the task is not one, or makes one of the frequent mistakes.
        StoreError: the study of this name answers another question.
        NoRunSucceededError: every run failed or diverged.
        Interrupted: in place of KeyboardInterrupt, with what is known so far.
        InvalidInputError: the question's study has no name.
    """
    check_path_name(question.study, "study")
    study = _Study(Sitting(question, store, engine, checkpoints, watcher, load))
    for folder in (checkpoints, snapshots_folder(checkpoints)):
        remove_unfinished(folder)
    try:
        return study.answer()
    except KeyboardInterrupt as interruption:
        raise study.interrupted() from interruption


class _Study:
    """The order of the phases.

    Attributes:
        profile: what the look has seen; None before.
        state: all after the look; None before.
    """

    def __init__(self, sitting: Sitting) -> None:
        self.sitting = sitting
        self.profile: TaskProfile | None = None
        self.state: StudyState | None = None

    def answer(self) -> Answer:
        sitting = self.sitting
        answer = sitting.finished
        if answer is not None:
            sitting.watcher.phase("show a finished study again")
        else:
            state = self.state = self._look()
            confirmation = self._search(state) if state.plan.budget.total else None
            answer = (
                confirmed_answer(sitting, state, confirmation)
                if confirmation
                else unconfirmed_answer(sitting, state)
            )
            sitting.log.finish(answer)
        remove_trunks(sitting.checkpoints)  # no run goes on any more; it may have been killed before
        return answer

    def _look(self) -> StudyState:
        sitting = self.sitting
        try:
            profile = self.profile = look_at(sitting)
            names = rule_out(sitting, profile)
            plan = plan_budget(sitting, profile)
        except TimeIsUpError:
            profile = self.profile = unseen(sitting)
            names, plan = rule_out(sitting, profile), no_budget()
        return StudyState(profile, names, plan, _runner(sitting, profile, plan))

    def _search(self, state: StudyState) -> Confirmation | None:
        """Every phase after the look; None where the budget ends before anything is confirmed."""
        sitting = self.sitting
        if sitting.question.goal == "fastest":
            state.names, state.profile = time_steps(sitting, state.names, state.profile)
            state.stopwatch = watch_baseline(sitting, state.profile, state.runner)
            if state.stopwatch is None:
                return None
        if state.plan.budget.baseline:
            phases.train_baseline(sitting, state)
        race = state.screening = phases.enter_race(
            sitting, state.names, state.profile, state.plan.budget, state.unit, state.direction
        )
        phases.race(sitting, state, race)
        best = state.ranked = phases.bracket(sitting, state, race)
        finalists = state.ranked = phases.play_off(sitting, state, race, best)
        confirmation = state.confirmation = phases.enter_confirmation(sitting, state, race, finalists)
        if confirmation and phases.confirm(sitting, state, confirmation):
            return confirmation
        ranked = state.ranked = phases.finish_race(state, race)
        phases.measure(sitting, state, ranked)
        return None

    def interrupted(self) -> Interrupted:
        """What is known, and a note of when, so that what was spent counts when the study goes on."""
        sitting, state = self.sitting, self.state
        if self.profile is not None:
            made = plural(len(state.runner.records()) if state else 0, "run")
            text = f"Stopped by whoever asked after {seconds(sitting.seconds())} and {made}."
            sitting.log.decide(Paused(text), sitting.seconds())
        if state is None:
            return Interrupted("")
        return Interrupted(words_so_far(sitting, state), answer_so_far(sitting, state))


def _allowance(sitting: Sitting, plan: BudgetPlan, costs: Tariff | None) -> float:
    """Full trainings left of the whole budget for a study that was given more."""
    if sitting.question.runs is None or not sitting.resumed:
        return math.inf
    reached = (progress for progress in sitting.inherited.values() if progress > 0)
    return plan.budget.total - math.fsum((costs or Tariff()).cost(0.0, progress) for progress in reached)


def _runner(sitting: Sitting, profile: TaskProfile, plan: BudgetPlan) -> Runner:
    """Of all runs after the look."""
    question = sitting.question
    costs = tariff(profile.pilot) if profile.pilot else None
    return Runner(
        question.task,
        sitting.engine,
        sitting.log,
        sitting.checkpoints,
        sitting.watcher,
        candidate_label,
        plan.budget.total,
        sitting.decide,
        command=question.script,
        steps=profile.steps if question.script else 0.0,
        tariff=costs,
        spent=PILOT_COST if question.script else 0.0,
        snapshots=sitting.snapshots,
        deadline=sitting.deadline,
        pace=plan.pace,
        direction=profile.direction,
        inherited=sitting.inherited,
        allowance=_allowance(sitting, plan, costs),
    )
