"""What an answer claims, typed: who, against whom, measured how, with which interval and test.

    claim.relation is Relation.BETTER and claim.low > 0    # always together: `Claim` refuses anything else

Every sentence that compares two candidates is made from one of these, so that words, interval and test agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from surefoot.study.run import Candidate


class Relation(StrEnum):
    """How a candidate stands to another one, both measured to the end on the same fresh seeds.

    Attributes:
        BETTER: the test over all pairs and looks says so, and the interval lies above 0.
        AHEAD: the interval of this pair alone lies above 0; the test over all pairs asks for more seeds.
        OPEN: the interval holds 0.
        EQUIVALENT: the test says that they differ by less than the margin.
        EQUAL: the same value on every seed.
        DIVERGED: the other one diverged on a seed, and this one did not.
        UNKNOWN: this one diverged on a seed, or both did: no interval says anything.
    """

    BETTER = "better"
    AHEAD = "ahead"
    OPEN = "open"
    EQUIVALENT = "equivalent"
    EQUAL = "equal"
    DIVERGED = "diverged"
    UNKNOWN = "unknown"


ABOVE = (Relation.BETTER, Relation.AHEAD)
"""Relations whose interval lies above 0."""

WITHOUT = (Relation.DIVERGED, Relation.UNKNOWN)
"""Relations without an interval."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One candidate beside another one.

    Attributes:
        who: the candidate that is spoken of.
        against: the other one.
        estimate: how much better this one's mean is than the other's, in units of the measure: the other's
            minus this one's where lower is better, else the other way round. nan where a seed diverged.
        low, high: its interval.
        level: probability with which the interval holds the truth.
        seeds: fresh seeds that both were measured on when this was found.
        test: how `relation` was found, in words.
        p: of that test, over all pairs and looks; nan where none was made.
        ratio, ratio_low, ratio_high: this one's mean over the other's, where lower is better and all values
            are positive.

    Raises:
        ValueError: the relation contradicts the interval.
    """

    who: Candidate
    against: Candidate
    relation: Relation
    estimate: float
    low: float
    high: float
    level: float
    seeds: int
    test: str = ""
    p: float = math.nan
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None

    def __post_init__(self) -> None:
        if self.relation in ABOVE and not self.low > 0:
            raise ValueError(f"{self.relation} needs an interval above 0, not {self.low} to {self.high}")
        if self.relation is Relation.OPEN and not self.low <= 0 <= self.high:
            raise ValueError(f"what is open needs an interval with 0, not {self.low} to {self.high}")
        if self.relation is Relation.EQUAL and (self.low, self.high) != (0, 0):
            raise ValueError(f"equal values differ by 0, not by {self.low} to {self.high}")


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """The best value of the search that no fresh seed has confirmed.

    Attributes:
        candidate: whose.
        value: its value.
        progress: the share of the full training at which it was measured.
        seeds: on how many of the search's own seeds; `value` is the mean over them.
        reason: why it was not confirmed, as the end of a sentence.
        command: the command that measures it on fresh seeds; None where there is none.
    """

    candidate: Candidate
    value: float
    progress: float
    seeds: int
    reason: str
    command: str | None = None


@dataclass(frozen=True, slots=True)
class Outlying:
    """A value so far from all others of its candidate that it is compared as another one.

    Attributes:
        candidate: whose.
        value: as it was measured.
        counted: as what it is compared.
        seeds: how many values the candidate has.
    """

    candidate: Candidate
    value: float
    counted: float
    seeds: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """What shorter trainings say of full ones: a candidate beside another one, on the race's own seed.

    Attributes:
        who: the candidate that came furthest and is recommended.
        against: the baseline, or where that is recommended or was not measured, the nearest rival.
        progress: the furthest share of the training that both reached.
        log: whether values are compared by their logarithms: where all are positive.
        seen: the other's value there minus this one's, or the logarithm of their ratio; above 0 this one is
            ahead.
        estimate: the same after full trainings on this seed: the median.
        low, high: an interval that holds it.
        level: the probability with which it does, on stored trainings of tasks that it was not made from.
        reached: the furthest share of the training that `who` and any other one reached.
        p_best: the probability that `who` ends as the best of all that were looked at, on this seed.
        looked_at: how many those are.
        rank_kept: share of stored trainings in which the leader at `reached` was the best in the end.
        rate_drift: by which factor the best learning rate at `reached` was above that of the whole training,
            the median of stored trainings.

    Raises:
        ValueError: the interval does not hold the estimate.
    """

    who: Candidate
    against: Candidate
    progress: float
    log: bool
    seen: float
    estimate: float
    low: float
    high: float
    level: float
    reached: float
    p_best: float
    looked_at: int
    rank_kept: float
    rate_drift: float

    def __post_init__(self) -> None:
        if not self.low <= self.estimate <= self.high:
            raise ValueError(f"{self.estimate} is not between {self.low} and {self.high}")
