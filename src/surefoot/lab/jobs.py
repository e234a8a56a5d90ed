"""What workers do, by name: each job takes arguments as JSON has them and gives an answer in bytes.

JOBS["contours"]({"surface": "beale", "x": None, "y": None}, lambda: False)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from surefoot.errors import SurefootError
from surefoot.lab import study_jobs
from surefoot.lab.animation_cache import animation_of
from surefoot.lab.answers import JobResult, Refused, as_json, in_one_line
from surefoot.lab.files import animation_file
from surefoot.surfaces.inspection import inspect as look
from surefoot.surfaces.path import noise
from surefoot.surfaces.pictures.contours import contour_document
from surefoot.surfaces.pictures.document import document, inspection_document
from surefoot.surfaces.pictures.strokes import optimizer_strokes, stroke_document
from surefoot.surfaces.recipe import OptimizerSpec, Recipe
from surefoot.surfaces.surfaces import find_surface

Arguments = Mapping[str, Any]
Stopped = Callable[[], bool]


def animate(arguments: Arguments, stopped: Stopped) -> JobResult:
    """Every path of a recipe, as JSON."""
    began = time.monotonic()
    with _in_words():
        found = animation_of(recipe_of(arguments), arguments["strips"], stopped)
    told = document(found)
    marks = optimizer_strokes([path.spec.optimizer for path in found.paths])
    more = {
        "strokes": [stroke_document(mark) for mark in marks],
        "link": f"/playground?{told['query']}",
        "seconds": round(time.monotonic() - began, 4),
    }
    return as_json(told | more)


def inspect(arguments: Arguments, stopped: Stopped) -> JobResult:
    """One step of one optimizer, seen from inside."""
    asked, step = arguments["recipe"], arguments["step"]
    recipe = recipe_of({**asked, "optimizers": [asked["optimizers"][arguments["path"]]]})
    with _in_words():
        found = animation_of(recipe, False, stopped)
        path = found.paths[0]
        if step >= len(path.points) - 1:
            raise Refused(422, f"step: there is no step {step}; the last one is {len(path.points) - 2}")
        draws = noise(recipe.steps, found.noise, recipe.seed)
        seen = look(found.surface, path.spec, found.start, recipe.steps, draws, step, recipe.seed)
    return as_json(inspection_document(seen, path))


def contours(arguments: Arguments, stopped: Stopped) -> JobResult:
    """The contour lines and shades of a surface."""
    with _in_words():
        surface = find_surface(arguments["surface"], _pair(arguments["x"]), _pair(arguments["y"]))
        return as_json(contour_document(surface))


def picture(arguments: Arguments, stopped: Stopped) -> JobResult:
    """An animation as a file."""
    with _in_words():
        found = animation_of(recipe_of(arguments["recipe"]), False, stopped)
    return animation_file(found, arguments["format"], arguments["view"], stopped)


def recipe_of(arguments: Arguments) -> Recipe:
    """A recipe from JSON."""
    specs = tuple(
        OptimizerSpec(
            spec["optimizer"], {name: _value(value) for name, value in spec["hyperparameters"].items()}
        )
        for spec in arguments["optimizers"]
    )
    return Recipe(
        surface=arguments["surface"],
        optimizers=specs,
        tuning=arguments["tuning"],
        lr=arguments["lr"],
        start=_pair(arguments["start"]),
        x=_pair(arguments["x"]),
        y=_pair(arguments["y"]),
        steps=arguments["steps"],
        noise=arguments["noise"],
        seed=arguments["seed"],
    )


def warm() -> None:
    """Import and compile what the first job would wait for."""
    torch.set_num_threads(1)
    example = {
        "surface": "beale", "optimizers": [{"optimizer": "Adam", "hyperparameters": {}}], "tuning": "default",
        "lr": None, "start": None, "x": None, "y": None, "steps": 2, "noise": None, "seed": 0,
        "strips": False,
    }  # fmt: skip
    animate(example, lambda: False)
    contours(example, lambda: False)


@contextmanager
def _in_words() -> Iterator[None]:
    """What a surface or an optimizer refuses, as a line for people."""
    try:
        yield
    except Refused:
        raise
    except SurefootError as error:
        raise Refused(422, in_one_line(error)) from error


def _pair(values: Any) -> tuple[float, float] | None:
    return None if values is None else (float(values[0]), float(values[1]))


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


JOBS: Mapping[str, Callable[[Arguments, Stopped], JobResult]] = {
    "animate": animate,
    "inspect": inspect,
    "contours": contours,
    "picture": picture,
    **study_jobs.JOBS,
}
"""By the names that the job queue uses."""
