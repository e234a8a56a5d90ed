"""A study in this process: its question, where it is recorded and run, its clock and its seeds.

    sitting = Sitting(question, store, engine, checkpoints, watcher, load_task)
    sitting.seconds()             # since the study began, over all its sittings
    sitting.decide(decision)      # recorded, and told

A study that was interrupted goes on in another sitting, and finds here what the earlier ones left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from surefoot.engines.base import Engine
from surefoot.errors import NoRunSucceededError
from surefoot.search.deadline import Deadline
from surefoot.search.race.screening import SEED_STRIDE
from surefoot.search.runner import RunKey, Watcher, key_of
from surefoot.store import Store
from surefoot.store.environment import environment
from surefoot.study.decisions import Budgeted, Decision, GivenUp, Promoted, Resumed
from surefoot.study.question import Question
from surefoot.study.records import DecisionRecord, RunRecord, StudyRecord
from surefoot.study.requests import RunRequest
from surefoot.study.run import Candidate, Phase
from surefoot.tasks import Task
from surefoot.training.snapshots import snapshots_folder

QUIET_DECISIONS = (Promoted,)
"""Recorded, but not told while the race runs: what is still racing shows by itself."""


class Sitting:
    """What every phase of a study needs of the world.

    Args:
        question: what is asked.
        store: where the study is recorded.
        engine: where runs are made.
        checkpoints: folder for the trunks of runs.
        watcher: who is kept informed.
        load: from the question's reference to the task.

    Attributes:
        log: where everything is written as it happens.
        finished: the answer of a study that has one.
        profile: what an earlier sitting has seen of the task; None before.
        plans: what earlier sittings have planned with.
        resumed: that the study was given more budget, if it was.
        inherited: how far each run had come by then.
        deadline: when the last run has to end.

    Raises:
        StoreError: the study of this name answers another question.
    """

    def __init__(
        self,
        question: Question,
        store: Store,
        engine: Engine,
        checkpoints: Path,
        watcher: Watcher,
        load: Callable[[str], Task],
    ) -> None:
        self._started = time.monotonic()
        self.engine, self.checkpoints = engine, checkpoints
        self.watcher, self.load = watcher, load
        self.log = store.begin(question, None, environment())
        record = self.log.record()
        assert isinstance(record.question, Question)
        self.question = record.question  # whose budget may have been raised since
        self.finished, self.profile = record.answer, record.profile
        self.resumed = [d for d in record.decisions if isinstance(d.decision, Resumed)]
        self.inherited = _inherited(record, self.resumed)
        self.plans = [d.decision for d in record.decisions if isinstance(d.decision, Budgeted)]
        self._earlier = max([0.0, *(d.seconds for d in record.decisions), _least_seconds(record)])
        self.deadline = Deadline.of(question.budget_seconds, self.seconds)

    def seconds(self) -> float:
        """Since the study began, over all its sittings."""
        return self._earlier + time.monotonic() - self._started

    def decide(self, decision: Decision) -> None:
        """Record a decision, and tell it."""
        self.log.decide(decision, self.seconds())
        if not isinstance(decision, QUIET_DECISIONS):
            self.watcher.decision(decision.text)

    def none_succeeded(self, runs: Sequence[RunRecord]) -> NoRunSucceededError:
        """What to raise where all of these were lost; the study is then given up."""
        reason = next((f"; one of them: {run.message}" for run in runs if run.message), "")
        text = f"none of {len(runs)} runs succeeded{reason}"
        self.decide(GivenUp(f"Given up: {text}"))
        return NoRunSucceededError(text)

    @property
    def race_seed(self) -> int:
        """What screening draws with, and a script's pilot before it."""
        return self.question.seed * SEED_STRIDE

    @property
    def first_ladder_seed(self) -> int:
        """Of the baseline's trainings towards the target."""
        return self.race_seed + SEED_STRIDE // 4

    @property
    def first_confirmed_seed(self) -> int:
        """Of confirmation; no earlier phase draws with it or with those after it."""
        return self.race_seed + SEED_STRIDE // 2

    def on_race_seed(self, candidate: Candidate) -> RunRequest:
        """Its training to the end, on the seed of the race."""
        return RunRequest(candidate, self.race_seed, 1.0, Phase.SCREEN)

    def snapshots(self, request: RunRequest) -> str | None:
        """The finalists' paths from one start are kept, where the task or the script asks for it."""
        if (request.phase, request.seed) != (Phase.CONFIRM, self.first_confirmed_seed):
            return None
        return str(snapshots_folder(self.checkpoints).absolute())


def _inherited(record: StudyRecord, resumed: Sequence[DecisionRecord]) -> dict[RunKey, float]:
    decision = resumed[-1].decision if resumed else None
    reached = decision.reached if isinstance(decision, Resumed) else ()
    return {key_of(run): progress for run, progress in zip(record.runs, reached, strict=False)}


def _least_seconds(record: StudyRecord) -> float:
    """What the runs of earlier sittings have taken at least, side by side."""
    taken = sum(max((point.seconds for point in run.points), default=0.0) for run in record.runs)
    return taken / record.profile.workers if record.profile else 0.0
