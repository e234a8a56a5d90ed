"""Rare values far from all others of their arm: they are counted as less far, and named.

    counted, found = without_outliers({"Adam lr=0.1": [0.10, 0.11, 8e5, 0.10], …}, origin=0.0)
    counted["Adam lr=0.1"]          # (0.10, 0.11, 0.83, 0.10)
    found["Adam lr=0.1"]            # (Outlier(value=8e5, counted=0.83, place=2),)

A mean, and a t-test, with one value a thousand times as large as the rest say nothing of the rest: neither
who is better nor by how much.  So such a value is moved to a fence (winsorised; Tukey 1962): it still counts
against its arm, more than any other, and no longer hides everything.  The fence is so far out that seeds
alone hardly ever reach it, and what was moved is told, since it may be what matters to the user.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

FENCE = 20.0
"""In robust standard deviations from the arm's median, on the scale on which arms are compared."""

FEWEST = 4
"""Of fewer values nobody knows which is the odd one."""

_NORMAL = 1.4826  # standard deviation of normal values over their median absolute deviation


@dataclass(frozen=True, slots=True)
class Outlier:
    """A value that is counted as another.

    Attributes:
        value: as it was measured.
        counted: in its place.
        place: which of the arm's values it is, from 0.
    """

    value: float
    counted: float
    place: int


def without_outliers(
    values: Mapping[str, Sequence[float]], origin: float | None
) -> tuple[dict[str, tuple[float, ...]], dict[str, tuple[Outlier, ...]]]:
    """The values to compare arms by, and what was moved for that.

    Args:
        values: by arm; nan where a seed diverged, which stays.
        origin: where the values end, see `direction.bound`: distances are those of the logarithms from there.
            None: of the values themselves.

    Returns:
        All arms with as many values as before; and by arm, the outliers, of those that have any.
    """
    told = {arm: [_told(value, origin) for value in own] for arm, own in values.items()}
    middles = {arm: _middle(own) for arm, own in told.items()}
    apart = {
        arm: [abs(value - middles[arm]) for value in own if math.isfinite(value)] for arm, own in told.items()
    }
    pooled = [distance for own in apart.values() if len(own) >= FEWEST for distance in own]
    typical = median(pooled) if pooled else 0.0
    counted: dict[str, tuple[float, ...]] = {}
    found: dict[str, tuple[Outlier, ...]] = {}
    for arm, own in told.items():
        reach = FENCE * _NORMAL * max(typical, median(apart[arm])) if len(apart[arm]) >= FEWEST else math.inf
        moved = _moved(values[arm], own, middles[arm], reach or math.inf, origin)
        counted[arm] = tuple(
            moved[place].counted if place in moved else v for place, v in enumerate(values[arm])
        )
        if moved:
            found[arm] = tuple(moved.values())
    return counted, found


def _moved(
    values: Sequence[float], told: Sequence[float], middle: float, reach: float, origin: float | None
) -> dict[int, Outlier]:
    far = [place for place, value in enumerate(told) if abs(value - middle) > reach]  # never nan
    return {
        place: Outlier(
            values[place], _own(middle + math.copysign(reach, told[place] - middle), origin), place
        )
        for place in far
    }


def _middle(told: Sequence[float]) -> float:
    healthy = [value for value in told if math.isfinite(value)]
    return median(healthy) if healthy else math.nan


def _told(value: float, origin: float | None) -> float:
    return value if origin is None or not math.isfinite(value) else math.log(value - origin)


def _own(told: float, origin: float | None) -> float:
    return told if origin is None else origin + math.exp(told)
