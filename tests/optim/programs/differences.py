"""Where Surefoot differs from torch on purpose, or torch is wrong: each with its reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.optim.programs.comparing import Symptom
from tests.optim.programs.language import Program
from tests.optim.programs.running import Outcome


@dataclass(frozen=True)
class Case:
    """A symptom and what it came from."""

    program: Program
    at: int
    symptom: Symptom
    theirs: Outcome
    ours: Outcome


@dataclass(frozen=True)
class Difference:
    """One that is meant.

    Attributes:
        name: a few words.
        reason: why ours is right.
        applies: whether a case is of this kind.
    """

    name: str
    reason: str
    applies: Callable[[Case], bool]


DIFFERENCES: list[Difference] = []


def known(program: Program, at: int, symptom: Symptom, theirs: Outcome, ours: Outcome) -> str | None:
    """The name of the first difference that a symptom is an instance of."""
    case = Case(program, at, symptom, theirs, ours)
    return next((d.name for d in DIFFERENCES if d.applies(case)), None)
