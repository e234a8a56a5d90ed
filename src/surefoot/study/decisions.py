"""What a study decided, one class for each kind, each with its sentence for people.

    Stopped("Adagrad lr=1 stopped at 1/9: 0.41 …", candidate, rung=1 / 9, value=0.41, band=0.12)
    kind_of(decision)     # DecisionKind.STOPPED, as the store has it
    details_of(decision)  # {"candidate": {…}, "rung": 0.111, "value": 0.41, "band": 0.12}

`decision_of(kind, text, details)` is the way back.  A study may have been written by a newer Surefoot, or by
hand: what does not fit a class is an `Unknown`, which has a sentence and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from surefoot.study.codec import DocumentError, decode, encode
from surefoot.study.run import Candidate, Cause


class DecisionKind(StrEnum):
    """How the store names the kinds of decisions."""

    RULED_OUT = "ruled_out"
    ORDERED = "ordered"
    PILOTED = "piloted"
    TARGET = "target"
    BUDGETED = "budgeted"
    PROMOTED = "promoted"
    STOPPED = "stopped"
    WIDENED = "widened"
    BEST_OF_OPTIMIZER = "best_of_optimizer"
    BRACKETED = "bracketed"
    PLAYOFF_PLACE = "playoff_place"
    LOOKED = "looked"
    PAUSED = "paused"
    RESUMED = "resumed"
    RESTARTED = "restarted"
    GIVEN_UP = "given_up"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RuledOut:
    """An optimizer cannot train this model, or should not be tried here."""

    text: str
    optimizer: str


@dataclass(frozen=True, slots=True)
class Ordered:
    """The order in which optimizers are looked at, by what did well on similar tasks."""

    text: str
    optimizers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Piloted:
    """A script was run once, to see how it trains and reports."""

    text: str


@dataclass(frozen=True, slots=True)
class Budgeted:
    """What the time that is left pays for; a study that goes on keeps to it.

    Attributes:
        part: "study" for all of it, "confirmation" for what is left after the race.
        trainings: full ones.
        given: the study's budget in seconds; None where it is one of trainings.
    """

    text: str
    part: str
    trainings: float
    given: float | None = None


@dataclass(frozen=True, slots=True)
class TargetSet:
    """With the goal "fastest": the value to reach, from the baseline's progress.

    Attributes:
        target: the value that counts.
        values: ever better values of the baseline.
        seconds: how long the baseline needs to each.
        whole: seconds of the baseline's full training.
        reached, seeds: how many of the baseline's seeds reached the target, and how many there were.
    """

    text: str
    target: float
    values: tuple[float, ...] = ()
    seconds: tuple[float, ...] = ()
    whole: float = math.nan
    reached: int = 0
    seeds: int = 0


@dataclass(frozen=True, slots=True)
class RaceStep:
    """What the race decided about a candidate at a rung.

    Attributes:
        rung: the progress at which it was decided.
        value: the candidate's there; nan if it diverged or has none yet.
        band: how far behind the best a candidate could be and go on; nan where no band was used.
    """

    text: str
    candidate: Candidate
    rung: float
    value: float = math.nan
    band: float = math.nan


@dataclass(frozen=True, slots=True)
class Promoted(RaceStep):
    """The candidate goes on to a further rung."""


@dataclass(frozen=True, slots=True)
class Stopped(RaceStep):
    """The candidate goes no further, or has diverged."""


@dataclass(frozen=True, slots=True)
class Widened(RaceStep):
    """The candidate is tried since the edge of the learning rates tried so far was the best of them."""


@dataclass(frozen=True, slots=True)
class BestOfOptimizer(RaceStep):
    """At the race's end: the best candidate of its optimizer, whether it goes on or not.

    Attributes:
        place: of its optimizer, from 1.
    """

    place: int = 0


@dataclass(frozen=True, slots=True)
class Bracketed:
    """The candidate stands for its optimizer, by the learning rates that were tried beside it at full length.

    Attributes:
        value: its own; nan where it diverged.
        rates: those tried, ascending.
        seen: whether both sides of it were, up to the ends of what may be tried.
    """

    text: str
    candidate: Candidate
    value: float
    rates: tuple[float, ...]
    seen: bool


@dataclass(frozen=True, slots=True)
class PlayoffPlace:
    """A candidate's place in the play-off.

    Attributes:
        place: from 1.
        goes_on: whether it is a finalist.
        mean: over its seeds; infinite where one of them diverged, on the side that is worse.
        seeds: how many it had.
        behind: how far its mean was behind the best candidate's over the same seeds.
        best: that candidate.
    """

    text: str
    candidate: Candidate
    place: int
    goes_on: bool
    mean: float
    seeds: int
    behind: float
    best: Candidate


@dataclass(frozen=True, slots=True)
class RivalDifference:
    """How far a rival was behind the leader at a look.

    Attributes:
        rival: its label.
        estimate, low, high: the difference with its interval, above 0 where the rival is worse.
        p: of the test that decided.
        decision: "better" (the leader is), "equivalent" or "undecided".
    """

    rival: str
    estimate: float
    low: float
    high: float
    p: float
    decision: str


@dataclass(frozen=True, slots=True)
class Looked:
    """One look of the sequential test at the seeds of confirmation.

    Attributes:
        seeds: how many each candidate in play had.
        leader: its label.
        margin: differences below it are a tie; None where there is none.
        paired: whether results were compared seed by seed.
        rivals: everybody else.
    """

    text: str
    seeds: int
    leader: str
    margin: float | None
    paired: bool
    rivals: tuple[RivalDifference, ...]


@dataclass(frozen=True, slots=True)
class Paused:
    """Whoever asked has stopped the study here; its clock goes on with the next sitting."""

    text: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """The study was given more budget and goes on; what it had decided before is in its "sittings".

    Attributes:
        budget: of the study from now on, in seconds or in full trainings.
        verdict: what the answer before was; empty where there was none.
        reached: how far each of its runs had come, in the order in which they were started.
    """

    text: str
    budget: float
    verdict: str = ""
    reached: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class RunRestarted:
    """A run was begun again, since its worker was lost by no fault of its own."""

    text: str
    candidate: Candidate
    seed: int
    reason: str


@dataclass(frozen=True, slots=True)
class GivenUp:
    """The study ended without an answer.

    Attributes:
        cause: what the failed runs have in common, if anything.
    """

    text: str
    cause: Cause = Cause.NONE


@dataclass(frozen=True, slots=True)
class Unknown:
    """A decision that this version cannot read, shown by its sentence."""

    text: str


Decision = (
    RuledOut
    | Ordered
    | Piloted
    | TargetSet
    | Budgeted
    | Promoted
    | Stopped
    | Widened
    | BestOfOptimizer
    | Bracketed
    | PlayoffPlace
    | Looked
    | Paused
    | Resumed
    | RunRestarted
    | GivenUp
    | Unknown
)

Decide = Callable[[Decision], None]
"""What a policy calls with each of its decisions."""

_CLASSES: Mapping[DecisionKind, type[Any]] = {
    DecisionKind.RULED_OUT: RuledOut,
    DecisionKind.ORDERED: Ordered,
    DecisionKind.PILOTED: Piloted,
    DecisionKind.TARGET: TargetSet,
    DecisionKind.BUDGETED: Budgeted,
    DecisionKind.PROMOTED: Promoted,
    DecisionKind.STOPPED: Stopped,
    DecisionKind.WIDENED: Widened,
    DecisionKind.BEST_OF_OPTIMIZER: BestOfOptimizer,
    DecisionKind.BRACKETED: Bracketed,
    DecisionKind.PLAYOFF_PLACE: PlayoffPlace,
    DecisionKind.LOOKED: Looked,
    DecisionKind.PAUSED: Paused,
    DecisionKind.RESUMED: Resumed,
    DecisionKind.RESTARTED: RunRestarted,
    DecisionKind.GIVEN_UP: GivenUp,
}
_KINDS = {made: kind for kind, made in _CLASSES.items()}


def kind_of(decision: Decision) -> DecisionKind:
    """How the store names its kind."""
    return _KINDS.get(type(decision), DecisionKind.UNKNOWN)


def details_of(decision: Decision) -> dict[str, Any]:
    """All but the sentence, as JSON has it."""
    document: dict[str, Any] = encode(decision)
    del document["text"]
    return document


def decision_of(kind: str, text: str, details: Mapping[str, Any]) -> Decision:
    """The decision that was stored as these; an `Unknown` where they do not fit any class."""
    try:
        made = _CLASSES[DecisionKind(kind)]
        found: Decision = decode(made, {**details, "text": text})
    except (DocumentError, ValueError, KeyError):
        return Unknown(text)
    return found


def optimizer_of(decision: Decision) -> str | None:
    """The optimizer that a decision is about; None where it is about several, or none."""
    match decision:
        case RuledOut(optimizer=optimizer):
            return optimizer
        case RaceStep() | Bracketed() | PlayoffPlace() | RunRestarted():
            return decision.candidate.optimizer
        case _:
            return None
