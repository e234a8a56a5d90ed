"""The look: what a task or a script is, and which optimizers are worth trying on it.

profile = look_at(sitting)            # of a script by its pilot, one run to its own end
names = rule_out(sitting, profile)    # ["AdamW", "SGD", …]
"""

from __future__ import annotations

from dataclasses import replace

from surefoot.engines.base import WarmsUp
from surefoot.errors import InvalidInputError
from surefoot.scripts.runner import script_name
from surefoot.search.pilot import Pilot, fingerprint, summary
from surefoot.search.sitting import Sitting
from surefoot.search.space import asked
from surefoot.search.space import candidates as space
from surefoot.search.space.advice import prior_order
from surefoot.search.space.prior_results import load_experience
from surefoot.search.space.task_features import features_of
from surefoot.study.decisions import Piloted
from surefoot.study.direction import Direction, direction_of
from surefoot.study.format import seconds
from surefoot.study.label import candidate_label
from surefoot.study.profile import TaskProfile
from surefoot.study.question import Question
from surefoot.tasks import said_by
from surefoot.training.profile import look


def look_at(sitting: Sitting) -> TaskProfile:
    """What the task or the script is; where the study goes on, it must still be the same.

    Raises:
        TaskError: the task is not one, or the script does not train as it is.
        InvalidInputError: it has changed since the study began, or the budget does not pay for one step.
        TimeIsUpError: the budget ended before the script did.
    """
    profile = _pilot(sitting) if sitting.question.script else _task(sitting)
    _check_steps(sitting.question, profile)
    return profile


def _task(sitting: Sitting) -> TaskProfile:
    question = sitting.question
    task = sitting.load(question.task)
    direction = direction_of(task.name, task.measure, said_by(task), question.maximize)
    sitting.watcher.phase("look")
    if isinstance(sitting.engine, WarmsUp):
        sitting.engine.warm_up(question.task)  # meanwhile
    profile = look(task)
    if sitting.profile:
        if sitting.profile.fingerprint != profile.fingerprint:
            raise InvalidInputError(
                f"the task {question.task!r} has changed since study {question.study!r} began "
                "(its model, data, steps or measure): use another --study name"
            )
        return sitting.profile
    # The order is kept, since a resumed study must look in the same one though more is known by then.
    names = space.asked_for(question)
    order = prior_order(task.name, features_of(profile), load_experience(), names)
    profile = replace(profile, workers=sitting.engine.slots, order=tuple(order), direction=direction)
    sitting.log.set_profile(profile)
    return profile


def _pilot(sitting: Sitting) -> TaskProfile:
    question, profile = sitting.question, sitting.profile
    if profile and profile.fingerprint != fingerprint(question.script):
        raise InvalidInputError(
            f"{script_name(question.script)} has changed since study {question.study!r} began: "
            "use another --study name"
        )
    if not profile:
        sitting.watcher.phase("pilot: the baseline once, to see how the script trains and reports")
        pilot = Pilot(
            question,
            sitting.race_seed,
            sitting.engine,
            sitting.log,
            sitting.checkpoints,
            sitting.watcher,
            sitting.deadline,
        )
        profile = pilot.profile()
        sitting.log.set_profile(profile)
    assert profile.pilot is not None
    label = candidate_label(asked.baseline(question, profile))
    sitting.decide(Piloted(summary(profile.pilot, profile.steps, label)))
    return profile


def unseen(sitting: Sitting) -> TaskProfile:
    """All that is known of a script whose pilot the budget did not pay for."""
    question = sitting.question
    name, direction = script_name(question.script), Direction.of(bool(question.maximize))
    return TaskProfile(name, 0, question.measure, workers=sitting.engine.slots, direction=direction)


def rule_out(sitting: Sitting, profile: TaskProfile) -> list[str]:
    """The optimizers worth trying; the others are named with the reason.

    Raises:
        InvalidInputError: none is left.
    """
    question = sitting.question
    wanted = [*space.asked_for(question), *(c.optimizer for c in question.extra)]
    names = list(dict.fromkeys(wanted))
    in_script = bool(question.script)
    out = space.rule_out(names, profile.sparse, profile.model.not_matrices, in_script=in_script)
    left = [name for name in names if name not in {ruled.optimizer for ruled in out}]
    if not left:
        raise InvalidInputError(out[0].text)
    for ruled in out:
        sitting.decide(ruled)
    return left


def _check_steps(question: Question, profile: TaskProfile) -> None:
    """A budget that does not pay for a step is refused before anything is trained."""
    runs, given = question.runs, question.budget_seconds
    if profile.pilot is None and runs is not None and runs * profile.steps < 1:
        raise InvalidInputError(
            f"--runs {runs:g}: that is less than one step of a training of {profile.steps:,g} steps"
        )
    step = profile.seconds_per_step
    if given is not None and given < step:
        took = seconds(step)
        raise InvalidInputError(f"--budget {given:g}s: that is less than one step, which takes {took}")
