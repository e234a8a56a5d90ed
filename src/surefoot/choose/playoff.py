"""The play-off: the best candidate of each optimizer on a few more seeds, before anyone is a finalist.

The race sees one seed, and the best of its many runs owes part of its lead to luck.  A play-off is cheap,
since only one candidate of each optimizer is left, and it spends seeds where they decide most.  Its values
choose finalists and nothing else: what is reported comes from confirmation, on seeds of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from surefoot.choose.request import Request
from surefoot.training.run import Candidate


class Playoff:
    """Asks for every candidate on every seed, then ranks them by their mean.

    Args:
        candidates: the best of each optimizer, in the order of the race.
        seeds: the race's own first: what it has already trained is not trained again.
        label: a candidate's short name for people.
        decide: called with (kind, sentence, details) for every decision.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        seeds: Sequence[int],
        label: Callable[[Candidate], str],
        decide: Callable[[str, str, Mapping[str, object]], None],
    ) -> None:
        self.candidates = list(candidates)
        self.seeds = list(seeds)
        self.label = label
        self.decide = decide
        self.values: dict[str, dict[int, float]] = {candidate.key: {} for candidate in candidates}
        self.waiting = [
            Request(candidate, seed, 1.0, "screen") for seed in self.seeds for candidate in self.candidates
        ]

    def ask(self) -> Request | None:
        """The next run, or None when all are asked for."""
        return self.waiting.pop(0) if self.waiting else None

    def tell(self, request: Request, value: float) -> None:
        """The final value of a run; nan if it diverged or failed."""
        self.values[request.candidate.key][request.seed] = value

    def finalists(self, count: int) -> list[Candidate]:
        """The best `count` by mean over the seeds; one that diverged on any seed comes last."""
        ranked = sorted(self.candidates, key=self._mean)  # stable: the race's order decides between equals
        for place, candidate in enumerate(ranked, start=1):
            self._explain(candidate, place, place <= count)
        return [candidate for candidate in ranked[:count] if math.isfinite(self._mean(candidate))]

    def _mean(self, candidate: Candidate) -> float:
        values = [self.values[candidate.key].get(seed, math.nan) for seed in self.seeds]
        return math.fsum(values) / len(values) if all(map(math.isfinite, values)) else math.inf

    def _explain(self, candidate: Candidate, place: int, goes_on: bool) -> None:
        mean = self._mean(candidate)
        result = (
            f"{mean:.4g} on average over {len(self.seeds)} seeds" if mean < math.inf else "diverged on a seed"
        )
        text = f"{self.label(candidate)}: {result}, number {place}; {'goes on' if goes_on else 'stopped'}."
        details = {"optimizer": candidate.optimizer, "place": place, "mean": mean}
        self.decide("finalist" if goes_on else "eliminated", text, details)
