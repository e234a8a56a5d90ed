"""Who is ahead in a race, and who may still be: arms ranked by themselves and by what their neighbours say.

    standings = Standings(grid, Neighbourhood(arms), ledger)
    standings.ranked(1)           # arms measured at that rung, the best value first
    standings.worth(1)            # by arm, with what its neighbours say; also of some not measured there
    standings.band(1, ranked)     # how far behind the best an arm may be and still be the best later

Nothing here decides: it reads what the ledger holds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from surefoot.search.race.ledger import Ledger, lowest_first
from surefoot.search.race.smoothing import Neighbourhood
from surefoot.search.space.lr_grid import Grid

FADE = 0.6
"""An arm that was dropped counts this much with each further rung, for what its neighbours are worth."""

BAND_DEVIATIONS = 3.0
"""Half width of the noise band in standard deviations of a curve's change; 2 to 4 replay alike."""

OWN_SHARE = 0.5
"""How much an arm's own value counts beside its worth when arms are ranked for good: its neighbours average
noise where they lie on a line of learning rates, and say nothing of it where all settings were drawn."""

FEWEST_CURVES = 3
"""With fewer curves than this their spread says nothing, and no arm is stopped for it."""

_NORMAL_MAD = 1.4826  # standard deviation of a normal distribution over its median absolute deviation


class Standings:
    """The standings of one race, at any moment.

    Args:
        grid: the arms as learning-rate lines.
        neighbourhood: of the same arms.
        ledger: what was told so far.
    """

    def __init__(self, grid: Grid, neighbourhood: Neighbourhood, ledger: Ledger) -> None:
        self._grid, self._neighbourhood, self._ledger = grid, neighbourhood, ledger

    def ranked(self, rung: int) -> list[int]:
        """Arms measured at the rung, best first."""
        return lowest_first(self._ledger.at(rung))

    def furthest(self) -> list[int]:
        """All arms that have not diverged, the furthest first, then those that are judged best there."""
        ledger, lost = self._ledger, self._ledger.diverged()
        reached = {arm: ledger.reached(arm) for arm in ledger.values if arm not in lost}
        worth = {rung: self.worth(rung) for rung in set(reached.values())}

        def judged(arm: int) -> float:
            rung = reached[arm]
            return OWN_SHARE * ledger.values[arm][rung] + (1 - OWN_SHARE) * worth[rung][arm]

        return sorted(reached, key=lambda arm: (-reached[arm], judged(arm), arm))

    def lowest_of_the_diverged(self) -> list[int]:
        """The arm of lowest lr of each optimizer that has no other than diverged arms."""
        lost = self._ledger.diverged()
        alive = {self._grid.line_of(arm).optimizer for arm in self._ledger.values if arm not in lost}
        tested = sorted(self._ledger.values, key=self._grid.decades)
        return [
            arm for arm in self.best_of_optimizers(tested) if self._grid.line_of(arm).optimizer not in alive
        ]

    def best_of_optimizers(self, ranked: Iterable[int]) -> list[int]:
        """The first of each optimizer."""
        best: dict[str, int] = {}
        for arm in ranked:
            best.setdefault(self._grid.line_of(arm).optimizer, arm)
        return list(best.values())

    def in_band(self, worth: Mapping[int, float], band: float) -> list[int]:
        """The best arm of each optimizer that has one in the band behind the best of all, the best first."""
        best = self.best_of_optimizers(lowest_first(worth))
        return [arm for arm in best if worth[arm] - worth[best[0]] <= band]

    def newcomers(self, rung: int, finished: Iterable[int]) -> list[int]:
        """The best arm at the rung of each optimizer in its noise band that has not finished any."""
        measured, worth = self.ranked(rung), self.worth(rung)
        known = {self._grid.line_of(arm).optimizer for arm in finished}
        best = self.in_band({arm: worth[arm] for arm in measured}, self.band(rung, measured))
        return [arm for arm in best if self._grid.line_of(arm).optimizer not in known]

    def band(self, rung: int, ranked: Sequence[int]) -> float:
        """How far behind the best an arm may be and still be the best later.

        Curves cross because they fall by different amounts between rungs, by their nature and by noise.
        The spread of what they fell since the last rung measures both; it is the median absolute
        deviation, so that one arm that collapses does not widen it. At the first rung there is no such
        measure: the better half stays, which holds the final best 99 times in 100 on long schedules.
        """
        if not ranked:
            return math.nan
        if rung == 0:
            return self._behind(ranked[math.ceil(len(ranked) / 2) - 1], ranked[0], rung)
        changed = self._ledger.changes(rung)
        changes = [changed[arm] for arm in ranked if arm in changed]
        if len(changes) < FEWEST_CURVES:
            return self._behind(ranked[-1], ranked[0], rung)
        centre = median(changes)
        return BAND_DEVIATIONS * _NORMAL_MAD * median(abs(change - centre) for change in changes)

    def worth(self, rung: int) -> dict[int, float]:
        """What arms are worth at the rung: all measured ones, and those between them that may be tried.

        Where settings were drawn neighbours say nothing, and an arm is worth its own value.
        """
        values, trust = self._levelled(rung)
        lost, measured = self._ledger.diverged(), self._ledger.values
        if self._grid.drawn:
            return {arm: value for arm, value in values.items() if arm not in lost and math.isfinite(value)}
        return {
            arm: worth
            for arm, worth in self._neighbourhood.judge(values, trust).items()
            if arm not in lost and (arm in measured or not self._grid.above_diverged(arm, lost))
        }

    def _levelled(self, rung: int) -> tuple[dict[int, float], dict[int, float]]:
        """Every arm's value at the rung, and how much it is to be trusted.

        An arm that was dropped before is taken to have changed as its neighbours did.
        """
        values: dict[int, float] = {}
        trust: dict[int, float] = {}
        for level in range(rung + 1):
            change = self._neighbourhood.carry(self._ledger.changes(level))
            values = {arm: value + change(arm) for arm, value in values.items()}
            trust = {arm: weight * FADE for arm, weight in trust.items()}
            measured = {arm: own[level] for arm, own in self._ledger.values.items() if level in own}
            values |= measured
            trust |= dict.fromkeys(measured, 1.0)
        return values, trust

    def _behind(self, arm: int, best: int, rung: int) -> float:
        values = self._ledger.values
        return values[arm][rung] - values[best][rung]
