"""The race: which arm to train next and how far, on a budget counted in full trainings.

    race = Race(arms, budget=3, priors={"sgd": (3e-2, 0.8)})
    while (request := race.ask()) is not None:
        arm, progress = request
        race.tell(arm, progress, train(arm, until=progress))  # nan where it diverged
    race.recommend()

The race is a pure object: no clock, file or process. It goes in rounds, and `Race._rounds` is the whole
method: a coarse look at every optimizer on a short first rung, a search by lr neighbours around what looks
best, then rung after rung with fewer arms, and what is left of the budget for the arms dropped last. Arms
are compared by what they are worth together with their neighbours (see `neighbourhood`), which averages the
noise of single runs and takes the low side of a flat window of learning rates. What the race decides in a
round depends on the results of the rounds before, never on the order in which they came.

It grew from successive halving (Jamieson & Talwalkar, 2016) on the thirds of Hyperband (Li et al., 2018),
with runs that go on where they stopped. It differs in what it knows of optimizers: an lr prior, a loss close
to unimodal in log lr with a steep high side, a best lr that falls as training goes on, and curves that cross
by an amount that can be measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from surefoot.search.race.decisions import Journal, Step
from surefoot.search.race.ledger import Job, Ledger, lowest_first
from surefoot.search.race.rungs import ascending, at_marks, rungs_for
from surefoot.search.race.smoothing import Neighbourhood
from surefoot.search.race.standings import Standings
from surefoot.search.space.lr_grid import Grid, Priors
from surefoot.search.space.prior_results import usual_order
from surefoot.study.cost import Tariff
from surefoot.study.run import Candidate

FEWEST_COMPARED = 2
"""A rung is planned only if its share pays for two arms: one alone is compared with nothing."""

SHARE_GROWTH = 1.5
"""Each rung gets this many times the share of the one before it: later values are worth more."""

OPTIMIZER_KEPT_RUNGS = 1
"""Up to the end of this many rungs each optimizer keeps its best arm: warm-up differs between them."""

REFINED_SHARE = 0.4
"""Of a rung's share, for what is near the survivors; none at the last rung, which brackets on its own."""

DRAWN_BUDGET = 1.0
"""With less, drawn settings are looked at along the learning rate alone: many arms cannot be paid for."""

DRAWN_GROWTH = 1.0
"""In place of `SHARE_GROWTH` where settings were drawn: few arms are good, so many must be looked at."""

DRAWN_REFINED_SHARE = 0.2
"""In place of `REFINED_SHARE` there."""

DRAWN_SHORTEST = 1 / 27
"""No first rung is shorter there, for the same reason: what it saves goes on arms that it misjudges."""

SEARCHED_RUNGS = 1
"""Through this many rungs more learning rates are searched anew: the first may be too short to tell."""

SCOUTS = 2
"""So many optimizers show the others where a task's learning rates are."""

FEWEST_SCOUTED = 4
"""With fewer optimizers each finds its own."""

FEWEST_SCOUT_RUNS = 4
"""Of a scout that the first rung must pay for."""

SAFE_DECADES = 0.25
"""The others begin so far below the scouts: optimizers differ, and the high side is a cliff."""

SCOUTED_SHARE = 0.5
"""Of the first rung's share, at most."""

_ROUNDING = 1e-9


class Race:
    """One race over a finite list of arms.

    Several requests may be out at once: `ask` returns None while the round must be waited for, and when
    the race is over; `finished` tells the two apart. To resume a race, build it again with the same
    arguments and tell it the stored results as it asks for them.

    Args:
        arms: the candidates; the race speaks of them by their places in this list. Those of one optimizer
            that differ in "lr" only form a line; one without "lr" is a line of its own. An optimizer's first
            line among its longest is taken for its usual setting and tried first.
        budget: in full trainings; a run that goes on pays only its new progress.
        lower_is_better: whether a lower value is better.
        priors: of learning rates, as `Grid` takes them.
        order: names of optimizers, the most promising first; those that are not named come after, in the
            usual order. Where the budget pays for the whole first look, the order changes nothing.
        rungs: ascending progresses that end in 1; by default thirds, from 1/81 for a small budget to 1/9.
        portfolio: arms to look at before all others, in this order.
        marks: the only progresses at which runs are measured, ascending to 1: each default rung becomes the
            first of them at or beyond it. Empty: runs are measured wherever they are asked to.
        tariff: what a run costs; by default its progress.
        shortest: no default rung is shorter: where training has hardly begun, nothing can be compared. A
            budget that does not pay for all on longer rungs pays for fewer optimizers.
        low_side: as `Neighbourhood` takes it; 0 where the learning rates of the best are bracketed later.

    Attributes:
        finished: whether the race has nothing more to ask for.

    Raises:
        ValueError: no arms, a budget that is not positive, or rungs that do not ascend to 1.
    """

    def __init__(
        self,
        arms: Sequence[Candidate],
        budget: float,
        lower_is_better: bool = True,
        *,
        priors: Priors | None = None,
        order: Sequence[str] = (),
        rungs: Sequence[float] | None = None,
        portfolio: Sequence[int] = (),
        marks: Sequence[float] = (),
        tariff: Tariff | None = None,
        shortest: float = 0.0,
        low_side: float | None = None,
    ) -> None:
        if not arms:
            raise ValueError("a race needs at least one arm")
        if not budget > 0:
            raise ValueError(f"budget must be positive, in full trainings; got {budget}")
        self.finished = False
        self._budget = budget
        self._sign = 1.0 if lower_is_better else -1.0
        self._grid = Grid(arms, priors, lines_only=budget < DRAWN_BUDGET)
        first = dict.fromkeys(name for name in order if name in self._grid.optimizers)
        self._order = list(dict.fromkeys([*first, *usual_order(self._grid.optimizers)]))
        self._portfolio = portfolio
        self._first_look = list(dict.fromkeys([*portfolio, *self._outward_from_the_priors()]))
        tariff = tariff or Tariff()
        shortest = max(shortest, DRAWN_SHORTEST) if self._grid.drawn else shortest
        found = ascending(rungs) if rungs else rungs_for(len(self._first_look), budget, tariff, shortest)
        self._ledger = Ledger(at_marks(found, marks) if marks else found, budget, tariff)
        self._standings = Standings(self._grid, Neighbourhood(arms, low_side), self._ledger)
        self._journal = Journal(arms, self._ledger.rungs, lower_is_better)
        self._entered_high = False
        self._round: list[Job] = []
        self._rounds_to_come = self._rounds()

    @property
    def decisions(self) -> list[Step]:
        """What was decided so far, in order."""
        return list(self._journal.decisions)

    def ask(self) -> tuple[int, float] | None:
        """The next (arm, progress to train it to), or None: wait for results, or see `finished`."""
        while (job := self._next_job()) is None:
            if self._ledger.outstanding or self.finished:
                return None
            self._begin_round()
        arm, rung = job
        self._ledger.ask(arm, rung)
        return arm, self._ledger.rungs[rung]

    def tell(self, arm: int, progress: float, value: float, *, ended: bool = False) -> None:
        """Report a point of an arm's curve; nan or infinity means it diverged (or failed).

        The first point told after a request answers it; further points of the same request refine it.
        A run that has `ended` keeps this value to the end of the training, at no further cost.

        Raises:
            ValueError: the arm was never asked for.
        """
        self._ledger.tell(arm, progress, self._sign * value if math.isfinite(value) else math.inf, ended)

    def recommend(self) -> int:
        """The arm to use: the best value of a full training; before there is one, the first of those that
        came furthest, judged by their own values as much as by their worth; before any result the prior's.
        """
        standing = self._standings.furthest()
        if not standing:
            return self._first_look[0]
        top = self._ledger.reached(standing[0])
        return self._standings.ranked(top)[0] if self._ledger.rungs[top] == 1 else standing[0]

    def prior(self, optimizer: str) -> tuple[float, float]:
        """The learning-rate prior, centre and decades, that it looks at an optimizer with."""
        return self._grid.prior(optimizer)

    def finalists(self, count: int) -> list[int]:
        """The best arm of each of the best `count` optimizers, best first: what confirmation takes over."""
        finished = self._standings.ranked(len(self._ledger.rungs) - 1)
        return self._standings.best_of_optimizers([*finished, *self._standings.furthest()])[:count]

    # ---------------------------------------------------------------- the method

    def _rounds(self) -> Iterator[list[Job]]:
        """The rounds of the race; each is planned when all results of the one before are in."""
        ledger = self._ledger
        first = self._first_look[0]
        if jobs := ledger.affordable([(first, 0)], self._budget):
            yield jobs
            ledger.coarsen(first)
        share = self._share(0) or self._budget
        yield from self._scout(share * SCOUTED_SHARE)
        yield ledger.affordable(((arm, 0) for arm in self._first_look if arm not in ledger.values), share)
        while jobs := self._search(0, share - ledger.spent()):
            yield jobs
        for rung in range(1, len(ledger.rungs) - 1):
            if share := self._share(rung):
                yield self._promotion(rung, share)
                yield self._refinement(rung, share * self._refined_share(rung))
        if share := self._share(len(ledger.rungs) - 1):
            yield from self._finals(share)
        while jobs := self._leftover():
            yield jobs
        for place, arm in enumerate(self.finalists(len(self._grid.optimizers)), start=1):
            self._journal.best_of_optimizer(arm, ledger.reached(arm), ledger.last(arm), place)

    def _scout(self, share: float) -> Iterator[list[Job]]:
        """Follow the learning rates of the first optimizers to where they are best; the others begin there.

        Tasks differ in their rates more than optimizers do beside their priors.
        """
        names = self._order[:SCOUTS]
        scouts = [self._grid.coarse(name)[0] for name in names]
        if (
            len(self._order) < FEWEST_SCOUTED
            or FEWEST_SCOUT_RUNS * len(scouts) * self._ledger.step(0) > share
        ):
            return
        end = self._ledger.spent() + share
        jobs = [(arm, 0) for arm in scouts if arm not in self._ledger.values]
        while jobs := self._ledger.affordable(jobs, end - self._ledger.spent()):
            yield jobs
            tested, lost = self._ledger.values.keys(), self._ledger.diverged()
            best = [self._best_or_lowest(name) for name in names]
            near = [self._grid.bracket(arm, tested, lost) for arm in best]
            wider = [arm for arm in _in_turn(near) if self._grid.widens(arm, tested)]
            jobs = [(arm, 0) for arm in wider if self._grid.offset(arm) > 0]
        # Upwards only, as far as all went: on a plateau the lowest rates look best, for they do nothing.
        agreed = max(0.0, min(self._grid.offset(self._best_or_lowest(name)) for name in names))
        self._grid.move(agreed - SAFE_DECADES)
        self._entered_high = agreed > 0
        self._first_look = list(dict.fromkeys([*self._portfolio, *self._outward_from_the_priors()]))

    def _best_or_lowest(self, optimizer: str) -> int:
        """The optimizer's best arm on the first rung, of equals the most usual; or the lowest diverged."""
        own = [arm for arm in self._ledger.values if self._grid.line_of(arm).optimizer == optimizer]
        values = self._ledger.at(0)
        healthy = [arm for arm in own if arm in values]
        if not healthy:
            return min(own, key=self._grid.decades)
        return min(healthy, key=lambda arm: (values[arm], abs(self._grid.offset(arm))))

    def _search(self, rung: int, share: float) -> list[Job]:
        """Neighbours of the best arm of each optimizer in the better half, in turn.

        An optimizer whose every arm diverged is followed to lower learning rates.
        """
        best = self._standings.best_of_optimizers(self._standings.ranked(rung))
        best = best[: math.ceil(len(best) / 2)] + self._standings.lowest_of_the_diverged()
        tested = self._ledger.values.keys()
        # What other settings do shows later than what the learning rate does.
        look = self._grid.neighbours if self._ledger.rungs[rung] == 1 else self._grid.bracket
        near = [look(arm, tested, self._ledger.diverged()) for arm in best]
        near = [own[::-1] for own in near] if self._entered_high else near
        jobs = self._ledger.affordable(((arm, rung) for arm in _in_turn(near)), share)
        for arm, _ in jobs:
            if self._grid.widens(arm, tested):
                self._journal.widened(arm, rung)
        return jobs

    def _refinement(self, rung: int, share: float) -> list[Job]:
        """What is near the best arm of each optimizer that is still racing.

        On the early rungs that is learning rates, before other settings; later other settings alone.
        """
        best = self._standings.best_of_optimizers(self._standings.ranked(rung))
        diverged = self._ledger.diverged()
        look = self._grid.neighbours if rung <= SEARCHED_RUNGS else self._grid.other_settings
        near = [look(arm, self._ledger.values.keys(), diverged) for arm in best]
        return self._ledger.affordable(((arm, rung) for arm in _in_turn(near)), share)

    def _finals(self, share: float) -> Iterator[list[Job]]:
        """Full trainings, half of what the share pays at a time: each half says who is next.

        The best rate of a short training need not be that of a long one, least where the learning rate falls
        towards the end: so the best arm that has finished is bracketed anew, among those that have finished.
        """
        ledger, standings = self._ledger, self._standings
        last = len(ledger.rungs) - 1
        end = ledger.left() - share
        jobs = self._promotion(last, share)
        while jobs:
            yield jobs[: max(FEWEST_COMPARED, len(jobs) // 2)]
            finished = {arm for arm, own in ledger.values.items() if last in own}
            best = standings.ranked(last)[:1]
            around = [near for arm in best for near in self._grid.bracket(arm, finished, ledger.diverged())]
            rest = [arm for arm in lowest_first(standings.worth(last)) if arm not in finished]
            order = dict.fromkeys(_in_turn([around, [*standings.newcomers(last - 1, finished), *rest]]))
            jobs = ledger.affordable(((arm, last) for arm in order), ledger.left() - end)

    def _promotion(self, rung: int, share: float) -> list[Job]:
        """Arms that go on to `rung`: those worth most, as far as the share pays.

        Each optimizer's best arm comes first: on the early rungs of all optimizers, then of those in the
        noise band behind the best. Then, in turn, what is worth most with its neighbours, and what has the
        best value of its own: both can err.
        """
        worth, measured = self._standings.worth(rung - 1), self._standings.ranked(rung - 1)
        band = self._standings.band(rung - 1, measured)
        ranked = lowest_first(worth)
        best = self._standings.in_band(worth, math.inf if rung <= OPTIMIZER_KEPT_RUNGS else band)
        why = dict.fromkeys(best, "the best of its optimizer")
        order = dict.fromkeys([*why, *_in_turn([ranked, measured])])
        jobs = self._ledger.affordable(
            ((arm, rung) for arm in order), share * (1 - self._refined_share(rung))
        )
        self._note_promotion(rung - 1, measured, band, [arm for arm, _ in jobs], why)
        return jobs

    def _leftover(self) -> list[Job]:
        """What the rest of the budget pays on the highest rung reached.

        Dropped arms, the last dropped first; then new neighbours of the best; then what left at once.
        """
        standing = self._standings.furthest()
        if not standing:
            return []
        top = self._ledger.reached(standing[0])
        late = [arm for arm in standing if 0 < self._ledger.reached(arm) < top]
        early = [arm for arm in standing if self._ledger.reached(arm) == 0 < top]
        return self._finish(late, top) or self._search(top, self._ledger.left()) or self._finish(early, top)

    def _finish(self, dropped: Sequence[int], top: int) -> list[Job]:
        jobs = self._ledger.affordable(((arm, top) for arm in dropped), self._ledger.left())
        for arm, _ in jobs:
            last, value = self._ledger.reached(arm), self._ledger.last(arm)
            self._journal.kept(arm, last, value, "the rest of the budget pays for it")
        return jobs

    def _note_promotion(
        self, rung: int, ranked: Sequence[int], band: float, promoted: Sequence[int], why: Mapping[int, str]
    ) -> None:
        values = self._ledger.values
        best = values[ranked[0]][rung] if ranked else math.nan  # all that came so far may have diverged
        for arm in dict.fromkeys([*promoted, *ranked]):
            value = values.get(arm, {}).get(rung, math.nan)
            if arm not in promoted:
                self._journal.stopped(arm, rung, value, best, band)
            elif value - best <= band:
                self._journal.promoted(arm, rung, value, best, band)
            else:
                self._journal.kept(arm, rung, value, why.get(arm, "its neighbours speak for it"))

    # ---------------------------------------------------------------- budget

    def _share(self, rung: int) -> float:
        """This rung's share of the rest, among all further ones that can still be compared on."""
        for top in range(len(self._ledger.rungs) - 1, rung - 1, -1):
            growth = DRAWN_GROWTH if self._grid.drawn else SHARE_GROWTH
            parts = [growth**number for number in range(top - rung + 1)]
            step = FEWEST_COMPARED * self._ledger.step(top)
            if self._ledger.left() * parts[-1] / sum(parts) >= step - _ROUNDING:
                return self._ledger.left() / sum(parts)
        return 0.0

    def _refined_share(self, rung: int) -> float:
        """Of the rung's share, for `_refinement`; none where there is nothing to refine."""
        others = len(self._grid.lines) > len(self._grid.optimizers)
        refined = rung < len(self._ledger.rungs) - 1 and (others or rung <= SEARCHED_RUNGS)
        share = DRAWN_REFINED_SHARE if self._grid.drawn else REFINED_SHARE
        return share if refined else 0.0

    def _next_job(self) -> Job | None:
        """The next of the round that the budget still pays; a run may have cost more than its rung."""
        while self._round:
            job = self._round.pop(0)
            if self._ledger.pays(*job):
                return job
        return None

    def _begin_round(self) -> None:
        self._ledger.in_order()
        for arm in sorted(self._ledger.diverged()):
            self._journal.diverged(arm, self._ledger.reached(arm))
        jobs = next(self._rounds_to_come, None)
        self.finished = jobs is None
        self._round = jobs or []

    # ---------------------------------------------------------------- before the race

    def _outward_from_the_priors(self) -> list[int]:
        """The coarse lr grid of every optimizer, in turn, so that any beginning of it is a fair look."""
        return _in_turn([self._grid.coarse(name) for name in self._order])


def _in_turn(lists: Sequence[Sequence[int]]) -> list[int]:
    """First of each, second of each, …"""
    return list(dict.fromkeys(item for row in zip_longest(*lists) for item in row if item is not None))
