"""What a question asks to be tried on a task: the grid, the baseline, and what other tasks suggest.

grid(question, ["AdamW", "SGD"], profile)    # their candidates, within the user's constraints
baseline(question, profile)                  # what all are compared with
"""

from __future__ import annotations

from collections.abc import Sequence

from surefoot.search.space import candidates as space
from surefoot.search.space import constraints
from surefoot.search.space.prior_results import usual_order
from surefoot.study.profile import TaskProfile
from surefoot.study.question import Question
from surefoot.study.run import Candidate


def grid(question: Question, names: Sequence[str], profile: TaskProfile) -> list[Candidate]:
    """What is raced of these optimizers, with the user's own candidates."""
    wanted, sparse = space.asked_for(question), bool(profile.sparse)
    raced = [name for name in names if name in wanted]
    found = space.candidates(raced, question.plan, constraints.of(question), sparse=sparse)
    return found + [c for c in question.extra if c.optimizer in names and c not in found]


def baseline(question: Question, profile: TaskProfile) -> Candidate:
    """What candidates are compared with."""
    return space.baseline(question.baseline, question.plan, sparse=bool(profile.sparse))


def prior(question: Question, names: Sequence[str], profile: TaskProfile) -> Candidate:
    """What other tasks suggest."""
    order = [name for name in profile.order if name in names] or usual_order(names)
    return space.usual_candidate(order[0], grid(question, order[:1], profile))
