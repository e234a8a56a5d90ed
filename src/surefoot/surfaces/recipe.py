"""All that determines an animation on a surface, as data: whoever has the recipe can make the picture again.

Recipe("beale", (OptimizerSpec("Adam"), OptimizerSpec("SGD", {"lr": 0.01})), tuning="default")
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from surefoot.surfaces.surface import Pair

Tuning = Literal["default", "same-lr", "tuned"]


@dataclass(frozen=True)
class OptimizerSpec:
    """An optimizer with the settings that were asked for; what is not set comes from the tuning.

    Attributes:
        optimizer: a class name in `surefoot.optim`.
        hyperparameters: arguments of its constructor.
    """

    optimizer: str
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """What an animation shows: several optimizers with the same start, number of gradients and noise.

    Attributes:
        surface: a name in the table, or a formula.
        optimizers: in the order in which they are drawn.
        tuning: "default": as each constructor has it; "same-lr": all with `lr`; "tuned": each with the best
            of the same number of learning rates, over the same jittered starts.  A spec's own `lr` wins.
        lr: with "same-lr"; None: a tenth of the surface's stable learning rate, or 0.01.
        start: None: the surface's own.
        x, y: the domain; None: the surface's own.
        steps: gradient evaluations for each optimizer; one that makes several in a step has fewer steps.
        noise: standard deviation of the noise on each part of the gradient; None: the surface's own.
        seed: fixes the noise, the jitter of the starts, and what an optimizer draws itself.
    """

    surface: str
    optimizers: tuple[OptimizerSpec, ...]
    tuning: Tuning = "default"
    lr: float | None = None
    start: Pair | None = None
    x: Pair | None = None
    y: Pair | None = None
    steps: int = 200
    noise: float | None = None
    seed: int = 0
