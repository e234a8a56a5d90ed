"""The thin edge between a pure policy and the world: runs what is asked, records it, tells the result.

A result that the store already holds is told at once and not trained again; so resuming a study is
nothing but asking the same policy the same questions.
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol

from surefoot.choose.request import Policy, Reading, Request, key_of
from surefoot.evidence import PointRecord, RunRecord, StudyLog
from surefoot.training.engine import Engine, Event
from surefoot.training.run import Finished, Job, Report

GATHER_SECONDS = 0.25
"""Points on the way may wait for so long, to be committed together: a commit costs as much as many points."""

COMMIT_SECONDS = 0.05
"""The end of a run may wait for so long to be committed with others; the next run is started before."""


class Watcher(Protocol):
    """Who is kept informed while runs are made, such as a display."""

    def phase(self, name: str) -> None:
        """A phase begins."""
        ...

    def running(self, runs: list[tuple[str, float]]) -> None:
        """What is being trained now: labels and rungs."""
        ...

    def result(self, label: str, rung: float, value: float, status: str) -> None:
        """A run has ended."""
        ...

    def decision(self, text: str) -> None:
        """Something was decided."""
        ...

    def budget(self, spent: float, total: float) -> None:
        """How much of the budget is spent."""
        ...


class Runner:
    """Drives policies over an engine and a store.

    Args:
        task: the task's reference, as the engine's workers load it.
        engine: where runs are made.
        log: where they are recorded.
        checkpoints: folder for the trunks of this study's runs.
        watcher: who is kept informed.
        label: a candidate's short name for people.
        total: the budget in full trainings, for the watcher.
    """

    def __init__(
        self,
        task: str,
        engine: Engine,
        log: StudyLog,
        checkpoints: Path,
        watcher: Watcher,
        label: Any,
        total: float,
    ) -> None:
        self.task = task
        self.engine = engine
        self.log = log
        self.checkpoints = str(checkpoints)
        self.watcher = watcher
        self.label = label
        self.total = total
        self.spent = 0.0
        self.made = 0
        self._stored = {_identity(run): run for run in log.record().runs}
        self._paid: dict[tuple[str, int, str], float] = {}
        self._running: dict[int, tuple[Request, int]] = {}

    def drive(self, policy: Policy, reading: Reading) -> None:
        """Ask, run and tell until the policy is done."""
        events: list[Event] = []
        while True:
            # Runs are on their way again before the disk is waited for; where they are short, others end
            # meanwhile.
            with self.log.at_once():
                due = time.monotonic() + COMMIT_SECONDS
                while True:
                    urgent = any(map(self._is_urgent, events))
                    asked = self._turn(events, policy, reading)
                    left = due - time.monotonic()
                    if urgent or left <= 0 or not self._running or not (events := self.engine.events(left)):
                        break
            if not self._running and not asked:
                return
            self.watcher.running([(self.label(r.candidate), r.progress) for r, _ in self._running.values()])
            events = self._news() if self._running else []

    def _turn(self, events: list[Event], policy: Policy, reading: Reading) -> bool:
        """Take in what has happened and start what is asked for; True if anything was."""
        for event in events:
            self._take_in(event, policy, reading)
        return self._hand_out(policy, reading)

    def _news(self) -> list[Event]:
        """What has happened; points that can wait do so for company, the end of a run waits for nothing."""
        events = self.engine.events(timeout=1.0)
        end = time.monotonic() + GATHER_SECONDS
        while events and all(map(self._can_wait, events)) and (left := end - time.monotonic()) > 0:
            events += self.engine.events(left)
        return events

    def _can_wait(self, event: Event) -> bool:
        return isinstance(event, Report) and not self._is_urgent(event)

    def _is_urgent(self, event: Event) -> bool:
        """A point with a trunk behind it is not measured again, should this process be killed now."""
        if not isinstance(event, Report):
            return False
        progress = self._running[event.job][0].progress
        return event.point.progress < progress < 1

    def _take_in(self, event: Event, policy: Policy, reading: Reading) -> None:
        if isinstance(event, Report):
            self._record_point(event)
        else:
            request, value = self._record_end(event, reading)
            policy.tell(request, value)

    def _hand_out(self, policy: Policy, reading: Reading) -> bool:
        """Start runs while slots are free; True if anything was asked."""
        asked = False
        while len(self._running) < self.engine.slots and (request := policy.ask()) is not None:
            asked = True
            stored = self._stored.get(_key(request))
            value = None if stored is None else reading.told(stored, request.progress)
            if stored is None or value is None:
                self._start(request, reading)
            else:
                self._account(request, stored)
                policy.tell(request, value)
        return asked

    def _start(self, request: Request, reading: Reading) -> None:
        candidate = request.candidate
        run = self.log.start_run(
            candidate.optimizer,
            candidate.hyperparameters,
            asdict(candidate.schedule),
            request.seed,
            request.phase,
        )
        self.made += 1
        self._running[self.made] = (request, run)
        job = Job(self.made, self.task, candidate, request.seed, request.progress, self.checkpoints)
        self.engine.start(replace(job, marks=reading.marks, target=reading.target))

    def _record_point(self, report: Report) -> None:
        request, run = self._running[report.job]
        point = PointRecord(**vars(report.point))
        self.log.add_point(run, point)
        stored = self._stored.get(_key(request), _new_record(request))
        self._stored[_key(request)] = replace(stored, points=(*stored.points, point))

    def _record_end(self, event: Finished, reading: Reading) -> tuple[Request, float]:
        request, run = self._running.pop(event.job)
        end = {name: value for name, value in vars(event).items() if name != "job"}
        self.log.end_run(run, **end)
        stored = replace(self._stored.get(_key(request), _new_record(request)), **end)
        self._stored[_key(request)] = stored
        told = reading.told(stored, request.progress)
        value = math.nan if told is None else told
        self._account(request, stored)
        self.watcher.result(self.label(request.candidate), request.progress, value, event.status)
        return request, value

    def _account(self, request: Request, run: RunRecord) -> None:
        """A run that goes on pays only for what is new; one that reached a target, up to there."""
        key, reached = _key(request), request.progress
        if run.status == "completed":
            reached = min(reached, max(point.progress for point in run.points))
        self.spent += max(0.0, reached - self._paid.get(key, 0.0))
        self._paid[key] = max(reached, self._paid.get(key, 0.0))
        self.watcher.budget(self.spent, self.total)

    def records(self) -> list[RunRecord]:
        """Every run made or found so far."""
        return list(self._stored.values())


def _new_record(request: Request) -> RunRecord:
    candidate = request.candidate
    schedule = asdict(candidate.schedule)
    return RunRecord(
        candidate.optimizer, candidate.hyperparameters, schedule, request.seed, request.phase, "running", ()
    )


def _identity(run: RunRecord) -> tuple[str, int, str]:
    return (key_of(run), run.seed, run.phase)


def _key(request: Request) -> tuple[str, int, str]:
    return (request.candidate.key, request.seed, request.phase)
