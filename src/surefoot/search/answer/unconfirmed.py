"""The best value that no fresh seed has confirmed, why it was not, and the command that would.

    best_unconfirmed(question, runs, decisions, outcome.arms, outcome.recommended)

The search sees one seed, and the best of its many runs owes part of its value to luck; but it may be better
than everything that was confirmed, so the answer never leaves it out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from surefoot.analysis.race_history import measured, race_runs
from surefoot.search.question.command import command_with
from surefoot.study.claims import Unconfirmed
from surefoot.study.decisions import BestOfOptimizer, PlayoffPlace, Stopped
from surefoot.study.direction import Direction
from surefoot.study.format import number, plural, setting
from surefoot.study.label import candidate_label, optimizer_label
from surefoot.study.optimizers import find_algorithm
from surefoot.study.question import Question
from surefoot.study.records import DecisionRecord, RunRecord
from surefoot.study.run import Candidate, Phase

RUNS = 20.0
"""Full trainings of the command: two candidates and the baseline on four fresh seeds each, and the search."""


def values_at_the_end(runs: Iterable[RunRecord], confirmed: Iterable[Candidate]) -> dict[str, list[float]]:
    """Of candidates that were trained to the end by the search and left there, the values, by key.

    Who diverged on one of the search's seeds is left out.
    """
    known = {candidate.key for candidate in confirmed}
    found: dict[str, list[float]] = {}
    lost = set()
    for run in runs:
        if run.phase != Phase.SCREEN or run.candidate.key in known:
            continue
        points = measured(run)
        if run.lost:
            lost.add(run.candidate.key)
        elif points and points[-1].progress >= 1:
            found.setdefault(run.candidate.key, []).append(points[-1].value)
    return {key: values for key, values in found.items() if key not in lost}


def best_unconfirmed(
    question: Question,
    runs: Sequence[RunRecord],
    decisions: Sequence[DecisionRecord],
    confirmed: Sequence[Candidate],
    recommended: Candidate,
    direction: Direction = Direction.MINIMIZE,
) -> Unconfirmed | None:
    """The furthest, and there the best: its value on the race's seed, which all of them share."""
    known = {candidate.key for candidate in confirmed}
    left = [
        run for run in race_runs(runs) if run.candidate.key not in known and not run.lost and measured(run)
    ]
    if not left:
        return None
    best = min(left, key=lambda run: (-measured(run)[-1].progress, direction.told(measured(run)[-1].value)))
    point = measured(best)[-1]
    return Unconfirmed(
        best.candidate,
        point.value,
        point.progress,
        1,
        _reason(best.candidate, decisions, confirmed),
        _command(question, best.candidate, recommended),
    )


def _reason(candidate: Candidate, decisions: Sequence[DecisionRecord], confirmed: Sequence[Candidate]) -> str:
    """Why no fresh seed was spent on it, from what was decided."""
    decided = [record.decision for record in decisions]
    name = optimizer_label(candidate.optimizer)
    places = [d for d in decided if isinstance(d, PlayoffPlace)]
    own = next((d for d in places if d.candidate.key == candidate.key), None)
    if own is not None:
        mean = f", {number(own.mean)} over {plural(own.seeds, 'seed')}" if math.isfinite(own.mean) else ""
        return f"number {own.place} in the play-off{mean}"
    stopped = [d for d in decided if isinstance(d, Stopped) and d.candidate.key == candidate.key]
    if stopped and stopped[-1].rung < 1:
        return "the race stopped it there"
    stand_in = next((d.candidate for d in places if d.candidate.optimizer == candidate.optimizer), None)
    same = [c for c in confirmed if c.optimizer == candidate.optimizer]
    if stand_in is not None or same:
        other = stand_in or same[0]
        fell = "" if same else ", and fell in the play-off"
        return f"{candidate_label(other)} stood for {name}{fell}"
    ended = [
        d for d in decided if isinstance(d, BestOfOptimizer) and d.candidate.optimizer == candidate.optimizer
    ]
    if ended and ended[-1].place:
        return f"{name} was number {ended[-1].place} of the optimizers at the end of the race"
    return f"the budget paid for {plural(len(confirmed), 'candidate')} on fresh seeds"


def _command(question: Question, candidate: Candidate, recommended: Candidate) -> str:
    """Races it alone beside the recommendation; two of one optimizer cannot both stand for it."""
    both = [candidate] if candidate.optimizer == recommended.optimizer else [candidate, recommended]
    sets = [text for one in both for text in _settings(one)]
    asked = replace(
        question,
        optimizers=tuple(one.optimizer for one in both),
        sets=tuple(sets),
        candidates=None,
        extra=(),
        runs=RUNS,
        budget_seconds=None,
        study="",
    )
    return command_with(asked)


def _settings(candidate: Candidate) -> list[str]:
    """What `--set` needs to fix all that the candidate fixes."""
    prefix = find_algorithm(candidate.optimizer).label.lower()
    return [
        f"{prefix}.{name}={setting(value).replace(' ', '')}" for name, value in candidate.settings.items()
    ]
