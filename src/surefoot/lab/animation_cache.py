"""Animations as a worker runs them: optimizer by optimizer, and what has not changed since is not run again.

    animation_of(recipe, strips=False, stopped=lambda: False)

Whoever moves one learning rate changes one optimizer; the others' paths are still there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from surefoot.lab.answers import Refused
from surefoot.surfaces.animation import Animation, animate
from surefoot.surfaces.recipe import Recipe

MOST_KEPT = 200
"""Optimizers' animations: each is at most some hundred kilobytes."""

TOO_LONG = 'it took too long: lower the steps, take fewer optimizers, or another tuning than "tuned"'

_kept: OrderedDict[tuple[str, bool], Animation] = OrderedDict()


def animation_of(recipe: Recipe, strips: bool, stopped: Callable[[], bool]) -> Animation:
    """The same animation as `animate` gives: optimizers know nothing of one another.

    Raises:
        Refused: `stopped` said so.
        InvalidInputError: as `animate`.
    """
    alone = [_alone(replace(recipe, optimizers=(spec,)), strips, stopped) for spec in recipe.optimizers]
    paths = tuple(animation.paths[0] for animation in alone)
    return replace(
        alone[0], recipe=recipe, paths=paths, strips=tuple(animation.strips[0] for animation in alone)
    )


def _alone(recipe: Recipe, strips: bool, stopped: Callable[[], bool]) -> Animation:
    key = repr(recipe), strips
    found = _kept.pop(key, None) or animate(recipe, strips=strips, stopped=stopped)
    if stopped():  # what there is then is half an animation
        raise Refused(503, TOO_LONG)
    _kept[key] = found
    if len(_kept) > MOST_KEPT:
        _kept.popitem(last=False)
    return found
