"""Small races for the tests of pictures."""

from __future__ import annotations

from typing import Any

from surefoot.surfaces.race import Race, run_race
from surefoot.surfaces.recipe import Racer, Recipe

FEW = (Racer("Adam"), Racer("SGD", {"lr": 0.001}), Racer("Muon"))
DIVERGING = (Racer("Adam"), Racer("SGD", {"lr": 1.0}), Racer("SGD", {"lr": 0.001, "momentum": 0.9}))


def small_race(surface: str = "beale", racers: tuple[Racer, ...] = FEW, **settings: Any) -> Race:
    strips = settings.pop("strips", False)
    return run_race(Recipe(surface, racers, steps=settings.pop("steps", 12), **settings), strips=strips)
