"""The answer of a study that ended before confirmation: by full trainings on one seed, shorter ones, or none.

    standing = RaceStanding.of(runs, ranked=[adam, sgd], baseline=adamw, seed=0)
    standing.level                       # Level.MEASURED
    sentence(standing, prior=adamw, measure="validation loss")
    # "Use Adam lr=0.01, by one seed: its validation loss after a full training is 0.31; …"

Nothing here says "better": one seed shows what a training came to, and not what another would.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from surefoot.study.answer import Level
from surefoot.study.direction import Direction
from surefoot.study.format import fraction, number, plural
from surefoot.study.label import candidate_label
from surefoot.study.records import RunRecord
from surefoot.study.run import Candidate, Phase

SEARCHED = (Phase.SCREEN, Phase.PILOT)
"""What is trained on the seed of the race."""

MOST_OTHERS = 3
END = 1 - 1e-9


@dataclass(frozen=True)
class Reached:
    """How far a candidate has come, with which value there."""

    candidate: Candidate
    progress: float
    value: float


@dataclass(frozen=True)
class RaceStanding:
    """What the search knows of whoever may be recommended.

    Attributes:
        best: whom to use; None where nothing was measured.
        others: those that came as far: the best of each optimizer in the order of the race, then the rest.
        baseline: how far it came; None where it was not measured.
        lost: how many runs diverged or failed.
        curves: of whoever has not diverged, values by progress, as policies are told them (lower is better),
            by the candidate's key.
    """

    best: Reached | None
    others: tuple[Reached, ...] = ()
    baseline: Reached | None = None
    lost: int = 0
    curves: Mapping[str, Mapping[float, float]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        runs: Sequence[RunRecord],
        ranked: Sequence[Candidate],
        baseline: Candidate,
        seed: int,
        direction: Direction = Direction.MINIMIZE,
    ) -> RaceStanding:
        """From the runs of the search.

        Args:
            runs: of the study.
            ranked: candidates in the order of the race, the best first.
            baseline: what to compare with; where it came as far as the best, and to a better value, it is the
                best.
            seed: of the race.
            direction: which way of the values is better.
        """
        found = [run for run in runs if run.phase in SEARCHED and run.seed == seed]
        healthy = [run for run in found if not run.lost and _values(run)]
        reached = {run.candidate.key: _reached(run) for run in healthy}
        base = reached.get(baseline.key)
        rest = sorted(reached.values(), key=lambda entry: (direction.told(entry.value), entry.candidate.key))
        first = [reached[candidate.key] for candidate in ranked if candidate.key in reached]
        order = list(
            {entry.candidate.key: entry for entry in (*first, *([base] if base else []), *rest)}.values()
        )
        if not order:
            return cls(None, lost=sum(run.lost for run in found))
        rivals = [entry for entry in order if math.isclose(entry.progress, order[0].progress)]
        best = rivals[0]
        if base in rivals and direction.behind(base.value, best.value) < 0:
            best = base
        others = tuple(entry for entry in rivals if entry is not best)
        curves = {run.candidate.key: _curve(run, direction) for run in healthy}
        return cls(best, others, base, sum(run.lost for run in found), curves)

    @property
    def level(self) -> Level:
        """What an answer from it rests on."""
        if self.best is None:
            return Level.PRIOR
        return Level.MEASURED if self.best.progress >= END else Level.FORECAST


def _values(run: RunRecord) -> bool:
    return any(math.isfinite(point.value) for point in run.points)


def _curve(run: RunRecord, direction: Direction) -> dict[float, float]:
    return {p.progress: direction.told(p.value) for p in run.points if math.isfinite(p.value)}


def _reached(run: RunRecord) -> Reached:
    last = max((p for p in run.points if math.isfinite(p.value)), key=lambda point: point.progress)
    return Reached(run.candidate, last.progress, last.value)


def sentence(standing: RaceStanding, prior: Candidate, measure: str) -> str:
    """The answer in two sentences, which claim no more than was seen."""
    best = standing.best
    if best is None:
        return f"Use {candidate_label(prior)}, as other tasks suggest: of this one nothing was measured."
    name, value = candidate_label(best.candidate), number(best.value)
    if standing.level is Level.MEASURED:
        return f"Use {name}, by one seed: its {measure} after a full training is {value}{_beside(standing)}."
    return (
        f"A forecast: use {name}. {_looked_best(standing)} at {fraction(best.progress)} of the training, on "
        f"one seed ({measure} {value}); {_who_finished(standing)}."
    )


def reasons(standing: RaceStanding, worth: Sequence[str] = ()) -> list[str]:
    """Who came as near, and what is not known.

    Args:
        standing: what the search knows.
        worth: what is known of how far shorter trainings may be trusted, in sentences; empty where nothing.
    """
    found = []
    if standing.others and standing.best:
        others = [f"{candidate_label(e.candidate)}: {number(e.value)}" for e in standing.others[:MOST_OTHERS]]
        further = len(standing.others) - len(others)
        more = f"; {further} more" if further else ""
        at = "Trained as far" if standing.level is Level.FORECAST else "Trained to the end as well"
        found.append(f"{at}, on the same seed: {'; '.join(others)}{more}.")
    if standing.lost:
        found.append(f"{plural(standing.lost, 'run')} diverged or failed.")
    return [*found, *(worth or _unknown(standing.level))]


def _unknown(level: Level) -> list[str]:
    if level is Level.MEASURED:
        return ["What another seed would change was not measured."]
    if level is Level.FORECAST:
        return ["Who leads early need not lead later, and the best learning rate falls as training goes on."]
    return []


def _beside(standing: RaceStanding) -> str:
    """What the baseline came to, and who else was trained as far."""
    best, base = standing.best, standing.baseline
    assert best is not None
    if base is not None and base is best:
        return f", and it is the baseline{_only(standing)}"
    if base is not None and base in standing.others:
        return f"; {candidate_label(base.candidate)}, the baseline, came to {number(base.value)}"
    return "; the baseline was not trained to the end" + _only(standing)


def _only(standing: RaceStanding) -> str:
    return "" if standing.others else "; nobody else was trained so far"


def _who_finished(standing: RaceStanding) -> str:
    base = standing.baseline
    if base is None or base.progress < END:
        return "nobody was trained to the end"
    return (
        f"only {candidate_label(base.candidate)}, the baseline, was trained to the end ({number(base.value)})"
    )


def _looked_best(standing: RaceStanding) -> str:
    count = len(standing.others) + 1
    return f"It looked best of {count}" if count > 1 else "It alone was measured"
