"""The thin edge between a pure policy and the world: runs what is asked, records it, tells the result.

A result that the store already holds is told at once and not trained again; so resuming a study is
nothing but asking the same policy the same questions.
"""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol

from surefoot.choose.request import Policy, Request, run_key
from surefoot.evidence import PointRecord, RunRecord, StudyLog
from surefoot.training.engine import Engine
from surefoot.training.run import Finished, Job, Report

CURVE_POINTS = 9
"""Points of a confirmed run's learning curve before its end."""


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

    def drive(self, policy: Policy) -> None:
        """Ask, run and tell until the policy is done."""
        while True:
            asked = self._hand_out(policy)
            if not self._running:
                if not asked:
                    return
                continue
            self.watcher.running([(self.label(r.candidate), r.progress) for r, _ in self._running.values()])
            for event in self.engine.events(timeout=1.0):
                if isinstance(event, Report):
                    self._record_point(event)
                else:
                    request, value = self._record_end(event)
                    policy.tell(request, value)

    def _hand_out(self, policy: Policy) -> bool:
        """Start runs while slots are free; True if anything was asked."""
        asked = False
        while len(self._running) < self.engine.slots and (request := policy.ask()) is not None:
            asked = True
            stored = self._stored.get(_key(request))
            value = None if stored is None else _stored_value(stored, request.progress)
            if value is None:
                self._start(request)
            else:
                self._account(request)
                policy.tell(request, value)
        return asked

    def _start(self, request: Request) -> None:
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
        # A screening run is measured at its rungs, cooled down; a confirmed one is watched all along.
        curve = 0 if request.phase == "screen" else CURVE_POINTS
        job = Job(self.made, self.task, candidate, request.seed, request.progress, self.checkpoints, curve)
        self.engine.start(job)

    def _record_point(self, report: Report) -> None:
        request, run = self._running[report.job]
        point = PointRecord(**asdict(report.point))
        self.log.add_point(run, point)
        stored = self._stored.get(_key(request), _new_record(request))
        self._stored[_key(request)] = replace(stored, points=(*stored.points, point))

    def _record_end(self, event: Finished) -> tuple[Request, float]:
        request, run = self._running.pop(event.job)
        self.log.end_run(run, event.status, event.message, event.seconds_per_step, event.state_bytes)
        stored = replace(
            self._stored.get(_key(request), _new_record(request)),
            status=event.status,
            message=event.message,
            seconds_per_step=event.seconds_per_step,
            state_bytes=event.state_bytes,
        )
        self._stored[_key(request)] = stored
        value = _stored_value(stored, request.progress)
        value = math.nan if value is None else value
        self._account(request)
        self.watcher.result(self.label(request.candidate), request.progress, value, event.status)
        return request, value

    def _account(self, request: Request) -> None:
        """A run that goes on pays only for what is new."""
        key = _key(request)
        self.spent += max(0.0, request.progress - self._paid.get(key, 0.0))
        self._paid[key] = max(request.progress, self._paid.get(key, 0.0))
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
    return (run_key(run.optimizer, run.hyperparameters, run.schedule), run.seed, run.phase)


def _key(request: Request) -> tuple[str, int, str]:
    return (request.candidate.key, request.seed, request.phase)


def _stored_value(run: RunRecord, progress: float) -> float | None:
    """The value at this progress; nan if the run ended before without one, None if it has to go on."""
    for point in run.points:
        if math.isclose(point.progress, progress) and math.isfinite(point.value):
            return point.value
    return math.nan if run.status in ("diverged", "failed") else None
