"""The loss along paths, at their projections on the plane, and on a grid of the plane around them.

losses = measure(evaluator, atlas, fit.coordinates, framed=[0, 1], size=31, told=print)
losses.own[0][-1], losses.projected[0][-1]  # what the plane hides
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from surefoot.landscape.loss_evaluators import LossEvaluator
from surefoot.training.revisit import Atlas, Place

MARGIN = 0.15
"""Room around the paths, as a share of their extent."""

NARROWEST = 0.6
"""The plane's shorter side, as a share of its longer one at least."""


@dataclass(frozen=True)
class Losses:
    """What was measured.

    Attributes:
        own, projected: of each path, at its snapshots and at their projections on the plane.
        x, y: the grid's columns and rows, ascending.
        grid: for each row the loss in each column.
    """

    own: list[list[float]]
    projected: list[list[float]]
    x: list[float]
    y: list[float]
    grid: list[list[float]]


def measure(
    evaluator: LossEvaluator,
    atlas: Atlas,
    coordinates: Sequence[Tensor],
    framed: Sequence[int],
    size: int,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> Losses:
    """Measure them all.

    Args:
        evaluator: where.
        atlas: of the paths and the plane.
        coordinates: of each path on the plane.
        framed: the paths that the grid surrounds; one that diverged would make a dot of all others.
        size: points along each side of the grid.
        told: hears how many of how many are done.
    """
    x, y = extent([coordinates[number] for number in framed], size)
    own = [Place(path, index) for path, places in enumerate(coordinates) for index in range(len(places))]
    projected = [Place(p.path, p.index, _pair(coordinates[p.path][p.index])) for p in own]
    places = [*own, *projected, *_grid(x, y, coordinates)]
    found = iter(evaluator.losses(atlas, places, lambda done: told(done, len(places))))

    def take(counts: Sequence[int]) -> list[list[float]]:
        return [[next(found) for _ in range(count)] for count in counts]

    lengths = [len(path) for path in coordinates]
    return Losses(take(lengths), take(lengths), x, y, take([size] * size))


def extent(coordinates: Sequence[Tensor], size: int) -> tuple[list[float], list[float]]:
    """A grid's columns and rows: around all paths, and not too narrow."""
    places = torch.cat(list(coordinates))
    low, high = places.min(0).values, places.max(0).values
    spans = (high - low) * (1 + 2 * MARGIN)
    spans = spans.clamp(min=NARROWEST * max(float(spans.max()), 1e-9)) / 2
    middle = (low + high) / 2
    x, y = (torch.linspace(float(m - s), float(m + s), size) for m, s in zip(middle, spans, strict=True))
    return x.tolist(), y.tolist()


def _grid(x: Sequence[float], y: Sequence[float], coordinates: Sequence[Tensor]) -> list[Place]:
    """Each point of the grid, with the snapshot whose projection is nearest: its buffers fit best."""
    owners = [(path, index) for path, places in enumerate(coordinates) for index in range(len(places))]
    projections = torch.cat(list(coordinates))
    found = []
    for row in y:
        targets = torch.tensor([(column, row) for column in x], dtype=torch.float64)
        nearest = torch.cdist(targets, projections).argmin(1).tolist()
        near = (owners[n] for n in nearest)
        found += [Place(path, index, (column, row)) for (path, index), column in zip(near, x, strict=True)]
    return found


def _pair(coordinates: Tensor) -> tuple[float, float]:
    x, y = coordinates.tolist()
    return x, y
