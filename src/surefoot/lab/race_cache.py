"""Races as a worker runs them: racer by racer, and what has not changed since is not run again.

    race_of(recipe, strips=False, stopped=lambda: False)

Whoever moves one learning rate changes one racer; the others' paths are still there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from surefoot.lab.answers import Refused
from surefoot.surfaces.race import Race, run_race
from surefoot.surfaces.recipe import Recipe

MOST_KEPT = 200
"""Racers' races: each is at most some hundred kilobytes."""

TOO_LONG = 'it took too long: lower the steps, take fewer racers, or another tuning than "tuned"'

_kept: OrderedDict[tuple[str, bool], Race] = OrderedDict()


def race_of(recipe: Recipe, strips: bool, stopped: Callable[[], bool]) -> Race:
    """The same race as `run_race` gives: racers know nothing of one another.

    Raises:
        Refused: `stopped` said so.
        InvalidInputError: as `run_race`.
    """
    alone = [_alone(replace(recipe, racers=(racer,)), strips, stopped) for racer in recipe.racers]
    paths = tuple(race.paths[0] for race in alone)
    return replace(alone[0], recipe=recipe, paths=paths, strips=tuple(race.strips[0] for race in alone))


def _alone(recipe: Recipe, strips: bool, stopped: Callable[[], bool]) -> Race:
    key = repr(recipe), strips
    found = _kept.pop(key, None) or run_race(recipe, strips=strips, stopped=stopped)
    if stopped():  # what there is then is half a race
        raise Refused(503, TOO_LONG)
    _kept[key] = found
    if len(_kept) > MOST_KEPT:
        _kept.popitem(last=False)
    return found
