"""physics: solve a differential equation with a network that is trained on the equation alone.

The equation is Burgers', u_t + u u_x = ν u_xx on 0 <= t <= 1, -1 <= x <= 1, with u(0, x) = -sin(π x) and
u(t, ±1) = 0: a smooth wave steepens into a front at x = 0.  The loss is the mean squared residual of the
equation at random points plus that of the initial and boundary values (M. Raissi, P. Perdikaris and G. E.
Karniadakis, "Physics-informed neural networks", 2019, https://doi.org/10.1016/j.jcp.2018.10.045).
The batch is the same at every step, so L-BFGS has its chance.

Data: none.  The measure compares with the exact solution, which J. D. Cole and E. Hopf gave as a quotient of
two integrals (Cole, "On a quasi-linear parabolic equation occurring in aerodynamics", 1951).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

VISCOSITY = 0.05
POINTS, EDGE_POINTS = 600, 100  # inside; and on each of the three edges where u is given
WIDTH, LAYERS = 20, 3
TIMES, PLACES = 21, 101  # of the grid where the solution is compared
NODES = 100  # of the quadrature


@dataclass(frozen=True)
class CollocationBatch:
    """Where the equation and the given values are asked for.

    Attributes:
        inside: (points, 2), each (t, x).
        edges: (points, 2), each on the initial line or on a boundary.
        given: (points, 1), the solution there.
    """

    inside: Tensor
    edges: Tensor
    given: Tensor


@dataclass(frozen=True)
class Derivatives:
    """A function of (t, x) at some points, and its derivatives: tensors of shape (points, width)."""

    u: Tensor
    t: Tensor
    x: Tensor
    xx: Tensor


class PhysicsNetwork(nn.Module):
    """(t, x) to u by layers of tanh units; derivatives are carried along exactly, by the chain rule."""

    def __init__(self) -> None:
        super().__init__()
        widths = [2, *[WIDTH] * LAYERS, 1]
        layers = [nn.Linear(m, n) for m, n in itertools.pairwise(widths)]
        for layer in layers:
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.hidden, self.last = nn.ModuleList(layers[:-1]), layers[-1]

    def forward(self, points: Tensor) -> Tensor:
        """(points, 2) to (points, 1)."""
        for layer in self.hidden:
            points = torch.tanh(layer(points))
        found: Tensor = self.last(points)
        return found

    def derivatives(self, points: Tensor) -> Derivatives:
        """u, u_t, u_x and u_xx at `points`."""
        along_t, along_x = (
            torch.eye(2, dtype=points.dtype, device=points.device).expand(len(points), 2, 2).unbind(1)
        )
        # The four rows of `flow` are the value and its derivatives by t, by x and twice by x.
        flow = torch.stack([points, along_t, along_x, torch.zeros_like(points)])
        for layer in self.hidden:
            value, t, x, xx = _affine(layer, flow)
            value = torch.tanh(value)
            slope = 1 - value.square()
            flow = torch.stack([value, slope * t, slope * x, slope * (xx - 2 * value * x.square())])
        return Derivatives(*_affine(self.last, flow))


def _affine(layer: nn.Module, flow: Tensor) -> tuple[Tensor, ...]:
    """A linear layer on a value and its derivatives, which know no bias."""
    linear = cast(nn.Linear, layer)
    value, *derivatives = (flow @ linear.weight.T).unbind(0)
    return value + linear.bias, *derivatives


def exact(t: Tensor, x: Tensor) -> Tensor:
    """The solution, in float64, by Gauss-Hermite quadrature; t > 0.

    With y = x - z √(4 ν t), u is the mean of -sin(π y) weighted by exp(-z² - cos(π y) / (2 π ν)).
    """
    nodes, weights = (torch.from_numpy(a) for a in np.polynomial.hermite.hermgauss(NODES))
    y = x.double()[..., None] - nodes * (4 * VISCOSITY * t.double()[..., None]).sqrt()
    # The largest exponent is 1 / (2 π ν); taken off, it cancels in the quotient.
    likely = weights * torch.exp(-(torch.cos(math.pi * y) + 1) / (2 * math.pi * VISCOSITY))
    return -(torch.sin(math.pi * y) * likely).sum(-1) / likely.sum(-1)


class Physics:
    """The equation's residual at 600 points, and 300 given values; the points are the same at every step."""

    name = "physics"
    steps = 2000
    measure = "relative error of the solution"

    @functools.cached_property
    def _solution(self) -> tuple[Tensor, Tensor]:
        """(t, x) on a grid, and u there."""
        t, x = torch.meshgrid(torch.linspace(0, 1, TIMES)[1:], torch.linspace(-1, 1, PLACES), indexing="ij")
        return torch.stack([t.flatten(), x.flatten()], 1), exact(t, x).flatten().float()

    def model(self) -> nn.Module:
        """Three hidden layers of 20 tanh units: 921 parameters."""
        return PhysicsNetwork()

    def batches(self, seed: int) -> Iterator[CollocationBatch]:
        """The same points again and again, drawn evenly and fixed by `seed`."""
        generator = torch.Generator().manual_seed(seed)
        t, x = torch.rand(POINTS, generator=generator), 2 * torch.rand(POINTS, generator=generator) - 1
        start = 2 * torch.rand(EDGE_POINTS, generator=generator) - 1
        times = torch.rand(2 * EDGE_POINTS, generator=generator)
        sides = torch.tensor([-1.0, 1.0]).repeat(EDGE_POINTS)
        batch = CollocationBatch(
            inside=torch.stack([t, x], 1),
            edges=torch.cat(
                [torch.stack([torch.zeros(EDGE_POINTS), start], 1), torch.stack([times, sides], 1)]
            ),
            given=torch.cat([-torch.sin(math.pi * start), torch.zeros(2 * EDGE_POINTS)])[:, None],
        )
        while True:
            yield batch

    def loss(self, model: nn.Module, batch: CollocationBatch) -> Tensor:
        """Mean squared residual of the equation, plus the mean squared error of the given values."""
        found = cast(PhysicsNetwork, model).derivatives(batch.inside)
        residual = found.t + found.u * found.x - VISCOSITY * found.xx
        return residual.square().mean() + nn.functional.mse_loss(model(batch.edges), batch.given)

    def validate(self, model: nn.Module) -> float:
        """The distance from the exact solution on a grid of 2,020 points, as a share of its own norm."""
        points, solution = self._solution
        with torch.no_grad():
            error = model(points)[:, 0] - solution
        return float(error.norm() / solution.norm())


TASK = Physics()
