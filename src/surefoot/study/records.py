"""What the store holds, as plain immutable data; readers (report, tables) know only these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from surefoot.study.answer import Answer
from surefoot.study.decisions import Decision, DecisionKind, kind_of
from surefoot.study.run import Point

LOST = ("diverged", "failed")
"""How a run ends that has no result."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One training of one candidate with one seed.

    Attributes:
        optimizer, hyperparameters, schedule: the candidate; `schedule` has the fields of
            `training.run.Schedule` as a mapping.
        phase: "screen", "confirm" or "floor" (RandomSearch, the honest floor).
        status: "running", "completed" (to the last progress asked for), "diverged", "failed", "stopped".
        points: in order of progress.
        message: why it failed or diverged.
        cause: of a failed run: "raised", "exited", "crashed", "timeout", "memory" or "report"; else empty.
    """

    optimizer: str
    hyperparameters: Mapping[str, Any]
    schedule: Mapping[str, Any]
    seed: int
    phase: str
    status: str
    points: tuple[Point, ...]
    message: str = ""
    seconds_per_step: float = float("nan")
    state_bytes: int = 0
    cause: str = ""

    @property
    def lost(self) -> bool:
        """Whether it diverged or failed."""
        return self.status in LOST


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """Something the study decided, and why, in one sentence a user can read.

    Attributes:
        number: 0, 1, 2, … in order of decision.
        seconds: since the study began.
        decision: what was decided.
    """

    number: int
    seconds: float
    decision: Decision

    @property
    def kind(self) -> DecisionKind:
        """How the store names what it is."""
        return kind_of(self.decision)

    @property
    def text(self) -> str:
        """The sentence."""
        return self.decision.text


@dataclass(frozen=True)
class StudyRecord:
    """A whole study.

    Attributes:
        settings: everything that fixes the study (task, optimizers, budget, schedule, seed, margin …).
        look: what the Look phase measured (parameters by role, seconds per step, …).
        environment: versions, device, processor, git commit.
        created: ISO 8601 time, UTC.
        answer: None while unfinished.
        documents: what was made of the study later, by kind, such as its "landscape".
    """

    name: str
    task: str
    settings: Mapping[str, Any]
    look: Mapping[str, Any]
    environment: Mapping[str, Any]
    created: str
    answer: Answer | None
    runs: tuple[RunRecord, ...]
    decisions: tuple[DecisionRecord, ...]
    documents: Mapping[str, Any] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Whether the study has an answer."""
        return self.answer is not None


@dataclass(frozen=True)
class StudySummary:
    """One line in a list of studies.

    Attributes:
        created: ISO 8601 time, UTC.
        finished: whether the study has an answer.
        runs: how many runs it has, in every status.
        verdict: the answer's "win", "tie" or "budget"; of a full training "trained" or "diverged"; None
            while unfinished.
    """

    name: str
    task: str
    created: str
    finished: bool
    runs: int
    verdict: str | None
