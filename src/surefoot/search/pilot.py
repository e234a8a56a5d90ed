"""The pilot of a script: one full training with the baseline, which tells what a look at a task would.

    profile = Pilot(question, engine, log, checkpoints, watcher).profile()

How long a training is, where it reports, what it trains, what a run costs and how much of that is its start:
a script cannot be asked, so it is run.  What is wrong with it shows here, before anything else is spent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from surefoot.engines.base import Engine
from surefoot.errors import InvalidInputError
from surefoot.scripts.runner import MOST_POINTS, script_file, script_name
from surefoot.search.deadline import Deadline
from surefoot.search.runner import Watcher
from surefoot.search.space import candidates as space
from surefoot.store import StudyLog
from surefoot.study.cost import Tariff
from surefoot.study.direction import Direction, direction_of
from surefoot.study.format import number, seconds
from surefoot.study.label import candidate_label
from surefoot.study.profile import PilotRun, TaskProfile
from surefoot.study.question import Question
from surefoot.study.run import Candidate, Finished, Job, Phase, Point, Report, Status
from surefoot.tasks import TaskError

PHASE = Phase.PILOT


class TimeIsUpError(Exception):
    """The budget ended before the script did."""


class Pilot:
    """Runs the script once, from its beginning to its own end.

    Args:
        question: with a script.
        seed: of the run.
        engine: where it is made.
        log: where it is recorded.
        checkpoints: folder for the study's runs.
        watcher: who is kept informed.
        deadline: when the script is stopped.
    """

    def __init__(
        self,
        question: Question,
        seed: int,
        engine: Engine,
        log: StudyLog,
        checkpoints: Path,
        watcher: Watcher,
        deadline: Deadline,
    ) -> None:
        self.deadline = deadline
        self.question = question
        self.seed = seed
        self.engine = engine
        self.log = log
        self.checkpoints = str(checkpoints)
        self.watcher = watcher
        self.direction: Direction | None = None  # None until the script has reported

    def profile(self) -> TaskProfile:
        """What the run has shown of the script.

        Raises:
            TaskError: the script does not train as it is; the message says what is wrong.
            InvalidInputError: which way of its value is better is not clear.
            TimeIsUpError: there is nothing to answer from.
        """
        candidate = self._baseline(sparse=False)
        points, end = self._run(candidate)
        if (
            end.status == Status.FAILED and end.script and end.script.sparse
        ):  # with which the usual decay does not go
            candidate = self._baseline(sparse=True)
            points, end = self._run(candidate)
        steps = [point for point in points if point.progress > 0]
        self._check(candidate, steps, end)
        steps = _thinned(steps)
        total = steps[-1].progress
        self._record(candidate, steps, end)
        assert end.script is not None  # its full length was not known
        marks = tuple(point.progress / total for point in steps)
        return TaskProfile(
            task=script_name(self.question.script),
            steps=int(total) if total == int(total) else total,
            measure=self.question.measure,
            model=end.script.model,
            sparse=end.script.sparse,
            seconds_per_step=end.seconds_per_step,
            initial_value=next((point.value for point in points if point.progress == 0), None),
            fingerprint=fingerprint(self.question.script),
            workers=self.engine.slots,
            pilot=replace(end.script.pilot, marks=marks, final_value=steps[-1].value),
            direction=self.direction or Direction.MINIMIZE,
        )

    def _baseline(self, sparse: bool) -> Candidate:
        return space.baseline(self.question.baseline, self.question.plan, sparse=sparse)

    def _run(self, candidate: Candidate) -> tuple[list[Point], Finished]:
        label = candidate_label(candidate)
        points: list[Point] = []
        self.watcher.running([(label, 1.0)])
        command, unclear = self.question.script, None
        self.engine.start(
            Job(0, self.question.task, candidate, self.seed, 1.0, self.checkpoints, command=command)
        )
        while True:
            if self.deadline.left <= 0:
                self.engine.stop(0)
            for event in self.engine.events(timeout=max(0.1, min(1.0, self.deadline.left))):
                if isinstance(event, Finished) and unclear is not None:
                    raise unclear
                if isinstance(event, Finished) and event.status == Status.STOPPED:
                    raise TimeIsUpError
                if isinstance(event, Finished):
                    return points, event
                assert isinstance(event, Report)
                points.append(event.point)
                if unclear is not None:
                    continue
                try:
                    self._hear_direction(event.maximize)
                except InvalidInputError as error:  # at the first report, before the rest is waited for
                    unclear = error
                    self.engine.stop(0)
                told = f"{label} at step {event.point.progress:g}: {number(event.point.value)}"
                self.watcher.running([(told, 1.0)])

    def _hear_direction(self, said: bool | None) -> None:
        """What the script says with its first report, and what is asked for, must make it clear."""
        if self.direction is None or said is not None:
            name = script_name(self.question.script)
            self.direction = direction_of(name, self.question.measure, said, self.question.maximize)

    def _check(self, candidate: Candidate, steps: Sequence[Point], end: Finished) -> None:
        name = script_name(self.question.script)
        if end.status == Status.DIVERGED:
            raise TaskError(
                f"{name} diverged with the baseline, {candidate_label(candidate)}: {end.message}; "
                "name another with --baseline"
            )
        if end.status != Status.COMPLETED:
            raise TaskError(end.message)
        if not steps:
            raise TaskError(f"{name} reported step 0 only: report how far the training is, above 0")

    def _record(self, candidate: Candidate, steps: Sequence[Point], end: Finished) -> None:
        """Once its length is known, for only then is a step a progress."""
        total = steps[-1].progress
        with self.log.at_once():
            run = self.log.start_run(candidate, self.seed, PHASE)
            for point in steps:
                self.log.add_point(run, Point(point.progress / total, point.seconds, point.value))
            self.log.end_run(run, end.status, "", end.seconds_per_step, end.state_bytes)


def _thinned(steps: Sequence[Point]) -> list[Point]:
    """Not more than `MOST_POINTS`, the last among them."""
    kept: list[Point] = []
    for point in reversed(steps):
        if not kept or kept[-1].progress - point.progress >= kept[0].progress / MOST_POINTS:
            kept.append(point)
    return kept[::-1]


def tariff(pilot: PilotRun) -> Tariff:
    """What a run of the script costs, as the pilot has shown."""
    start = min(pilot.start_seconds / pilot.seconds, 1.0) if pilot.seconds > 0 else 0.0
    # Two digits: the rest is the noise of one measurement.
    return Tariff(float(f"{start:.2g}"), pilot.continues)


def summary(pilot: PilotRun, steps: float, candidate: str) -> str:
    """The pilot in a sentence."""
    reports = f"{len(pilot.marks)} reports" if len(pilot.marks) > 1 else "one report"
    goes_on = "goes on from its checkpoint" if pilot.continues else "starts again"
    return (
        f"The pilot, {candidate}, took {seconds(pilot.seconds)}, {seconds(pilot.start_seconds)} of them "
        f"before it asked for its optimizer: {reports} up to step {steps}, "
        f"{number(pilot.final_value)} at the end. A run that is taken further {goes_on}."
    )


def fingerprint(script: Sequence[str]) -> str:
    """Of the file that the command runs, so that a changed one is noticed."""
    file = script_file(script)
    return hashlib.sha256(file.read_bytes() if file else b"").hexdigest()[:12]
