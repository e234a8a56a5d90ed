"""Confirmation: the finalists and the baseline on fresh seeds, look by look, until there is a verdict.

    confirmation = Confirmation(finalists, baseline, floor, runs=60, …)
    while (request := confirmation.ask()) is not None:
        confirmation.tell(request, train(request))
    confirmation.outcome(costs)

A pure object, as the race is.  Screening chose the finalists; none of its values is used here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, stdev

from surefoot.search.confirm.alpha_spending import ALPHA
from surefoot.search.confirm.outliers import Outlier, without_outliers
from surefoot.search.confirm.posterior import Posterior, posterior
from surefoot.search.confirm.sequential_test import (
    LADDER,
    Comparison,
    LookVerdict,
    Plan,
    compare,
    default_margin,
    leader,
    minimum_detectable_difference,
    pairing,
    seeds_needed,
    verdict,
)
from surefoot.study.answer import Interval, Pairing
from surefoot.study.decisions import Decide, Looked, RivalDifference
from surefoot.study.direction import bound
from surefoot.study.requests import RunRequest
from surefoot.study.run import Candidate, Phase

FEWEST_SEEDS = 2
"""Of everyone in play, for anything to be said of chance."""

LASTING_ARMS = 3
"""The last look is where the budget for this many arms ends: others usually fall at the first looks."""

NEAR = 3.0
"""In standard deviations of a seed: a dropped candidate that was further behind the leader is not better."""

MOST_CONTENDERS = 20
"""So many of the dropped are considered, the best first: what is further down adds nothing."""

COST_NOISE = 1.15
"""Seconds per step that differ by less are the same: so much do timings vary beside other processes."""


@dataclass(frozen=True)
class Cost:
    """What a candidate asks for besides its loss, in the order in which it decides between equals.

    Attributes:
        seconds: per step; less is better, but see `COST_NOISE`.
        state_bytes: of the optimizer; less is better.
        window: width of its flat window of learning rates, in decades; more is better. 0 if not seen.
    """

    seconds: float
    state_bytes: float
    window: float = 0.0


Costs = Mapping[str, Cost]
"""By candidate key."""


@dataclass(frozen=True)
class DroppedArm:
    """What a look found of an arm that then left.

    Attributes:
        leader: the key of the candidate that led, and that it is worse than.
        seeds: how many the leader had.
        comparison: of the two, with the interval of the posterior at that look.
        ratio: its mean over that leader's; None where a value is not positive.
    """

    leader: str
    seeds: int
    comparison: Comparison
    ratio: Interval | None


@dataclass(frozen=True)
class Outcome:
    """How a confirmation ended.

    Attributes:
        verdict: "win", "tie" or "budget".
        recommended, baseline, floor: candidates.
        tied: the candidates that could not be told apart, the recommended one first; for a win it alone.
        arms: every candidate that was confirmed.
        values: results by candidate key, one for each seed, nan where it diverged.
        comparisons: the leader against each rival, by the rival's key: decided by the test, with the interval
            of the posterior, as every interval here. The test asks for more than an interval without 0.
        means: each confirmed candidate's own mean, by key.
        effect: recommended minus baseline; below 0 the recommendation is better.
        p_best: probability that the recommended candidate has the lowest true mean, of the `contenders`.
        expected_regret: how much its true mean is expected to lie above the lowest of them.
        margin: differences below it were taken for a tie.
        minimum_detectable_difference: the true difference between the leader and its nearest rival that the
            seeds spent would have shown four times in five; nan where it is not known.
        trainings_needed: about how many further full trainings would end a study in a win or a tie four times
            in five, were the differences those seen; None where it has ended so, or nothing would do it.
        pairing: whether arms were compared seed by seed.
        findings: what was found of rivals that left at an earlier look, by the rival's key; it stands, though
            their intervals of today need not show it.
        ratios: each rival's mean over the leader's, by the rival's key; empty where a value is not positive.
        effect_ratio: the recommended candidate's mean over the baseline's; None where that is so.
        p_best_confirmed: `p_best` of those confirmed alone.
        contenders: how many candidates `p_best` is over: the confirmed, and those that the search dropped
            after a whole training.
        outliers: by candidate key, values that are counted as less far out in all of this but `values`.
    """

    verdict: str
    recommended: Candidate
    baseline: Candidate
    floor: Candidate
    tied: tuple[Candidate, ...]
    arms: tuple[Candidate, ...]
    values: Mapping[str, tuple[float, ...]]
    comparisons: Mapping[str, Comparison]
    means: Mapping[str, Interval]
    effect: Interval
    p_best: float
    expected_regret: float
    margin: float | None
    minimum_detectable_difference: float
    trainings_needed: int | None
    pairing: Pairing
    findings: Mapping[str, DroppedArm] = field(default_factory=dict)
    ratios: Mapping[str, Interval] = field(default_factory=dict)
    effect_ratio: Interval | None = None
    p_best_confirmed: float = math.nan
    contenders: int = 0
    outliers: Mapping[str, tuple[Outlier, ...]] = field(default_factory=dict)

    @property
    def leader(self) -> Candidate:
        """Whom the comparisons are with: the recommended candidate, but in a tie another may be cheaper."""
        return next((c for c in self.arms if c.key not in self.comparisons), self.recommended)


class Confirmation:
    """Asks for seeds until the test has a verdict or the budget is spent.

    Args:
        finalists: from screening, the best first.
        baseline: what to compare with.
        floor: random search, run beside them and compared with nothing.
        runs: how many full trainings the budget pays.
        first_seed: confirmation uses the seeds from here on; every arm the same ones.
        floor_seeds: how many of them the floor gets.
        margin: differences below it are a tie; None means half the standard deviation between seeds, of the
            leader or of the baseline, whichever is less.
        label: a candidate's short name for people.
        decide: called with every decision.
        alpha: the most often it may call any candidate better than another if all are equal.
        seen: the lowest and the highest value of the measure that the search has seen, for `posterior`.
    """

    def __init__(
        self,
        finalists: Sequence[Candidate],
        baseline: Candidate,
        floor: Candidate,
        *,
        runs: int,
        first_seed: int,
        floor_seeds: int,
        margin: float | None,
        label: Callable[[Candidate], str],
        decide: Decide,
        alpha: float = ALPHA,
        seen: Sequence[float] = (),
    ) -> None:
        self.seen = seen
        self.arms = {candidate.key: candidate for candidate in (*finalists, baseline)}
        self.baseline = baseline
        self.floor = floor
        self.margin = margin
        self.label = label
        self.decide = decide
        self.seeds = [first_seed + i for i in range(LADDER[-1])]
        self.runs_left = runs - floor_seeds
        self.plan = Plan(looks=_looks(self.runs_left, len(self.arms)), alpha=alpha)
        self.look = -1
        self.verdict: LookVerdict | None = None
        self.judged: LookVerdict | None = None  # at the look before
        self.seeds_judged = 0
        self.at_look: Sequence[str] = ()
        self.comparisons: tuple[Comparison, ...] = ()
        self.pairing = Pairing(False, math.nan)
        self.beaten: dict[str, DroppedArm] = {}
        self.results: dict[str, dict[int, float]] = {key: {} for key in (*self.arms, floor.key)}
        self.asked: dict[str, int] = dict.fromkeys(self.arms, 0)
        self.outstanding = 0
        self.waiting = [RunRequest(floor, seed, 1.0, Phase.FLOOR) for seed in self.seeds[:floor_seeds]]

    def ask(self) -> RunRequest | None:
        """The next run, or None: wait for results, or the end."""
        while not self.waiting:
            if self.outstanding or self.verdict is not None:
                return None
            self._next_look()
        self.outstanding += 1
        return self.waiting.pop(0)

    def tell(self, request: RunRequest, value: float) -> None:
        """The final value of a run; nan if it diverged or failed."""
        self.results[request.candidate.key][request.seed] = value
        self.outstanding -= 1

    def close(self) -> bool:
        """End here, where time does; returns whether there is anything to answer from.

        What counts is the seeds that everyone in play has, `FEWEST_SEEDS` at least.  Such a look at fewer
        seeds than planned is taken at the planned one's level, as one is that is too dear.
        """
        if self.verdict is not None:
            return True
        whole = self._whole_seeds()
        if whole < FEWEST_SEEDS:
            return False
        kept = set(self.seeds[:whole])
        for key in self.at_look:
            self.results[key] = {s: value for s, value in self.results[key].items() if s in kept}
            self.asked[key] = whole
        self.waiting, self.outstanding = [], 0
        if self.judged is not None and whole <= self.seeds_judged:
            self.look -= 1
            self.verdict = replace(self.judged, outcome="budget")
            return True
        judged = self._judge()
        self.verdict = judged if judged.outcome is not None else replace(judged, outcome="budget")
        return True

    def _whole_seeds(self) -> int:
        """How many of the first seeds everyone at this look has a result of."""
        have = [self.results[key] for key in self.at_look]
        missing = (
            number
            for number, seed in enumerate(self.seeds)
            if not have or any(seed not in results for results in have)
        )
        return next(missing, len(self.seeds))

    @property
    def ahead(self) -> Sequence[float]:
        """The leader's results, once nothing is left to ask."""
        assert self.verdict is not None
        return self.counted()[self.verdict.in_play[0]]

    def outcome(self, costs: Costs, dropped: Mapping[str, Sequence[float]] | None = None) -> Outcome:
        """The result, once nothing is left to ask.

        Args:
            costs: decides between tied candidates: the cheaper is recommended.
            dropped: of candidates that the search trained to the end and left there, the values on its own
                seeds, by key: they may be better still, which `p_best` takes into account.
        """
        assert self.verdict is not None
        ahead = self.verdict.in_play[0]
        measured, plan = self._values(), self._plan(ahead)
        values, outliers = without_outliers(measured, plan.origin)
        result = self._result()
        in_play = [ahead] if result == "win" else list(self.verdict.in_play)
        recommended = _cheapest(in_play, costs) if result == "tie" else ahead
        known = self._posterior(values)
        every = self._posterior(values, self._contenders(values, dropped or {}))
        effect = known.difference(self.baseline.key, recommended)
        if recommended == self.baseline.key:
            effect = replace(effect, estimate=0.0, low=0.0, high=0.0)
        others = [key for key in in_play if key != recommended]
        compared = {
            c.rival: replace(c, difference=known.difference(ahead, c.rival)) for c in self.comparisons
        }
        ratios = {rival: known.ratio(ahead, rival) for rival in compared}
        return Outcome(
            result,
            self.arms[recommended],
            self.baseline,
            self.floor,
            tuple(self.arms[key] for key in (recommended, *others)),
            tuple(self.arms.values()),
            measured | {self.floor.key: self.values_of(self.floor.key)},
            compared,
            {key: known.mean(key) for key in self.arms},
            effect,
            min(every.p_best()[recommended], known.p_best()[recommended]),  # the draws differ
            every.expected_regret()[recommended],
            plan.margin,
            self._detectable(ahead, values, plan),
            self._trainings_needed(values, plan) if result == "budget" else None,
            self.pairing,
            {key: found for key, found in self.beaten.items() if key != ahead},
            {rival: ratio for rival, ratio in ratios.items() if ratio is not None},
            known.ratio(self.baseline.key, recommended),
            known.p_best()[recommended],
            len(self.arms) + len(dropped or {}),
            outliers,
        )

    def _result(self) -> str:
        """The verdict; nobody wins whose rivals all diverged, or who has none: no test said a word."""
        assert self.verdict is not None
        tested = any(c.decision == "better" and math.isfinite(c.p) for c in self.comparisons)
        if self.verdict.outcome == "win" and not tested:
            return "budget"
        return self.verdict.outcome or "budget"

    def _posterior(
        self, values: Mapping[str, Sequence[float]], beside: Mapping[str, Sequence[float]] | None = None
    ) -> Posterior:
        """The finalists are alike: each is the best of its optimizer. The baseline may be anywhere."""
        finalists = [key for key in self.arms if key != self.baseline.key]
        shared = max(0.0, self.pairing.correlation) if self.pairing.used else 0.0
        return posterior(values, alike=finalists, correlation=shared, beside=beside, seen=self.seen)

    def _contenders(
        self, values: Mapping[str, Sequence[float]], dropped: Mapping[str, Sequence[float]]
    ) -> dict[str, Sequence[float]]:
        """The dropped candidates that may be better than the leader: near it, the nearest first."""
        healthy = [list(own) for own in values.values() if all(map(math.isfinite, own)) and len(own) > 1]
        if not healthy:
            return {}
        lead = min(fmean(own) for own in healthy)
        reach = NEAR * fmean(stdev(own) for own in healthy)
        near = {key: own for key, own in dropped.items() if key not in values and fmean(own) <= lead + reach}
        nearest = sorted(near, key=lambda key: fmean(near[key]))[:MOST_CONTENDERS]
        return {key: near[key] for key in nearest}

    def _detectable(self, ahead: str, values: Mapping[str, Sequence[float]], plan: Plan) -> float:
        """Between the leader and its nearest rival."""
        rivals = [key for key in self.arms if key != ahead]
        healthy = {key: [v for v in values[key] if math.isfinite(v)] for key in self.arms}
        if not rivals or any(len(healthy[key]) < 2 for key in self.arms):
            return math.nan
        nearest = leader({key: values[key] for key in rivals})
        both = sum(map(math.isfinite, map(sum, zip(values[ahead], values[nearest], strict=False))))
        if plan.paired and both < 2:
            return math.nan
        return minimum_detectable_difference(values[ahead], values[nearest], plan, self.look)

    def _trainings_needed(self, values: Mapping[str, Sequence[float]], plan: Plan) -> int | None:
        """What the hardest rival in play needs, for every arm that would have to go on."""
        assert self.verdict is not None
        ahead, *others = self.verdict.in_play
        decided = {c.rival for c in self.comparisons if c.decision != "undecided"}
        rivals = [key for key in others if key not in decided]
        if not rivals or any(not math.isfinite(value) for key in (ahead, *rivals) for value in values[key]):
            return None
        seeds = max(seeds_needed(values[ahead], values[rival], plan) for rival in rivals)
        if not math.isfinite(seeds):
            return None
        going_on = {ahead, *rivals, self.baseline.key}
        return sum(max(1, math.ceil(seeds) - len(values[key])) for key in going_on)

    def _values(self) -> dict[str, tuple[float, ...]]:
        return {key: self.values_of(key) for key in self.arms}

    def counted(self) -> dict[str, tuple[float, ...]]:
        """What arms are compared by."""
        return without_outliers(self._values(), self._origin())[0]

    def values_of(self, key: str) -> tuple[float, ...]:
        """A candidate's results in the order of seeds, whatever the order in which they came."""
        return tuple(self.results[key][seed] for seed in sorted(self.results[key]))

    def _plan(self, ahead: str) -> Plan:
        """The plan with what the results so far decide: the margin, and whether pairing pays."""
        margin = self.margin
        if margin is None:
            counted = self.counted()
            measured = [counted[key] for key in (ahead, self.baseline.key)]
            healthy = max(sum(map(math.isfinite, values)) for values in measured)
            margin = (default_margin(*measured) if healthy > 1 else 0.0) or None
        return replace(self.plan, margin=margin, paired=self.pairing.used, origin=self._origin())

    def _origin(self) -> float | None:
        """Where the values end, as far as any of them shows: from there logarithms are taken."""
        values = [v for key in self.arms for v in self.results[key].values() if math.isfinite(v)]
        return bound([*self.seen, *values])

    def _next_look(self) -> None:
        """Judge what is there, and ask for the seeds of the next look, or end.

        A look that is too dear is taken at as many seeds as are left, at its own level. That errs on the safe
        side: the nearer to the look before, the less it can find by chance that this one did not.
        """
        judged = self.judged = self._judge() if self.look >= 0 else None
        if judged is not None and judged.outcome is not None:
            self.verdict = judged
            return
        in_play = list(judged.in_play) if judged else list(self.arms)
        # The baseline is measured to the end: the answer's interval is against it.
        keys = list(dict.fromkeys([*in_play, self.baseline.key]))
        wanted = self.plan.looks[self.look + 1]
        if judged is not None:
            wanted = min(wanted, self.asked[self.baseline.key] + self.runs_left // len(keys))
        requests = [
            RunRequest(self.arms[key], seed, 1.0, Phase.CONFIRM)
            for number, seed in enumerate(self.seeds[:wanted])
            for key in keys
            if number >= self.asked[key]
        ]
        if judged is not None and not requests:
            self.verdict = replace(judged, outcome="budget")
            return
        self.seeds_judged = self.asked[self.baseline.key]
        self.at_look = keys
        self.look += 1
        self.runs_left -= len(requests)
        self.asked |= dict.fromkeys(keys, wanted)
        self.waiting = requests

    def _judge(self) -> LookVerdict:
        """What this look shows.  Who was found worse than another arm at an earlier look stays out.

        The test counts every pair of arms, so that finding holds whoever leads now.
        """
        values = self.counted()
        self.pairing = pairing(values, replace(self.plan, origin=self._origin()), self.look)
        ahead = leader({key: results for key, results in values.items() if key not in self.beaten})
        plan = self._plan(ahead)
        known = self._posterior(values)
        compared = [self._agreed(c, known, ahead, values) for c in compare(values, ahead, plan, self.look)]
        for found in compared:
            if found.decision == "better" and found.rival not in self.beaten:
                shown = replace(found, difference=known.difference(ahead, found.rival))
                ratio = known.ratio(ahead, found.rival)
                self.beaten[found.rival] = DroppedArm(ahead, len(values[ahead]), shown, ratio)
        self.comparisons = tuple(
            replace(c, decision="better") if c.rival in self.beaten else c for c in compared
        )
        self._explain(ahead, self.comparisons, plan)
        return verdict(self.comparisons, ahead, plan, self.look)

    @staticmethod
    def _agreed(
        found: Comparison, known: Posterior, ahead: str, values: Mapping[str, Sequence[float]]
    ) -> Comparison:
        """What the test decides, as far as the interval that is told says the same.

        A difference is claimed only where both see it. Results that are the same on every seed are a tie.
        """
        if values[ahead] == values[found.rival] and all(map(math.isfinite, values[ahead])):
            return replace(found, decision="equivalent")
        low = known.difference(ahead, found.rival).low
        if found.decision == "better" and math.isfinite(low) and low <= 0:
            return replace(found, decision="undecided")
        return found

    def _explain(self, ahead: str, comparisons: Sequence[Comparison], plan: Plan) -> None:
        seeds = self.asked[ahead]
        first = self.label(self.arms[ahead])
        words = {
            "better": "behind",
            "equivalent": "equal within the margin",
            "undecided": "not told apart yet",
        }
        parts = [f"{self.label(self.arms[c.rival])} is {words[c.decision]}" for c in comparisons]
        text = f"After {seeds} seeds {first} leads: {'; '.join(parts)}."
        rivals = tuple(_rival(self.label(self.arms[c.rival]), c) for c in comparisons)
        self.decide(Looked(text, seeds, first, plan.margin, plan.paired, rivals))


def _cheapest(keys: Sequence[str], costs: Costs) -> str:
    """Of those as fast as the fastest, up to the noise of timing, the least state, then the widest window."""
    fastest = min(costs[key].seconds for key in keys)
    fast = [key for key in keys if costs[key].seconds <= COST_NOISE * fastest]
    return min(fast, key=lambda key: (costs[key].state_bytes, -costs[key].window))


def _rival(label: str, comparison: Comparison) -> RivalDifference:
    gap = comparison.difference
    return RivalDifference(label, gap.estimate, gap.low, gap.high, comparison.p, comparison.decision)


def _looks(runs: int, arms: int) -> tuple[int, ...]:
    """The ladder up to where this many runs are spent, and there the last look."""
    first = max(2, min(LADDER[0], runs // arms))
    last = min(LADDER[-1], first + (runs - first * arms) // min(arms, LASTING_ARMS))
    return (first, *(n for n in LADDER if first < n < last), *([last] if last > first else ()))
