"""The answer of a study as data: what the store keeps, what `--json` writes, what every page shows.

    answer.recommendation.optimizer, answer.verdict, answer.p_best
    Answer.from_document(answer.to_document())     # the same answer

`docs/answer.schema.json` describes the document for other programs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Self

from surefoot.study.claims import Claim, Forecast, Outlying, Unconfirmed
from surefoot.study.codec import DocumentError, decode, encode
from surefoot.study.direction import Direction
from surefoot.study.run import Candidate, Phase, Point, Schedule

VERSION = 3
"""Of the document: it rises with every change after which a reader of the version before would go wrong."""

Goal = Literal["best", "fastest"]


class Verdict(StrEnum):
    """How a study ended, or a full training, which is a study of one run."""

    WIN = "win"
    TIE = "tie"
    BUDGET = "budget"
    TRAINED = "trained"
    DIVERGED = "diverged"


class Level(StrEnum):
    """What an answer rests on, the strongest first.

    Attributes:
        CONFIRMED: full trainings on at least two fresh seeds, which the search has not seen.
        MEASURED: full trainings on one seed, which says nothing of what another would change.
        FORECAST: shorter trainings on one seed.
        PRIOR: other tasks; of this one nothing was measured.
    """

    CONFIRMED = "confirmed"
    MEASURED = "measured"
    FORECAST = "forecast"
    PRIOR = "prior"


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, or a difference of two.

    Attributes:
        estimate: nan where an arm has a diverged seed or fewer than two seeds.
        low, high: they hold the truth with probability `level` at whatever look one stops.
    """

    estimate: float
    low: float
    high: float
    level: float


def turned(told: Interval, direction: Direction) -> Interval:
    """What was found of values that are minimised, a mean or a difference, in the user's own."""
    if direction is Direction.MINIMIZE:
        return told
    return Interval(
        direction.own(told.estimate), direction.own(told.high), direction.own(told.low), told.level
    )


@dataclass(frozen=True, slots=True)
class Effect(Interval):
    """The recommendation minus the baseline; below 0 the recommendation is better, or above 0 where the
    answer's direction says that higher is.

    Attributes:
        ratio: of their mean times, with the goal "fastest"; else None.
    """

    ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Pairing:
    """Whether arms were compared seed by seed.

    Attributes:
        used: only where it pays.
        correlation: of two arms' results on the same seeds, on average over pairs; nan where unknown.
    """

    used: bool
    correlation: float


@dataclass(frozen=True, slots=True)
class LrWindow:
    """The range of learning rates within which an optimizer is about as good as at its best.

    Attributes:
        low, high: its edges.
        decades: its width, the base-10 logarithm of `high / low`.
        best: the learning rate that was measured as the best.
        blow_up: share of the optimizer's screening runs that diverged.
        progress: the rung it was seen at, as a share of the full training; nan where that is not known.
        open_low, open_high: what was tried ends on this side before the window does.
    """

    low: float
    high: float
    decades: float
    best: float
    blow_up: float
    progress: float = math.nan
    open_low: bool = False
    open_high: bool = False

    @property
    def open(self) -> bool:
        """Whether what was tried ends before the window does."""
        return self.open_low or self.open_high


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to use.

    Attributes:
        optimizer, hyperparameters, schedule: as in `Candidate`.
        snippet: the lines of Python to paste.
    """

    optimizer: str
    hyperparameters: Mapping[str, Any]
    schedule: Schedule
    snippet: str

    @property
    def candidate(self) -> Candidate:
        """The candidate without its code."""
        return Candidate(self.optimizer, self.hyperparameters, self.schedule)


@dataclass(frozen=True, slots=True)
class CandidateResult:
    """What was measured of one candidate in one phase.

    Attributes:
        label: its name for people.
        optimizer, hyperparameters, schedule: as in `Candidate`.
        seeds: one for each run, in order.
        progress: the share of the full training that its furthest run reached.
        values: the last value of each seed, None where it diverged or failed.
        seconds_per_step: median over its runs; None where none took a step.
        state_bytes: of the optimizer's state.
        diverged: how many of its runs diverged or failed.
        mean, low, high: of a confirmed candidate, its mean and the 95 % interval of it; else None.
        seconds_to_target: with the goal "fastest", of each seed, None where it missed the target.
        misses: on how many seeds the target was missed.
        compile_seconds: what its first step takes beyond later ones, where that was measured.
    """

    label: str
    optimizer: str
    hyperparameters: Mapping[str, Any]
    schedule: Schedule
    phase: Phase
    seeds: tuple[int, ...]
    progress: float
    values: tuple[float | None, ...]
    seconds_per_step: float | None
    state_bytes: int
    diverged: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    seconds_to_target: tuple[float | None, ...] | None = None
    misses: int = 0
    compile_seconds: float | None = None

    @property
    def candidate(self) -> Candidate:
        """The candidate that was measured."""
        return Candidate(self.optimizer, self.hyperparameters, self.schedule)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a study, or the end of a full training, which compares nothing: see `comparative`.

    Attributes:
        study: the study's name.
        task: reference of the task, or the script's command line.
        goal: "best" or "fastest".
        target: the value to reach, with the goal "fastest"; else None.
        measure: what the values are, in words.
        direction: which way of them is better.
        verdict: how it ended.
        sentence: the answer in one or two sentences.
        why: the reasons, the most telling first.
        recommendation: what to use; of a full training what was trained with.
        candidates: everything that was measured, by phase.
        runs: how many runs were made.
        seconds: the study took, over all its sittings.
        command: the command line that asks again; None where there is none.
        baseline: what the recommendation is compared with.
        effect: the recommendation minus the baseline.
        margin: differences below it were taken for a tie; None where there was no margin.
        p_best: probability that the recommendation has the best true mean of the `contenders`.
        p_best_confirmed: the same among those that were confirmed on fresh seeds.
        contenders: how many candidates `p_best` and `expected_regret` are over: all that were trained to the
            end, those with values on the search's own seeds included.
        expected_regret: how much worse its true mean is expected to be than the best of them.
        minimum_detectable_difference: what the seeds spent would have shown four times in five.
        trainings_needed: about how many further full trainings would settle it; None where nothing is open.
        pairing: whether candidates were compared seed by seed.
        lr_windows: the flat window of the learning rate, by optimizer.
        claims: the leader beside each of the others that were confirmed, the nearest first, and in a tie the
            recommendation beside the baseline, last.
        unconfirmed: the best value that no fresh seed has confirmed; None where everything was confirmed.
        best: of a full training, the point of the best value.
        metrics: of a full training, further measures of its best model.
        level: what the answer rests on.
        false_rate: the most often a study of equal candidates says "better", over all times that it was given
            a budget; None where nothing was tested.
        forecast: what full trainings would come to, where only shorter ones were made; else None.
        outlying: values of confirmed candidates that are compared as less far out than they are; what the
            candidates and their runs hold is as it was measured.
    """

    study: str
    task: str
    measure: str
    verdict: Verdict
    sentence: str
    recommendation: Recommendation
    candidates: tuple[CandidateResult, ...]
    runs: int
    seconds: float
    goal: Goal = "best"
    target: float | None = None
    why: tuple[str, ...] = ()
    command: str | None = None
    baseline: Candidate | None = None
    effect: Effect | None = None
    margin: float | None = None
    p_best: float | None = None
    p_best_confirmed: float | None = None
    contenders: int | None = None
    expected_regret: float | None = None
    minimum_detectable_difference: float | None = None
    trainings_needed: int | None = None
    pairing: Pairing | None = None
    lr_windows: Mapping[str, LrWindow] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    unconfirmed: Unconfirmed | None = None
    best: Point | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    level: Level = Level.CONFIRMED
    false_rate: float | None = None
    forecast: Forecast | None = None
    outlying: tuple[Outlying, ...] = ()
    direction: Direction = Direction.MINIMIZE

    @property
    def comparative(self) -> bool:
        """Whether it compares candidates; the end of a full training, of one candidate, does not."""
        return self.verdict not in (Verdict.TRAINED, Verdict.DIVERGED)

    def to_document(self) -> dict[str, Any]:
        """As JSON types with the version of the document; nan and infinities stay floats."""
        return {"version": VERSION, **encode(self)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """The answer in a document that `to_document` has made, also after a way through strict JSON.

        Raises:
            DocumentError: it is of a later version, or not an answer.
        """
        version = document.get("version", VERSION)
        if not isinstance(version, int) or version > VERSION:
            raise DocumentError(
                f"an answer of version {version!r}; this Surefoot reads up to version {VERSION}: update it"
            )
        if document.get("verdict") in (Verdict.TRAINED, Verdict.DIVERGED):  # older ones do not say it
            document = {"level": Level.MEASURED.value, **document}
        return decode(cls, document)
