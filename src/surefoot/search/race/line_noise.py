"""How noisy single runs are, learnt from values along learning-rate lines: no run is made twice for it.

    line_noise([{-3.0: 0.31, -2.7: 0.28, -2.3: 0.33}, {-1.0: 0.50, -0.7: 0.47}])  # 0.02

The loss is smooth in the learning rate, and what is not smooth is noise. Each line is a Gaussian process over
log10 lr with a level of its own, of the length and noise that make the values of all lines most likely
(Rasmussen and Williams, 2006, chapter 5).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

LENGTHS = (0.15, 0.25, 0.4, 0.7, 1.2)
"""Decades over which values go together, the lengths that are tried."""

NOISES = (1e-3, 1e-2, 0.03, 0.1, 0.3, 1.0)
"""Variances of the noise that are tried, as shares of the variance along a line."""

FEWEST = 4
"""Values on lines of three at least."""

_LEVEL = 1e4  # variance of a line's level, in those of the process: any level is as likely

Floats = NDArray[np.float64]
Line = Mapping[float, float]
"""From log10 lr to a finite value, lower is better."""


def line_noise(lines: Sequence[Line]) -> float:
    """Standard deviation of a value around its line; nan where there are too few values to learn it from."""
    told = [line for line in lines if len(line) > 2]
    if sum(map(len, told)) < FEWEST:
        return math.nan
    length, noise = max(itertools.product(LENGTHS, NOISES), key=lambda setting: _likelihood(told, *setting))
    return math.sqrt(noise * _variance(told, length, noise))


def _covariance(line: Line, length: float, noise: float) -> Floats:
    """Of the values, in variances of the process."""
    places = np.array(list(line))
    apart = (places[:, None] - places[None]) / length
    values: Floats = np.exp(-(apart**2) / 2) + _LEVEL + noise * np.eye(len(places))
    return values


def _values(line: Line) -> Floats:
    """Around their mean, which the level takes up."""
    values = np.array(list(line.values()))
    centred: Floats = values - values.mean()
    return centred


def _squares(line: Line, length: float, noise: float) -> tuple[float, float]:
    """The values' square in their covariance, and the logarithm of its determinant."""
    covariance, values = _covariance(line, length, noise), _values(line)
    return float(values @ np.linalg.solve(covariance, values)), float(np.linalg.slogdet(covariance)[1])


def _variance(lines: Sequence[Line], length: float, noise: float) -> float:
    """Of the process, the most likely one."""
    count = sum(len(line) - 1 for line in lines)
    return sum(_squares(line, length, noise)[0] for line in lines) / count


def _likelihood(lines: Sequence[Line], length: float, noise: float) -> float:
    """Logarithm of it, with the most likely variance, up to a constant."""
    count = sum(len(line) - 1 for line in lines)
    parts = [_squares(line, length, noise) for line in lines]
    square = max(sum(part for part, _ in parts) / count, 1e-300)
    return -count / 2 * math.log(square) - sum(part for _, part in parts) / 2
