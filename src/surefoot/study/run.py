"""The words of a run as data: candidate, schedule, job, point, outcome."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal

from surefoot.study.direction import Direction
from surefoot.study.profile import ScriptProfile

ScheduleKind = Literal["trunk", "constant", "cosine", "script"]


class Phase(StrEnum):
    """What a run is made for.

    Attributes:
        SCREEN: the race, and the play-off after it.
        CONFIRM: a finalist on a fresh seed; also the run of a full training.
        FLOOR: random search, the floor under every optimizer.
        LADDER: with the goal "fastest", the baseline on its way to the target.
        PILOT: a script once to its own end, to see how it trains.
    """

    SCREEN = "screen"
    CONFIRM = "confirm"
    FLOOR = "floor"
    LADDER = "ladder"
    PILOT = "pilot"


class Status(StrEnum):
    """How a run stands.

    Attributes:
        RUNNING: it was started, and its end was not seen.
        COMPLETED: it reached the progress that was asked for.
        DIVERGED: it was stopped because the loss blew up.
        FAILED: it raised or crashed.
        STOPPED: whoever started it stopped it.
    """

    RUNNING = "running"
    COMPLETED = "completed"
    DIVERGED = "diverged"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def lost(self) -> bool:
        """Whether a run that ended so has no result."""
        return self in (Status.DIVERGED, Status.FAILED)


class Cause(StrEnum):
    """Why a run failed.

    Attributes:
        NONE: it did not.
        RAISED: an exception.
        EXITED: it ended its process itself.
        CRASHED: its process was killed by a signal.
        TIMEOUT, MEMORY: it took longer, or more, than its limit.
        REPORT: a script's report was missing or made no sense.
    """

    NONE = ""
    RAISED = "raised"
    EXITED = "exited"
    CRASHED = "crashed"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    REPORT = "report"


@dataclass(frozen=True)
class Schedule:
    """How the learning rate moves over one training.

    Attributes:
        kind: "trunk" is linear warmup, constant, linear cooldown to zero; "constant" has no cooldown;
            "cosine" is linear warmup, then a half cosine to zero; "script" is whatever the user's own script
            does with the learning rate, of which nothing is known here.
        warmup: share of the full training spent in warmup.
        cooldown: share of the progress reached that is spent in cooldown ("trunk" only).
    """

    kind: ScheduleKind = "trunk"
    warmup: float = 0.05
    cooldown: float = 0.2


@dataclass(frozen=True)
class Candidate:
    """What is trained with.

    Attributes:
        optimizer: class name in `surefoot.optim`, or "package.module:Class" or "file.py:Class" for one's own.
        hyperparameters: arguments of its constructor; besides, `weight_decay_on="matrices"` leaves biases and
            norms undecayed.
        schedule: how the learning rate moves.
    """

    optimizer: str
    hyperparameters: Mapping[str, Any]
    schedule: Schedule = Schedule()

    @property
    def settings(self) -> dict[str, Any]:
        """All in which candidates of one optimizer and kind of schedule may differ."""
        warmup = {} if self.schedule.kind == "script" else {"warmup": self.schedule.warmup}
        return {**self.hyperparameters, **warmup}

    @cached_property
    def key(self) -> str:
        """Canonical JSON: equal candidates, equal keys."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True)
class Job:
    """An order to an engine: take the run of (candidate, seed) up to `progress`.

    Attributes:
        id: chosen by the caller, repeated in every event of this job.
        task: "digits", "file.py:object" or "package.module:object".
        progress: share of the full training, in (0, 1].
        checkpoints: folder where this run's trunk is kept between jobs; None keeps nothing.
        marks: progresses to measure at on the way, besides the one at `progress`.
        target: the run ends at the first mark that measures a value as good as this; None: at `progress`.
        direction: which way of the measure is better.
        command: what starts the user's own script, word by word, which then trains in place of a task; it
            chooses its own marks.
        steps: the last step that a full training by the script reports, in its own unit; 0 where that is
            not known yet: the script then goes on to its own end, and the progress of its points is its step.
        snapshots: folder for thin snapshots of this run, if its task or script asks for any; None keeps none.
    """

    id: int
    task: str
    candidate: Candidate
    seed: int
    progress: float
    checkpoints: str | None = None
    marks: tuple[float, ...] = ()
    target: float | None = None
    command: tuple[str, ...] = ()
    steps: float = 0.0
    snapshots: str | None = None
    direction: Direction = Direction.MINIMIZE


@dataclass(frozen=True, slots=True)  # a large study has a million
class Point:
    """One measured point of a learning curve; `value` is nan where the run diverged.

    `seconds` is training time since the run's beginning, without validation.
    """

    progress: float
    seconds: float
    value: float


@dataclass(frozen=True)
class Report:
    """A job has reached a new point.

    Attributes:
        maximize: whether a script has said that higher values are better; None: it has said nothing.
    """

    job: int
    point: Point
    maximize: bool | None = None


@dataclass(frozen=True)
class Restarted:
    """A job has begun again elsewhere, since its worker was lost by no fault of the job.

    It goes on from its checkpoint, if there is one; points that it reports once more are the same.

    Attributes:
        message: for people: what became of the worker.
    """

    job: int
    message: str


@dataclass(frozen=True)
class Finished:
    """A job has ended.

    Attributes:
        status: never `Status.RUNNING`.
        message: for people: why it failed or diverged, with the last lines of a traceback.
        seconds_per_step: median training seconds per evaluation of the loss; nan if none was made.
        state_bytes: bytes of optimizer state at the end.
        cause: of a failed job.
        script: of a script whose full length was not known yet, what the run has shown of it.
    """

    job: int
    status: Status
    message: str = ""
    seconds_per_step: float = float("nan")
    state_bytes: int = 0
    cause: Cause = Cause.NONE
    script: ScriptProfile | None = None
