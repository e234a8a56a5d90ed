"""What a race decided and why, as data with one sentence each.

    journal = Journal(arms, rungs, lower_is_better=True)
    journal.stopped(arm, rung=2, value=0.41, best=0.08, band=0.12)
    journal.decisions[-1].text
    # "Adagrad lr=1 stopped at 1/9: 0.41 against a band of 0.12 up from the best 0.08"

The race reasons in values where lower is better; a journal speaks in the user's own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from surefoot.study.decisions import BestOfOptimizer, Promoted, Stopped, Widened
from surefoot.study.format import difference, fraction, number
from surefoot.study.label import candidate_label
from surefoot.study.run import Candidate

Step = Promoted | Stopped | Widened | BestOfOptimizer


class Journal:
    """Writes the decisions of one race.

    Args:
        arms: the race's; every method takes an arm as its place among them.
        rungs: the race's rungs; every method takes a rung as an index into them.
        lower_is_better: if not, the race's values are the user's times -1.

    Attributes:
        decisions: in order.
    """

    def __init__(self, arms: Sequence[Candidate], rungs: Sequence[float], lower_is_better: bool) -> None:
        self.decisions: list[Step] = []
        self._arms = arms
        self._rungs = rungs
        self._sign, self._side = (1.0, "up") if lower_is_better else (-1.0, "down")
        self._diverged: set[int] = set()

    def promoted(self, arm: int, rung: int, value: float, best: float, band: float) -> None:
        """The arm goes on beyond `rung` because it is within the band."""
        against = f"within a band of {self._band(best, band)}"
        self._write(
            Promoted,
            arm,
            rung,
            f"goes on from {self._at(rung)}: {self._number(value)} {against}",
            value,
            band,
        )

    def kept(self, arm: int, rung: int, value: float, why: str) -> None:
        """The arm goes on beyond `rung` for another reason than its value there (nan if it has none)."""
        self._write(Promoted, arm, rung, f"goes on from {self._at(rung)}: {why}", value)

    def stopped(self, arm: int, rung: int, value: float, best: float, band: float) -> None:
        """The arm stops at `rung`, outside the band or beyond what the budget pays."""
        outside = value - best > band
        against = f"against a band of {self._band(best, band)}"
        if not outside:
            against = (
                f"is within a band of {self._band(best, band)}, but the budget pays for better ones only"
            )
        self._write(
            Stopped,
            arm,
            rung,
            f"stopped at {self._at(rung)}: {self._number(value)} {against}",
            value,
            band,
        )

    def diverged(self, arm: int, rung: int) -> None:
        """The arm diverged on the way to `rung`; noted once."""
        if arm not in self._diverged:
            self._diverged.add(arm)
            self._write(Stopped, arm, rung, f"diverged before {self._at(rung)}")

    def widened(self, arm: int, rung: int) -> None:
        """The arm lies beyond the learning rates tried so far, whose edge on its side is the best of them."""
        self._write(
            Widened,
            arm,
            rung,
            f"is tried too: nothing tried up to {self._at(rung)} bounds the best on this side",
        )

    def best_of_optimizer(self, arm: int, rung: int, value: float, place: int) -> None:
        """The arm is the best of its optimizer, and its optimizer the `place`-th best."""
        order = "the best" if place == 1 else f"number {place}"
        told = f"{candidate_label(self._arms[arm])} is {order}: {self._number(value)} at {self._at(rung)}"
        best = BestOfOptimizer(told, self._arms[arm], self._rungs[rung], self._sign * value, place=place)
        self.decisions.append(best)

    def _write(
        self,
        step: type[Promoted] | type[Stopped] | type[Widened],
        arm: int,
        rung: int,
        what: str,
        value: float = math.nan,
        band: float = math.nan,
    ) -> None:
        candidate = self._arms[arm]
        text = f"{candidate_label(candidate)} {what}"
        self.decisions.append(step(text, candidate, self._rungs[rung], self._sign * value, band))

    def _at(self, rung: int) -> str:
        return fraction(self._rungs[rung])

    def _number(self, value: float) -> str:
        return number(self._sign * value)

    def _band(self, best: float, band: float) -> str:
        return f"{difference(band)} {self._side} from the best {self._number(best)}"
