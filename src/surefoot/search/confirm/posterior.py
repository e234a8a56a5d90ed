"""What seed results say of the arms' true means: intervals, who is probably best, what a wrong choice costs.

    known = posterior({"Adam lr=0.001": [0.031, 0.029, 0.030], "SGD lr=0.1": [0.033, 0.032, 0.035]})
    known.p_best()  # {"Adam lr=0.001": 0.98, "SGD lr=0.1": 0.02}
    known.mean("Adam lr=0.001")  # the interval that holds its true mean with probability 0.95

A mean that was picked because it is the lowest owes part of that to luck, and a test that stops when a
difference looks large stops early on lucky ones. Plain intervals ignore both: around the best of four equal
arms they hold the truth in 90 % of studies, not in 95 %. A Bayesian posterior is the same however an arm was
picked and whenever one stopped (Dawid 1994; Senn 2008), and it holds the truth as often as it says if its
prior describes the arms. So the arms that are alike, the finalists, share a prior whose centre and spread are
learnt from them: a leader that stands out by no more than luck would explain is drawn back to the others
(Efron & Morris 1975), one that stands out clearly is not. `benchmarks/honesty.py` measures how often the
intervals hold the truth. What may be *claimed* is in `statistics`; here is what is *reported*.

The model: result = arm's mean + noise of the arm's own variance.
    means of arms that are alike ~ Student's t around a centre; centre flat, spread half-Cauchy (Gelman 2006)
    means of other arms ~ flat
    variances ~ inverse chi-square around a typical one (Smyth 2004): few seeds tell little of a variance

Where all values of a measure are positive, they are modelled by their logarithms: spreads go with the level,
so that an arm far below the others has a narrow interval, and none reaches below 0.  Values from -1 to 0, as
those of an accuracy that is maximised, are modelled by the logarithms of their distance from -1, the share of
errors: the same as if the errors had been measured.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from surefoot.study.answer import Interval
from surefoot.study.direction import bound

DRAWS = 4_000
"""Monte Carlo draws: probabilities are exact to about 0.008, and the same each time."""

LEVEL = 0.95

TYPICAL_SPREAD = 2.0
"""Median of the prior of how far finalists' means lie apart, in standard deviations of a seed."""

TAIL = 3.0
"""Degrees of freedom of that prior: Student's t, so that an arm far from the others is left where it is."""

SPREADS = 16
"""Slices of equal prior probability in which that spread is considered."""

PRIOR_SEEDS = 4
"""The typical variance of all arms counts as much as this many seeds of an arm's own: between optimizers on
one task, standard deviations commonly differ by a factor of 1.5 to 3."""

MOST_SKEW = 0.5
"""Half the variance of logarithms lifts a mean above the median; it counts up to here, as a few values with a
huge spread say nothing of it."""

MOST_LOGARITHM = 700.0
"""Beyond it the exponential is no float."""

Draws = NDArray[np.float64]


@dataclass(frozen=True)
class Posterior:
    """What is known of the arms' true means.

    Attributes:
        arms: their names.
        means: draws of their true means, one row for each arm; infinite for an arm with a diverged seed.
        bound: where the values end, see `direction.bound`: the model is of the logarithms of their distance
            from it; None: of the values themselves.
    """

    arms: tuple[str, ...]
    means: Draws
    bound: float | None = None

    def mean(self, arm: str) -> Interval:
        """An arm's true mean; unbounded where a seed diverged."""
        return self._interval(self._row(arm))

    def difference(self, first: str, second: str) -> Interval:
        """Second minus first; unbounded where a seed of either diverged."""
        if not self._finite(first, second):
            return UNKNOWN
        found = self._interval(self._row(second) - self._row(first))
        return _about(self.mean(second).estimate - self.mean(first).estimate, found)

    def ratio(self, first: str, second: str) -> Interval | None:
        """Second over first; None where a value is not positive, or a seed of either diverged."""
        if self.bound != 0 or not self._finite(first, second):
            return None
        found = self._interval(self._row(second) / self._row(first))
        return _about(self.mean(second).estimate / self.mean(first).estimate, found)

    def p_best(self) -> dict[str, float]:
        """Probability that each arm has the lowest true mean; 0 for an arm with a diverged seed."""
        is_best = np.isfinite(self.means) & (self.means == np.min(self.means, axis=0))
        shared = is_best / np.maximum(1, is_best.sum(axis=0))
        return dict(zip(self.arms, map(float, shared.mean(axis=1)), strict=True))

    def expected_regret(self) -> dict[str, float]:
        """How much worse each arm's true mean is than the lowest, on average.

        In units of the value; infinite for an arm with a diverged seed (nan if all have one).
        """
        lowest = np.min(self.means, axis=0)
        if not np.isfinite(lowest).all():
            return dict.fromkeys(self.arms, math.nan)
        return dict(zip(self.arms, map(float, np.mean(self.means - lowest, axis=1)), strict=True))

    def only(self, arms: Collection[str]) -> Posterior:
        """The same of these arms alone."""
        rows = [place for place, arm in enumerate(self.arms) if arm in arms]
        return Posterior(tuple(self.arms[row] for row in rows), self.means[rows], self.bound)

    def _row(self, arm: str) -> Draws:
        row: Draws = self.means[self.arms.index(arm)]
        return row

    def _finite(self, *arms: str) -> bool:
        return all(bool(np.isfinite(self._row(arm)).all()) for arm in arms)

    def _interval(self, draws: Draws) -> Interval:
        if not np.isfinite(draws).all():
            return UNKNOWN
        low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        middle = np.mean(draws) if self.bound is None else np.median(draws)
        return Interval(float(middle), float(low), float(high), LEVEL)


def _about(estimate: float, found: Interval) -> Interval:
    """The interval with this estimate, as far as it lies inside: so it agrees with the means."""
    return replace(found, estimate=min(max(estimate, found.low), found.high))


UNKNOWN = Interval(math.nan, -math.inf, math.inf, LEVEL)


def posterior(
    values: Mapping[str, Sequence[float]],
    alike: Collection[str] = (),
    correlation: float = 0.0,
    seed: int = 0,
    beside: Mapping[str, Sequence[float]] | None = None,
    seen: Sequence[float] = (),
) -> Posterior:
    """The posterior of the arms' means.

    Args:
        values: seed results per arm, nan where a seed diverged.
        alike: arms whose means are expected near each other, such as the finalists of a screening; the others
            keep their own means.
        correlation: between arms' results on the same seed. What seeds share shifts all arms alike, so that
            differences are known better than means.
        seed: fixes the draws.
        beside: further arms that are alike, of one result or more each, such as those that a screening
            dropped; the spread of one with a single result is the typical one.
        seen: the lowest and the highest value of the measure seen anywhere: a few results that happen to be
            positive are not modelled by logarithms where others are not.

    Raises:
        ValueError: an arm has fewer than two seeds.
    """
    for arm, results in values.items():
        if len(results) < 2:
            raise ValueError(f"{arm} has too few seeds for a posterior: {len(results)}, not two")
    beside = beside or {}
    values, alike = {**values, **beside}, {*alike, *beside}
    generator = np.random.default_rng(seed)
    healthy = {arm: results for arm, results in values.items() if all(map(math.isfinite, results))}
    every = [value for results in healthy.values() for value in results]
    end = bound([*every, *seen])
    largest = max(map(abs, every), default=0.0) or 1.0
    logarithms = (
        [[math.log(v - end) for v in results] for results in healthy.values()] if end is not None else None
    )
    scaled = logarithms or [[v / largest for v in results] for results in healthy.values()]
    drawn = _healthy_means(scaled, [arm in alike for arm in healthy], correlation, generator, end is not None)
    drawn = drawn + end if end is not None else _within(largest * drawn, [*every, *seen])
    rows = dict(zip(healthy, drawn, strict=True))
    for arm, first in _same(healthy).items():
        rows[arm] = rows[first]
    lost = np.full(DRAWS, math.inf)
    return Posterior(tuple(values), np.array([rows.get(arm, lost) for arm in values]), end)


def _within(means: Draws, values: Sequence[float]) -> Draws:
    """Means of values that touch where they end, at 0 or at -1, do not lie beyond it either."""
    lowest, largest = min(values, default=0.0), max(values, default=0.0)
    ends = 0.0 if lowest >= 0 else -1.0 if lowest >= -1 and largest <= 0 else -math.inf
    found: Draws = np.maximum(means, ends)
    return found


def _same(values: Mapping[str, Sequence[float]]) -> dict[str, str]:
    """Of arms with the same results on two seeds or more, each but the first, with the first."""
    first: dict[tuple[float, ...], str] = {}
    found = {
        arm: first.setdefault(tuple(results), arm) for arm, results in values.items() if len(results) > 1
    }
    return {arm: other for arm, other in found.items() if arm != other}


def _healthy_means(
    results: Sequence[Sequence[float]],
    alike: Sequence[bool],
    correlation: float,
    generator: np.random.Generator,
    logarithms: bool,
) -> Draws:
    """Draws of the true means, one row for each arm; of the values where the results are their logarithms."""
    if not results:
        return np.empty((0, DRAWS))
    means = np.array([np.mean(values) for values in results])
    errors, typical = _squared_errors(results, generator)
    drawn = means[:, None] + np.sqrt((1 - correlation) * errors) * generator.standard_normal(errors.shape)
    group = np.flatnonzero(alike)
    if len(group) > 1 and typical > 0:
        drawn[group] = _drawn_together(
            means[group], (1 - correlation) * errors[group], TYPICAL_SPREAD * math.sqrt(typical), generator
        )
    drawn = drawn + np.sqrt(correlation * errors) * generator.standard_normal(DRAWS)
    if not logarithms:
        return drawn
    seeds = np.array([len(values) for values in results])[:, None]
    return np.exp(np.minimum(drawn + np.minimum(seeds * errors / 2, MOST_SKEW), MOST_LOGARITHM))


def _squared_errors(
    results: Sequence[Sequence[float]], generator: np.random.Generator
) -> tuple[Draws, float]:
    """Draws of the variances of the arms' averages, one row for each arm, and a seed's typical variance."""
    seeds = np.array([len(values) for values in results])
    own = np.array([np.var(values, ddof=1) if len(values) > 1 else 0.0 for values in results])
    several = own[seeds > 1]
    typical = (
        _unbiased(float(np.median(several)), float(np.median(seeds[seeds > 1]))) if len(several) else 0.0
    )
    freedom = seeds - 1 + PRIOR_SEEDS
    squares = (seeds - 1) * own + PRIOR_SEEDS * typical
    return (squares / seeds)[:, None] / generator.chisquare(freedom[:, None], (len(results), DRAWS)), typical


def _unbiased(median: float, seeds: float) -> float:
    """A variance from the median of the arms' own, which is below it: by half where an arm has two seeds."""
    freedom = seeds - 1
    return median * freedom / (2 * float(gammaincinv(freedom / 2, 0.5)))


def _drawn_together(means: Draws, errors: Draws, scale: float, generator: np.random.Generator) -> Draws:
    """Draws of the true means of arms that share a prior, given draws of their squared errors.

    The spread is picked together with the errors, by how well both explain how far the means lie apart.
    """
    spreads = scale * np.tan(math.pi / 2 * (np.arange(SPREADS) + 0.5) / SPREADS)
    tails = TAIL / generator.chisquare(TAIL, errors.shape)
    weights = 1 / (errors + spreads[:, None, None] ** 2 * tails)  # spread, arm, draw
    total = weights.sum(axis=1)
    centres = np.einsum("sad,a->sd", weights, means) / total
    misfit = np.einsum("sad,sad->sd", weights, (means[:, None] - centres[:, None, :]) ** 2)
    fit = 0.5 * (np.log(weights).sum(axis=1) - np.log(total) - misfit)
    fit = np.exp(fit - fit.max())  # of arms that are far apart every fit may be too small for a float
    picked = generator.choice(fit.size, DRAWS, p=(fit / fit.sum()).ravel())
    spread, draw = np.unravel_index(picked, fit.shape)
    centre = centres[spread, draw] + generator.standard_normal(DRAWS) / np.sqrt(total[spread, draw])
    own = 1 - errors[:, draw] * weights[spread, :, draw].T  # how much of its own mean an arm keeps
    noise = np.sqrt(own * errors[:, draw]) * generator.standard_normal(own.shape)
    drawn: Draws = own * means[:, None] + (1 - own) * centre + noise
    return drawn
