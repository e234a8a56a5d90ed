"""Goal "fastest": which run reaches the target in the least measured seconds.

    stopwatch.screened(run, progress=1 / 9)  # seconds to the target, as they look at a ninth of the training
    stopwatch.confirmed(run, progress=1.0)   # seconds to the target, or the cap if the run missed it

Screening stops most runs long before the target, so it compares them by the ladder of the baseline's own
progress.  Confirmation waits for the target itself.  A run that misses it is censored, and counts as the
baseline's whole training: the mean of min(T, cap), the restricted mean survival time (Royston & Parmar,
2013), is then compared as any other mean.

The ladder and its target hold values as told, lower for better ones; whatever leaves this file is the
user's own.

Seconds are evaluations of the loss times the optimizer's warm seconds per evaluation (`training.pace`), never
the wall clock of a run: other processes would be measured with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from surefoot.errors import InvalidInputError
from surefoot.search.fastest.target_times import Curve, Ladder, seconds_to
from surefoot.study.decisions import TargetSet
from surefoot.study.direction import Direction
from surefoot.study.format import number, seconds, with_article
from surefoot.study.records import RunRecord
from surefoot.study.requests import Reading, RunRequest
from surefoot.study.run import Candidate, Phase, Point
from surefoot.study.strict_json import or_nan

MARKS_PER_THIRD = 5
MARKS = tuple(3.0 ** (-number / MARKS_PER_THIRD) for number in range(4 * MARKS_PER_THIRD, 0, -1))
"""Progresses at which every run is measured: from 1/81, each a quarter further than the last, since
times are compared by their ratio.  The rungs of the race are among them."""

LADDER_SEEDS = 3
"""Full trainings of the baseline from which the targets are taken; it is confirmed on other seeds."""

TIMING_NOISE = 0.15
"""Times that differ by less than this share are a tie, unless a margin is named: seconds per step are not
known better beside other processes, however little they deviate between seeds."""


@dataclass(frozen=True)
class Stopwatch:
    """Reads times off recorded runs.

    Attributes:
        steps: evaluations in a full training.
        paces: optimizer to warm seconds per evaluation, measured before anything is compared.  One figure
            for all runs of an optimizer: a machine that is busy now and then changes no result.
        baseline: the baseline's optimizer.
        ladder: the baseline's progress at its pace.
        direction: which way of the measure is better.
    """

    steps: int
    paces: Mapping[str, float]
    baseline: str
    ladder: Ladder
    direction: Direction = Direction.MINIMIZE

    @classmethod
    def of(
        cls,
        trainings: Sequence[RunRecord],
        paces: Mapping[str, float],
        baseline: str,
        steps: int,
        target: float | None,
        direction: Direction = Direction.MINIMIZE,
    ) -> Stopwatch:
        """From full trainings of the baseline.

        Args:
            trainings: those that were completed.
            paces: optimizer to warm seconds per evaluation.
            baseline: the baseline's optimizer.
            steps: evaluations in a full training.
            target: the value to reach; None leaves it to the ladder.
            direction: which way of the measure is better.

        Raises:
            InvalidInputError: the baseline has no pace, or ended no training.
        """
        if not trainings or baseline not in paces:
            raise InvalidInputError(
                f"the baseline {baseline} ended no training, so there is no progress of its own "
                "to compare with; name another with --baseline"
            )
        whole = steps * paces[baseline]
        curves = [
            [(point.progress * whole, direction.told(point.value)) for point in _until(run, 1.0)]
            for run in trainings
        ]
        told = None if target is None else direction.told(target)
        return cls(steps, paces, baseline, Ladder.of(curves, whole, told), direction)

    @property
    def target(self) -> float:
        """The value to reach, as the measure has it."""
        return self.direction.own(self.ladder.target)

    def decision(self, label: str, measure: str) -> TargetSet:
        """What is recorded of the target and where it comes from.

        Args:
            label: the baseline's.
            measure: the task's, in words.
        """
        ladder, own = self.ladder, self.direction.own
        values, text = tuple(map(own, ladder.values)), self.explain(label, measure)
        return TargetSet(
            text, self.target, values, ladder.seconds, ladder.whole, ladder.reached, ladder.seeds
        )

    @property
    def screening(self) -> Reading:
        """How screening runs are measured."""
        return Reading(MARKS, self.target, self.screened)

    @property
    def confirmation(self) -> Reading:
        """How confirmed runs are measured."""
        return Reading(MARKS, self.target, self.confirmed)

    def screened(self, run: RunRecord, progress: float) -> float | None:
        """Seconds to the target as they look at this progress: the ratio times the baseline's seconds.

        nan if the run was lost, None if it has to go on.
        """
        if not self._told_enough(run, progress):
            return _lost(run)
        ratio = self.ladder.ratio(self._curve(run, progress), ended=progress >= 1)
        return ratio * self.ladder.baseline_seconds(self.ladder.target)

    def confirmed(self, run: RunRecord, progress: float) -> float | None:
        """Seconds to the target; a run that misses it, or is slower, counts as the cap.

        The cap is the baseline's whole training.  nan if the run was lost, None if it has to go on.
        """
        if not self._told_enough(run, progress):
            return _lost(run)
        return min(self._seconds_to_the_target(run), self.ladder.whole)

    def misses(self, run: RunRecord) -> bool:
        """Whether the run has not reached the target within the cap."""
        return self._seconds_to_the_target(run) > self.ladder.whole

    def measure(self, task_measure: str) -> str:
        """What is compared, in words."""
        return f"seconds to {with_article(task_measure)} of {number(self.target)}"

    def explain(self, label: str, measure: str) -> str:
        """The target and where it comes from, in a sentence."""
        ladder = self.ladder
        target = f"The target is {with_article(measure)} of {number(self.target)}"
        if not ladder.reached:
            return (
                f"{target}; {label} reaches it on none of {ladder.seeds} seeds (it gets to "
                f"{number(self.direction.own(ladder.values[-1]))}), so its time counts as a whole training, "
                f"{seconds(ladder.whole, 3)}."
            )
        taken = ladder.baseline_seconds(ladder.target)
        return (
            f"{target}, which {label} reaches on {ladder.reached} of {ladder.seeds} seeds, "
            f"after about {seconds(taken, 3)} of the {seconds(ladder.whole, 3)} of its training."
        )

    def in_seconds(self, run: RunRecord) -> RunRecord:
        """The same run with times to the target in place of values, and its optimizer's pace."""
        points = _until(run, 1.0)
        if run.phase != Phase.SCREEN:
            points = points[-1:]
        told = self.screened if run.phase == Phase.SCREEN else self.confirmed
        times = (
            # What reached the target has its final time, however far others go.
            Point(
                1.0 if self._reached(point) else point.progress,
                point.seconds,
                or_nan(told(run, point.progress)),
            )
            for point in points
        )
        pace = self.paces.get(run.optimizer, math.nan)
        return replace(run, points=tuple(times), seconds_per_step=pace)

    def share(self, finalists: Sequence[Candidate], runs: Iterable[RunRecord]) -> float:
        """What a run of confirmation costs, in full trainings, since most end at the target.

        It is the mean of the baseline and of the two slowest finalists in screening: who is slower still
        falls at the first looks, but the baseline is measured to the end.
        """
        own = sorted(
            max(map(self._cost, screened), default=1.0) for screened in _screened(finalists, runs).values()
        )
        return fmean([1.0, *own[-2:]])

    def margin(self, finalists: Sequence[Candidate], runs: Iterable[RunRecord]) -> float | None:
        """Differences that are a tie: what timing cannot tell, of the quickest finalist's time in screening.

        None if none of them reached the target there.
        """
        means = [
            fmean(times)
            for screened in _screened(finalists, runs).values()
            if (times := [t for run in screened if (t := self.screened(run, 1.0)) and math.isfinite(t)])
        ]
        return TIMING_NOISE * min(means) if means else None

    def _cost(self, run: RunRecord) -> float:
        """How far a run goes until it ends, in full trainings."""
        return max(point.progress for point in run.points) if self._told_enough(run, 1.0) else 1.0

    def _told_enough(self, run: RunRecord, progress: float) -> bool:
        """Whether the run was measured at this progress, or has reached the target before."""
        points = _until(run, progress)
        reached = any(map(self._reached, points))
        return reached or bool(points and math.isclose(points[-1].progress, progress))

    def _reached(self, point: Point) -> bool:
        return self.direction.told(point.value) <= self.ladder.target

    def _seconds_to_the_target(self, run: RunRecord) -> float:
        return seconds_to(self._curve(run, 1.0), self.ladder.target)

    def _curve(self, run: RunRecord, progress: float) -> Curve:
        # An optimizer that could not be timed fails in its runs too, and has no curve.
        whole = self.steps * self.paces.get(run.optimizer, math.nan)
        return [(point.progress * whole, self.direction.told(point.value)) for point in _until(run, progress)]


def ladder_requests(baseline: Candidate, first_seed: int) -> list[RunRequest]:
    """Full trainings of the baseline."""
    return [RunRequest(baseline, first_seed + number, 1.0, Phase.LADDER) for number in range(LADDER_SEEDS)]


def _screened(finalists: Sequence[Candidate], runs: Iterable[RunRecord]) -> dict[str, list[RunRecord]]:
    """The screening runs of each, by its key."""
    found: dict[str, list[RunRecord]] = {candidate.key: [] for candidate in finalists}
    for run in runs:
        key = run.candidate.key
        if run.phase == Phase.SCREEN and key in found:
            found[key].append(run)
    return found


def _until(run: RunRecord, progress: float) -> list[Point]:
    """Finite points up to this progress, in order; of several at one progress, the first recorded."""
    points: dict[float, Point] = {}
    for point in run.points:
        if math.isfinite(point.value) and point.progress <= progress * (1 + 1e-9):
            points.setdefault(point.progress, point)
    return sorted(points.values(), key=lambda point: point.progress)


def _lost(run: RunRecord) -> float | None:
    return math.nan if run.lost else None
