"""What passes between a policy, which is pure, and the runner, which is not."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from surefoot.study.direction import Direction
from surefoot.study.records import RunRecord
from surefoot.study.run import Candidate, Phase


@dataclass(frozen=True)
class RunRequest:
    """Train this candidate with this seed up to this progress."""

    candidate: Candidate
    seed: int
    progress: float
    phase: Phase


class Policy(Protocol):
    """What decides which runs are made: `ask` until it answers None and nothing is outstanding."""

    def ask(self) -> RunRequest | None:
        """The next run, or None: wait for a result, or the end if none is outstanding."""
        ...

    def tell(self, request: RunRequest, value: float) -> None:
        """The value reached, lower for better runs; nan if the run diverged or failed."""
        ...


class Batch:
    """A policy that decides nothing: all of these runs."""

    def __init__(self, requests: Sequence[RunRequest]) -> None:
        self.waiting = deque(requests)

    def ask(self) -> RunRequest | None:
        """The next run."""
        return self.waiting.popleft() if self.waiting else None

    def tell(self, request: RunRequest, value: float) -> None:
        """Nothing depends on it."""


def value_at(run: RunRecord, progress: float) -> float | None:
    """The value at this progress; nan if the run ended before without one, None if it has to go on."""
    for point in run.points:
        if math.isclose(point.progress, progress) and math.isfinite(point.value):
            return point.value
    return math.nan if run.lost else None


def first_value_from(run: RunRecord, progress: float) -> float | None:
    """The value at the first progress measured from this one on; where it is measured is the script's choice.

    nan if the run was lost, None if it has to go on.
    """
    beyond = [p for p in run.points if p.progress >= progress * (1 - 1e-9) and math.isfinite(p.value)]
    if beyond:
        return min(beyond, key=lambda point: point.progress).value
    return math.nan if run.lost else None


@dataclass(frozen=True)
class Reading:
    """What is measured of a run, and the number that its policy is told.

    Attributes:
        marks: progresses to measure at on the way.
        target: a value of the measure that ends the run; None: it goes on to the progress asked for.
        value: from the run, and the progress it was asked for, to the number that counts: the measure's, or
            what is made of it; nan if the run was lost, None if it has to go on.
        direction: which way of that number is better.
    """

    marks: tuple[float, ...] = ()
    target: float | None = None
    value: Callable[[RunRecord, float], float | None] = value_at
    direction: Direction = Direction.MINIMIZE

    def told(self, run: RunRecord, progress: float) -> float | None:
        """The number as a policy has it, which is lower for better runs."""
        found = self.value(run, progress)
        return None if found is None else self.direction.told(found)
