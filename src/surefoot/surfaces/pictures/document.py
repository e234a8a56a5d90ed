"""A race, a surface and a step as JSON: what the lab's API answers, what `-o race.json` writes.

    json.dumps(document(race), allow_nan=False)

Numbers are whole doubles, so that who reads them can compare bit for bit; null stands where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from surefoot.study.label import label_of
from surefoot.study.strict_json import without_nan
from surefoot.surfaces.inspection import Inspection
from surefoot.surfaces.path import Path
from surefoot.surfaces.race import Race
from surefoot.surfaces.recipe_text import command, query, snippet
from surefoot.surfaces.surface import Surface
from surefoot.surfaces.tuning import Strip


def document(race: Race) -> dict[str, Any]:
    """Everything that a picture of the race shows, and what makes it again."""
    recipe = race.recipe
    whole = {
        "surface": surface_document(race.surface),
        "start": race.start,
        "steps": recipe.steps,
        "noise": race.noise,
        "seed": recipe.seed,
        "tuning": recipe.tuning,
        "lr": recipe.lr,
        "racers": [_racer(path, strip) for path, strip in zip(race.paths, race.strips, strict=True)],
        "command": command(recipe),
        "query": query(recipe),
        "snippet": snippet(race),
    }
    found: dict[str, Any] = without_nan(whole)
    return found


def surface_document(surface: Surface) -> dict[str, Any]:
    """What is known of a surface."""
    return {
        "name": surface.name,
        "formula": surface.formula,
        "x": surface.x,
        "y": surface.y,
        "start": surface.start,
        "minima": surface.minima,
        "saddles": surface.saddles,
        "stable_lr": surface.stable_lr,
        "noise": surface.noise,
        "about": surface.about,
        "source": surface.source,
        "floor": surface.floor,
    }


def inspection_document(seen: Inspection, path: Path) -> dict[str, Any]:
    """A step of a racer, seen from inside."""
    whole = {
        "optimizer": path.racer.optimizer,
        "settings": dict(path.racer.hyperparameters),
        "lifted": path.lifted,
        "step": seen.step,
        "evaluation": seen.evaluations,
        "point": seen.point,
        "value": seen.value,
        "gradient": seen.gradient,
        "update": seen.update,
        "effective_lr": seen.effective_rate,
        "state": dict(seen.state),
        "next": seen.end,
    }
    found: dict[str, Any] = without_nan(whole)
    return found


def _racer(path: Path, strip: Strip | None) -> dict[str, Any]:
    return {
        "optimizer": path.racer.optimizer,
        "label": label_of(path.racer.optimizer, path.racer.hyperparameters),
        "hyperparameters": dict(path.racer.hyperparameters),
        "lifted": path.lifted,
        "evaluations": path.evaluations,
        "x": [x for x, _ in path.points],
        "y": [y for _, y in path.points],
        "values": path.values,
        "end": path.end,
        "strip": _strip(strip),
    }


def _strip(strip: Strip | None) -> Mapping[str, Any] | None:
    if strip is None:
        return None
    return {
        "setting": strip.setting,
        "rates": strip.rates,
        "scores": strip.scores,
        "diverged": strip.diverged,
        "best": strip.best,
        "low": strip.low,
        "high": strip.high,
        "decades": strip.decades,
    }
