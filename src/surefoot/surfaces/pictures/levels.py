"""Heights of a surface as shades from 0 to 1, even where they span thirty decades.

scale = height_scale(surface)
scale.shade(values)     # 0 at the floor, 1 at the top, nan where the surface has no value
scale.levels            # the shades at which contour lines are drawn

A shade is linear in the height near the floor and logarithmic far above it; the turn is where a twentieth
of the picture lies below.  So a bowl of a hundred decades and an almost flat plane both show their form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from surefoot.surfaces.surface import Surface

Values = NDArray[np.float64]

LEVELS = 16
INNER = (0.06, 0.25)
"""Further levels below the first one, as parts of its height: they show the bottom of a valley."""

_SAMPLES = 101
_FLAT = 1e-12
_POLE = 1e3  # a floor this many times deeper than the picture is high is a pole near a point of the grid
_LARGEST = 1e308


@dataclass(frozen=True)
class HeightScale:
    """From values of a surface to shades and back.

    Attributes:
        floor: the value whose shade is 0.
        turn: the height above the floor where linear becomes logarithmic.
        top: the height whose shade is 1; 0 where the surface is flat.
    """

    floor: float
    turn: float
    top: float

    def heights(self, values: Values) -> Values:
        """Above the floor, at least 0; nan where there is no finite value."""
        with np.errstate(over="ignore", invalid="ignore"):
            heights = np.clip(values - self.floor, 0.0, _LARGEST)
        return np.where(np.isfinite(values), heights, np.nan)

    def shade(self, values: Values) -> Values:
        """From 0 to 1; nan where there is no finite value."""
        heights = self.heights(values)
        return np.minimum(np.log1p(heights / self.turn) / self.span, 1.0) if self.top else 0.0 * heights

    def value(self, shade: float) -> float:
        """The value of which this is the shade."""
        return self.floor + self.turn * math.expm1(shade * self.span)

    @property
    def span(self) -> float:
        """The natural logarithm that is spread over the shades."""
        return math.log1p(self.top / self.turn)

    @property
    def levels(self) -> tuple[float, ...]:
        """Shades of the contour lines, from low to high; none where the surface is flat."""
        if not self.top:
            return ()
        even = [(place + 0.5) / LEVELS for place in range(LEVELS)]
        first = math.expm1(even[0] * self.span)
        return (*(math.log1p(part * first) / self.span for part in INNER), *even)


def height_scale(surface: Surface) -> HeightScale:
    """The scale that fits a surface in its domain."""
    values = surface.grid(_SAMPLES)[2].numpy()
    values = values[np.isfinite(values)]
    flat = HeightScale(surface.floor, 1.0, 0.0)
    if not len(values):
        return flat
    low, high = (float(value) for value in np.quantile(values, (0.02, 0.98)))
    floor = low if low / _POLE - surface.floor / _POLE > high - low else surface.floor
    heights = HeightScale(floor, 1.0, 0.0).heights(values)
    heights = heights[heights > _FLAT * abs(floor)]
    if not len(heights):
        return flat
    turn, top = np.quantile(heights, (0.05, 0.995))
    return HeightScale(floor, float(turn), float(top))
