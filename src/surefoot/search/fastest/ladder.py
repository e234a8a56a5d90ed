"""With the goal "fastest", before the race: what a step costs, and how the baseline gets to the target.

names, profile = time_steps(sitting, names, profile)
stopwatch = watch_baseline(sitting, profile, runner)    # None where time ended before
"""

from __future__ import annotations

from dataclasses import replace

from surefoot.errors import NoRunSucceededError
from surefoot.search.fastest.stopwatch import MARKS, Stopwatch, ladder_requests
from surefoot.search.runner import Runner
from surefoot.search.sitting import Sitting
from surefoot.search.space import asked
from surefoot.search.space import candidates as space
from surefoot.study.decisions import RuledOut
from surefoot.study.label import candidate_label
from surefoot.study.profile import TaskProfile
from surefoot.study.requests import Batch, Reading
from surefoot.study.run import Phase, Status
from surefoot.training.step_times import time_each

TIMING_SHARE = 0.25
"""Of the time for runs, for timing steps: who has not had a turn by then is not raced."""


def time_steps(sitting: Sitting, names: list[str], profile: TaskProfile) -> tuple[list[str], TaskProfile]:
    """What a step costs with each optimizer; those that cannot take one are ruled out.

    Raises:
        NoRunSucceededError: none can.
    """
    question = sitting.question
    if not profile.timed:
        sitting.watcher.phase("time a step of each optimizer")
        grid = asked.grid(question, names, profile)
        usual = [space.usual_candidate(name, grid) for name in space.usual_lines(grid)]
        others = [asked.baseline(question, profile), space.floor(question.plan)]
        timed = {candidate.optimizer: candidate for candidate in [*others, *usual]}
        began = sitting.deadline.elapsed
        until = sitting.deadline.part(TIMING_SHARE, lambda: began)
        times, failed = time_each(
            sitting.load(question.task), list(timed.values()), lambda: until.left, len(others)
        )
        profile = replace(profile, step_times=times, untimed=failed)
        sitting.log.set_profile(profile)
    for name, reason in profile.untimed.items():
        sitting.decide(RuledOut(f"{name} {reason}", name))
    if not (left := [name for name in names if name in profile.step_times]):
        reasons = "; ".join(f"{name} {reason}" for name, reason in profile.untimed.items())
        raise NoRunSucceededError(f"no optimizer was timed: {reasons}")
    return left, profile


def watch_baseline(sitting: Sitting, profile: TaskProfile, runner: Runner) -> Stopwatch | None:
    """The target, and the baseline's progress towards it; None where time ended before."""
    question = sitting.question
    reference = asked.baseline(question, profile)
    sitting.watcher.phase("train the baseline, for the target", profile.direction)
    requests = ladder_requests(reference, sitting.first_ladder_seed)
    whole = runner.drive(Batch(requests), Reading(MARKS, direction=profile.direction))
    trainings = [
        run for run in runner.records() if (run.phase, run.status) == (Phase.LADDER, Status.COMPLETED)
    ]
    if not trainings and not whole:
        return None
    times = {name: step.seconds for name, step in profile.step_times.items()}
    steps, target = int(profile.steps), question.target
    stopwatch = Stopwatch.of(trainings, times, question.baseline, steps, target, profile.direction)
    sitting.decide(stopwatch.decision(candidate_label(reference), profile.measure))
    return stopwatch
