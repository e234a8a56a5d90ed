"""Contour lines and shades of a surface, small enough to send to a page.

contour_document(find_surface("beale"))["levels"][0]["lines"]
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from contourpy import contour_generator
from matplotlib.path import Path as Outline

from surefoot.surfaces.pictures.levels import Values, height_scale
from surefoot.surfaces.surface import Surface

SHADES = 61
"""Points of the shade along each side."""

_PIXELS = 400
"""Lines are simplified so that a picture of this size looks the same."""

_MOST_POINTS = 7500
"""Of all lines together: a surface of a hundred pits has fewer levels rather than a document without end."""


def contour_document(surface: Surface, size: int = 121) -> dict[str, Any]:
    """What a page draws below the paths, as JSON.

    Args:
        size: points of the grid along each side from which the lines are made.

    Returns:
        `levels`: from low to high, each with the `value` of the surface and its `lines` [x0, y0, x1, y1, …];
        `shade`: `values` from 0 (the floor) to 1, in `size` rows of `size` from low y to high, null where the
        surface has no finite value; `low` and `high`: the values of the shades 0 and 1.
    """
    scale = height_scale(surface)
    x, y, values = (part.numpy() for part in surface.grid(size))
    lines = _lines(x, y, scale.shade(values), scale.levels)
    shades = scale.shade(surface.grid(SHADES)[2].numpy()).flatten()
    return {
        "levels": [
            {"value": _significant(scale.value(shade)), "lines": [_rounded(line, surface) for line in found]}
            for shade, found in lines.items()
        ],
        "shade": {
            "size": SHADES,
            "values": [round(float(shade), 3) if math.isfinite(shade) else None for shade in shades],
        },
        "low": _significant(scale.floor),
        "high": _significant(scale.value(1.0)),
    }


def _lines(x: Values, y: Values, shades: Values, levels: tuple[float, ...]) -> dict[float, list[Values]]:
    """The lines of each level that has any; levels are left out evenly until the points are few enough."""
    generator = contour_generator(x, y, np.ma.masked_invalid(shades))
    origin, scale = np.array([x[0], y[0]]), _PIXELS / np.array([x[-1] - x[0], y[-1] - y[0]])
    found = {}
    for level in levels:
        pixels = [(np.asarray(line) - origin) * scale for line in generator.lines(level)]
        smooth = [_simplified(line) / scale + origin for line in pixels if len(line) > 1]
        if smooth:
            found[level] = smooth
    points = {level: sum(map(len, lines)) for level, lines in found.items()}
    kept = list(found)
    while sum(points[level] for level in kept) > _MOST_POINTS and len(kept) > 1:
        kept = [list(found)[round(place)] for place in np.linspace(0, len(found) - 1, len(kept) - 1)]
    return {level: found[level] for level in kept}


def _simplified(pixels: Values) -> Values:
    """Without the points that a straight line between their neighbours passes, and closed where it was."""
    outline = Outline(pixels).cleaned(simplify=True)
    kept = np.asarray(outline.vertices)[np.asarray(outline.codes) != Outline.STOP]
    return kept if len(kept) > 1 else pixels


def _rounded(line: Values, surface: Surface) -> list[float]:
    """To a ten-thousandth of the domain."""
    across, up = (4 - math.floor(math.log10(high - low)) for low, high in (surface.x, surface.y))
    return [number for x, y in line.tolist() for number in (round(x, across), round(y, up))]


def _significant(value: float) -> float:
    """Four significant digits are more than a line of a picture tells."""
    return float(f"{value:.4g}")
