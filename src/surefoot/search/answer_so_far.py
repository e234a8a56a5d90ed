"""What a study answers at any moment, from all that was measured until then.

answer_so_far(sitting, state)    # had the budget ended here
words_so_far(sitting, state)     # the same in a line, for somebody who has interrupted
"""

from __future__ import annotations

from surefoot.search.answer.answer import Evidence, build_answer, build_unconfirmed
from surefoot.search.answer.before_confirmation import RaceStanding
from surefoot.search.answer.partial import confirmation_so_far
from surefoot.search.budget import FINALISTS
from surefoot.search.budget_plan import price_of_more
from surefoot.search.confirm.confirmation import Confirmation
from surefoot.search.sitting import Sitting
from surefoot.search.space import asked
from surefoot.search.state import StudyState
from surefoot.study.answer import Answer, Level
from surefoot.study.label import candidate_label


def confirmed_answer(sitting: Sitting, state: StudyState, confirmation: Confirmation) -> Answer:
    """From fresh seeds."""
    return build_answer(_evidence(sitting, state), confirmation)


def unconfirmed_answer(sitting: Sitting, state: StudyState) -> Answer:
    """From one seed, or from what is known of other tasks."""
    question, profile, runner, stopwatch = sitting.question, state.profile, state.runner, state.stopwatch
    runs = runner.records()
    in_units = [stopwatch.in_seconds(run) for run in runs] if stopwatch else runs
    ranked = state.ranked
    if ranked is None:
        ranked = state.screening.finalists(FINALISTS) if state.screening else []
    reference = asked.baseline(question, profile)
    standing = RaceStanding.of(in_units, ranked, reference, sitting.race_seed, state.direction)
    further = price_of_more(sitting, state.plan, runner, profile.workers, standing.level)
    prior = asked.prior(question, state.names, profile)
    known = _evidence(sitting, state)
    return build_unconfirmed(known, standing, prior, reference, [further] if further else [])


def _evidence(sitting: Sitting, state: StudyState) -> Evidence:
    return Evidence(
        sitting.question,
        state.profile,
        state.runner.records(),
        sitting.log.record().decisions,
        sitting.seconds(),
        state.stopwatch,
    )


def answer_so_far(sitting: Sitting, state: StudyState) -> Answer:
    """The answer, had the budget ended here; nothing is recorded of it."""
    if state.confirmation is not None:
        state.confirmation.decide = lambda decision: None
        if state.confirmation.close():
            return confirmed_answer(sitting, state, state.confirmation)
    return unconfirmed_answer(sitting, state)


def words_so_far(sitting: Sitting, state: StudyState) -> str:
    """The best answer at this moment, with how sure it is; empty before there is anything."""
    measure = state.measure
    confirmed = state.confirmation and confirmation_so_far(
        state.confirmation, measure, candidate_label, state.direction
    )
    if told := confirmed or (state.screening.so_far(measure) if state.screening else ""):
        return told
    answer = answer_so_far(sitting, state)
    return f"So far: {answer.sentence}" if answer.level is not Level.PRIOR else ""
