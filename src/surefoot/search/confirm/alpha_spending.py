"""How an error probability is spent over several looks at growing data.

    nominal_levels((4, 6, 9, 13, 18, 24), 0.05)  # (0.0083, 0.0072, …): the p to stay below at each look
    overall_level((4, 6, 9, 13, 18, 24), 0, 0.0083)  # 0.05: the level at which a p of 0.0083 stops at once

A fixed p of 0.05 at each of six looks would stop in 16 % of studies of two equal arms. Here the error is
spent in proportion to the seeds used, the function alpha * t of Kim & DeMets (1987), and each look's boundary
is what makes the spending come out (Lan & DeMets 1983). It is between Pocock's boundary, which gives away
power at the last look, and O'Brien & Fleming's, which can hardly stop at the first ones: a clear difference
between optimizers is seen with few seeds, so early looks are worth having.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

EVEN = 1.0
"""Spend in proportion to the seeds used."""

LATE = 3.0
"""Spend little at the first looks, close to O'Brien & Fleming's boundary."""

ALPHA = 0.05
"""The most often a study of equal candidates may call one better than another."""

_LEVELS = np.logspace(-9, math.log10(0.5), 80)
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(160)


def alpha_of(resumed: int) -> float:
    """What a study may spend after it was given more budget so many times: each time half as much again.

    Its first tests have spent ALPHA; what follows is another chance to be wrong, and is told as such.
    """
    return ALPHA * math.pow(0.5, resumed)


def alpha_until(resumed: int) -> float:
    """What it has spent over all: 0.05, 0.075, 0.0875, … up to 0.1."""
    return math.fsum(alpha_of(number) for number in range(resumed + 1))


def overall_level(looks: tuple[int, ...], look: int, nominal: float) -> float:
    """The alpha over all looks at which this look's nominal level is `nominal`; at least 1e-9."""
    known = [*np.log(_nominal_table(looks)[:, look]), 0.0]
    return float(np.exp(np.interp(np.log(max(nominal, 1e-300)), known, [*np.log(_LEVELS), 0.0])))


@lru_cache(maxsize=16)
def _nominal_table(looks: tuple[int, ...]) -> NDArray[np.float64]:
    return np.array([nominal_levels(looks, level) for level in _LEVELS])


@lru_cache(maxsize=1024)
def nominal_levels(looks: tuple[int, ...], alpha: float, power: float = EVEN) -> tuple[float, ...]:
    """Two-sided p at each look that spends alpha * t**power by the time a share t of the seeds is used.

    A sum of normal increments is followed from look to look through the region not yet stopped in
    (Armitage, McPherson & Rowe 1969), by Gauss-Legendre quadrature. The p of Welch's t is then held against
    it, Jennison & Turnbull's "significance level approach".
    """
    fractions = np.array(looks) / looks[-1]
    spent = alpha * np.diff(fractions**power, prepend=0.0)
    levels = [float(spent[0])]
    sums, weights = _region(-ndtri(levels[0] / 2) * math.sqrt(fractions[0]))
    mass = weights * _normal(sums, fractions[0])
    for step, spend, fraction in zip(np.diff(fractions), spent[1:], fractions[1:], strict=True):
        bound = _bound(sums, mass, float(step), float(spend))
        levels.append(2 * float(ndtr(-bound / math.sqrt(fraction))))
        after, weights = _region(bound)
        sums, mass = after, weights * (_normal(after[:, None] - sums, step) @ mass)
    return tuple(levels)


def _bound(sums: NDArray[np.float64], mass: NDArray[np.float64], step: float, spend: float) -> float:
    """The bound that the sum, so far distributed as `mass` over `sums`, leaves with probability `spend`."""
    scale = math.sqrt(step)

    def overspent(bound: float) -> float:
        return float(mass @ (ndtr((-bound - sums) / scale) + ndtr((sums - bound) / scale))) - spend

    return float(brentq(overspent, 0.0, 20.0, xtol=1e-10))


def _region(bound: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return bound * _NODES, bound * _WEIGHTS


def _normal(at: NDArray[np.float64], variance: float) -> NDArray[np.float64]:
    return np.exp(-(at**2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
