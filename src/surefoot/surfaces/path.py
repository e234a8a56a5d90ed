"""One optimizer's path on a surface: the real optimizer, in a plain loop.

    spec = OptimizerSpec("Adam", {"lr": 0.1})
    path = follow(surface, spec, (1.0, 1.5), steps=200, noise=noise(200, 0.0, seed=0))
    path.points[-1], path.values[-1], path.end

It is the loop anyone would write: loss, backward, noise on the gradient, step.  Parameters are float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from surefoot import optim
from surefoot.errors import InvalidInputError, InvalidTypeError
from surefoot.surfaces.recipe import OptimizerSpec
from surefoot.surfaces.surface import Pair, Surface

FAR = 20.0
"""An optimizer further from the middle of the domain than this many times its longer side has left it."""

BASIS = (
    torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64) / math.sqrt(2),
    torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64) / math.sqrt(2),
)
"""An orthonormal pair of 2×2 matrices: the point (x, y) becomes x·A + y·B, a scaled rotation.

Turning the point turns the matrix and leaves its singular values equal, so no direction is preferred.
"""


@dataclass(frozen=True)
class Path:
    """Where an optimizer went.

    Attributes:
        spec: the optimizer with every setting that it was built with.
        evaluations: gradient evaluations made on arriving at each point, from 0 for the start.
        points: one for the start and one for each step of the optimizer.
        values: the surface's value at each point, without noise; nan where it has none.
        end: why it ended early, in words: "diverged: …" or "escaped: …"; empty if it went all the way.
        lifted: the point was a 2×2 matrix to the optimizer, since it takes matrices only.
    """

    spec: OptimizerSpec
    evaluations: tuple[int, ...]
    points: tuple[Pair, ...]
    values: tuple[float, ...]
    end: str = ""
    lifted: bool = False

    @property
    def diverged(self) -> bool:
        """Whether the learning rate was too high for it."""
        return self.end.startswith("diverged")


class Walker:
    """An optimizer with its point on a surface.

    Attributes:
        parameter: what the optimizer sees: the point, or the matrix that it is lifted into.
        optimizer: the real one.
        evaluations: of the gradient so far.
        gradient: the last one that the optimizer was given, at the point, with its noise.

    Args:
        surface: what it walks on.
        spec: what is built; its hyperparameters go to the constructor.
        start: its first point.
        noise: what is added to the gradient at each evaluation, of shape (evaluations, 2); beyond its end it
            begins anew.

    Raises:
        InvalidInputError: there is no such optimizer, or it refuses a hyperparameter.
        InvalidTypeError: it does not know a hyperparameter.
    """

    def __init__(self, surface: Surface, spec: OptimizerSpec, start: Pair, noise: Tensor) -> None:
        make: Any = _found(spec.optimizer)
        self.surface, self.noise = surface, noise
        self.lifted: bool = make.matrices_only
        self.parameter = place(start, lifted=self.lifted).requires_grad_()
        with building():
            self.optimizer: Any = make([self.parameter], **spec.hyperparameters)
        self.evaluations = 0
        self.gradient = torch.zeros(2, dtype=torch.float64)
        self._closure, self._sparse = make.needs_closure, make.sparse == "only"

    @property
    def point(self) -> Tensor:
        """Where it is, of shape (2,)."""
        return project(self.parameter) if self.lifted else self.parameter

    def step(self) -> None:
        """One step of the optimizer, with as many evaluations as it makes."""
        if self._closure:
            self.optimizer.step(self.evaluate)
        else:
            self.evaluate()
            self.optimizer.step()

    def evaluate(self) -> Tensor:
        """Give the optimizer the gradient here, with the noise of this evaluation; the loss has none."""
        self.optimizer.zero_grad()
        x, y = self.point.unbind()
        loss = self.surface(x, y)
        loss.backward()  # type: ignore[no-untyped-call]
        gradient = self.parameter.grad
        assert gradient is not None
        extra = self.noise[self.evaluations % len(self.noise)]
        gradient += lift(extra) if self.lifted else extra
        self.gradient = project(gradient) if self.lifted else gradient.clone()
        if self._sparse:
            self.parameter.grad = gradient.to_sparse()
        self.evaluations += 1
        return loss.detach()


def follow(
    surface: Surface,
    spec: OptimizerSpec,
    start: Pair,
    steps: int,
    noise: Tensor,
    seed: int = 0,
    stopped: Callable[[], bool] = lambda: False,
    watch: Callable[[Walker], None] = lambda walker: None,
) -> Path:
    """Let an optimizer walk until it has made `steps` gradient evaluations, or is lost.

    Args:
        surface: what it walks on.
        spec: the optimizer that walks, with all its settings.
        start: its first point.
        steps: gradient evaluations; the last step of an optimizer that makes several may go beyond.
        noise: as from `noise`.
        seed: of what the optimizer draws itself.
        stopped: asked at every step; the path ends soon after it says True.
        watch: called after each step.

    Raises:
        InvalidInputError, InvalidTypeError: the optimizer cannot be built.
    """
    with drawing(seed):
        walker = Walker(surface, spec, start, noise)
        evaluations, points, values = [0], [start], [_value(surface, walker.point)]
        end = ""
        while not end and walker.evaluations < steps and not stopped():
            walker.step()
            watch(walker)
            evaluations.append(walker.evaluations)
            x, y = walker.point.tolist()
            points.append((x, y))
            values.append(_value(surface, walker.point))
            end = lost(surface, (x, y), values[-1], walker.evaluations)
    return Path(spec, tuple(evaluations), tuple(points), tuple(values), end, walker.lifted)


def lost(surface: Surface, point: Pair, value: float, evaluations: int) -> str:
    """Why a walk ends here, in words; empty while it need not."""
    after = f"after {evaluations} gradient{'s' * (evaluations != 1)}"
    if not (math.isfinite(point[0]) and math.isfinite(point[1])):
        return f"diverged: the point became {'nan' if any(map(math.isnan, point)) else 'infinite'} {after}"
    if not math.isfinite(value):
        return f"diverged: the loss became {value} {after}"
    if math.dist(point, surface.centre) > FAR * surface.size:
        if value < surface.floor:
            return f"escaped: it went down without end {after}, as this surface lets it"
        return f"diverged: it left the picture by more than {FAR:g} times its width {after}"
    return ""


def noise(evaluations: int, deviation: float, seed: int) -> Tensor:
    """The noise on the gradient, the same for every optimizer: (evaluations, 2), a row an evaluation."""
    generator = torch.Generator().manual_seed(seed)
    return deviation * torch.randn(evaluations, 2, generator=generator, dtype=torch.float64)


def place(point: Pair, *, lifted: bool = False) -> Tensor:
    """The point as an optimizer gets it: of shape (2,), or the matrix of shape (2, 2)."""
    found = torch.tensor(point, dtype=torch.float64)
    return lift(found) if lifted else found


def lift(point: Tensor) -> Tensor:
    """x·A + y·B of the `BASIS`."""
    return point[0] * BASIS[0] + point[1] * BASIS[1]


def project(matrix: Tensor) -> Tensor:
    """The point that a matrix stands for, of shape (2,): its part along each of the `BASIS`."""
    return torch.stack([(matrix * direction).sum() for direction in BASIS])


@contextmanager
def building() -> Iterator[None]:
    """Pass on what an optimizer's constructor refuses, in its own words, as an error for people."""
    try:
        yield
    except TypeError as error:
        raise InvalidTypeError(str(error)) from error
    except (ValueError, RuntimeError) as error:  # which of them is torch's choice
        raise InvalidInputError(str(error)) from error


@contextmanager
def drawing(seed: int) -> Iterator[None]:
    """Draw from torch's global generator as freshly seeded, and put it back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def optimizer_names() -> tuple[str, ...]:
    """Every optimizer that can walk on a surface, in alphabetical order."""
    return tuple(optim.OPTIMIZERS)


def _found(name: str) -> type[Any]:
    try:
        return optim.find(name)
    except KeyError as error:
        raise InvalidInputError(error.args[0]) from None


def _value(surface: Surface, point: Tensor) -> float:
    return float(surface.values(point.detach()))
