"""The plane through a model's parameters that comes nearest to several trainings from one start.

    scale = metric(layout, [path[-1] for path in paths])
    products = gram(paths, paths[0][0], scale)
    fit = fit_plane(products, [len(path) for path in paths])
    fit.explained[:2], fit.coordinates[0]  # shares of the squared distance, (snapshots, 2)

**Metric** (filter normalisation of Li et al. 2018, https://arxiv.org/abs/1712.09913, as a metric): every
filter, a row of a weight, is measured in units of its own size at the end of the trainings.  A large layer
then does not outweigh a small one, and layers that may be rescaled without effect compare.  A distance of 1
means: the filters have moved by their own size, in the root mean square.

**Plane**: through the common start, since every path begins there; that is PCA about the start, not about the
mean.  Each training counts the same, however far it went: its points are divided by their root sum of
squares.  The explained shares are therefore the mean, over trainings, of the share of the squared distance
from the start that lies along each axis.

Everything is found from the products of the snapshots with each other, in float64; no matrix of parameters
times parameters is ever made, and snapshots are read piece by piece.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Layout = Sequence[tuple[str, tuple[int, ...]]]
"""Name and shape of each parameter, in the order of a row of snapshots."""

PIECE = 2**15
"""Parameters at once, of every snapshot, in float64."""

SMALLEST = 0.01
"""A filter counts as at least this share of the size usual in its tensor: one that ends at zero, such as a
unit that weight decay has switched off, would have an infinite unit."""

NEGLIGIBLE = 1e-12
"""An axis with less of the whole is rounding."""

AXES_TOLD = 6


@dataclass(frozen=True)
class Fit:
    """Where paths lie on their best plane.

    Attributes:
        explained: shares of the squared distance from the start along the first axes, the largest first.
        mixtures: (points, 2); each axis as a mixture of the points, of length 1 in the metric.
        coordinates: of each path, (points, 2).
        distance: of each path, from the start, (points,).
        off: of each path, from the plane, (points,).
        shares: of each path's squared distance, how much lies on the plane.
        alone: of each path, what the two axes of a plane of its own would explain.
    """

    explained: tuple[float, ...]
    mixtures: Tensor
    coordinates: tuple[Tensor, ...]
    distance: tuple[Tensor, ...]
    off: tuple[Tensor, ...]
    shares: tuple[float, ...]
    alone: tuple[tuple[float, float], ...]


def filters(layout: Layout) -> Tensor:
    """The number of the filter to which each parameter belongs: rows, and whole vectors and scalars."""
    lengths = [math.prod(shape) // rows for _, shape in layout if (rows := _rows(shape)) for _ in range(rows)]
    return torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths, dtype=torch.long))


def metric(layout: Layout, ends: Sequence[Tensor]) -> Tensor:
    """What each parameter is multiplied with, so that plain lengths are lengths in the metric.

    Args:
        layout: of a row.
        ends: the weights at the end of each training, (parameters,).
    """
    owner = filters(layout)
    count = int(owner[-1]) + 1 if len(owner) else 0
    sizes = torch.zeros(count, dtype=torch.float64)
    for end in ends:
        squares = torch.zeros(count, dtype=torch.float64).index_add_(0, owner, end.double().square())
        sizes += squares.sqrt() / len(ends)
    members = torch.bincount(owner, minlength=count).double().sqrt()
    anywhere = float(sizes.norm() / max(float(members.norm()), 1.0)) or 1.0
    begin = 0
    for _, shape in layout:
        own = slice(begin, begin + _rows(shape))
        usual = float(sizes[own].square().sum() / max(_rows(shape), 1)) ** 0.5
        sizes[own] = sizes[own].clamp(min=SMALLEST * usual or anywhere * float(members[own].sum() or 1.0))
        begin = own.stop
    return (1 / (sizes * math.sqrt(count or 1)))[owner].float()


def _rows(shape: tuple[int, ...]) -> int:
    """Filters of a parameter of this shape; none where it is empty."""
    if not math.prod(shape):
        return 0
    return shape[0] if len(shape) >= 2 else 1


def gram(paths: Sequence[Tensor], origin: Tensor, scale: Tensor) -> Tensor:
    """Products of all points with each other, relative to the start, in the metric; (points, points)."""
    points = sum(map(len, paths))
    products = torch.zeros(points, points, dtype=torch.float64)
    for begin in range(0, len(origin), PIECE):
        piece = _piece(paths, origin, scale, begin)
        products += piece @ piece.T
    return products


def fit_plane(products: Tensor, lengths: Sequence[int]) -> Fit:
    """The best plane through the start, each path counting the same.

    Args:
        products: from `gram`.
        lengths: points of each path.
    """
    blocks = _blocks(lengths)
    squares = products.diagonal()
    sums = [squares[block].sum() for block in blocks]
    weights = torch.cat(
        [torch.full((len(block),), float(total.rsqrt()) if total > 0 else 0.0, dtype=torch.float64)
         for block, total in zip(blocks, sums, strict=True)]
    )  # fmt: skip
    values, vectors = torch.linalg.eigh(weights[:, None] * products * weights)
    values, vectors = values.flip(0).clamp(min=0), vectors.flip(1)
    whole = values.sum().clamp(min=torch.finfo(torch.float64).tiny)
    used = (values[:2] / whole > NEGLIGIBLE).double()
    mixtures = weights[:, None] * vectors[:, :2] * used / values[:2].clamp(min=1e-300).sqrt()
    mixtures = mixtures * _signs(products @ mixtures, blocks)
    places = products @ mixtures
    off = (squares - places.square().sum(1)).clamp(min=0).sqrt()
    return Fit(
        tuple((values / whole)[:AXES_TOLD].tolist()),
        mixtures,
        tuple(places[block] for block in blocks),
        tuple(squares[block].clamp(min=0).sqrt() for block in blocks),
        tuple(off[block] for block in blocks),
        tuple(_share(places[block].square().sum(), total) for block, total in zip(blocks, sums, strict=True)),
        tuple(_alone(products[block][:, block]) for block in blocks),
    )


def axes(paths: Sequence[Tensor], origin: Tensor, scale: Tensor, fit: Fit) -> tuple[Tensor, Tensor]:
    """The plane's two axes as displacements of the parameters; orthogonal, of length 1 in the metric.

    Paths along one line leave the second axis open: it is then drawn, from a fixed seed.
    """
    found = torch.empty(2, len(origin))
    for begin in range(0, len(origin), PIECE):
        piece = _piece(paths, origin, None, begin)
        found[:, begin : begin + PIECE] = (fit.mixtures.T @ piece).float()
    drawn = torch.Generator().manual_seed(0)
    for number in range(2):
        if not fit.mixtures[:, number].any():
            random = torch.randn(len(origin), generator=drawn).double()
            for other in found[:number].double() * scale:
                random = random - (random @ other) / max(float(other @ other), 1e-300) * other
            found[number] = (random / random.norm() / scale).float()
    return found[0], found[1]


def steps(products: Tensor, lengths: Sequence[int]) -> list[Tensor]:
    """The length of each path's steps from point to point."""
    found = []
    for block in _blocks(lengths):
        own = products[block][:, block]
        squares = own.diagonal()
        between = own.diagonal(1)
        found.append((squares[1:] + squares[:-1] - 2 * between).clamp(min=0).sqrt())
    return found


def _blocks(lengths: Sequence[int]) -> list[Tensor]:
    """The numbers of each path's points."""
    ends = list(itertools.accumulate(lengths))
    return [torch.arange(end - length, end) for end, length in zip(ends, lengths, strict=True)]


def _piece(paths: Sequence[Tensor], origin: Tensor, scale: Tensor | None, begin: int) -> Tensor:
    part = slice(begin, begin + PIECE)
    piece = torch.cat([path[:, part] for path in paths]).double() - origin[part].double()
    return piece if scale is None else piece * scale[part].double()


def _signs(places: Tensor, blocks: Sequence[Tensor]) -> Tensor:
    """So that the first axis leads to where the paths end, and the first path's later half goes up."""
    ends = places[[int(block[-1]) for block in blocks], 0].sum()
    half = blocks[0][len(blocks[0]) // 2 :]
    return torch.where(torch.stack([ends, places[half, 1].sum()]) < 0, -1.0, 1.0).double()


def _share(part: Tensor, whole: Tensor) -> float:
    return float(part / whole) if whole > 0 else 0.0


def _alone(products: Tensor) -> tuple[float, float]:
    values = torch.linalg.eigvalsh(products).flip(0).clamp(min=0)
    whole = values.sum()
    return (_share(values[0], whole), _share(values[1], whole) if len(values) > 1 else 0.0)
