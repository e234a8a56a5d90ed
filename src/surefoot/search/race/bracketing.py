"""Bracketing: the learning rate of each optimizer's best candidate, at full length, both sides seen.

    bracketing = Bracketing(race.finalists(MOST_ENTRANTS), grid, known, seed=0, runs=20, …)
    while (request := bracketing.ask()) is not None:
        bracketing.tell(request, train(request))
    bracketing.finalists(8)

A race decides on short runs, whose best rates are not those of long ones. Here every entrant is trained to
the end, and then its neighbours on the grid of rates, one step either way, further while the edge is best.
Each round goes to the optimizers that promise most, and first to the side on which others became better. What
then stands for an optimizer is the best value of its own line: another warmup or decay is another line. To
choose by smoothed values loses more than it gains here, on lines of three or four; what the lines say of
their noise decides whether a second rate goes on beside the first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from surefoot.search.race.line_noise import line_noise
from surefoot.search.space.lr_grid import Grid
from surefoot.study.decisions import Bracketed, Decide
from surefoot.study.direction import Direction, bound
from surefoot.study.format import number, setting
from surefoot.study.label import candidate_label
from surefoot.study.requests import RunRequest
from surefoot.study.run import Candidate, Phase

ENTRANT_RUNS = 1.9
"""So many trainings are there for each that enters at once. To see both sides takes three or four; many
promise little before that, and what is left over goes to the next."""

MOST_ENTRANTS = 12
"""Who stands further down in the race is not bracketed, whatever the budget."""

FEWEST_RUNS = 2.0
"""With fewer nothing is bracketed."""

WIDTH = 4
"""Optimizers that are taken further in a round."""

NEAR = 1.0
"""In decades: what is further from a line's best says nothing of it."""

MUCH_WORSE = 2.0
"""Neither does what is so many times as large: it lies on a cliff beside the bottom, whatever the noise."""

Scale = Callable[[float], float]


def entrants(runs: float) -> int:
    """How many optimizers are bracketed at once for this many trainings."""
    if runs < FEWEST_RUNS:
        return 0
    return min(MOST_ENTRANTS, max(1, math.floor(runs / ENTRANT_RUNS)))


@dataclass
class _Line:
    """One candidate's learning rates.

    Attributes:
        candidates: by ascending rate.
        decades: log10 of the rates.
        start: the place of the one that entered.
        values: by place, at full length; infinite where one diverged.
    """

    candidates: Sequence[Candidate]
    decades: Sequence[float]
    start: int
    values: dict[int, float] = field(default_factory=dict)

    @property
    def best(self) -> int:
        """The place of the best value; of equals the lowest."""
        return min(self.values, key=lambda place: (self.values[place], place))

    def open(self) -> list[int]:
        """Places beside the best that were not tried, the upper first; none above a rate that diverged."""
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
        """What the best may become with a step more: at an edge half the last one's gain better.

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
        candidates: the best of each optimizer, in the order of the race. The first `entrants` enter at once,
            the next whenever none of those promises anything more.
        grid: every candidate of the study.
        known: values at full length on the race's seed, lower is better, by candidate key.
        seed: the race's own.
        runs: how many full trainings it may cost; what was taken part of the way costs less.
        decide: called with every decision.
        direction: which way of the user's own values is better, which decisions hold.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        grid: Sequence[Candidate],
        known: Mapping[str, float],
        seed: int,
        runs: float,
        decide: Decide,
        direction: Direction = Direction.MINIMIZE,
    ) -> None:
        self.seed, self.runs_left, self.decide, self.direction = seed, runs, decide, direction
        self.known = {key: value if math.isfinite(value) else math.inf for key, value in known.items()}
        places = Grid(grid)
        every = [_line(candidate, grid, places) for candidate in candidates]
        self.lines, self.later = every[: entrants(runs)], every[entrants(runs) : MOST_ENTRANTS]
        self.waiting: list[RunRequest] = []
        self.outstanding = 0

    def ask(self) -> RunRequest | None:
        """The next run, or None: wait for results, or the end."""
        if not self.waiting and not self.outstanding:
            self._next_round()
        if not self.waiting:
            return None
        self.outstanding += 1
        return self.waiting.pop(0)

    def tell(self, request: RunRequest, value: float) -> None:
        """The final value of a run; nan if it diverged or failed."""
        self.outstanding -= 1
        self.known[request.candidate.key] = value if math.isfinite(value) else math.inf

    def finalists(self, count: int) -> list[Candidate]:
        """The best `count`: what stands for each optimizer, and what is as good as the best up to noise.

        Whoever was not measured comes after, in the order of the race; whose every rate diverged is none.
        """
        self._gather()
        near = [self._near_the_best(line) for line in self.lines]
        scale = _scale(value for values in near for value in values.values())
        told = [{at: scale(value) for at, value in values.items()} for values in near]
        lead = min((value for values in told for value in values.values()), default=math.inf)
        noise = line_noise(told)
        measured: list[tuple[float, Candidate]] = []
        for line, values in zip(self.lines, told, strict=True):
            ranked = sorted(values.items(), key=lambda item: item[1])
            level = [item for item in ranked[1:] if item[1] - lead <= noise]
            measured += [
                (value, line.candidates[line.decades.index(at)]) for at, value in [*ranked[:1], *level]
            ]
            if ranked:
                self._explain(line, line.candidates[line.decades.index(ranked[0][0])])
        measured.sort(key=lambda item: item[0])  # of equals as the race has it
        unmeasured = [line.candidates[line.start] for line in self.lines if not line.values]
        return [*(candidate for _, candidate in measured), *unmeasured][:count]

    def _explain(self, line: _Line, candidate: Candidate) -> None:
        place = line.candidates.index(candidate)
        value = self.direction.own(line.values[place])
        rates = tuple(line.candidates[p].hyperparameters.get("lr", math.nan) for p in sorted(line.values))
        seen = not line.open()
        told = f"{candidate_label(candidate)} stands for its optimizer: {number(value)} at the end"
        tried = f", of learning rates {setting(rates[0])} to {setting(rates[-1])}" if len(rates) > 1 else ""
        text = f"{told}{tried}; {self._sides(line, place)}."
        self.decide(Bracketed(text, candidate, value, rates, seen))

    @staticmethod
    def _sides(line: _Line, place: int) -> str:
        if line.open():
            return "beyond was not tried"
        at_end = place in (0, len(line.candidates) - 1)
        return "no rate beyond it is in the grid" if at_end else "both sides were seen"

    def _near_the_best(self, line: _Line) -> dict[float, float]:
        values = {line.decades[place]: value for place, value in line.values.items() if math.isfinite(value)}
        if not values:
            return {}
        best = min(values, key=lambda place: values[place])
        end = bound(values.values())
        most = math.inf if end is None else end + MUCH_WORSE * (values[best] - end)
        return {
            place: value
            for place, value in sorted(values.items())
            if abs(place - best) <= NEAR and value <= most
        }

    def _gather(self) -> None:
        for line in self.lines:
            known = enumerate(candidate.key for candidate in line.candidates)
            line.values = {place: self.known[key] for place, key in known if key in self.known}

    def _next_round(self) -> None:
        self._gather()
        while self.later and not any(line.open() for line in self.lines):
            self.lines.append(self.later.pop(0))
            self._gather()
        going_on = [line for line in self.lines if line.open()]
        scale = _scale(v for line in self.lines for v in line.values.values() if math.isfinite(v))
        gains = [line.gain(scale) for line in self.lines if len(line.values) > 1]
        usual = median(gains) if gains else 0.0
        # Stable: the race's order decides between equals.
        going_on.sort(key=lambda line: line.promise(scale, usual))
        upwards = self._upwards() >= 0  # the race takes the low side of what it sees
        for line in going_on[: max(0, min(WIDTH, math.floor(self.runs_left)))]:
            place = line.open()[0 if upwards else -1]
            self.waiting.append(RunRequest(line.candidates[place], self.seed, 1.0, Phase.SCREEN))
            self.runs_left -= 1

    def _upwards(self) -> int:
        """How many more lines have become better upwards from where they began than downwards."""
        moved = [line.best - line.start for line in self.lines if line.values]
        return sum((steps > 0) - (steps < 0) for steps in moved)


def _line(candidate: Candidate, grid: Sequence[Candidate], places: Grid) -> _Line:
    line = places.line_of(grid.index(candidate))
    candidates = [grid[place] for place in line.arms]
    return _Line(candidates, line.decades, candidates.index(candidate))


def _scale(values: Iterable[float]) -> Scale:
    """Logarithms of the distance to where values end, where they end: noise goes with it."""
    end = bound(values)
    return float if end is None else lambda value: math.log(value - end)
