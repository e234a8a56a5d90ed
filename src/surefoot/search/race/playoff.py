"""The play-off: the best candidate of each optimizer on a few more seeds, before anyone is a finalist.

    playoff = Playoff(race.finalists(entrants(runs=30)), seed=0, runs=30, …)
    while (request := playoff.ask()) is not None:
        playoff.tell(request, train(request))
    playoff.finalists(4)

The race sees one seed, and the best of its many runs owes part of its lead to luck. Here each round trains
those still in on one more seed, and the last fifth of them leaves (successive rejects, Audibert & Bubeck
2010), so that seeds go where it is close. As many runs spread evenly lose the best optimizer more often;
`benchmarks/honesty.py --only playoff` compares the two.

Its values choose finalists and nothing else: what is reported comes from confirmation, on seeds of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from surefoot.study.decisions import Decide, PlayoffPlace
from surefoot.study.direction import Direction
from surefoot.study.format import difference, number, plural
from surefoot.study.requests import RunRequest
from surefoot.study.run import Candidate, Phase

ENTRANT_RUNS = 3
"""So many runs are there for each that enters, at least: a longer list is cut by the race's order."""

FEWEST_ENTRANTS = 8
"""Where the runs pay for them, so many enter even if each then gets fewer."""

LEAVING = 0.2
"""The share that leaves after a round."""

LASTING = 6
"""Fewer than this are not cut further: four become finalists, and the places behind them are close."""


def entrants(runs: float) -> int:
    """How many candidates a play-off of this many runs is for."""
    return min(math.floor(runs), max(FEWEST_ENTRANTS, math.floor(runs / ENTRANT_RUNS)))


class Playoff:
    """Asks for round after round of one more seed, for fewer and fewer candidates.

    Args:
        candidates: the best of each optimizer, in the order of the race.
        seed: the race's own: what it has already trained is not trained again. Further ones count up from it.
        runs: how many full trainings the rounds may cost, besides those on the race's seed.
        label: a candidate's short name for people.
        decide: called with every decision.
        direction: which way of the user's own values is better.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        seed: int,
        runs: float,
        label: Callable[[Candidate], str],
        decide: Decide,
        direction: Direction = Direction.MINIMIZE,
    ) -> None:
        self.direction = direction
        self.candidates = list(candidates)
        self.seed = seed
        self.runs_left = runs
        self.label = label
        self.decide = decide
        self.values: dict[str, dict[int, float]] = {candidate.key: {} for candidate in candidates}
        self.still_in = list(candidates)
        self.rounds = 0  # on seeds of its own
        self.outstanding = 0
        self.waiting = [RunRequest(candidate, seed, 1.0, Phase.SCREEN) for candidate in candidates]

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
        self.values[request.candidate.key][request.seed] = value
        self.outstanding -= 1

    def finalists(self, count: int) -> list[Candidate]:
        """The best `count`: who stayed longest, then by mean; who diverged on any seed is none.

        A round that was cut short counts for nobody.
        """
        if self.outstanding or self.waiting:
            for values in self.values.values():
                if self.rounds:
                    values.pop(self.seed + self.rounds, None)
        ranked = self._ranked(self.candidates)
        for place, candidate in enumerate(ranked, start=1):
            self._explain(candidate, place, place <= count)
        return [candidate for candidate in ranked[:count] if math.isfinite(self._mean(candidate))]

    def _next_round(self) -> None:
        if self.rounds > 0:
            keep = max(LASTING, math.floor((1 - LEAVING) * len(self.still_in)))
            self.still_in = self._ranked(self.still_in)[:keep]
        if len(self.still_in) <= self.runs_left:
            self.rounds += 1
            self.runs_left -= len(self.still_in)
            seed = self.seed + self.rounds
            self.waiting = [RunRequest(candidate, seed, 1.0, Phase.SCREEN) for candidate in self.still_in]

    def _ranked(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        def standing(candidate: Candidate) -> tuple[bool, int, float]:
            mean = self._mean(candidate)
            return math.isinf(mean), -len(self.values[candidate.key]), mean

        return sorted(candidates, key=standing)  # stable: the race's order decides between equals

    def _mean(self, candidate: Candidate, seeds: int | None = None) -> float:
        """Over the first seeds, or all; infinite where one of them diverged, or there are fewer."""
        values = list(self.values[candidate.key].values())[:seeds]
        whole = len(values) == (seeds or len(values)) > 0 and all(map(math.isfinite, values))
        return math.fsum(values) / len(values) if whole else math.inf

    def _explain(self, candidate: Candidate, place: int, goes_on: bool) -> None:
        """Told beside the best over the seeds that this one had: a mean over others does not compare."""
        mean, seeds = self._mean(candidate), len(self.values[candidate.key])
        best = min(self.candidates, key=lambda other: self._mean(other, seeds))
        behind = mean - self._mean(best, seeds) if mean < math.inf else math.inf
        result = "diverged on a seed"
        if mean < math.inf:
            result = f"{number(self.direction.own(mean))} on average over {plural(seeds, 'seed')}"
        if 0 < behind < math.inf:
            result += f", {difference(behind)} behind {self.label(best)}"
        text = f"{self.label(candidate)}: {result}; number {place}, {'goes on' if goes_on else 'stopped'}."
        own = self.direction.own(mean)
        self.decide(PlayoffPlace(text, candidate, place, goes_on, own, seeds, behind, best))
