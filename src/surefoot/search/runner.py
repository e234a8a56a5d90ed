"""The thin edge between a pure policy and the world: runs what is asked, records it, tells the result.

It keeps to the budget as well: no run is started that the trainings or the time left do not pay for, and
those that still run when the time is over are stopped.  The policy hears nothing more then; what it knows is
what there is to answer from.

A result that the store already holds is told at once and not trained again; so resuming a study is
nothing but asking the same policy the same questions.  A run that failed is such a result too: what has
crashed its worker once is not given another.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from surefoot.engines.base import Engine, Event
from surefoot.errors import NoRunSucceededError
from surefoot.search.deadline import Deadline
from surefoot.search.pace import Pace
from surefoot.store import StudyLog
from surefoot.study.cost import Tariff
from surefoot.study.decisions import Decide, GivenUp, RunRestarted
from surefoot.study.direction import Direction
from surefoot.study.records import RunRecord, StudyRecord
from surefoot.study.requests import Policy, Reading, RunRequest
from surefoot.study.run import Finished, Job, Phase, Report, Restarted, Status

GATHER_SECONDS = 0.25
"""Points on the way may wait for so long, to be committed together: a commit costs as much as many points."""

COMMIT_SECONDS = 0.05
"""The end of a run may wait for so long to be committed with others; the next run is started before."""

STOP_SECONDS = 1.0
"""Between two looks at whether those who were told to stop have."""

SHORTEST_SECONDS = 0.02
"""No run is started that has less."""

ROUNDING = 1e-9

FIRST_RUNS = 6
"""Where so many runs, the first that were asked for, all fail from one cause, the others would too."""


RunKey = tuple[str, int, str]
"""Candidate, seed and phase of a run."""


class Watcher(Protocol):
    """Who is kept informed while runs are made, such as a display."""

    def phase(self, name: str, direction: Direction = Direction.MINIMIZE) -> None:
        """A phase begins, with results of which this way is better."""
        ...

    def running(self, runs: list[tuple[str, float]]) -> None:
        """What is being trained now: labels and rungs."""
        ...

    def result(self, label: str, rung: float, value: float, status: Status) -> None:
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
        total: the budget in full trainings.
        decide: records what is decided here, which is about workers alone.
        command, steps: of the script that trains in place of a task, as in `Job`.
        tariff: what it costs to take a run further.
        spent: full trainings that were made before.
        snapshots: from a request to the folder for snapshots of its run; None keeps none.
        deadline: when everything has to end; where there is one, `total` is an estimate and limits nothing.
        pace: what runs take; it learns from those that end.
        inherited: how far each run had come when the study was given more budget; up to there it costs
            nothing of it.
        allowance: full trainings that may be made besides the inherited ones.
        direction: which way of the measure is better.

    Raises:
        NoRunSucceededError: by `drive`, where the first runs all fail alike.
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
        decide: Decide = lambda decision: None,
        *,
        command: tuple[str, ...] = (),
        steps: float = 0.0,
        tariff: Tariff | None = None,
        spent: float = 0.0,
        snapshots: Callable[[RunRequest], str | None] = lambda request: None,
        deadline: Deadline | None = None,
        pace: Pace | None = None,
        inherited: Mapping[RunKey, float] | None = None,
        allowance: float = math.inf,
        direction: Direction = Direction.MINIMIZE,
    ) -> None:
        self.direction = direction
        self.inherited, self.allowance = inherited or {}, allowance
        self.snapshots = snapshots
        self.deadline = deadline or Deadline(math.inf, time.monotonic)
        self.pace = pace or Pace(0.0)
        self.command, self.steps = command, steps
        self.tariff = tariff or Tariff()
        self.task = task
        self.engine = engine
        self.log = log
        self.checkpoints = str(checkpoints)
        self.watcher = watcher
        self.label = label
        self.total = total
        self.decide = decide
        self.made = 0
        self._stored = {key_of(run): run for run in _known(log.record())}
        self._first: dict[RunKey, str] = {}  # run: the cause of its end, empty until it failed
        self._before, self._spent = spent, spent
        self._paid: dict[RunKey, float] = {}  # run: the progress it has reached
        self._costs: dict[RunKey, float] = {}
        self._new: dict[RunKey, float] = {}
        self._running: dict[int, tuple[RunRequest, int]] = {}
        self._begun: dict[int, float] = {}  # job: when
        self._phase = self.deadline
        self._cut = False
        self._refused: tuple[Policy, RunRequest] | None = None
        self._waited = 0  # jobs up to this one were handed out before any had ended
        self.setup: float | None = None  # seconds that passed before the first run could begin, once known

    def drive(self, policy: Policy, reading: Reading, until: Deadline | None = None) -> bool:
        """Ask, run and tell until the policy is done, or the budget ends.

        Args:
            policy: is asked and told.
            reading: what is measured of each run.
            until: no run is started that would end later; what runs then may still end.

        Returns:
            Whether the policy was done.
        """
        self._phase, self._cut = until or self.deadline, False
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
                return not self._cut
            self._stop_at_the_end()
            self.watcher.running([(self.label(r.candidate), r.progress) for r, _ in self._running.values()])
            events = self._news() if self._running else []

    def _turn(self, events: list[Event], policy: Policy, reading: Reading) -> bool:
        """Take in what has happened and start what is asked for; True if anything was."""
        for event in events:
            self._take_in(event, policy, reading)
        return self._hand_out(policy, reading)

    def _news(self) -> list[Event]:
        """What has happened; points that can wait do so for company, the end of a run waits for nothing."""
        events = self.engine.events(timeout=min(1.0, self._until_the_end()))
        end = time.monotonic() + min(GATHER_SECONDS, self._until_the_end())
        while events and all(map(self._can_wait, events)) and (left := end - time.monotonic()) > 0:
            events += self.engine.events(left)
        return events

    def _until_the_end(self) -> float:
        """Seconds; after it, as long as one waits for those who were stopped."""
        left = self.deadline.left
        return left if left > 0 else STOP_SECONDS

    def _stop_at_the_end(self) -> None:
        if self._running and self.deadline.left <= 0:
            self._cut = True
            for job in self._running:
                self.engine.stop(job)

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
        elif isinstance(event, Restarted):
            self._record_restart(event)
        else:
            request, value = self._record_end(event, reading)
            if event.status != Status.STOPPED:
                policy.tell(request, value)

    def _hand_out(self, policy: Policy, reading: Reading) -> bool:
        """Start runs while slots are free; True if anything was asked."""
        asked = False
        while self._has_room() and (request := self._next(policy)) is not None:
            stored = self._stored.get(key_of(request))
            # Of one that was killed between its last point and its end, what it cost is not known.
            ended = stored is not None and stored.status != Status.RUNNING
            value = reading.told(stored, request.progress) if stored is not None and ended else None
            if (stored is None or value is None) and not self._pays(request):
                self._cut, self._refused = True, (policy, request)
                break
            asked = True
            if len(self._first) < FIRST_RUNS:
                self._first.setdefault(key_of(request), "")
            if stored is None or value is None:
                self._start(request, reading)
            else:
                self._account(request, stored)
                policy.tell(request, value)
        return asked

    def _has_room(self) -> bool:
        return not self._cut and len(self._running) < self.engine.slots

    def _next(self, policy: Policy) -> RunRequest | None:
        """What it asks for; first, what it asked for when time was short."""
        if self._refused is not None and self._refused[0] is policy:
            request, self._refused = self._refused[1], None
            return request
        return policy.ask()

    def _pays(self, request: RunRequest) -> bool:
        """Whether the time left pays for the run, as far as one can tell, or the trainings left do."""
        cost = self._cost(request)
        if math.isfinite(self.deadline.end):
            return min(self._phase.left, self.deadline.left) >= max(self.pace.seconds(cost), SHORTEST_SECONDS)
        promised = math.fsum(self._cost(request) for request, _ in self._running.values())
        if self.spent + promised + cost > self.total + ROUNDING:
            return False
        if not self.inherited:
            return True
        outstanding = math.fsum(self._new_cost(other) for other, _ in self._running.values())
        return self.new + outstanding + self._new_cost(request) <= self.allowance + ROUNDING

    def _new_cost(self, request: RunRequest) -> float:
        """What it costs beyond where the run had come when the study was given more budget."""
        key = key_of(request)
        begun = max(self._paid.get(key, 0.0), self.inherited.get(key, 0.0))
        return self.tariff.cost(begun, request.progress) if request.progress > begun else 0.0

    def _cost(self, request: RunRequest) -> float:
        return self.tariff.cost(self._paid.get(key_of(request), 0.0), request.progress)

    def _start(self, request: RunRequest, reading: Reading) -> None:
        candidate = request.candidate
        run = self.log.start_run(candidate, request.seed, request.phase)
        self.made += 1
        self._running[self.made] = (request, run)
        self._begun[self.made] = self.deadline.elapsed
        self._stored.setdefault(key_of(request), _new_record(request))  # in the order of asking
        job = Job(self.made, self.task, candidate, request.seed, request.progress, self.checkpoints)
        job = replace(job, command=self.command, steps=self.steps, snapshots=self.snapshots(request))
        self.engine.start(replace(job, marks=reading.marks, target=reading.target, direction=self.direction))

    def _record_point(self, report: Report) -> None:
        request, run = self._running[report.job]
        point = report.point
        self.log.add_point(run, point)
        stored = self._stored[key_of(request)]
        if all(known.progress != point.progress for known in stored.points):  # as the store keeps them
            self._stored[key_of(request)] = replace(stored, points=(*stored.points, point))

    def _record_restart(self, event: Restarted) -> None:
        request, _ = self._running[event.job]
        label = self.label(request.candidate)
        reason = event.message.partition("\n")[0]
        text = f"{label} is started again: {reason}."
        self.decide(RunRestarted(text, request.candidate, request.seed, event.message))

    def _record_end(self, event: Finished, reading: Reading) -> tuple[RunRequest, float]:
        request, run = self._running.pop(event.job)
        taken, cost = self.deadline.elapsed - self._begun.pop(event.job), self._cost(request)
        if event.status == Status.COMPLETED:
            self._learn(event.job, cost, taken)
        end = {name: value for name, value in vars(event).items() if name not in ("job", "script")}
        self.log.end_run(run, **end)
        stored = replace(self._stored[key_of(request)], **end)
        self._stored[key_of(request)] = stored
        told = reading.told(stored, request.progress)
        value = math.nan if told is None else told
        if event.status != Status.STOPPED:
            self._account(request, stored)
            own = reading.direction.own(value)
            self.watcher.result(self.label(request.candidate), request.progress, own, event.status)
        return request, value

    def _learn(self, job: int, cost: float, taken: float) -> None:
        """The first runs wait for their workers to start, and say nothing of the pace."""
        if self.setup is None:
            self.setup = max(0.0, self.deadline.elapsed - self.pace.seconds(cost))
            self._waited = self.made
        if job > self._waited:
            self.pace.saw(cost, taken)

    def _account(self, request: RunRequest, run: RunRecord) -> None:
        """A run that goes on pays only for what is new; one that reached a target, up to there."""
        key, reached = key_of(request), request.progress
        if key in self._first:
            self._first[key] = run.cause
            self._give_up_if_hopeless(run)
        if run.status == Status.COMPLETED:
            reached = min(reached, max(point.progress for point in run.points))
        cost = self.tariff.cost(self._paid.get(key, 0.0), reached)
        begun = max(self._paid.get(key, 0.0), self.inherited.get(key, 0.0))
        self._new[key] = self._new.get(key, 0.0) + (
            self.tariff.cost(begun, reached) if reached > begun else 0
        )
        self._spent += cost
        self._costs[key] = self._costs.get(key, 0.0) + cost
        self._paid[key] = max(reached, self._paid.get(key, 0.0))
        if math.isfinite(self.deadline.end):
            self.watcher.budget(self.deadline.elapsed, self.deadline.end)
        else:
            self.watcher.budget(self._spent, self.total)

    def _give_up_if_hopeless(self, run: RunRecord) -> None:
        """A task that cannot be trained here would fail in every further run as in the first ones."""
        causes = set(self._first.values())
        if len(self._first) == FIRST_RUNS and len(causes) == 1 and run.cause:
            text = f"the first {FIRST_RUNS} runs all failed ({run.cause}); the last of them: {run.message}"
            self.decide(GivenUp(f"Given up: {text}", run.cause))
            raise NoRunSucceededError(text)

    @property
    def new(self) -> float:
        """Full trainings so far that were not inherited."""
        return math.fsum(self._new.values())

    def inherited_of(self, phase: Phase, candidates: Collection[str]) -> float:
        """Full trainings of this phase that were inherited, of the candidates with these keys."""
        return math.fsum(
            self.tariff.cost(0.0, progress)
            for (candidate, _, of_phase), progress in self.inherited.items()
            if of_phase == phase and candidate in candidates and progress > 0
        )

    @property
    def spent(self) -> float:
        """Full trainings so far; the same sum whatever the order of arrival."""
        return math.fsum([self._before, *self._costs.values()])

    def records(self) -> list[RunRecord]:
        """Every run made or found so far."""
        return list(self._stored.values())


def _known(study: StudyRecord) -> tuple[RunRecord, ...]:
    """Its runs; none of a study that was given up: the same command tries anew what may be repaired."""
    given_up = any(isinstance(record.decision, GivenUp) for record in study.decisions)
    hopeless = all(run.status in (Status.FAILED, Status.RUNNING) for run in study.runs)
    return () if given_up and hopeless else study.runs


def _new_record(request: RunRequest) -> RunRecord:
    return RunRecord(request.candidate, request.seed, request.phase, Status.RUNNING, ())


def key_of(run: RunRecord | RunRequest) -> RunKey:
    """What makes a run the same."""
    return (run.candidate.key, run.seed, run.phase)
