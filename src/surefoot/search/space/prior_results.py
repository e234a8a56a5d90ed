"""What is known before measuring: how every optimizer did on the tasks of the gallery, as a prior.

    experience = load_experience()                            # the package's own data
    for expected in experience.ranking(features, ["AdamW", "SGD"]):
        expected.optimizer, expected.regret, expected.offset  # best first

The regret of an optimizer on a task is 0 for the best and 1 for the median of all; what is expected of it on
another task is the mean over the known ones, weighted by their similarity, and drawn to the order in which
a race looks at optimizers anyway: without evidence nothing but that order is left.  It is a prior: it
says where to look first, never what is best.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from surefoot.errors import SurefootError
from surefoot.search.space.families import place_in_look
from surefoot.search.space.task_features import TaskFeatures, similarity

FORMAT = 1
DATA = "experience.json"

PRIOR_WEIGHT = 2.0
"""The usual order, and the usual learning rates, count as much as two tasks that are just like this one: a
single task, or some that have little in common with it, hardly move them."""

ENOUGH = 2.0
"""With less evidence than two such tasks a race keeps to the usual order: `benchmarks/prior_order.py` shows
gains where much is known of tasks alike, and none, or a loss, where little is."""

WORST = 1.5
"""No regret counts for more, as in replays."""


class ExperienceError(SurefootError, ValueError):
    """The data are damaged or of another version; the message is one line."""


@dataclass(frozen=True)
class Showing:
    """How an optimizer did on a task.

    Attributes:
        regret: of its best settings: 0 the task's best optimizer, 1 the median one, at most 1.5.
        offset: decades from its prior's centre to its best learning rate; nan if it has none.
        confirmed: whether it was a finalist, measured on fresh seeds.
    """

    regret: float
    offset: float = math.nan
    confirmed: bool = False


@dataclass(frozen=True)
class KnownTask:
    """A task that was measured, and how each optimizer did; `winner` is what was recommended."""

    name: str
    features: TaskFeatures
    showings: Mapping[str, Showing]
    winner: str = ""


@dataclass(frozen=True)
class Expected:
    """What is expected of an optimizer on a task that was not measured.

    Attributes:
        regret: 0 for the best of all, 1 for the median.
        offset: decades from its prior's centre at which to begin.
        evidence: the summed similarity of the tasks that this comes from; 0: none.
    """

    optimizer: str
    regret: float
    offset: float
    evidence: float


@dataclass(frozen=True)
class Experience:
    """All that was measured, by task."""

    tasks: tuple[KnownTask, ...] = ()

    def besides(self, name: str) -> Experience:
        """Without the task of this name: what was measured on it is no prior for it."""
        return Experience(tuple(task for task in self.tasks if task.name != name))

    def ranking(self, features: TaskFeatures, names: Iterable[str]) -> list[Expected]:
        """What to expect of these optimizers, the best first, whatever the order of names and tasks."""
        usual = usual_order(names)
        weights = [(similarity(features, task.features), task) for task in self.tasks]
        found = [_expected(name, place / max(1, len(usual) - 1), weights) for place, name in enumerate(usual)]
        return sorted(found, key=lambda expected: expected.regret)  # of equals the usual order


def race_order(ranking: Sequence[Expected]) -> list[Expected]:
    """In which order to look at these optimizers: as ranked, or as usual where the evidence is thin.

    The first is the usual one in any case: it is seldom far off, and all that is learnt of a single other one
    may be wrong.
    """
    found = {expected.optimizer: expected for expected in ranking}
    usual = [found[name] for name in usual_order(found)]
    if max((expected.evidence for expected in ranking), default=0.0) < ENOUGH:
        return usual
    return [*usual[:1], *(expected for expected in ranking if expected is not usual[0])]


def usual_order(names: Iterable[str]) -> list[str]:
    """The order without evidence: one of each family of steps, then their relatives."""
    return sorted(set(names), key=lambda name: (place_in_look(name), name.lower(), name))


def _expected(name: str, usual: float, weights: Sequence[tuple[float, KnownTask]]) -> Expected:
    seen = [(weight, task.showings[name]) for weight, task in weights if name in task.showings]
    rated = [(weight, showing.offset) for weight, showing in seen if math.isfinite(showing.offset)]
    return Expected(
        name,
        _drawn_to(usual, [(weight, showing.regret) for weight, showing in seen]),
        _drawn_to(0.0, rated),
        math.fsum(weight for weight, _ in seen),
    )


def _drawn_to(prior: float, weighted: Sequence[tuple[float, float]]) -> float:
    """The weighted mean with the prior among what is averaged; exact, whatever the order."""
    total = math.fsum([PRIOR_WEIGHT, *(weight for weight, _ in weighted)])
    return math.fsum([PRIOR_WEIGHT * prior, *(weight * value for weight, value in weighted)]) / total


# -------------------------------------------------------------------- the data


def load_experience() -> Experience:
    """What the package was measured with.

    Raises:
        ExperienceError: the file is missing, damaged or of another version.
    """
    file = resources.files("surefoot.search.space").joinpath("data", DATA)
    try:
        document = json.loads(file.read_text(encoding="utf8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ExperienceError(f"{DATA} cannot be read: {' '.join(str(error).split())}") from None
    return read_experience(document)


def read_experience(document: Any) -> Experience:
    """The experience in a document that `benchmarks/gallery.py` wrote.

    Raises:
        ExperienceError: something in it is not as it must be; the message says what.
    """
    version = document.get("format") if isinstance(document, Mapping) else None
    if version != FORMAT:
        raise ExperienceError(f"{DATA}: format {version!r:.40} is not the one that is read here ({FORMAT})")
    try:
        tasks = tuple(_task(entry) for entry in document["tasks"])
    except KeyError as error:
        raise ExperienceError(f"{DATA}: a task has no {error}") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise ExperienceError(f"{DATA}: {' '.join(str(error).split())}") from None
    names = [task.name for task in tasks]
    if len(set(names)) < len(names):
        raise ExperienceError(f"{DATA}: a task stands there twice")
    return Experience(tasks)


def _task(entry: Mapping[str, Any]) -> KnownTask:
    name = _text(entry["name"])
    facts = entry["traits"]
    features = TaskFeatures(
        parameters=round(_number(name, facts["parameters"], 1, 1e15)),
        steps=round(_number(name, facts["steps"], 1, 1e15)),
        roles={_text(role): _number(name, share, 0, 1) for role, share in facts["roles"].items()},
        batch_norm=_flag(name, facts["batch_norm"]),
        sparse=_flag(name, facts["sparse"]),
        full_batch=_flag(name, facts["full_batch"]),
    )
    showings = {_text(optimizer): _showing(name, one) for optimizer, one in entry["optimizers"].items()}
    return KnownTask(name, features, showings, _text(entry["winner"]))


def _showing(task: str, one: Mapping[str, Any]) -> Showing:
    offset = one["offset"]
    return Showing(
        _number(task, one["regret"], 0, WORST),
        math.nan if offset is None else _number(task, offset, -20, 20),
        _flag(task, one["confirmed"]),
    )


def _number(task: str, value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{task}: {value!r:.40} is no number from {low:g} to {high:g}")
    return float(value)


def _flag(task: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{task}: {value!r:.40} is neither true nor false")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 200 or not value.isprintable():
        raise ValueError(f"{value!r:.40} is no name")
    return value
