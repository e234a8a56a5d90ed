"""Small animations for the tests of pictures."""

from __future__ import annotations

from typing import Any

from surefoot.surfaces.animation import Animation, animate
from surefoot.surfaces.recipe import OptimizerSpec, Recipe

FEW = (OptimizerSpec("Adam"), OptimizerSpec("SGD", {"lr": 0.001}), OptimizerSpec("Muon"))
DIVERGING = (
    OptimizerSpec("Adam"),
    OptimizerSpec("SGD", {"lr": 1.0}),
    OptimizerSpec("SGD", {"lr": 0.001, "momentum": 0.9}),
)


def small_animation(
    surface: str = "beale", optimizers: tuple[OptimizerSpec, ...] = FEW, **settings: Any
) -> Animation:
    strips = settings.pop("strips", False)
    return animate(Recipe(surface, optimizers, steps=settings.pop("steps", 12), **settings), strips=strips)
