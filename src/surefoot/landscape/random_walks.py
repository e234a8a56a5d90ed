"""What the same picture shows of paths that only stumble about: random walks with the same steps.

    products = walk([torch.ones(48)], dimensions=20_000, seed=0)
    fit_plane(products, [49]).explained[:2]  # about 0.81 and 0.09, though every direction was drawn anew

In high dimensions nearly all steps of a random walk are orthogonal to each other, yet its main axes hold most
of it, and along them it is a smooth curve: half a sine wave against three halves (about the mean, cosines:
J. Antognini and J. Sohl-Dickstein, "PCA of high dimensional random walks with comparison to neural network
training", 2018, https://arxiv.org/abs/1806.08805).  Of one walk with equal steps axis k explains
8 / (π² (2k − 1)²) about its start; about its mean 6 / (π² k²), the 61 % and 15 % of that paper.
A curve that is no more than this is no sign of anything that an optimizer did.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

MOST_DIMENSIONS = 20_000
"""Of the space that is walked in: a model's own number up to here.  With so many the steps of a few hundred
snapshots are orthogonal to within a hundredth, and a higher number changes no digit of the picture."""


def walk(steps: Sequence[Tensor], dimensions: int, seed: int = 0) -> Tensor:
    """Products of all points of random walks from one start with each other, as from `plane.gram`.

    Args:
        steps: the length of each step, one tensor for each walk.
        dimensions: of the space.
        seed: of the directions, which are independent and isotropic.
    """
    dimensions = min(dimensions, MOST_DIMENSIONS)
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.cat([own.double() for own in steps])
    directions = torch.randn(len(lengths), dimensions, dtype=torch.float64, generator=generator)
    moves = directions / directions.norm(dim=1, keepdim=True) * lengths[:, None]
    sums = _sums([len(own) for own in steps])
    products: Tensor = sums @ (moves @ moves.T) @ sums.T
    return products


def _sums(steps: Sequence[int]) -> Tensor:
    """From the steps of each walk to the points they lead to, the start first; (points, steps)."""
    sums = torch.zeros(sum(steps) + len(steps), sum(steps), dtype=torch.float64)
    row = column = 0
    for own in steps:
        sums[row + 1 : row + 1 + own, column : column + own] = torch.ones(own, own).tril()
        row, column = row + 1 + own, column + own
    return sums
