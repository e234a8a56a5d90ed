"""Is the leader better than its rivals? A test on fresh seeds that may be looked at while it grows.

    plan = Plan(looks=LADDER[:6], margin=0.002)
    best = leader(values)  # {"Adam lr=0.001": [0.031, 0.029, …], …}
    comparisons = compare(values, best, plan, look=0)  # after 4 seeds each
    verdict(comparisons, best, plan, look=0)  # win, tie, budget, or None: go on to 6 seeds

Three things would each break a plain t-test, and each has its answer here.

*Looking again and again*: the error is spent over the looks in proportion to the seeds used (the spending
function α·t of Kim & DeMets 1987, as Lan & DeMets 1983 define its boundaries), and intervals are repeated
confidence intervals (Jennison & Turnbull 1989): each holds at whatever look one stops.
*Choosing the leader by its results*: the worst rival is tested as one of all r(r-1)/2 pairs of arms, the next
as one of the pairs of the r-1 arms that remain, down to the last rival, tested as one pair. That is Holm's
(1979) step-down with every possible leader counted: if r arms are equal, each of them may lead and be
falsely ahead of r-1 others. Holm over the r-1 rivals alone says "better" falsely in 9 % of studies of five
equal arms. All rivals at once need no such count: a leader that beats each at the full level beats them all.
*Few seeds with unequal spread*: Welch's (1947) t, at the nominal level of the boundary; of the logarithms
where all values of the measure are positive, as the intervals that are reported.

A seed that diverged is a loss, by rule and not by test: an arm with one can't win, tie or lead while
another has none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import correlation, fmean
from typing import Literal

from scipy.special import ndtri, stdtr, stdtrit

from surefoot.search.confirm.alpha_spending import EVEN, LATE, nominal_levels, overall_level
from surefoot.study.answer import Interval, Pairing

LADDER = (4, 6, 9, 13, 18, 25, 35, 50, 70, 100, 140, 200, 280, 400)
"""Numbers of seeds at which one looks: four give a t-test its first few degrees of freedom, then each step
adds about two fifths, since a look at every seed would cost power. A plan is a beginning of it."""

PAIRING_CAUTION = 1.645
"""Standard errors taken off a correlation before it is believed: 95 %, one-sided."""

CARE = 0.8
"""The share of alpha that the boundaries spend. The rest is for what they neglect: Welch's t at few seeds of
unequal spread errs up to 1.2 times as often as it says, and whether to pair is decided by the same seeds."""

Outcome = Literal["win", "tie", "budget"]


@dataclass(frozen=True)
class Plan:
    """How a confirmation is looked at.

    Attributes:
        looks: seeds per arm at each look, ascending.
        alpha: the most often a study of equal arms may call any arm better than another.
        margin: a difference of means, in units of the value, too small to matter; None: nothing is too
            small, so no tie is declared.
        paired: compare two arms by their differences seed by seed, see `pairing`.
        origin: where the values end, see `direction.bound`: the logarithms of their distance from it are
            tested, so that an arm far above the others with a spread as large is told apart with few seeds.
            None: the values are tested.

    Raises:
        ValueError: looks that do not ascend from 2, alpha outside (0, 0.5), a margin that is not positive.
    """

    looks: tuple[int, ...] = LADDER[:6]
    alpha: float = 0.05
    margin: float | None = None
    paired: bool = False
    origin: float | None = None

    def __post_init__(self) -> None:
        if not self.looks or self.looks[0] < 2 or any(a >= b for a, b in pairwise(self.looks)):
            raise ValueError(f"looks must ascend from 2 seeds or more; got {self.looks}")
        if not 0 < self.alpha < 0.5:
            raise ValueError(f"alpha must be between 0 and 0.5; got {self.alpha}")
        if self.margin is not None and not self.margin > 0:
            raise ValueError(f"margin must be positive; got {self.margin}")


@dataclass(frozen=True)
class Comparison:
    """The leader against one rival.

    Attributes:
        difference: rival minus leader.
        p: adjusted for the looks, for all rivals and for the choice of the leader; "better" is p <= alpha.
            nan where divergence decided.
        decision: "better" (the leader is), "equivalent" (closer than the margin) or "undecided".
    """

    rival: str
    difference: Interval
    p: float
    decision: Literal["better", "equivalent", "undecided"]


@dataclass(frozen=True)
class LookVerdict:
    """Where a study stands.

    Attributes:
        outcome: "win" (the leader is better than every rival), "tie" (and those it is not better than are
            equivalent to it), "budget" (the looks are used up), None (go on).
        in_play: the leader and every rival it is not better than.
    """

    outcome: Outcome | None
    in_play: tuple[str, ...]


def leader(values: Mapping[str, Sequence[float]]) -> str:
    """The arm with the fewest diverged seeds and, among those, the lowest mean; the first of equals.

    Raises:
        ValueError: there is no arm.
    """
    if not values:
        raise ValueError("there is no arm to lead")

    def standing(arm: str) -> tuple[int, float]:
        healthy = [value for value in values[arm] if math.isfinite(value)]
        return len(values[arm]) - len(healthy), math.fsum(healthy) / len(healthy) if healthy else math.inf

    return min(values, key=standing)


def compare(
    values: Mapping[str, Sequence[float]], ahead: str, plan: Plan, look: int
) -> tuple[Comparison, ...]:
    """The leader against every other arm, in the order of `values`.

    Arms may differ in their number of seeds: a beaten rival need not be run further, it is judged again on
    what it has, against whoever leads.

    Args:
        values: seed results per arm, lower is better, nan where a seed diverged.
        ahead: the leader's name; it may be chosen by these very results.
        plan: the plan that was fixed before the first seed.
        look: which of the plan's looks this is, from 0.

    Raises:
        ValueError: the leader is no arm, or the plan has no such look.
    """
    if ahead not in values:
        raise ValueError(f"the leader {ahead!r} is not among {list(values)}")
    rivals = [arm for arm in values if arm != ahead]
    differences = {arm: interval(values[ahead], values[arm], plan, look) for arm in rivals}
    adjusted = _adjusted(values, ahead, rivals, plan, look)
    return tuple(
        Comparison(
            arm, differences[arm], adjusted[arm], _decision(values, ahead, arm, adjusted[arm], plan, look)
        )
        for arm in rivals
    )


def interval(first: Sequence[float], second: Sequence[float], plan: Plan, look: int) -> Interval:
    """Second minus first with its repeated confidence interval at level 1 - alpha.

    It is unbounded where a seed diverged or an arm has fewer than two.

    Raises:
        ValueError: the plan has no such look.
    """
    return _interval(first, second, plan, look, plan.alpha)


def verdict(comparisons: Sequence[Comparison], ahead: str, plan: Plan, look: int) -> LookVerdict:
    """What the comparisons of one look amount to; an only arm wins unopposed.

    A win needs every rival beaten and a tie every other rival equivalent; as all must hold at once, neither
    needs a further correction (Berger 1982).
    """
    decisions = {comparison.decision for comparison in comparisons}
    outcome: Outcome | None = None
    if decisions <= {"better"}:
        outcome = "win"
    elif "undecided" not in decisions:
        outcome = "tie"
    elif look == len(plan.looks) - 1:
        outcome = "budget"
    left = tuple(comparison.rival for comparison in comparisons if comparison.decision != "better")
    return LookVerdict(outcome, (ahead, *left))


def minimum_detectable_difference(
    first: Sequence[float], second: Sequence[float], plan: Plan, look: int, power: float = 0.8
) -> float:
    """The true difference that two arms with these spreads and seeds would show with probability `power`.

    Raises:
        ValueError: fewer than two seeds in an arm that did not diverge, or the plan has no such look.
    """
    _, error, freedom = _difference(*_healthy_pair(first, second, plan), plan)
    if not math.isfinite(error):
        raise ValueError("a detectable difference needs two healthy seeds of each arm")
    return error * (_quantile(freedom, plan, look, plan.alpha) + float(stdtrit(freedom, power)))


def seeds_needed(first: Sequence[float], second: Sequence[float], plan: Plan, power: float = 0.8) -> float:
    """Seeds of each arm at which two arms would be told apart, or called equal, with probability `power`.

    As if the true difference were the one seen: the fewer of the seeds for either end, from the normal
    approximation, without the small price of looking often. Infinite where neither end is in sight.

    Raises:
        ValueError: fewer than two seeds in an arm that did not diverge.
    """
    first, second = _healthy_pair(first, second, plan)
    difference, error, _ = _difference(first, second, plan)
    if not math.isfinite(error):
        raise ValueError("the seeds needed can be told from two healthy seeds of each arm")
    seeds = min(len(first), len(second))
    tested, tested_error, _ = _difference(*_tested(first, second, plan), plan)
    if not error > 0:
        return float(seeds)
    apart = tested_error**2 * _squared(ndtri(1 - plan.alpha / 2) + ndtri(power), abs(tested))
    room = (plan.margin or 0.0) - abs(difference)
    # Equivalence must hold on both sides, which matters where the arms are equal.
    equal = _squared(ndtri(1 - plan.alpha) + ndtri((1 + power) / 2), room) if room > 0 else math.inf
    return seeds * min(apart, error**2 * equal)


def pairing(values: Mapping[str, Sequence[float]], plan: Plan, look: int) -> Pairing:
    """Whether comparing arms seed by seed pays.

    It takes what seeds share, a share `correlation` of the variance, out of every difference, but half of the
    degrees of freedom too. It is used where the correlation outweighs that even after what chance makes of
    none is taken off.

    Args:
        values: each arm's results in the order of its seeds, the same ones for every arm; arms that ran
            fewer seeds than others are left out.
        plan: whose boundary is made lower or higher.
        look: at which look.
    """
    seeds = max(map(len, values.values()))
    full = {arm: results for arm, results in values.items() if len(results) == seeds}
    tested = {arm: _tested(results, (), plan)[0] for arm, results in full.items()}
    correlation = _mean_correlation(tested)
    if not math.isfinite(correlation):
        return Pairing(False, math.nan)
    arms = len(full)
    by_chance = math.sqrt(2 / (arms * (arms - 1) * (seeds - 1)))  # its standard error if there is none
    lower = correlation - PAIRING_CAUTION * by_chance
    price = _quantile(seeds - 1, plan, look, plan.alpha) / _quantile(2 * seeds - 2, plan, look, plan.alpha)
    return Pairing((1 - lower) * price**2 < 1, correlation)


def default_margin(*arms: Sequence[float]) -> float:
    """Half of what a change of seed does anyway, to the arm whose values it changes least.

    Half the least standard deviation between seeds.  One arm alone would not do: a bad baseline is often a
    noisy one, and no difference between good settings is small because of that.

    Args:
        arms: their values; one with fewer than two healthy seeds says nothing.

    Raises:
        ValueError: no arm has two seeds that did not diverge.
    """
    healthy = [[value for value in values if math.isfinite(value)] for values in arms]
    spreads = [math.sqrt(_moments(values)[1]) for values in healthy if len(values) > 1]
    if not spreads:
        raise ValueError("a default margin needs an arm with two seeds that did not diverge")
    return min(spreads) / 2


# -------------------------------------------------------------------- one pair


def _decision(
    values: Mapping[str, Sequence[float]], ahead: str, rival: str, p: float, plan: Plan, look: int
) -> Literal["better", "equivalent", "undecided"]:
    if _diverged(values[ahead]):
        return "undecided"
    if _diverged(values[rival]):
        return "better"
    # The two one-sided tests of equivalence at alpha each are one interval at 1 - 2 alpha (Schuirmann 1987).
    # They spend late: between equal arms early looks can't show it.
    near = _interval(values[ahead], values[rival], plan, look, 2 * plan.alpha, spending=LATE)
    lead, *_ = _difference(*_tested(values[ahead], values[rival], plan), plan)
    if p <= plan.alpha and near.estimate > 0 and lead > 0:
        return "better"
    if plan.margin is not None and -plan.margin < near.low and near.high < plan.margin:
        return "equivalent"
    return "undecided"


def _adjusted(
    values: Mapping[str, Sequence[float]], ahead: str, rivals: Sequence[str], plan: Plan, look: int
) -> dict[str, float]:
    tested = [] if _diverged(values[ahead]) else [arm for arm in rivals if not _diverged(values[arm])]
    raw = {arm: _sequential_p(values[ahead], values[arm], plan, look) for arm in tested}
    adjusted, worst, all_of_them = dict.fromkeys(rivals, math.nan), 0.0, max(raw.values(), default=1.0)
    for beaten, arm in enumerate(sorted(tested, key=raw.__getitem__)):
        worst = max(worst, min(math.comb(len(tested) + 1 - beaten, 2) * raw[arm], all_of_them))
        adjusted[arm] = worst
    return adjusted


def _interval(
    first: Sequence[float],
    second: Sequence[float],
    plan: Plan,
    look: int,
    alpha: float,
    spending: float = EVEN,
) -> Interval:
    look = _checked(plan, look)
    estimate, error, freedom = _difference(first, second, plan)
    if not math.isfinite(error):
        return Interval(math.nan, -math.inf, math.inf, 1 - alpha)
    half = _quantile(freedom, plan, look, alpha, spending) * error
    return Interval(estimate, estimate - half, estimate + half, 1 - alpha)


def _sequential_p(first: Sequence[float], second: Sequence[float], plan: Plan, look: int) -> float:
    """The smallest alpha whose boundary at this look the difference crosses."""
    difference, error, freedom = _difference(*_tested(first, second, plan), plan)
    if not math.isfinite(error) or difference == 0:
        return 1.0
    nominal = 2 * float(stdtr(freedom, -abs(difference) / error)) if error > 0 else 0.0
    return min(1.0, overall_level(plan.looks, _checked(plan, look), nominal) / CARE)


def _tested(
    first: Sequence[float], second: Sequence[float], plan: Plan
) -> tuple[Sequence[float], Sequence[float]]:
    """The results, or their logarithms; nan stays nan."""
    if plan.origin is None:
        return first, second
    return [math.log(v - plan.origin) for v in first], [math.log(v - plan.origin) for v in second]


def _difference(first: Sequence[float], second: Sequence[float], plan: Plan) -> tuple[float, float, float]:
    """Second minus first, its standard error and degrees of freedom; the error is infinite if not known."""
    if min(len(first), len(second)) < 2 or _diverged(first) or _diverged(second):
        return math.nan, math.inf, 1.0
    if plan.paired:
        both = [b - a for a, b in zip(first, second, strict=False)]
        mean, variance = _moments(both)
        return mean, math.sqrt(variance / len(both)), len(both) - 1.0
    (first_mean, a), (second_mean, b) = _moments(first), _moments(second)
    difference, a, b = second_mean - first_mean, a / len(first), b / len(second)
    if a + b == 0:
        return difference, 0.0, float(len(first) + len(second) - 2)
    return difference, math.sqrt(a + b), (a + b) ** 2 / (a**2 / (len(first) - 1) + b**2 / (len(second) - 1))


def _moments(values: Sequence[float]) -> tuple[float, float]:
    """Mean and variance; exact where all values are the same, such as runs that all missed a target."""
    if min(values) == max(values):
        return values[0], 0.0
    mean = fmean(values)
    return mean, math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def _healthy_pair(
    first: Sequence[float], second: Sequence[float], plan: Plan
) -> tuple[Sequence[float], Sequence[float]]:
    if not plan.paired:
        return [v for v in first if math.isfinite(v)], [v for v in second if math.isfinite(v)]
    both = [pair for pair in zip(first, second, strict=False) if all(map(math.isfinite, pair))]
    return [a for a, _ in both], [b for _, b in both]


def _diverged(values: Sequence[float]) -> bool:
    return not all(map(math.isfinite, values))


def _quantile(freedom: float, plan: Plan, look: int, alpha: float, spending: float = EVEN) -> float:
    """How many standard errors the boundary of this look lies from 0, two-sided at alpha over all looks."""
    nominal = nominal_levels(plan.looks, CARE * alpha, spending)[_checked(plan, look)]
    return -float(stdtrit(freedom, nominal / 2))


def _squared(deviations: float, distance: float) -> float:
    return float(deviations / distance) ** 2 if distance > 0 else math.inf


def _mean_correlation(values: Mapping[str, Sequence[float]]) -> float:
    """Over pairs of arms; nan where no pair has three seeds and varies."""
    found = [_correlation(values[a], values[b]) for a, b in combinations(values, 2)]
    known = [correlation for correlation in found if math.isfinite(correlation)]
    return math.fsum(known) / len(known) if known else math.nan


def _correlation(first: Sequence[float], second: Sequence[float]) -> float:
    both = [pair for pair in zip(first, second, strict=False) if all(map(math.isfinite, pair))]
    if len(both) < 3:
        return math.nan
    first, second = zip(*both, strict=True)
    constant = min(first) == max(first) or min(second) == max(second)
    return math.nan if constant else correlation(first, second)


def _checked(plan: Plan, look: int) -> int:
    if not 0 <= look < len(plan.looks):
        raise ValueError(f"the plan has looks 0 to {len(plan.looks) - 1}, not {look}")
    return look
