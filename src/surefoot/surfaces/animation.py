"""Several optimizers' paths on a surface, all from the same start and with the same noise on the gradient.

    optimizers = (OptimizerSpec("Adam"), OptimizerSpec("SGD"))
    animation = animate(Recipe("saddle", optimizers, tuning="tuned"))
    animation.paths[0].points[-1], animation.strips[0].decades

`surfaces/pictures/` draws it and writes it as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from surefoot import optim
from surefoot.errors import InvalidInputError
from surefoot.surfaces.path import Path, follow, noise
from surefoot.surfaces.recipe import OptimizerSpec, Recipe
from surefoot.surfaces.surface import Pair, Surface
from surefoot.surfaces.surfaces import find_surface
from surefoot.surfaces.tuning import Strip, tune

USUAL_RATE = 1e-2
"""For "same-lr" where neither the recipe nor the surface says which."""

Progress = Callable[[int, int, str], None]
"""Told what is done, of how much, and what comes next."""


@dataclass(frozen=True)
class Animation:
    """What is drawn: the paths of several optimizers, and how they came about.

    Attributes:
        recipe: what was asked for.
        surface: what they walked on, with the recipe's domain.
        start: where all of them started.
        noise: standard deviation of the noise on each part of the gradient.
        paths: one for each optimizer, in the recipe's order; its spec holds every setting that it was given.
        strips: each optimizer's score against the learning rate; None where that was not asked for, or where
            an optimizer has no such setting.
    """

    recipe: Recipe
    surface: Surface
    start: Pair
    noise: float
    paths: tuple[Path, ...]
    strips: tuple[Strip | None, ...]


def animate(
    recipe: Recipe,
    *,
    strips: bool = True,
    stopped: Callable[[], bool] = lambda: False,
    progress: Progress = lambda done, total, what: None,
) -> Animation:
    """The path of every optimizer of a recipe, one after the other.

    Args:
        recipe: what is asked for.
        strips: measure every optimizer's learning-rate strip too; with tuning "tuned" it is measured anyway.
        stopped: asked at every step; the animation then ends soon, with what there is.
        progress: told before each optimizer.

    Raises:
        InvalidInputError: there is no such surface, optimizer or setting, or it is refused.
    """
    surface = find_surface(recipe.surface, recipe.x, recipe.y, recipe.start)
    deviation = surface.noise if recipe.noise is None else recipe.noise
    draws = noise(recipe.steps, deviation, recipe.seed)
    paths, found = [], []
    for place, asked in enumerate(recipe.optimizers):
        progress(place, len(recipe.optimizers), asked.optimizer)
        spec = _with_rate(asked, recipe, surface)
        strip = None
        if strips or recipe.tuning == "tuned":
            strip = tune(surface, spec, surface.start, recipe.steps, draws, recipe.seed, stopped)
        if recipe.tuning == "tuned":
            spec = _tuned(asked, strip)
        paths.append(follow(surface, spec, surface.start, recipe.steps, draws, recipe.seed, stopped))
        found.append(strip)
    progress(len(recipe.optimizers), len(recipe.optimizers), "")
    return Animation(recipe, surface, surface.start, deviation, tuple(paths), tuple(found))


def same_rate(recipe: Recipe, surface: Surface) -> float:
    """The learning rate that all optimizers get with "same-lr"."""
    if recipe.lr is not None:
        return recipe.lr
    return float(f"{surface.stable_lr / 10:.2g}") if surface.stable_lr else USUAL_RATE


def default_rate(optimizer: str) -> float | None:
    """The learning rate of its constructor; None where it has none."""
    lr = _settings(optimizer).get("lr")
    return None if lr is None else float(lr.default)


def _with_rate(spec: OptimizerSpec, recipe: Recipe, surface: Surface) -> OptimizerSpec:
    """The optimizer with its learning rate told: its own, or the common one, or its constructor's."""
    default = default_rate(spec.optimizer)
    if default is None:
        return spec
    rate = same_rate(recipe, surface) if recipe.tuning == "same-lr" else default
    return OptimizerSpec(spec.optimizer, {"lr": rate, **spec.hyperparameters})


def _tuned(spec: OptimizerSpec, strip: Strip | None) -> OptimizerSpec:
    """The optimizer with its best learning rate, unless it was given one."""
    if strip is None:
        return spec
    return OptimizerSpec(spec.optimizer, {strip.setting: strip.best, **spec.hyperparameters})


def _settings(optimizer: str) -> Mapping[str, Any]:
    try:
        return optim.find(optimizer).hyperparameters
    except KeyError as error:
        raise InvalidInputError(error.args[0]) from None
