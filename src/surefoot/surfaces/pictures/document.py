"""An animation, a surface and a step as JSON: what the lab's API answers, what `-o FILE.json` writes.

    json.dumps(document(animation), allow_nan=False)

Numbers are whole doubles, so that who reads them can compare bit for bit; null stands where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from surefoot.study.label import label_of
from surefoot.study.strict_json import without_nan
from surefoot.surfaces.animation import Animation
from surefoot.surfaces.inspection import Inspection
from surefoot.surfaces.path import Path
from surefoot.surfaces.recipe_text import command, query, snippet
from surefoot.surfaces.surface import Surface
from surefoot.surfaces.tuning import Strip


def document(animation: Animation) -> dict[str, Any]:
    """Everything that a picture of the animation shows, and what makes it again."""
    recipe = animation.recipe
    whole = {
        "surface": surface_document(animation.surface),
        "start": animation.start,
        "steps": recipe.steps,
        "noise": animation.noise,
        "seed": recipe.seed,
        "tuning": recipe.tuning,
        "lr": recipe.lr,
        "paths": [
            _path_document(path, strip) for path, strip in zip(animation.paths, animation.strips, strict=True)
        ],
        "command": command(recipe),
        "query": query(recipe),
        "snippet": snippet(animation),
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
    """A step of an optimizer, seen from inside."""
    whole = {
        "optimizer": path.spec.optimizer,
        "settings": dict(path.spec.hyperparameters),
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


def _path_document(path: Path, strip: Strip | None) -> dict[str, Any]:
    return {
        "optimizer": path.spec.optimizer,
        "label": label_of(path.spec.optimizer, path.spec.hyperparameters),
        "hyperparameters": dict(path.spec.hyperparameters),
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
