"""The fair learning rate of an optimizer on a surface: every optimizer gets the same number of trials.

    strip = tune(surface, OptimizerSpec("Adam"), start=(1.0, 1.5), steps=200, noise=noise(200, 0.0, seed=0))
    strip.best, strip.low, strip.high           # 0.4, and what works too: 0.06 to 0.9

A trial is a learning rate, from the start and from points near it.  Its score is an area, not a first hit:
the mean over all gradient evaluations of how far the loss is still above the floor, on a log scale.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from surefoot import optim
from surefoot.formula import LogNormal
from surefoot.surfaces.lr_sweep import sweep
from surefoot.surfaces.recipe import OptimizerSpec
from surefoot.surfaces.surface import Pair, Surface

TRIALS = 25
"""Learning rates for each optimizer."""

COARSE = 9
"""Of these, a decade apart around the centre of the optimizer's prior; the others are around the best one."""

SPACING = 5
"""Learning rates in a decade of the finer ones; the other trials fill two decades to both sides."""

STARTS = 8
"""Starts of each trial: the animation's own, and points near it."""

JITTER = 0.03
"""How far these lie from it at most along each axis, as a share of the domain's longer side."""

DECADES = 8
"""Decades of the height above the floor that a score tells apart."""

TIE = 0.98
"""A rate with this share of the best progress might as well be the best; of such ones the lowest is taken."""

WORKS = 0.8
"""A rate with this share of the best progress works."""


@dataclass(frozen=True)
class Strip:
    """How an optimizer does at each of its trials.

    Progress is one minus the score.

    Attributes:
        optimizer: its class name.
        setting: what was tried: "lr", or what stands for it where an optimizer has none.
        rates: the trials, in order; closer together around the best.
        scores: for each the mean over starts and evaluations of 1 + log10(height above the floor / the same
            at the start) / `DECADES`, clipped to [0, 1]: 0 is at the floor at once, 1 no progress at all.
            A walk that diverged scores 1, one that escaped downwards counts as at the floor from there on.
        diverged: whether it diverged from any of the starts.
        best: the rate to take: of those that diverged from no start, the lowest in reach of the one with the
            lowest score over rates with at least `TIE` of its progress.
        low, high: around it, the rates with at least `WORKS` of the best progress, without a gap; the edge
            lies on the line through the scores over log rate, or at the last rate before one that diverged.
        decades: how wide that is.
    """

    optimizer: str
    setting: str
    rates: tuple[float, ...]
    scores: tuple[float, ...]
    diverged: tuple[bool, ...]
    best: float
    low: float
    high: float
    decades: float


def tune(
    surface: Surface,
    spec: OptimizerSpec,
    start: Pair,
    steps: int,
    noise: Tensor,
    seed: int = 0,
    stopped: Callable[[], bool] = lambda: False,
) -> Strip | None:
    """Try `TRIALS` learning rates, each from the same `STARTS` points with the same noise.

    Args:
        surface: what the optimizer walks on.
        spec: what is tuned; its hyperparameters are kept, but for a learning rate.
        start: the animation's.
        steps: gradient evaluations of each walk.
        noise: as from `path.noise`.
        seed: of the starts, and of what an optimizer draws itself.
        stopped: asked often.

    Returns:
        None if the optimizer has nothing to tune, or if it was stopped.

    Raises:
        InvalidInputError, InvalidTypeError: the optimizer cannot be built.
    """
    setting = tuned_setting(spec.optimizer)
    if setting is None:
        return None
    name, prior = setting
    starts = jittered(surface, start, seed)
    scores: dict[int, tuple[float, bool]] = {}

    def tried(places: Sequence[int]) -> bool:
        specs = [_at(spec, name, _rate(prior, place)) for place in places]
        values = sweep(surface, specs, starts, steps, noise, seed, stopped)
        if values is not None:
            diverged = values[..., -1] == math.inf
            rated = score(values, surface.floor).mean(-1).tolist()
            scores.update(zip(places, zip(rated, diverged.any(-1).tolist(), strict=True), strict=True))
        return values is not None

    if not tried([SPACING * (i - COARSE // 2) for i in range(COARSE)]) or not tried(_around(scores)):
        return None
    places = sorted(scores)
    rates = tuple(_rate(prior, place) for place in places)
    return strip(spec.optimizer, name, rates, *zip(*(scores[place] for place in places), strict=True))


def tuned_setting(optimizer: str) -> tuple[str, LogNormal] | None:
    """The name and prior of what is tuned: lr, else the first number with a prior, else None."""
    found = {
        name: h.search
        for name, h in optim.find(optimizer).hyperparameters.items()
        if isinstance(h.search, LogNormal) and not h.fixed
    }
    name = "lr" if "lr" in found else next(iter(found), None)
    return None if name is None else (name, found[name])


def jittered(surface: Surface, start: Pair, seed: int) -> list[Pair]:
    """The start and points near it where the surface has a value; the same for every optimizer."""
    generator = torch.Generator().manual_seed(seed)
    shifts = 2 * torch.rand(STARTS, 2, generator=generator, dtype=torch.float64) - 1
    shifts[0] = 0.0
    points = torch.tensor(start, dtype=torch.float64) + JITTER * surface.size * shifts
    sound = surface.values(points).isfinite().tolist()
    return [(x, y) if valued else start for (x, y), valued in zip(points.tolist(), sound, strict=True)]


def score(values: Tensor, floor: float) -> Tensor:
    """The score of walks (see `Strip.scores`).

    Args:
        values: of shape (…, 1 + evaluations), the start's first; inf, -inf as from `sweep`.
        floor: of the surface.

    Returns:
        Of shape (…).
    """
    heights = (values - floor).clamp(min=0.0) + torch.finfo(torch.float64).tiny
    gained = (heights[..., 1:] / heights[..., :1]).log10().clamp(-DECADES, 0.0)
    scores = 1.0 + gained.mean(-1) / DECADES
    return torch.where(values[..., -1] == math.inf, 1.0, scores)


def strip(
    optimizer: str, setting: str, rates: Sequence[float], scores: Sequence[float], diverged: Sequence[bool]
) -> Strip:
    """What the scores at these rates, in order, tell."""
    place = _lowest(scores, diverged)
    progress = 1.0 - scores[place]
    best = place
    while best and 1.0 - scores[best - 1] >= TIE * progress and diverged[best - 1] <= diverged[place]:
        best -= 1
    limit = WORKS * progress
    line = [(r, 1.0 - s, d) for r, s, d in zip(rates, scores, diverged, strict=True)]
    low, high = _edge(line[best::-1], limit), _edge(line[best:], limit)
    decades = math.log10(high / low)
    return Strip(
        optimizer, setting, tuple(rates), tuple(scores), tuple(diverged), rates[best], low, high, decades
    )


def _edge(outwards: Sequence[tuple[float, float, bool]], limit: float) -> float:
    """Where progress, from the best rate outwards, first falls below the limit."""
    if limit <= 0 or outwards[0][2]:
        return outwards[0][0]
    for (rate, progress, _), (further, less, lost) in pairwise(outwards):
        if lost:
            return rate
        if less < limit:
            return float(rate * (further / rate) ** ((progress - limit) / (progress - less)))
    return outwards[-1][0]


def _lowest(scores: Sequence[float], diverged: Sequence[bool]) -> int:
    """The place of the lowest score, where nothing diverged if there is such a place."""
    return min(range(len(scores)), key=lambda place: (diverged[place], scores[place]))


def _around(scores: dict[int, tuple[float, bool]]) -> list[int]:
    """The places that are tried after the coarse ones: those nearest to the best of them."""
    tried = sorted(scores)
    best = tried[_lowest(*zip(*(scores[place] for place in tried), strict=True))]
    near = sorted(range(best - TRIALS, best + TRIALS), key=lambda place: (abs(place - best), place))
    return [place for place in near if place not in scores][: TRIALS - COARSE]


def _rate(prior: LogNormal, place: int) -> float:
    """With two digits, so that a label tells all of it."""
    return float(f"{prior.center * 10 ** (place / SPACING):.2g}")


def _at(spec: OptimizerSpec, setting: str, rate: float) -> OptimizerSpec:
    return replace(spec, hyperparameters={**spec.hyperparameters, setting: rate})
