"""Studies made up to be answered: won, tied, open, diverged, constant, tiny, on any scale."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from surefoot.search.answer.answer import Evidence, build_answer
from surefoot.search.confirm.confirmation import Confirmation
from surefoot.study.answer import Answer
from surefoot.study.decisions import BestOfOptimizer, Decision, PlayoffPlace, Stopped
from surefoot.study.label import candidate_label
from surefoot.study.profile import ModelProfile, TaskProfile
from surefoot.study.question import Question
from surefoot.study.records import DecisionRecord, RunRecord
from surefoot.study.run import Candidate, Phase, Point, Schedule, Status

BASELINE = Candidate("AdamW", {"lr": 0.001, "betas": (0.9, 0.999), "weight_decay": 0.01})
FLOOR = Candidate("RandomSearch", {"scale": 0.01})
OPTIMIZERS = ("Adam", "SGD", "Adafactor", "Lion", "RMSprop")
RATES = (0.002, 0.005, 0.01, 0.02, 0.05)
PROFILE = TaskProfile("digits", 400, "validation loss", ModelProfile((), 100, ("float32",)), 1e-3, 1_000_000)
QUESTION = Question("digits", budget_seconds=60.0, study="digits-1", command="surefoot choose digits")


@dataclass(frozen=True)
class Made:
    """What a made-up study is drawn from.

    Attributes:
        finalists: how many go to fresh seeds.
        gaps: how far each is behind the first, in seed deviations; the last is the baseline's.
        noise: deviation between seeds over the level, 0 for none.
        level, shift: values are level * (1 + gap * noise + …) + shift.
        digits: values are rounded to so many significant digits, so that some are equal; None: not at all.
        lost: the probability that a run on a fresh seed diverges.
        runs: full trainings for confirmation.
        full: how many candidates of the race came to the end.
    """

    finalists: int
    gaps: tuple[float, ...]
    noise: float
    level: float
    shift: float
    digits: int | None
    lost: float
    runs: int
    full: int
    warmup: float
    seed: int
    margin: float | None


made = st.builds(
    Made,
    finalists=st.integers(0, 4),
    gaps=st.tuples(*[st.sampled_from([0.0, 0.0, 0.3, 1.0, 3.0, 30.0])] * 5),
    noise=st.sampled_from([0.0, 1e-6, 0.01, 0.05, 0.3]),
    level=st.sampled_from([1e-12, 0.06, 2.3, 4e5]),
    shift=st.sampled_from([0.0, 0.0, 0.0, -1.0]),
    digits=st.sampled_from([None, None, None, 1, 2]),
    lost=st.sampled_from([0.0, 0.0, 0.0, 0.1, 0.7]),
    runs=st.sampled_from([2, 10, 20, 33, 60]),
    full=st.integers(0, 12),
    warmup=st.sampled_from([0.05, 0.2]),
    seed=st.integers(0, 10**6),
    margin=st.sampled_from([None, None, 0.01]),
)


def rounded(value: float, digits: int | None) -> float:
    """The value to so many significant digits."""
    return value if digits is None or not math.isfinite(value) else float(f"{value:.{digits - 1}e}")


def race(drawn: Made, draw: random.Random) -> tuple[list[RunRecord], list[Decision]]:
    """Runs of the race on its one seed, some to the end; what it decided."""
    runs: list[RunRecord] = []
    decisions: list[Decision] = []
    grid = [
        Candidate(name, {"lr": rate}, Schedule(warmup=drawn.warmup)) for name in OPTIMIZERS for rate in RATES
    ]
    draw.shuffle(grid)
    for place, candidate in enumerate(grid):
        whole = place < drawn.full
        value = rounded(drawn.level * (1 + drawn.noise * draw.gauss(1, 2)) + drawn.shift, drawn.digits)
        marks = (1 / 9, 1 / 3, 1.0) if whole else (1 / 9,)
        points = tuple(Point(mark, mark, value + drawn.level * (1 - mark)) for mark in marks)
        status = Status.DIVERGED if draw.random() < drawn.lost / 2 else Status.COMPLETED
        runs.append(RunRecord(candidate, 0, Phase.SCREEN, status, points, "", 1e-4, 80))
        if not whole:
            decisions.append(Stopped("stopped", candidate, 1 / 9, points[-1].value, 0.01))
    return runs, decisions


def finalists_of(drawn: Made, runs: list[RunRecord], decisions: list[Decision]) -> list[Candidate]:
    """The first of each optimizer in the race's order, with what a play-off said."""
    best: dict[str, Candidate] = {}
    for run in runs:
        best.setdefault(run.optimizer, run.candidate)
    entrants = list(best.values())
    for place, candidate in enumerate(entrants, 1):
        on = place <= drawn.finalists
        if drawn.seed % 2:
            decisions.append(PlayoffPlace("", candidate, place, on, 0.1, 2, 0.01 * place, entrants[0]))
        else:
            decisions.append(BestOfOptimizer("", candidate, 1.0, 0.1, math.nan, place))
    return entrants[: drawn.finalists]


def confirmation_of(
    drawn: Made, finalists: list[Candidate], draw: random.Random
) -> tuple[Any, list[RunRecord]]:
    """A confirmation that has come to its end, with its runs."""
    looks: list[Decision] = []
    confirmation = Confirmation(
        finalists, BASELINE, FLOOR, runs=drawn.runs, first_seed=500, floor_seeds=1, margin=drawn.margin,
        label=candidate_label, decide=looks.append,
    )  # fmt: skip
    order = [*[c.key for c in finalists], BASELINE.key]
    runs = []
    while (request := confirmation.ask()) is not None:
        gap = drawn.gaps[order.index(request.candidate.key)] if request.candidate.key in order else 50.0
        value = drawn.level * math.exp(drawn.noise * (gap + draw.gauss(0, 1))) + drawn.shift
        lost = draw.random() < drawn.lost
        value = math.nan if lost else rounded(value, drawn.digits)
        confirmation.tell(request, value)
        status = Status.DIVERGED if lost else Status.COMPLETED
        points = (Point(1.0, 1.0, value),)
        runs.append(RunRecord(request.candidate, request.seed, request.phase, status, points, "", 1e-4, 80))
    return confirmation, runs


def answer_of(drawn: Made) -> Answer:
    """The answer of a made-up study."""
    draw = random.Random(drawn.seed)
    runs, decisions = race(drawn, draw)
    finalists = finalists_of(drawn, runs, decisions)
    confirmation, confirmed = confirmation_of(drawn, finalists, draw)
    records = [DecisionRecord(number, 0.0, decision) for number, decision in enumerate(decisions)]
    return build_answer(Evidence(QUESTION, PROFILE, [*runs, *confirmed], records, 12.0), confirmation)
