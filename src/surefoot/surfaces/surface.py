"""A surface: a formula of two parameters with its domain, and what is known of it.

surface = find_surface("beale")             # from the table in `surfaces.py`
surface = find_surface("x^2 + 10 y^2")      # or a formula of one's own
surface.values(points)                      # points: any shape with two columns, float64
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from surefoot.surfaces.expression import Expression, parse

Pair = tuple[float, float]


@dataclass(frozen=True)
class Surface:
    """A function of two parameters that optimizers walk on.

    Attributes:
        name: in the table; of a formula of one's own, its text.
        formula: in the words of `expression.parse`.
        x, y: the domain, which is what a picture shows: (low, high) each.
        start: where every optimizer starts; off any ridge of symmetry.
        minima, saddles: all within the domain, local ones too.
        stable_lr: gradient descent with a larger learning rate cannot settle in the best minimum: two over
            the largest curvature there; None where there is no minimum or no curvature.
        noise: standard deviation of the noise that belongs to the surface, on each part of the gradient.
        about: what one sees on it, in a sentence.
        source: where it comes from.
    """

    name: str
    formula: str
    x: Pair
    y: Pair
    start: Pair
    minima: tuple[Pair, ...] = ()
    saddles: tuple[Pair, ...] = ()
    stable_lr: float | None = None
    noise: float = 0.0
    about: str = ""
    source: str = ""

    @functools.cached_property
    def expression(self) -> Expression:
        """The formula, parsed."""
        return parse(self.formula)

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """The value at (x, y)."""
        return self.expression(x, y)

    def values(self, points: Tensor) -> Tensor:
        """The values at points of shape (…, 2), of shape (…)."""
        return self.expression(*points.unbind(-1))

    def gradients(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Values of shape (…) and gradients of shape (…, 2) at points of shape (…, 2)."""
        points = points.detach().requires_grad_()
        with torch.enable_grad():
            values = self.values(points)
            (gradients,) = torch.autograd.grad(values.sum(), points)
        return values.detach(), gradients

    def grid(self, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """x of shape (size,), y of shape (size,), and values of shape (size, size) with a row for each y."""
        x, y = (torch.linspace(low, high, size, dtype=torch.float64) for low, high in (self.x, self.y))
        return x, y, self.expression(*torch.meshgrid(x, y, indexing="xy"))

    @functools.cached_property
    def floor(self) -> float:
        """The lowest finite value that is known within the domain: losses are told as heights above it."""
        values = self.grid(101)[2].flatten()
        values = values[values.isfinite()]
        if self.minima:
            at_minima = self.values(torch.tensor(self.minima, dtype=torch.float64))
            values = torch.cat([values, at_minima[at_minima.isfinite()]])
        return float(values.min()) if len(values) else 0.0

    @property
    def size(self) -> float:
        """The longer side of the domain."""
        return max(self.x[1] - self.x[0], self.y[1] - self.y[0])

    @property
    def centre(self) -> Pair:
        """The middle of the domain."""
        return (self.x[0] + self.x[1]) / 2, (self.y[0] + self.y[1]) / 2
