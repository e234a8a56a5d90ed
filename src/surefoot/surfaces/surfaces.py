"""A test surface, found by its name or made from a formula of one's own.

find_surface("Rosenbrock")                          # case, "-", "_" and blanks do not matter
find_surface("beale", start=(-3, -3))
find_surface("x^2 + 10 y^2", x=(-2, 2), y=(-1, 1))
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import torch

from surefoot.errors import InvalidInputError
from surefoot.naming import nearest
from surefoot.surfaces.catalogue import SURFACES
from surefoot.surfaces.expression import CONSTANTS, FUNCTIONS, VARIABLES, ExpressionError
from surefoot.surfaces.surface import Pair, Surface

__all__ = ["DOMAIN", "FARTHEST", "START", "SURFACES", "find_surface"]

DOMAIN: Pair = (-4.0, 4.0)
"""Of a formula of one's own, for x and for y."""

START: Pair = (-2.6, 2.2)
"""On a formula of one's own."""

FARTHEST = 1e6
"""No domain reaches beyond it; none is narrower than its inverse."""


def find_surface(
    text: str,
    x: Sequence[float] | None = None,
    y: Sequence[float] | None = None,
    start: Sequence[float] | None = None,
) -> Surface:
    """The surface of this name, or of this formula.

    Args:
        text: a name in `SURFACES`, where case, `-`, `_` and blanks do not matter; or a formula of x and y.
        x, y: another domain, (low, high); minima and saddles outside it are left out.
        start: another start, within the domain.  If it is not given and the usual one lies outside the
            domain, or where the formula has no value, it is a point near it that serves.

    Raises:
        ExpressionError: it is neither a name nor a formula; the message is one line, with the nearest name.
        InvalidInputError: the domain or the start is not one, or the formula has no value there.
    """
    known = {_fold(name): surface for name, surface in SURFACES.items()}
    surface = known.get(_fold(text)) or _of_formula(text)
    if x is not None or y is not None:
        surface = _within(surface, _domain("x", x, surface.x), _domain("y", y, surface.y))
    if start is not None:
        return replace(surface, start=_checked_start(surface, start))
    return replace(surface, start=_serving_start(surface))


def _fold(name: str) -> str:
    return re.sub(r"[\s_–-]", "", name.lower())


def _of_formula(text: str) -> Surface:
    surface = Surface(text.strip(), text.strip(), DOMAIN, DOMAIN, START)
    try:
        surface.expression  # noqa: B018
    except ExpressionError:
        words = set(re.findall(r"[^\W\d]+", text)) - {*VARIABLES, *CONSTANTS, *FUNCTIONS}
        if words and re.fullmatch(r"\s*[^\W\d][\w\s–-]*", text):
            hint = nearest(text, SURFACES)
            raise ExpressionError(f"unknown surface {text!r}{hint} (or write a formula of x and y)") from None
        raise
    return surface


def _pair(what: str, values: Sequence[float]) -> Pair:
    try:
        first, second = map(float, values)
    except (TypeError, ValueError):
        raise InvalidInputError(f"{what} takes two numbers, not {values!r}") from None
    if not (math.isfinite(first) and math.isfinite(second)):
        raise InvalidInputError(f"{what} takes two finite numbers, not {first}, {second}")
    return first, second


def _domain(axis: str, given: Sequence[float] | None, own: Pair) -> Pair:
    if given is None:
        return own
    low, high = _pair(f"the domain of {axis}", given)
    if low >= high:
        raise InvalidInputError(f"the domain of {axis} goes from low to high, not from {low:g} to {high:g}")
    if max(abs(low), abs(high)) > FARTHEST or high - low < max(1, abs(low), abs(high)) / FARTHEST:
        raise InvalidInputError(f"the domain of {axis} is too wide or too narrow: {low:g} to {high:g}")
    return low, high


def _inside(point: Pair, x: Pair, y: Pair) -> bool:
    return x[0] <= point[0] <= x[1] and y[0] <= point[1] <= y[1]


def _within(surface: Surface, x: Pair, y: Pair) -> Surface:
    """The surface on another domain; its start keeps its place in the picture if it would lie outside."""
    minima = tuple(point for point in surface.minima if _inside(point, x, y))
    best = torch.tensor(minima, dtype=torch.float64)
    keeps_best = bool(minima) and float(surface.values(best).min()) <= _best(surface) + 1e-9
    start = surface.start
    if not _inside(start, x, y):
        a = (start[0] - surface.x[0]) / (surface.x[1] - surface.x[0])
        b = (start[1] - surface.y[0]) / (surface.y[1] - surface.y[0])
        start = x[0] + a * (x[1] - x[0]), y[0] + b * (y[1] - y[0])
    return replace(
        surface,
        x=x,
        y=y,
        start=start,
        minima=minima,
        saddles=tuple(point for point in surface.saddles if _inside(point, x, y)),
        stable_lr=surface.stable_lr if keeps_best else None,
    )


def _best(surface: Surface) -> float:
    return float(surface.values(torch.tensor(surface.minima, dtype=torch.float64)).min())


def _checked_start(surface: Surface, given: Sequence[float]) -> Pair:
    start = _pair("the start", given)
    if not _inside(start, surface.x, surface.y):
        (left, right), (low, high) = surface.x, surface.y
        raise InvalidInputError(
            f"the start ({start[0]:g}, {start[1]:g}) lies outside the domain: "
            f"x from {left:g} to {right:g}, y from {low:g} to {high:g}"
        )
    if not math.isfinite(float(surface.values(torch.tensor(start, dtype=torch.float64)))):
        raise InvalidInputError(
            f"{surface.name} has no finite value at the start ({start[0]:g}, {start[1]:g})"
        )
    return start


def _serving_start(surface: Surface) -> Pair:
    """The surface's start, or where it has no value or no gradient there, the nearest point of a grid."""
    x, y, _ = surface.grid(33)
    grid = torch.cartesian_prod(x[1:-1], y[1:-1])
    own = torch.tensor(surface.start, dtype=torch.float64)
    candidates = torch.cat([own[None], grid])
    values, gradients = surface.gradients(candidates)
    candidates = candidates[values.isfinite() & gradients.isfinite().all(-1)]
    if not len(candidates):
        raise InvalidInputError(f"{surface.name} has no finite value in its domain")
    found = candidates[(candidates - own).norm(dim=-1).argmin()].tolist()
    return found[0], found[1]
