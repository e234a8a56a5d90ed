"""Screening: the race over candidates, as a policy for the runner.

    screening = Screening(grid, budget=30, seed=0, decide=…)
    while (request := screening.ask()) is not None:
        screening.tell(request, train(request))
    screening.finalists(4)

A race knows arms by number; here they become candidates, all trained on one seed, and what it decides becomes
part of the study.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from surefoot.search.answer.before_confirmation import Reached
from surefoot.search.answer.partial import screening_so_far
from surefoot.search.race.race import Race
from surefoot.search.space import candidates as space
from surefoot.study.cost import Tariff
from surefoot.study.decisions import Decide
from surefoot.study.direction import Direction
from surefoot.study.requests import RunRequest
from surefoot.study.run import Candidate, Phase

SEED_STRIDE = 1_000_000
"""Seeds of different studies, and of screening and confirmation, never meet."""


class Screening:
    """Asks for the runs of a race.

    Args:
        grid: every candidate; what is known of their learning rates is what their optimizers declare.
        budget: in full trainings.
        seed: the study's.
        decide: called with every decision.
        first: candidates to look at before all others.
        marks, tariff, order, shortest, low_side: as `Race` takes them.
        direction: which way of the values is better; the race's decisions are told in the user's own.
        steps: of a full training; 0: not known.
    """

    def __init__(
        self,
        grid: list[Candidate],
        budget: float,
        seed: int,
        decide: Decide,
        first: Sequence[Candidate] = (),
        marks: Sequence[float] = (),
        tariff: Tariff | None = None,
        order: Sequence[str] = (),
        shortest: float = 0.0,
        direction: Direction = Direction.MINIMIZE,
        steps: float = 0.0,
        low_side: float | None = None,
    ) -> None:
        self.direction = direction
        self.grid = grid
        self.race = Race(
            grid,
            budget,
            direction is Direction.MINIMIZE,
            priors=space.priors(list(dict.fromkeys(candidate.optimizer for candidate in grid)), steps),
            order=order,
            portfolio=[grid.index(candidate) for candidate in first],
            marks=marks,
            tariff=tariff,
            shortest=shortest,
            low_side=low_side,
        )
        self.seed = seed * SEED_STRIDE
        self.decide = decide
        self.passed_on = 0
        self.values: dict[int, tuple[float, float]] = {}  # arm: how far it has come, and its value there
        self.arms: dict[str, int] = {candidate.key: arm for arm, candidate in enumerate(grid)}

    def ask(self) -> RunRequest | None:
        """The race's next run."""
        asked = self.race.ask()
        self.pass_on_decisions()
        return None if asked is None else RunRequest(self.grid[asked[0]], self.seed, asked[1], Phase.SCREEN)

    def tell(self, request: RunRequest, value: float) -> None:
        """Pass the value on to the race, which writes down the user's own."""
        arm, value = self.arms[request.candidate.key], self.direction.own(value)
        self.values[arm] = (request.progress, value)
        self.race.tell(arm, request.progress, value)

    def finalists(self, count: int) -> list[Candidate]:
        """The best candidate of each of the best optimizers."""
        return [self.grid[arm] for arm in self.race.finalists(count)]

    @property
    def finished(self) -> dict[str, float]:
        """The values of those that were trained to the end, as a policy is told them, by candidate key.

        nan where one diverged.
        """
        return {
            self.grid[arm].key: self.direction.told(value)
            for arm, (progress, value) in self.values.items()
            if progress == 1 or not math.isfinite(value)
        }

    def so_far(self, measure: str) -> str:
        """Who is ahead, in words; empty before the first value."""
        best = [Reached(self.grid[arm], *self.values[arm]) for arm in self.race.finalists(2)]
        if not best:
            return ""
        rung = best[0].progress
        bands = [d.band for d in self.race.decisions if math.isclose(d.rung, rung) and not math.isnan(d.band)]
        band = bands[-1] if bands else math.nan
        following = best[1] if len(best) > 1 else None
        tried, grid = len(self.values), len(self.grid)
        return screening_so_far(best[0], following, band, tried, grid, measure, self.direction)

    def pass_on_decisions(self) -> None:
        """Record what the race has decided since the last call."""
        decisions = self.race.decisions
        for decision in decisions[self.passed_on :]:
            self.decide(decision)
        self.passed_on = len(decisions)
