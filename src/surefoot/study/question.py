"""What was asked: of a study by `surefoot choose`, of a single training by `surefoot train`.

    Question("digits", runs=20.0, study="digits-1f2e3d4c")
    plan = TrainingPlan("digits", Candidate("AdamW", {"lr": 2e-3}), seed=0, steps=400)
    TrainingQuestion(plan, study="digits-train-5a6b7c8d")

`encode_question(question)` is what the store keeps of either; `decode_question(document)` is the way back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from surefoot.study.answer import Goal
from surefoot.study.codec import DocumentError, decode, encode
from surefoot.study.direction import Direction
from surefoot.study.run import Candidate, Schedule, ScheduleKind

SCHEDULES: Mapping[Goal, ScheduleKind] = {"best": "trunk", "fastest": "constant"}
"""The schedule of each goal, unless another is named."""

SCRIPT_MEASURE = "reported value"
"""What a script reports, where nobody says what it is."""

VALIDATIONS = 20
"""Measurements on a full training's way, evenly spaced, the end included, unless another number is named."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a study: everything that fixes it.

    Attributes:
        task: reference of the task; one on the user's folder names the folder, as in "images?data=/photos".
        optimizers: class names to race; an empty tuple means all.
        budget_seconds: time for the whole study, by the clock; None where `runs` is given.
        runs: budget in full trainings; None where `budget_seconds` is given.
        schedule: kind of the schedule.
        seed: fixes initial weights, data order and every decision.
        baseline: class name of the optimizer to compare with, at its defaults.
        margin: differences below it are a tie, in the task's measure; None means half the standard
            deviation between seeds, of the leader or of the baseline, whichever is less. With the goal
            "fastest" it is in seconds, and None means 15 % of the quickest finalist's time in screening.
        study: the study's name; empty while it is still to be named. A name from a store may be anything.
        goal: "best": the best value at the end of the training; "fastest": the least time to a target.
        target: value of the measure to reach; None means what the baseline reaches in three
            quarters of its training.
        sets: constraints on the search, as `--set` takes them.
        candidates: file of further candidates; None without one.
        extra: the candidates in that file.
        sources: fingerprint of the source of each of one's own optimizers.
        script: the command that trains in place of a task, word by word; the task is then the whole line.
        measure: what the script reports, in words; "" where a task says it.
        maximize: whether higher values of the measure are better; None: as the task or the script says.
        command: the command line or the call that asks this again.
        earlier: the budgets that the study was answered or stopped with before it was given more, in the
            unit of today's.
        raced: the budget that its race is planned with, where all that came later goes to confirmation; None:
            the whole budget.
    """

    task: str
    optimizers: tuple[str, ...] = ()
    budget_seconds: float | None = None
    runs: float | None = None
    schedule: ScheduleKind = "trunk"
    seed: int = 0
    baseline: str = "AdamW"
    margin: float | None = None
    study: str = ""
    goal: Goal = "best"
    target: float | None = None
    sets: tuple[str, ...] = ()
    candidates: str | None = None
    extra: tuple[Candidate, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    script: tuple[str, ...] = ()
    measure: str = ""
    maximize: bool | None = None
    command: str = ""
    earlier: tuple[float, ...] = ()
    raced: float | None = None

    @property
    def budget(self) -> float:
        """In full trainings or in seconds, whichever was given; 0 where neither was."""
        return (self.budget_seconds if self.runs is None else self.runs) or 0.0

    @property
    def plan(self) -> Schedule:
        """The schedule of every run, but for its warmup, which is searched where the schedule is ours."""
        return Schedule("script", 0.0, 0.0) if self.script else Schedule(kind=self.schedule)


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What a full training is to be, and all that fixes how it ends.

    Attributes:
        task: its reference.
        candidate: optimizer, hyperparameters, schedule.
        seed: fixes the initial weights, the batches and every other draw.
        steps: length of the training, in evaluations of the loss on a batch.
        validations: measurements, evenly spaced, the end included.
        threads: of torch; their number decides how sums are rounded. Runs of a study have one.
        direction: which way of the measure is better, which decides which model is the best.
    """

    task: str
    candidate: Candidate
    seed: int
    steps: int
    validations: int = VALIDATIONS
    threads: int = 1
    direction: Direction = Direction.MINIMIZE

    @property
    def document(self) -> dict[str, Any]:
        """As JSON types, with the candidate's parts beside the others: equal for equal plans.

        The usual direction goes without saying.
        """
        document: dict[str, Any] = encode(self)
        if self.direction is Direction.MINIMIZE:
            del document["direction"]
        candidate: dict[str, Any] = document.pop("candidate")
        return document | candidate

    @property
    def marks(self) -> tuple[float, ...]:
        """Progresses to measure at on the way."""
        return tuple(number / self.validations for number in range(1, self.validations))


@dataclass(frozen=True, slots=True)
class TrainingQuestion:
    """What is asked of a single training, which is written down as a study of its own.

    Attributes:
        plan: what is trained.
        study: the name of that study.
        source: the study whose recommendation it is; None for settings that the user named.
        command: the command line that trains so, without what only this machine has.
    """

    plan: TrainingPlan
    study: str
    source: str | None = None
    command: str = ""

    @property
    def task(self) -> str:
        """Reference of the task."""
        return self.plan.task


Asked = Question | TrainingQuestion
"""Either; both have a `study`, a `task` and a `command`."""


class AskedBy(StrEnum):
    """How the store names the kinds of questions: by the command that asks them."""

    CHOOSE = "choose"
    TRAIN = "train"


_CLASSES: Mapping[AskedBy, type[Any]] = {AskedBy.CHOOSE: Question, AskedBy.TRAIN: TrainingQuestion}
_KINDS = {made: kind for kind, made in _CLASSES.items()}


def encode_question(question: Asked) -> dict[str, Any]:
    """As JSON types, with what it was asked by."""
    document: dict[str, Any] = encode(question)
    return {"asked_by": _KINDS[type(question)].value, **document}


def decode_question(document: Any) -> Asked:
    """The question that `document` describes.

    Raises:
        DocumentError: it is none.
    """
    if not isinstance(document, Mapping):
        raise DocumentError(f"Question must be an object, not {str(document)[:80]!r}")
    found: Asked = decode(_CLASSES[decode(AskedBy, document.get("asked_by"))], document)
    return found
