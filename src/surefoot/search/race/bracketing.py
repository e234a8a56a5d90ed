"""Bracketing: the learning rate of each optimizer's best candidate, at full length, until both sides are seen.

    bracketing = Bracketing(race.finalists(entrants(runs=20)), grid, known, seed=0, runs=20, …)
    while (request := bracketing.ask()) is not None:
        bracketing.tell(request, train(request))
    bracketing.finalists(8)

A race decides on short runs, whose best rates are not those of long ones. Here every entrant is trained to
the end, and then its neighbours on the grid of rates, one step either way, further while the edge is the best.
Each round goes to the optimizers that may become best soonest; the side is tried first on which others improved.
What then stands for an optimizer is chosen by its own line alone, smoothed as the lines ask for: another
warmup or decay is another line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from surefoot.search.race.line_smoothing import smoothed
from surefoot.search.space.lr_grid import Grid
from surefoot.study.decisions import Decide
from surefoot.study.requests import Request
from surefoot.study.run import Candidate, Phase

ENTRANT_RUNS = 2.5
"""An entrant costs so many trainings: its own, and one on either side, one of which is the best twice in three
times."""

FEWEST_RUNS = 2.0
"""With fewer nothing is bracketed."""

WIDTH = 4
"""Optimizers that are taken further in a round."""

NEAR = 1.0
"""In decades: what is further from a line's best says nothing of it."""

MUCH_WORSE = 2.0
"""Neither does what is so many times as large: it lies on a cliff beside the bottom, whatever the noise there."""

Scale = Callable[[float], float]


def entrants(runs: float) -> int:
    """How many optimizers can be bracketed for this many trainings."""
    return max(math.floor(runs / ENTRANT_RUNS), int(runs >= FEWEST_RUNS))


@dataclass
class _Line:
    """One candidate's learning rates.

    Attributes:
        candidates: by ascending rate.
        decades: log10 of the rates.
        start: the place of the one that entered.
        values: by place, at full length; infinite where one diverged.
    """

    candidates: list[Candidate]
    decades: list[float]
    start: int
    values: dict[int, float] = field(default_factory=dict)

    @property
    def best(self) -> int:
        """The place of the best value; of equals the lowest."""
        return min(self.values, key=lambda place: (self.values[place], place))

    def open(self) -> list[int]:
        """Places beside the best that were not tried, the upper first; above a rate that diverged nothing is."""
        if not self.values:
            return [self.start]
        lost = min((place for place, value in self.values.items() if math.isinf(value)), default=math.inf)
        beside = [self.best + 1, self.best - 1]
        return [p for p in beside if 0 <= p < min(lost, len(self.candidates)) and p not in self.values]

    def gain(self, scale: Scale) -> float:
        """How much better than where it began it has become."""
        began = self.values.get(self.start, math.inf)
        return scale(began) - scale(self.values[self.best]) if math.isfinite(began) else 0.0

    def promise(self, scale: Scale, usual: float) -> float:
        """What the best may become with a step more: at an edge half as much better again as the last one was.

        Args:
            scale: of the values.
            usual: the gain of others, for one that has no neighbours yet.
        """
        if not self.values:
            return -math.inf
        healthy = [place for place, value in self.values.items() if math.isfinite(value)]
        if not healthy:
            return math.inf
        best = self.best
        value = scale(self.values[best])
        beside = sorted((place for place in healthy if place != best), key=lambda place: abs(place - best))
        if not beside:
            return value - usual
        at_edge = min(beside) > best or max(beside) < best
        return value - (scale(self.values[beside[0]]) - value) / 2 if at_edge else value


class Bracketing:
    """Asks for full trainings on the race's seed.

    Args:
        candidates: the best of each optimizer, in the order of the race.
        grid: every candidate of the study.
        known: values at full length on the race's seed, by candidate key.
        seed: the race's own.
        runs: how many full trainings it may cost; what was taken part of the way costs less.
        decide: called with every decision.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        grid: Sequence[Candidate],
        known: Mapping[str, float],
        seed: int,
        runs: float,
        decide: Decide,
    ) -> None:
        self.seed, self.runs_left, self.decide = seed, runs, decide
        self.known = {key: value if math.isfinite(value) else math.inf for key, value in known.items()}
        places = Grid(grid)
        self.lines = [_line(candidate, grid, places) for candidate in candidates]
        for line in self.lines:
            line.values = {p: self.known[c.key] for p, c in enumerate(line.candidates) if c.key in known}
        self.waiting: list[Request] = []
        self.outstanding = 0

    def ask(self) -> Request | None:
        """The next run, or None: wait for results, or the end."""
        if not self.waiting and not self.outstanding:
            self._next_round()
        if not self.waiting:
            return None
        self.outstanding += 1
        return self.waiting.pop(0)

    def tell(self, request: Request, value: float) -> None:
        """The final value of a run; nan if it diverged or failed."""
        self.outstanding -= 1
        self.known[request.candidate.key] = value if math.isfinite(value) else math.inf

    def finalists(self, count: int) -> list[Candidate]:
        """The best `count`: what stands for each optimizer, and what is as good as the best up to noise.

        Whoever was not measured comes after, in the order of the race.
        """
        told = [self._near_the_best(line) for line in self.lines]
        scale = _scale(value for line in told for value in line.values())
        found = smoothed([{place: scale(value) for place, value in line.items()} for line in told])
        worth: dict[str, float] = {}
        every: dict[str, Candidate] = {}
        for line, values in zip(self.lines, found.lines, strict=True):
            at = {line.decades[place]: line.candidates[place] for place in line.values}
            every |= {at[place].key: at[place] for place in values}
            worth |= {at[place].key: value for place, value in values.items()}
        representatives = self._representatives(worth)
        lead = min(worth.values(), default=math.inf)
        level = {key for key, value in worth.items() if value - lead <= found.noise}
        ranked = sorted({c.key for c in representatives} & worth.keys() | level, key=lambda key: worth[key])
        rest = [candidate for candidate in representatives if candidate.key not in worth]
        return [*(every[key] for key in ranked), *rest][:count]

    def _representatives(self, worth: Mapping[str, float]) -> list[Candidate]:
        """Of each line the candidate that is worth most, or the one that entered, unless it diverged."""
        found = []
        for line in self.lines:
            measured = [c for c in line.candidates if c.key in worth]
            if measured:
                found.append(min(measured, key=lambda candidate: worth[candidate.key]))
            elif not line.values:
                found.append(line.candidates[line.start])
        return found

    def _near_the_best(self, line: _Line) -> dict[float, float]:
        values = {line.decades[place]: value for place, value in line.values.items() if math.isfinite(value)}
        if not values:
            return {}
        best = min(values, key=lambda place: values[place])
        most = MUCH_WORSE * values[best] if values[best] > 0 else math.inf
        return {
            place: value
            for place, value in sorted(values.items())
            if abs(place - best) <= NEAR and value <= most
        }

    def _next_round(self) -> None:
        for line in self.lines:
            line.values |= {
                place: self.known[candidate.key]
                for place, candidate in enumerate(line.candidates)
                if candidate.key in self.known
            }
        going_on = [line for line in self.lines if line.open()]
        scale = _scale(v for line in self.lines for v in line.values.values() if math.isfinite(v))
        gains = [line.gain(scale) for line in self.lines if len(line.values) > 1]
        usual = median(gains) if gains else 0.0
        going_on.sort(
            key=lambda line: line.promise(scale, usual)
        )  # stable: the race's order decides between equals
        upwards = self._upwards() > 0  # else down: the best rate falls as training goes on
        for line in going_on[: max(0, min(WIDTH, math.floor(self.runs_left)))]:
            place = line.open()[0 if upwards else -1]
            self.waiting.append(Request(line.candidates[place], self.seed, 1.0, Phase.SCREEN))
            self.runs_left -= 1

    def _upwards(self) -> int:
        """How many more lines have become better upwards from where they began than downwards."""
        moved = [line.best - line.start for line in self.lines if line.values]
        return sum((steps > 0) - (steps < 0) for steps in moved)


def _line(candidate: Candidate, grid: Sequence[Candidate], places: Grid) -> _Line:
    line = places.line_of(grid.index(candidate))
    candidates = [grid[place] for place in line.arms]
    return _Line(candidates, list(line.decades), candidates.index(candidate))


def _scale(values: Iterable[float]) -> Scale:
    """Logarithms where all values are positive: noise goes with the level."""
    return math.log if all(value > 0 for value in values) else float
