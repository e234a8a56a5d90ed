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
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import chain, pairwise, zip_longest
from statistics import median

from surefoot.search.race.decisions import ArmDecision, Journal
from surefoot.search.race.smoothing import Neighbourhood
from surefoot.search.space.lr_grid import Arm, Grid, Priors
from surefoot.search.space.prior_results import usual_order
from surefoot.study.cost import Tariff

RUNGS = (1 / 81, 1 / 27, 1 / 9, 1 / 3, 1.0)
"""Thirds, as in Hyperband; in replay, steps of two to two and a half do as well and steps of four worse."""

FIRST_LOOK_SHARE = 0.1
"""The first look may cost this share of the budget; a budget that pays it on a longer rung starts there."""

FEWEST_COMPARED = 2
"""A rung is planned only if its share pays for two arms: one alone is compared with nothing."""

SHARE_GROWTH = 1.5
"""Each rung gets this many times the share of the one before it: later values are worth more."""

OPTIMIZER_KEPT_RUNGS = 1
"""Up to the end of this many rungs each optimizer keeps its best arm: warm-up differs between them."""

REFINED_SHARE = 0.4
"""Of a rung's share, for what is near the survivors; none at the last rung, which brackets on its own."""

SEARCHED_RUNGS = 1
"""Through this many rungs more learning rates are searched anew: the first may be too short to tell."""

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
_ROUNDING = 1e-9
_SAME_RUNG = 1.5  # progresses that differ by less than this factor need no rung each

Job = tuple[int, int]  # (arm, index of the rung to train it to)


class Race:
    """One race over a finite list of arms.

    Several requests may be out at once: `ask` returns None while the round must be waited for, and when
    the race is over; `finished` tells the two apart. To resume a race, build it again with the same
    arguments and tell it the stored results as it asks for them.

    Args:
        arms: {"optimizer": name, "hyperparameters": {...}} each. Arms of one optimizer that differ in "lr"
            only form a line; an arm without "lr" is a line of its own. An optimizer's first line among its
            longest is taken for its usual setting and tried first.
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

    Attributes:
        finished: whether the race has nothing more to ask for.

    Raises:
        ValueError: no arms, a budget that is not positive, or rungs that do not ascend to 1.
    """

    def __init__(
        self,
        arms: Sequence[Arm],
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
    ) -> None:
        if not arms:
            raise ValueError("a race needs at least one arm")
        if not budget > 0:
            raise ValueError(f"budget must be positive, in full trainings; got {budget}")
        self.finished = False
        self._budget = budget
        self._tariff = tariff or Tariff()
        self._sign = 1.0 if lower_is_better else -1.0
        self._grid = Grid(arms, priors)
        self._neighbourhood = Neighbourhood(arms)
        self._first_look = list(dict.fromkeys([*portfolio, *self._outward_from_the_priors(order)]))
        self._rungs = _checked(rungs) if rungs else self._rungs_for_the_first_look(shortest)
        if marks:
            self._rungs = at_marks(self._rungs, marks)
        self._journal = Journal(arms, self._rungs, lower_is_better)
        self._asked: dict[int, int] = {}  # arm: the rung it was last asked for
        self._outstanding: set[int] = set()
        self._paid: dict[int, float] = {}  # arm: the progress it has reached
        self._begun: dict[int, float] = {}  # arm: the progress it had reached when it was last asked for
        self._costs: dict[int, list[float]] = {}  # arm: of each time before that it was taken further
        self._values: dict[int, dict[int, float]] = {}  # arm: rung: value, lower is better, inf = diverged
        self._round: list[Job] = []
        self._rounds_to_come = self._rounds()

    @property
    def decisions(self) -> list[ArmDecision]:
        """What was decided so far, in order."""
        return list(self._journal.decisions)

    def ask(self) -> tuple[int, float] | None:
        """The next (arm, progress to train it to), or None: wait for results, or see `finished`."""
        while (job := self._next_job()) is None:
            if self._outstanding or self.finished:
                return None
            self._begin_round()
        arm, rung = job
        self._costs.setdefault(arm, []).append(self._last_cost(arm))
        self._begun[arm] = self._paid.get(arm, 0.0)
        self._asked[arm] = rung
        self._outstanding.add(arm)
        return arm, self._rungs[rung]

    def tell(self, arm: int, progress: float, value: float, *, ended: bool = False) -> None:
        """Report a point of an arm's curve; nan or infinity means it diverged (or failed).

        The first point told after a request answers it; further points of the same request refine it.
        A run that has `ended` keeps this value to the end of the training, at no further cost.

        Raises:
            ValueError: the arm was never asked for.
        """
        if arm not in self._asked:
            raise ValueError(f"arm {arm} was told but never asked for")
        self._outstanding.discard(arm)
        self._paid[arm] = max(self._paid.get(arm, 0.0), progress)
        told = self._sign * value if math.isfinite(value) else math.inf
        passed = [rung for rung, end in enumerate(self._rungs) if end <= progress + _ROUNDING]
        last = len(self._rungs) - 1 if ended else max([self._asked[arm], *passed])
        self._values.setdefault(arm, {}).update(dict.fromkeys(range(self._asked[arm], last + 1), told))

    def recommend(self) -> int:
        """The arm to use: the best value of a full training; before there is one, the first of those that
        came furthest, judged by their own values as much as by their worth; before any result the prior's.
        """
        standing = self._standing()
        if not standing:
            return self._first_look[0]
        top = self._reached(standing[0])
        return self._ranked(top)[0] if self._rungs[top] == 1 else standing[0]

    def prior(self, optimizer: str) -> tuple[float, float]:
        """The learning-rate prior, centre and decades, that it looks at an optimizer with."""
        return self._grid.prior(optimizer)

    def finalists(self, count: int) -> list[int]:
        """The best arm of each of the best `count` optimizers, best first: what confirmation takes over."""
        return self._best_of_optimizers(self._standing())[:count]

    # ---------------------------------------------------------------- the method

    def _rounds(self) -> Iterator[list[Job]]:
        """The rounds of the race; each is planned when all results of the one before are in."""
        first = self._first_look[0]
        if jobs := self._affordable([(first, 0)], self._budget):
            yield jobs
            self._coarsen(first)
        share = self._share(0) or self._budget
        yield self._affordable(((arm, 0) for arm in self._first_look if arm not in self._values), share)
        while jobs := self._search(0, share - self._spent()):
            yield jobs
        for rung in range(1, len(self._rungs) - 1):
            if share := self._share(rung):
                yield self._promotion(rung, share)
                yield self._refinement(rung, share * self._refined_share(rung))
        if share := self._share(len(self._rungs) - 1):
            yield from self._finals(share)
        while jobs := self._leftover():
            yield jobs
        for place, arm in enumerate(self._best_of_optimizers(self._standing()), start=1):
            last = self._reached(arm)
            self._journal.best_of_optimizer(arm, last, self._values[arm][last], place)

    def _coarsen(self, arm: int) -> None:
        """Give up the rungs that are shorter than the first point, this arm's, turned out to be."""
        reached = self._paid[arm]
        if reached > self._rungs[0] * _SAME_RUNG:
            further = [rung for rung in self._rungs if rung > reached * _SAME_RUNG]
            self._rungs[:] = [reached, *further] if further else [1.0]
            self._values[arm] = {0: self._values[arm][self._reached(arm)]}
            self._asked[arm] = 0

    def _search(self, rung: int, share: float) -> list[Job]:
        """Neighbours of the best arm of each optimizer in the better half, in turn.

        An optimizer whose every arm diverged is followed to lower learning rates.
        """
        best = self._best_of_optimizers(self._ranked(rung))
        best = best[: math.ceil(len(best) / 2)] + self._lowest_of_the_diverged()
        tested = self._values.keys()
        # What other settings do shows later than what the learning rate does.
        look = self._grid.neighbours if self._rungs[rung] == 1 else self._grid.bracket
        near = [look(arm, tested, self._diverged()) for arm in best]
        jobs = self._affordable(((arm, rung) for arm in _in_turn(near)), share)
        for arm, _ in jobs:
            if self._grid.widens(arm, tested):
                self._journal.widened(arm, rung)
        return jobs

    def _refinement(self, rung: int, share: float) -> list[Job]:
        """What is near the best arm of each optimizer that is still racing.

        On the early rungs that is learning rates, before other settings; later other settings alone.
        """
        best = self._best_of_optimizers(self._ranked(rung))
        diverged = self._diverged()
        look = self._grid.neighbours if rung <= SEARCHED_RUNGS else self._grid.other_settings
        near = [look(arm, self._values.keys(), diverged) for arm in best]
        return self._affordable(((arm, rung) for arm in _in_turn(near)), share)

    def _finals(self, share: float) -> Iterator[list[Job]]:
        """Full trainings, half of what the share pays at a time: each half says who is next.

        The best rate of a short training need not be that of a long one, least where the learning rate falls
        towards the end: so the best arm that has finished is bracketed anew, among those that have finished.
        """
        last = len(self._rungs) - 1
        end = self._left() - share
        jobs = self._promotion(last, share)
        while jobs:
            yield jobs[: max(FEWEST_COMPARED, len(jobs) // 2)]
            finished = {arm for arm, own in self._values.items() if last in own}
            best = self._ranked(last)[:1]
            around = [near for arm in best for near in self._grid.bracket(arm, finished, self._diverged())]
            rest = [arm for arm in _lowest_first(self._worth(last)) if arm not in finished]
            order = dict.fromkeys(_in_turn([around, [*self._newcomers(last - 1, finished), *rest]]))
            jobs = self._affordable(((arm, last) for arm in order), self._left() - end)

    def _newcomers(self, rung: int, finished: Set[int]) -> list[int]:
        """The best arm at the rung of each optimizer in its noise band that has not finished any."""
        measured, worth = self._ranked(rung), self._worth(rung)
        known = {self._grid.line_of(arm).optimizer for arm in finished}
        best = self._in_band({arm: worth[arm] for arm in measured}, self._band(rung, measured))
        return [arm for arm in best if self._grid.line_of(arm).optimizer not in known]

    def _in_band(self, worth: Mapping[int, float], band: float) -> list[int]:
        """The best arm of each optimizer that has one in the band behind the best of all, the best first."""
        best = self._best_of_optimizers(_lowest_first(worth))
        return [arm for arm in best if worth[arm] - worth[best[0]] <= band]

    def _promotion(self, rung: int, share: float) -> list[Job]:
        """Arms that go on to `rung`: those worth most, as far as the share pays.

        Each optimizer's best arm comes first: on the early rungs of all optimizers, then of those in the
        noise band behind the best. Then, in turn, what is worth most with its neighbours, and what has the
        best value of its own: both can err.
        """
        worth, measured = self._worth(rung - 1), self._ranked(rung - 1)
        band = self._band(rung - 1, measured)
        ranked = _lowest_first(worth)
        best = self._in_band(worth, math.inf if rung <= OPTIMIZER_KEPT_RUNGS else band)
        why = dict.fromkeys(best, "the best of its optimizer")
        order = dict.fromkeys([*why, *_in_turn([ranked, measured])])
        jobs = self._affordable(((arm, rung) for arm in order), share * (1 - self._refined_share(rung)))
        self._note_promotion(rung - 1, measured, band, [arm for arm, _ in jobs], why)
        return jobs

    def _leftover(self) -> list[Job]:
        """What the rest of the budget pays on the highest rung reached.

        Dropped arms, the last dropped first; then new neighbours of the best; then what left at once.
        """
        standing = self._standing()
        if not standing:
            return []
        top = self._reached(standing[0])
        late = [arm for arm in standing if 0 < self._reached(arm) < top]
        early = [arm for arm in standing if self._reached(arm) == 0 < top]
        return self._finish(late, top) or self._search(top, self._left()) or self._finish(early, top)

    def _finish(self, dropped: Sequence[int], top: int) -> list[Job]:
        jobs = self._affordable(((arm, top) for arm in dropped), self._left())
        for arm, _ in jobs:
            last = self._reached(arm)
            self._journal.kept(arm, last, self._values[arm][last], "the rest of the budget pays for it")
        return jobs

    def _band(self, rung: int, ranked: Sequence[int]) -> float:
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
        runs = [self._values[arm] for arm in ranked if rung - 1 in self._values[arm]]
        changes = [values[rung] - values[rung - 1] for values in runs]
        if len(changes) < FEWEST_CURVES:
            return self._behind(ranked[-1], ranked[0], rung)
        centre = median(changes)
        return BAND_DEVIATIONS * _NORMAL_MAD * median(abs(change - centre) for change in changes)

    def _note_promotion(
        self, rung: int, ranked: Sequence[int], band: float, promoted: Sequence[int], why: Mapping[int, str]
    ) -> None:
        best = self._values[ranked[0]][rung] if ranked else math.nan  # all that came so far may have diverged
        for arm in dict.fromkeys([*promoted, *ranked]):
            value = self._values.get(arm, {}).get(rung, math.nan)
            if arm not in promoted:
                self._journal.stopped(arm, rung, value, best, band)
            elif value - best <= band:
                self._journal.promoted(arm, rung, value, best, band)
            else:
                self._journal.kept(arm, rung, value, why.get(arm, "its neighbours speak for it"))

    # ---------------------------------------------------------------- budget

    def _spent(self) -> float:
        # Exact, whatever the order of arrival.
        return math.fsum(chain(*self._costs.values(), map(self._last_cost, self._begun)))

    def _last_cost(self, arm: int) -> float:
        """Of what the arm has reached since it was last asked for."""
        return self._tariff.cost(self._begun.get(arm, 0.0), self._paid.get(arm, 0.0))

    def _left(self) -> float:
        promised = math.fsum(self._cost(arm, self._asked[arm]) for arm in self._outstanding)
        return self._budget - self._spent() - promised

    def _cost(self, arm: int, rung: int) -> float:
        return self._tariff.cost(self._paid.get(arm, 0.0), self._rungs[rung])

    def _share(self, rung: int) -> float:
        """This rung's share of the rest, among all further ones that can still be compared on."""
        for top in range(len(self._rungs) - 1, rung - 1, -1):
            parts = [SHARE_GROWTH**number for number in range(top - rung + 1)]
            step = self._tariff.cost(self._rungs[top - 1] if top else 0.0, self._rungs[top])
            if self._left() * parts[-1] / sum(parts) >= FEWEST_COMPARED * step - _ROUNDING:
                return self._left() / sum(parts)
        return 0.0

    def _refined_share(self, rung: int) -> float:
        """Of the rung's share, for `_refinement`; none where there is nothing to refine."""
        others = len(self._grid.lines) > len(self._grid.optimizers)
        refined = rung < len(self._rungs) - 1 and (others or rung <= SEARCHED_RUNGS)
        return REFINED_SHARE if refined else 0.0

    def _affordable(self, jobs: Iterable[Job], share: float) -> list[Job]:
        share = min(share, self._left()) + _ROUNDING
        taken = []
        for arm, rung in jobs:
            if (cost := self._cost(arm, rung)) <= share:
                taken.append((arm, rung))
                share -= cost
        return taken

    def _next_job(self) -> Job | None:
        """The next of the round that the budget still pays; a run may have cost more than its rung."""
        while self._round:
            job = self._round.pop(0)
            if self._cost(*job) <= self._left() + _ROUNDING:
                return job
        return None

    def _begin_round(self) -> None:
        # In the order of asking, whatever that of arrival: sums and ties then come out the same.
        self._values = {arm: self._values[arm] for arm in self._asked if arm in self._values}
        for arm in sorted(self._diverged()):
            self._journal.diverged(arm, self._reached(arm))
        jobs = next(self._rounds_to_come, None)
        self.finished = jobs is None
        self._round = jobs or []

    # ---------------------------------------------------------------- standings

    def _has_diverged(self, arm: int) -> bool:
        return self._values[arm][self._reached(arm)] == math.inf if arm in self._values else False

    def _diverged(self) -> set[int]:
        return {arm for arm in self._values if self._has_diverged(arm)}

    def _reached(self, arm: int) -> int:
        return max(self._values[arm])

    def _ranked(self, rung: int) -> list[int]:
        """Arms measured at the rung, best first."""
        healthy = (arm for arm in self._values if not self._has_diverged(arm))
        return _lowest_first({arm: own[rung] for arm in healthy if rung in (own := self._values[arm])})

    def _lowest_of_the_diverged(self) -> list[int]:
        """The arm of lowest lr of each optimizer that has no other than diverged arms."""
        alive = {self._grid.line_of(arm).optimizer for arm in self._values if not self._has_diverged(arm)}
        tested = sorted(self._values, key=self._grid.decades)
        return [
            arm for arm in self._best_of_optimizers(tested) if self._grid.line_of(arm).optimizer not in alive
        ]

    def _standing(self) -> list[int]:
        """All arms that have not diverged, the furthest first, then those that are judged best there."""
        healthy = [arm for arm in self._values if not self._has_diverged(arm)]
        worth = {rung: self._worth(rung) for rung in {self._reached(arm) for arm in healthy}}

        def judged(arm: int) -> float:
            rung = self._reached(arm)
            return OWN_SHARE * self._values[arm][rung] + (1 - OWN_SHARE) * worth[rung][arm]

        return sorted(healthy, key=lambda arm: (-self._reached(arm), judged(arm), arm))

    def _worth(self, rung: int) -> dict[int, float]:
        """What arms are worth at the rung: all measured ones, and those between them that may be tried."""
        values, trust = self._levelled(rung)
        diverged = self._diverged()
        return {
            arm: worth
            for arm, worth in self._neighbourhood.judge(values, trust).items()
            if arm not in diverged and (arm in self._values or not self._grid.above_diverged(arm, diverged))
        }

    def _levelled(self, rung: int) -> tuple[dict[int, float], dict[int, float]]:
        """Every arm's value at the rung, and how much it is to be trusted.

        An arm that was dropped before is taken to have changed as its neighbours did.
        """
        values: dict[int, float] = {}
        trust: dict[int, float] = {}
        for level in range(rung + 1):
            change = self._neighbourhood.carry(self._changes(level))
            values = {arm: value + change(arm) for arm, value in values.items()}
            trust = {arm: weight * FADE for arm, weight in trust.items()}
            measured = {arm: own[level] for arm, own in self._values.items() if level in own}
            values |= measured
            trust |= dict.fromkeys(measured, 1.0)
        return values, trust

    def _changes(self, rung: int) -> dict[int, float]:
        """How values changed since the rung before, of the healthy arms that were measured at both."""
        return {
            arm: own[rung] - own[rung - 1]
            for arm, own in self._values.items()
            if rung in own and math.isfinite(own[rung]) and math.isfinite(own.get(rung - 1, math.inf))
        }

    def _behind(self, arm: int, best: int, rung: int) -> float:
        return self._values[arm][rung] - self._values[best][rung]

    def _best_of_optimizers(self, ranked: Iterable[int]) -> list[int]:
        best: dict[str, int] = {}
        for arm in ranked:
            best.setdefault(self._grid.line_of(arm).optimizer, arm)
        return list(best.values())

    # ---------------------------------------------------------------- before the race

    def _outward_from_the_priors(self, order: Sequence[str]) -> list[int]:
        """The coarse lr grid of every optimizer, in turn, so that any beginning of it is a fair look."""
        raced = self._grid.optimizers
        first = dict.fromkeys(name for name in order if name in raced)
        return _in_turn([self._grid.coarse(name) for name in dict.fromkeys([*first, *usual_order(raced)])])

    def _rungs_for_the_first_look(self, shortest: float) -> list[float]:
        """Thirds, from the longest first rung on which the budget pays the first look.

        None is so short that its runs take longer to start than to train.
        """
        arms, allowed, start = len(self._first_look), FIRST_LOOK_SHARE * self._budget, self._tariff.start
        paid = [i for i, rung in enumerate(RUNGS[:3]) if arms * self._tariff.cost(0.0, rung) <= allowed]
        short = [i for i, rung in enumerate(RUNGS[:3]) if (1 - start) * rung < start]
        rungs = RUNGS[max(paid[-1] if paid else 0, short[-1] + 1 if short else 0) :]
        return [rung for rung in rungs if rung >= shortest - _ROUNDING] or [1.0]


def at_marks(rungs: Sequence[float], marks: Sequence[float]) -> list[float]:
    """Each rung at the first mark at or beyond it, without those that then almost meet.

    Args:
        rungs: ascending to 1.
        marks: progresses, ascending to 1.
    """
    found: list[float] = []
    for rung in rungs:
        mark = next(mark for mark in marks if mark >= rung - _ROUNDING)
        if not found or mark > found[-1] * _SAME_RUNG:
            found.append(mark)
    return [*found[:-1], 1.0]


def _checked(rungs: Sequence[float]) -> list[float]:
    ascending = all(low < high for low, high in pairwise([0.0, *rungs]))
    if not ascending or rungs[-1] != 1:
        raise ValueError(f"rungs must ascend from above 0 to 1; got {list(rungs)}")
    return list(rungs)


def _in_turn(lists: Sequence[Sequence[int]]) -> list[int]:
    """First of each, second of each, …"""
    return list(dict.fromkeys(item for row in zip_longest(*lists) for item in row if item is not None))


def _lowest_first(worth: Mapping[int, float]) -> list[int]:
    """Arms by ascending value; of equals the first."""
    return sorted(worth, key=lambda arm: (worth[arm], arm))
