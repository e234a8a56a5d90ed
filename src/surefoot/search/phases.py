"""The phases between look and answer: each makes its policy, and has the runner drive it.

`study` holds their order.  A policy is made by one function and driven by another, so that whoever answers in
mid-phase has it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from surefoot.search.budget import FINALISTS, Budget, finalists_for, shortest_rung
from surefoot.search.budget_plan import phase_end, trainings_left
from surefoot.search.confirm.alpha_spending import alpha_of
from surefoot.search.confirm.confirmation import FEWEST_SEEDS, Confirmation
from surefoot.search.pilot import tariff
from surefoot.search.race import bracketing
from surefoot.search.race.bracketing import MOST_ENTRANTS, Bracketing
from surefoot.search.race.playoff import Playoff, entrants
from surefoot.search.race.screening import Screening
from surefoot.search.sitting import Sitting
from surefoot.search.space import asked
from surefoot.search.space import candidates as space
from surefoot.search.space.prior_results import usual_order
from surefoot.search.state import StudyState
from surefoot.study.answer import Level
from surefoot.study.cost import Tariff
from surefoot.study.decisions import Ordered
from surefoot.study.direction import Direction
from surefoot.study.label import candidate_label
from surefoot.study.profile import TaskProfile
from surefoot.study.records import RunRecord
from surefoot.study.requests import Batch
from surefoot.study.run import Candidate, Phase, Schedule

SLACK = 0.15
"""A phase may take so much of what comes after it: at the ends of rounds, workers wait.  What finds finalists
is planned with two thirds, and on a slow machine confirmation must have its time, too."""

ROUNDING = 1e-9
TINY = 1e-9
"""In full trainings: a race needs a budget, though it may be too small for any run."""


def train_baseline(sitting: Sitting, state: StudyState) -> None:
    """To the end on the seed of the race, to compare with."""
    sitting.watcher.phase("train the baseline, to compare with", state.direction)
    reference = asked.baseline(sitting.question, state.profile)
    state.runner.drive(Batch([sitting.on_race_seed(reference)]), state.race_reading)


def enter_race(
    sitting: Sitting,
    names: list[str],
    profile: TaskProfile,
    budget: Budget,
    unit: str,
    direction: Direction = Direction.MINIMIZE,
) -> Screening:
    """The race with everyone in it, before its first run."""
    sitting.watcher.phase("screen" + unit, direction)
    question, grid = sitting.question, asked.grid(sitting.question, names, profile)
    small = [asked.baseline(question, profile)] if budget.level is not Level.CONFIRMED else []
    first = [candidate for candidate in (*small, *question.extra) if candidate in grid]
    order = [name for name in profile.order if name in names]
    if order != usual_order(order):
        text = f"Looked at first, by what did well on similar tasks: {', '.join(order[:4])}."
        sitting.decide(Ordered(text, tuple(order)))
    warmup = 0.0 if question.schedule in ("script", "cosine") else Schedule().warmup
    return Screening(
        grid,
        max(budget.race, TINY),
        question.seed,
        sitting.decide,
        first,
        profile.pilot.marks if profile.pilot else (),
        tariff(profile.pilot) if profile.pilot else Tariff(),
        order,
        0.0 if question.script else shortest_rung(profile.steps, warmup, budget.total),
        direction,
        0.0 if question.script else profile.steps,
        0.0 if budget.bracketing else None,
    )


def race(sitting: Sitting, state: StudyState, screening: Screening) -> None:
    """Drive it for its share of the budget.

    Raises:
        NoRunSucceededError: all its runs were lost.
    """
    runner, budget = state.runner, state.plan.budget
    until = phase_end(sitting, runner, budget.share(budget.race, SLACK))
    runner.drive(screening, state.race_reading, until)
    screening.pass_on_decisions()
    if any(run.lost for run in runner.records()) and not screening.finalists(1):
        raise sitting.none_succeeded(runner.records())


def bracket(sitting: Sitting, state: StudyState, screening: Screening) -> list[Candidate]:
    """The best candidates, their learning rates bracketed at full length; the race's where none are."""
    runner, budget = state.runner, state.plan.budget
    count = entrants(budget.playoff) if budget.playoff else FINALISTS
    if not bracketing.entrants(budget.bracketing):
        return screening.finalists(count)
    sitting.watcher.phase("bracket the learning rates of the best" + state.unit, state.direction)
    policy = Bracketing(
        screening.finalists(MOST_ENTRANTS),
        screening.grid,
        screening.finished,
        screening.seed,
        budget.bracketing,
        sitting.decide,
        state.direction,
    )
    until = phase_end(sitting, runner, budget.share(budget.race + budget.bracketing, SLACK))
    runner.drive(policy, state.race_reading, until)
    return policy.finalists(count) or screening.finalists(count)


def play_off(
    sitting: Sitting, state: StudyState, screening: Screening, best: list[Candidate]
) -> list[Candidate]:
    """The finalists: from a play-off where the budget pays for more candidates than go on."""
    runner, budget = state.runner, state.plan.budget
    if len(best) <= FINALISTS or not budget.playoff:
        return best[:FINALISTS]
    sitting.watcher.phase("play off the best of each optimizer" + state.unit, state.direction)
    playoff = Playoff(best, screening.seed, budget.playoff, candidate_label, sitting.decide, state.direction)
    until = phase_end(sitting, runner, budget.share(budget.before_confirmation, SLACK))
    runner.drive(playoff, state.race_reading, until)
    return playoff.finalists(FINALISTS) or best[:FINALISTS]


def enter_confirmation(
    sitting: Sitting, state: StudyState, screening: Screening, finalists: list[Candidate]
) -> Confirmation | None:
    """Before its first run; None where the budget does not pay for two seeds of the baseline and a rival."""
    question, runner, budget = sitting.question, state.runner, state.plan.budget
    reference = asked.baseline(question, state.profile)
    rivals = [c for c in finalists if c.key != reference.key]
    left = trainings_left(sitting, state.plan, runner, [*rivals, reference]) - budget.floor_seeds
    finalists = rivals[: finalists_for(left)]
    if not finalists and (rivals or left < FEWEST_SEEDS or not screening.race.finished):
        return None
    sitting.watcher.phase("confirm on fresh seeds" + state.unit, state.direction)
    margin = question.margin
    if state.stopwatch:
        left /= state.stopwatch.share(finalists, runner.records())
        margin = margin or state.stopwatch.margin(finalists, runner.records())
    return Confirmation(
        finalists,
        reference,
        space.floor(question.plan),
        runs=math.floor(left + ROUNDING) + budget.floor_seeds,
        first_seed=sitting.first_confirmed_seed,
        floor_seeds=budget.floor_seeds,
        margin=margin,
        label=candidate_label,
        decide=sitting.decide,
        alpha=alpha_of(len(question.earlier)),
        seen=() if state.stopwatch else values_between(runner.records(), state.direction),
    )


def values_between(runs: Sequence[RunRecord], direction: Direction) -> tuple[float, ...]:
    """The lowest and the highest of everything measured, as told; nothing where nothing was."""
    points = (point for run in runs for point in run.points)
    told = [direction.told(point.value) for point in points if math.isfinite(point.value)]
    return (min(told), max(told)) if told else ()


def confirm(sitting: Sitting, state: StudyState, confirmation: Confirmation) -> bool:
    """Drive it; False where it had to end before anything was confirmed.

    Raises:
        NoRunSucceededError: all its runs were lost.
    """
    if not state.runner.drive(confirmation, state.confirmation_reading) and not confirmation.close():
        return False
    measured = [run for run in state.runner.records() if run.phase == Phase.CONFIRM]
    if all(run.lost for run in measured):
        raise sitting.none_succeeded(measured)
    return True


def finish_race(state: StudyState, screening: Screening) -> list[Candidate]:
    """Where nothing can be confirmed, the rest of the race; returns its finalists."""
    state.runner.drive(screening, state.race_reading)
    screening.pass_on_decisions()
    return screening.finalists(FINALISTS)


def measure(sitting: Sitting, state: StudyState, ranked: list[Candidate]) -> None:
    """Where nothing can be confirmed, the best and the baseline to the end, on the seed of the race."""
    reference = asked.baseline(sitting.question, state.profile)
    rest = ranked[1:2] if state.profile.pilot else [reference, *ranked[1:2]]
    requests = [sitting.on_race_seed(candidate) for candidate in (*ranked[:1], *rest)]
    state.runner.drive(Batch(requests), state.race_reading)
