"""What the store holds, as plain immutable data; readers (report, tables) know only these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from surefoot.study.answer import Answer
from surefoot.study.decisions import Decision, DecisionKind, kind_of
from surefoot.study.direction import Direction
from surefoot.study.profile import TaskProfile
from surefoot.study.question import Asked, Question
from surefoot.study.run import Candidate, Cause, Phase, Point, Status


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One training of one candidate with one seed.

    Attributes:
        candidate: what was trained with.
        points: in order of progress.
        message: why it failed or diverged.
        cause: of a failed run.
    """

    candidate: Candidate
    seed: int
    phase: Phase
    status: Status
    points: tuple[Point, ...]
    message: str = ""
    seconds_per_step: float = float("nan")
    state_bytes: int = 0
    cause: Cause = Cause.NONE

    @property
    def optimizer(self) -> str:
        """The candidate's, as it names it."""
        return self.candidate.optimizer

    @property
    def lost(self) -> bool:
        """Whether it diverged or failed."""
        return self.status.lost


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
        question: what was asked: everything that fixes the study.
        profile: what is known of the task; None until it was looked at.
        environment: versions, device, processor, git commit.
        created: ISO 8601 time, UTC.
        answer: None while unfinished.
        documents: what was made of the study later, by kind, such as its "landscape".
    """

    question: Asked
    profile: TaskProfile | None
    environment: Mapping[str, Any]
    created: str
    answer: Answer | None
    runs: tuple[RunRecord, ...]
    decisions: tuple[DecisionRecord, ...]
    documents: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The study's; one from a store may be anything."""
        return self.question.study

    @property
    def task(self) -> str:
        """Reference of the task."""
        return self.question.task

    @property
    def script(self) -> tuple[str, ...]:
        """The user's own command that trains, word by word; empty where a task is trained."""
        return self.question.script if isinstance(self.question, Question) else ()

    @property
    def finished(self) -> bool:
        """Whether the study has an answer."""
        return self.answer is not None

    @property
    def direction(self) -> Direction:
        """Which way of the measure is better, of which the runs hold values."""
        return self.profile.direction if self.profile else Direction.MINIMIZE

    @property
    def compared(self) -> Direction:
        """Which way of what candidates are compared by is better: with the goal "fastest" it is seconds."""
        fastest = isinstance(self.question, Question) and self.question.goal == "fastest"
        return Direction.MINIMIZE if fastest else self.direction


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
