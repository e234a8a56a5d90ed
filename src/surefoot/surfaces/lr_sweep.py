"""Many short walks of one optimizer at once: every learning rate from every start, for `tuning`.

    specs = [OptimizerSpec("Adam", {"lr": lr}) for lr in rates]
    values = sweep(surface, specs, starts, steps=200, noise=noise)
    values.shape                        # (rates, starts, 1 + steps)

The values are those of `path.follow`, up to the rounding of a sum in another order.  One optimizer holds a
parameter tensor for each walk, so that even one that takes means over a parameter cannot tell, and the
surface is differentiated at all points together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from surefoot import optim
from surefoot.surfaces.path import BASIS, FAR, Path, Walker, building, follow
from surefoot.surfaces.recipe import OptimizerSpec
from surefoot.surfaces.surface import Pair, Surface

RESTING = 3
"""Steps without a move after which a walk without noise is over: the first may only have failed to move."""

_BASIS = torch.stack(BASIS)


def sweep(
    surface: Surface,
    specs: Sequence[OptimizerSpec],
    starts: Sequence[Pair],
    steps: int,
    noise: Tensor,
    seed: int = 0,
    stopped: Callable[[], bool] = lambda: False,
) -> Tensor | None:
    """The value that each of these has from each start after 0, 1, … `steps` gradient evaluations.

    Args:
        surface: what they walk on.
        specs: all of one optimizer, with the same hyperparameters set to other values.
        starts: where each of them starts.
        steps: gradient evaluations for each walk.
        noise: as from `path.noise`, the same for every walk.
        seed: of what the optimizer draws itself; each start has the next one.
        stopped: asked at every step.

    Returns:
        Of shape (specs, starts, 1 + steps).  An optimizer that makes several evaluations in a step has its
        last value in between.  From where a walk is lost on: inf if it diverged, -inf if it escaped
        downwards.  None if it was stopped.

    Raises:
        InvalidInputError, InvalidTypeError: an optimizer cannot be built.
    """
    if _takes_closure(specs[0]):
        return _one_by_one(surface, specs, starts, steps, noise, seed, stopped)
    batch = _Batch(specs, starts)
    seen: list[Tensor] = []
    ending = torch.zeros(len(specs) * len(starts), dtype=torch.float64)
    for count in range(steps + 1):
        if stopped():
            return None
        values, gradients = surface.gradients(batch.points)
        if count:
            before, ending = ending, torch.where(ending == 0, _ending(surface, batch.points, values), ending)
            batch.drop((ending != before).nonzero().flatten().tolist())
        seen.append(torch.where(ending == 0, values, ending))
        if count == steps or bool(ending.all()):
            break
        batch.step(gradients + noise[count % len(noise)])
    seen += [ending] * (steps + 1 - len(seen))
    return torch.stack(seen, dim=-1).view(len(specs), len(starts), steps + 1)


def _takes_closure(spec: OptimizerSpec) -> bool:
    return optim.find(spec.optimizer).needs_closure


class _Batch:
    """An optimizer with a parameter for each walk, by learning rate and then by start.

    Attributes:
        points: where they are, of shape (walks, 2).
    """

    def __init__(self, specs: Sequence[OptimizerSpec], starts: Sequence[Pair]) -> None:
        make: Any = optim.find(specs[0].optimizer)
        points = torch.tensor(starts, dtype=torch.float64).repeat(len(specs), 1)
        self._lifted, self._sparse = make.matrices_only, make.sparse == "only"
        self._places = _lift(points) if self._lifted else points
        self._gradients = torch.zeros_like(self._places)
        # The parameters and their gradients are rows of one tensor each: nothing is copied to and fro.
        self._params = [row.requires_grad_() for row in self._places.unbind()]
        groups = [
            {"params": self._params[i * len(starts) : (i + 1) * len(starts)], **spec.hyperparameters}
            for i, spec in enumerate(specs)
        ]
        with building():
            self._optimizer = make(groups, **specs[0].hyperparameters)
        for p, row in zip(self._params, self._gradients.unbind(), strict=True):
            p.grad = row

    @property
    def points(self) -> Tensor:
        return _project(self._places) if self._lifted else self._places

    def step(self, gradients: Tensor) -> None:
        self._gradients.copy_(_lift(gradients) if self._lifted else gradients)
        if self._sparse:
            for p, row in zip(self._params, self._gradients.unbind(), strict=True):
                p.grad = None if p.grad is None else row.to_sparse()
        self._optimizer.step()

    def drop(self, places: Sequence[int]) -> None:
        """Spare the optimizer these walks, which are lost."""
        for place in places:
            self._params[place].grad = None


def _lift(points: Tensor) -> Tensor:
    """As `path.lift`, of many: from (walks, 2) to (walks, 2, 2)."""
    return points[:, :1, None] * _BASIS[0] + points[:, 1:, None] * _BASIS[1]


def _project(matrices: Tensor) -> Tensor:
    """As `path.project`, of many."""
    return (matrices[:, None] * _BASIS).sum((-2, -1))


def _ending(surface: Surface, points: Tensor, values: Tensor) -> Tensor:
    """As `path.lost`: inf where a walk diverged, -inf where it escaped downwards, 0 where it goes on."""
    finite = points.isfinite().all(-1) & values.isfinite()
    away = points - torch.tensor(surface.centre, dtype=torch.float64)
    far = away.square().sum(-1).sqrt() > FAR * surface.size
    ending = torch.where(finite & ~far, 0.0, math.inf)
    return torch.where(finite & far & (values < surface.floor), -math.inf, ending)


def _one_by_one(
    surface: Surface,
    specs: Sequence[OptimizerSpec],
    starts: Sequence[Pair],
    steps: int,
    noise: Tensor,
    seed: int,
    stopped: Callable[[], bool],
) -> Tensor | None:
    """For optimizers that ask for the loss at points of their own choice."""
    rows = []
    for spec in specs:
        for place, start in enumerate(starts):
            resting = _RestingWalk(noise, stopped)
            path = follow(surface, spec, start, steps, noise, seed + place, resting.over, resting.watch)
            if stopped():
                return None
            rows.append(_held(path, steps))
    return torch.stack(rows).view(len(specs), len(starts), steps + 1)


class _RestingWalk:
    """Finds out that a walk has come to rest: without noise and draws, what stood still stays there."""

    def __init__(self, noise: Tensor, stopped: Callable[[], bool]) -> None:
        self._noisy, self._still, self._stopped = bool(noise.any()), 0, stopped
        self._seen: tuple[Any, bytes] | None = None

    def over(self) -> bool:
        """Whether it has, or is stopped."""
        return self._still >= RESTING or self._stopped()

    def watch(self, walker: Walker) -> None:
        """Look at a walk after a step."""
        if self._noisy:
            return
        seen = walker.parameter.tolist(), torch.get_rng_state().numpy().tobytes()
        self._still = self._still + 1 if seen == self._seen else 0
        self._seen = seen


def _held(path: Path, steps: int) -> Tensor:
    """The value after each number of evaluations; what a step reaches beyond the last one does not count."""
    values = torch.tensor(path.values, dtype=torch.float64)
    if path.end:
        values[-1] = math.inf if path.diverged else -math.inf
    places = torch.searchsorted(torch.tensor(path.evaluations), torch.arange(steps + 1), right=True) - 1
    return values[places]
