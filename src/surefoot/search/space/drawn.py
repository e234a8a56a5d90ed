"""Arms of one optimizer whose settings were all drawn at random: in which order to look, and who is near.

    in_order(decades, centre=-3.0, deviation=0.7)  # places of the arms, those that the prior expects first
    nearest(settings, place=4, among=[0, 1, 7])    # the places of `among`, the most alike first

Along the learning rate alone such arms lie by chance: two of the same rate differ in everything else.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LOG_RATIO = 30.0
"""A setting whose largest value is so many times its smallest was drawn on a log scale."""

_NEARLY_ONE = 1e-7  # a beta of 1 lies as far out as one of 1 - 1e-7
_UNLIKELY = 1e-9  # weight of an arm far from the prior: it comes last, in a fixed order

Floats = NDArray[np.float64]


def in_order(decades: Sequence[float], centre: float, deviation: float) -> list[int]:
    """Places drawn without replacement, weighted by the prior of the learning rate, from a fixed seed.

    Args:
        decades: log10 of the arms' learning rates, ascending.
        centre, deviation: of the prior, in decades.
    """
    draws = random.Random(0)

    def wait(rate: float) -> float:
        return draws.expovariate(1.0) / (math.exp(-(((rate - centre) / deviation) ** 2) / 2) + _UNLIKELY)

    waits = [wait(rate) for rate in decades]
    return sorted(range(len(waits)), key=lambda place: (waits[place], place))


def nearest(settings: Sequence[Mapping[str, Any]], place: int, among: Sequence[int]) -> list[int]:
    """The places of `among` by distance in all settings: a decade of the rate is another's range."""
    names = sorted({name for own in settings for name in own})
    distance = np.zeros(len(settings))
    for name in names:
        distance += _squares(name, [own.get(name) for own in settings], place)
    return sorted(among, key=lambda other: (float(distance[other]), other))


def _squares(name: str, values: Sequence[Any], place: int) -> Floats:
    """Squared distances of all values from that at the place; words are alike or one apart."""
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return np.array([float(value != values[place]) for value in values])
    along = np.array(values, dtype=np.float64)
    if name.startswith("beta") or name == "momentum":
        along = np.log10(np.maximum(1 - along, _NEARLY_ONE))
    elif along.min() > 0 and (name == "lr" or along.max() / along.min() > LOG_RATIO):
        along = np.log10(along)
    width = 1.0 if name == "lr" else float(np.ptp(along)) or 1.0
    squares: Floats = ((along - along[place]) / width) ** 2
    return squares
