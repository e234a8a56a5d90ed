"""How a study's budget is planned over its phases: once after the look, and again before confirmation.

    plan = plan_budget(sitting, profile)
    plan.budget.race                                 # 15.0 full trainings
    until = phase_end(sitting, runner, 0.6)          # when that share of the time for runs is over
    trainings_left(sitting, plan, runner)            # 18.0, for confirmation

How it is divided is arithmetic (`budget`).  What the time left pays for is decided once and recorded, so that
a study that goes on keeps to its plan.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

from surefoot.search.budget import DEAREST, Budget, divide, price_in_words, what_it_buys
from surefoot.search.confirm.confirmation import FEWEST_SEEDS
from surefoot.search.deadline import Deadline
from surefoot.search.fastest.stopwatch import LADDER_SEEDS
from surefoot.search.pace import Pace
from surefoot.search.runner import Runner
from surefoot.search.sitting import Sitting
from surefoot.study.answer import Level
from surefoot.study.decisions import Budgeted
from surefoot.study.format import plural, seconds
from surefoot.study.profile import TaskProfile
from surefoot.study.run import Candidate, Phase

PILOT_COST = 1.0
"""Full trainings that it takes to see what a script does."""

OVERHEAD = 1.15
"""A run costs this much more than its steps: validation, cooldown branches, passing messages."""

PLANNED_SHARE = 0.95
"""Of the time left, as much is planned with: a confirmation that is cut short has seeds that do not count."""


@dataclass(frozen=True)
class BudgetPlan:
    """What is planned with.

    Attributes:
        budget: in full trainings.
        pace: what runs take, which is learnt as they end.
    """

    budget: Budget
    pace: Pace


def no_budget() -> BudgetPlan:
    """Where nothing is left after the look."""
    return BudgetPlan(Budget(0.0, 0.0), Pace(math.nan))


def plan_budget(sitting: Sitting, profile: TaskProfile) -> BudgetPlan:
    """The whole study's; it is told what the budget buys."""
    question = sitting.question
    floor = not question.script  # it needs the loss at every try, and a script has it once a step
    before = PILOT_COST if question.script else LADDER_SEEDS if question.goal == "fastest" else 0.0
    training = OVERHEAD * profile.seconds_per_step * profile.steps
    training = profile.pilot.seconds if profile.pilot else training
    total, text = question.runs, ""
    raced = question.raced
    if total is None:
        left = max(0.0, sitting.deadline.left) + (profile.pilot.seconds if profile.pilot else 0.0)
        now = min(left * profile.workers / training, DEAREST) if training > 0 else DEAREST
        total, text = _planned(sitting, "study", float(f"{now:.2g}"), question.budget)
        raced = None if raced is None else _planned(sitting, "study", total, raced)[0]
    budget = divide(total if raced is None else raced, before=before, floor=floor)
    if raced is not None:
        budget = replace(budget, total=total)
    setup = sitting.deadline.elapsed
    text = text or what_it_buys(budget, training, profile.workers, question.budget_seconds, setup)
    if question.budget_seconds is None:
        sitting.watcher.decision(text)  # which the seconds of this machine are no part of
    else:
        sitting.decide(Budgeted(text, "study", total, question.budget_seconds))
    return BudgetPlan(budget, Pace(training))


def phase_end(sitting: Sitting, runner: Runner, share: float) -> Deadline:
    """When this share of the time for runs is over."""
    decided = sitting.log.record().decisions
    began = next((d.seconds for d in decided if isinstance(d.decision, Budgeted)), 0.0)
    began = max([began, *(d.seconds for d in sitting.resumed)])
    # The first run waits for its worker, and no phase pays for that.
    return sitting.deadline.part(share, lambda: max(began, _setup(runner)))


def trainings_left(
    sitting: Sitting, plan: BudgetPlan, runner: Runner, candidates: Collection[Candidate]
) -> float:
    """For confirmation: what is left of the budget, or what the time left pays for.

    Of a study that was given more, with what these candidates were confirmed with before.
    """
    given = sitting.question.budget_seconds
    had = runner.inherited_of(Phase.CONFIRM, {c.key for c in candidates}) if sitting.resumed else 0.0
    if given is None:
        left = plan.budget.total - runner.spent
        return min(left, runner.allowance - runner.new + had) if sitting.resumed else left
    each = plan.pace.seconds(1.0)
    time_left = PLANNED_SHARE * max(0.0, sitting.deadline.left)
    now = time_left * sitting.engine.slots / each if each > 0 else DEAREST
    left, text = _planned(sitting, "confirmation", math.floor(min(now + had, DEAREST)), given)
    if left < FEWEST_SEEDS:
        return left
    more = plural(round(left), "more training")
    told = f"A training takes {seconds(each)}: the time left pays for {more}."
    sitting.decide(Budgeted(text or told, "confirmation", left, given))
    return left


def price_of_more(sitting: Sitting, plan: BudgetPlan, runner: Runner, workers: int, level: Level) -> str:
    """What answers stronger than one of this level cost; empty where that is not known."""
    given = sitting.question.budget_seconds
    setup = None if given is None else _setup(runner)
    return price_in_words(level, plan.budget, plan.pace.seconds(1.0), workers, setup, given)


def _setup(runner: Runner) -> float:
    """Seconds that passed before the first run; as long as none could begin, those until now."""
    return runner.deadline.elapsed if runner.setup is None else runner.setup


def _planned(sitting: Sitting, part: str, now: float, given: float) -> tuple[float, str]:
    """Full trainings for a part of the study, with the words: as planned before, or as it is now."""
    for plan in sitting.plans:
        if (plan.part, plan.given) == (part, given):
            return plan.trainings, plan.text
    return now, ""
