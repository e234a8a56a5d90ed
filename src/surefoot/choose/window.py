"""How forgiving an optimizer is: the range of learning rates that are as good as its best, and its blow-ups.

flat_window([1e-3, 1e-2, 1e-1, 1], [0.30, 0.10, 0.11, nan], band=0.02)  # (0.01, 0.1)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import takewhile


def flat_window(lrs: Sequence[float], values: Sequence[float], band: float) -> tuple[float, float]:
    """The lowest and highest lr around the best one between which every value is within `band` of it.

    Args:
        lrs: learning rates, in any order; of several runs at one lr the best counts.
        values: their results, lower is better, nan where diverged.
        band: in units of the value.

    Raises:
        ValueError: every run diverged, or the lengths differ.
    """
    lowest: dict[float, float] = {}
    for lr, value in zip(lrs, values, strict=True):
        lowest[lr] = min(lowest.get(lr, math.inf), value if math.isfinite(value) else math.inf)
    best = min(lowest, key=lowest.__getitem__, default=math.nan)
    if not math.isfinite(lowest.get(best, math.inf)):
        raise ValueError("no learning rate of this optimizer has a result")
    ordered = sorted(lowest)
    place = ordered.index(best)

    def within(lr: float) -> bool:
        return lowest[lr] - lowest[best] <= band

    below = list(takewhile(within, reversed(ordered[: place + 1])))
    above = list(takewhile(within, ordered[place:]))
    return below[-1], above[-1]


def blow_up_share(diverged: Sequence[bool]) -> float:
    """The share of runs that diverged; nan of none."""
    return sum(diverged) / len(diverged) if diverged else math.nan
