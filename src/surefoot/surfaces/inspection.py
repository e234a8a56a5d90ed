"""One step of one optimizer, seen from inside: what gradient it got, what it remembers, how far it went.

seen = inspect(surface, spec, steps=200, draws=noise(200, 0.0, seed=0), step=12)
seen.gradient, seen.state["exp_avg"], seen.update, seen.effective_rate
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from surefoot.errors import InvalidInputError
from surefoot.surfaces.path import Walker, drawing, project
from surefoot.surfaces.recipe import OptimizerSpec
from surefoot.surfaces.surface import Pair, Surface


@dataclass(frozen=True)
class Inspection:
    """A step of an optimizer.

    Attributes:
        step: its number; 0 is the first.
        evaluations: of the gradient, up to the end of the step.
        point, value: where it began, and the surface's value there.
        gradient: the last one that the optimizer got in this step, with its noise.
        state: what the optimizer keeps, after the step, by torch's names: a number, a pair, or, of a lifted
            point, what stands for the pair; long histories are left out.
        update: how far it went.
        effective_rate: the update over the gradient, per coordinate: what lr would have to be for plain
            gradient descent to go as far; negative uphill, None where there is no gradient.
        end: where it arrived.
    """

    step: int
    evaluations: int
    point: Pair
    value: float
    gradient: Pair
    state: Mapping[str, float | Pair]
    update: Pair
    effective_rate: tuple[float | None, float | None]
    end: Pair


def inspect(
    surface: Surface, spec: OptimizerSpec, start: Pair, steps: int, draws: Tensor, step: int, seed: int = 0
) -> Inspection:
    """Walk again up to a step and look at it.

    Args:
        surface: what it walks on.
        spec: the optimizer with all its settings, as in `Path.spec`.
        start, draws, seed: as the path had them.
        steps: gradient evaluations of the whole path.
        step: which step of the optimizer, from 0.

    Raises:
        InvalidInputError: the path has no such step, or the optimizer cannot be built.
    """
    with drawing(seed):
        walker = Walker(surface, spec, start, draws)
        before = after = walker.point.detach().clone()
        for number in range(step + 1):
            if walker.evaluations >= steps:
                raise InvalidInputError(f"there is no step {step}: the path ends with step {number - 1}")
            walker.step()
            before, after = after, walker.point.detach().clone()
    update = after - before
    rates = [
        -float(moved / slope) if float(slope) else None
        for moved, slope in zip(update, walker.gradient, strict=True)
    ]
    return Inspection(
        step,
        walker.evaluations,
        _pair(before),
        float(surface.values(before)),
        _pair(walker.gradient),
        _state(walker),
        _pair(update),
        (rates[0], rates[1]),
        _pair(after),
    )


def _state(walker: Walker) -> dict[str, float | Pair]:
    kept: Mapping[str, Any] = walker.optimizer.state[walker.parameter]
    shown: dict[str, float | Pair] = {}
    for name, value in kept.items():
        if isinstance(value, int | float) or (isinstance(value, Tensor) and value.numel() == 1):
            shown[name] = float(value)
        elif isinstance(value, Tensor) and value.shape == torch.Size([2]):
            shown[name] = _pair(value)
        elif isinstance(value, Tensor) and walker.lifted and value.shape == torch.Size([2, 2]):
            shown[name] = _pair(project(value))
    return shown


def _pair(values: Tensor) -> Pair:
    first, second = values.tolist()
    return float(first), float(second)
