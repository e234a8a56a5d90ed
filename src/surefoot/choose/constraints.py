"""What the user fixes of the search, as `--set` says it.

    parse("weight_decay=0,0.1")          # these two, with every optimizer that has it
    parse("lr=1e-4..1e-2")               # a range, for learning rates
    parse("adam.betas=(0.9,0.95)")       # with one optimizer
    parse("eps=1e-6")                    # a setting that is not searched otherwise

Constraints on one setting add up; one that names an optimizer comes before those that do not.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from surefoot.formula import Choices, Hyperparameter, LogNormal
from surefoot.tasks import nearest
from surefoot.training.algorithm import Algorithm
from surefoot.training.build import DECAY_ON, DECAYS_ON

WARMUP = "warmup"
"""The share of the full training spent in warmup: part of every candidate's schedule."""

RECIPE = (WARMUP, DECAY_ON)
"""What can be set besides constructor arguments."""

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"


@dataclass(frozen=True)
class Range:
    """All numbers from `low` to `high`."""

    low: float
    high: float


@dataclass(frozen=True)
class Constraint:
    """A setting and what it may be.

    Attributes:
        text: as it was written.
        optimizer: whose setting, in small letters; "" for every optimizer that has it.
        name: of the setting.
        values: numbers, words, tuples of numbers, or a `Range`.
    """

    text: str
    optimizer: str
    name: str
    values: tuple[Any, ...]


def parse(text: str) -> Constraint:
    """Read "NAME=VALUE,VALUE", "OPTIMIZER.NAME=VALUE" or "lr=LOW..HIGH".

    Raises:
        ValueError: it is written otherwise.
    """
    left, equals, right = text.partition("=")
    optimizer, _, name = left.strip().rpartition(".")
    words = [word.strip() for word in re.split(r",(?![^(]*\))", right)]
    if not equals or not name.isidentifier() or not all(words):
        raise ValueError(f"--set {text}: write NAME=VALUE or NAME=VALUE,VALUE, for example weight_decay=0.1")
    return Constraint(text, optimizer.lower(), name, tuple(_value(word, text) for word in words))


def check(constraints: Sequence[Constraint], algorithms: Sequence[Algorithm]) -> None:
    """Make sure that each constraint means something for one of the optimizers.

    Raises:
        ValueError: no optimizer has the setting, or it cannot take the value; with the nearest that is valid.
    """
    for constraint in constraints:
        named = [a for a in algorithms if constraint.optimizer in ("", a.label.lower())]
        if not named:
            known = nearest(constraint.optimizer, [a.label for a in algorithms])
            raise ValueError(f"--set {constraint.text}: {constraint.optimizer!r} is not raced{known}")
        holders = [a for a in named if constraint.name in _names(a)]
        if not holders:
            known = nearest(constraint.name, {name for a in named for name in _names(a)})
            who = named[0].label if len(named) == 1 else "none of the optimizers raced"
            has = "has no setting" if len(named) == 1 else "has a setting"
            raise ValueError(f"--set {constraint.text}: {who} {has} {constraint.name!r}{known}")
        for algorithm in holders:
            _check_values(constraint, algorithm)


def allowed(algorithm: Algorithm, constraints: Sequence[Constraint]) -> dict[str, tuple[Any, ...]]:
    """What the constraints leave of the settings that they name, by setting, for one optimizer."""
    own = [c for c in constraints if c.optimizer == algorithm.label.lower()]
    named = {c.name for c in own}
    own += [c for c in constraints if not c.optimizer and c.name not in named]
    found: dict[str, tuple[Any, ...]] = {}
    for constraint in own:
        if constraint.name in _names(algorithm):
            default = _default(algorithm, constraint.name)
            values = _as_pair(constraint.values, default)
            found[constraint.name] = tuple(dict.fromkeys([*found.get(constraint.name, ()), *values]))
    return found


def _names(algorithm: Algorithm) -> set[str]:
    decay = {DECAY_ON} if "weight_decay" in algorithm.hyperparameters else set()
    return {*algorithm.hyperparameters, WARMUP} | decay


def _default(algorithm: Algorithm, name: str) -> Any:
    return algorithm.hyperparameters[name].default if name in algorithm.hyperparameters else None


def _value(word: str, text: str) -> Any:
    if ends := re.fullmatch(rf"({_NUMBER})\.\.({_NUMBER})", word):
        low, high = map(float, ends.groups())
        if not 0 < low < high:
            raise ValueError(f"--set {text}: a range goes from a number above 0 to a larger one")
        return Range(low, high)
    try:
        value = ast.literal_eval(word)
    except (ValueError, SyntaxError):
        value = None
        if re.fullmatch(r"[\w-]+", word):
            return {"true": True, "false": False, "none": None}.get(word.lower(), word)
    if not isinstance(value, bool | int | float | tuple | str) and word != "None":
        raise ValueError(f"--set {text}: {word!r} is no number, word or (number, number)")
    return value


def _check_values(constraint: Constraint, algorithm: Algorithm) -> None:
    name = constraint.name
    where = f"--set {constraint.text}: {name} of {algorithm.label}"
    default = _default(algorithm, name)
    for value in _as_pair(constraint.values, default):
        if name == DECAY_ON and value not in DECAYS_ON:
            raise ValueError(
                f"--set {constraint.text}: {value!r} is not known{nearest(str(value), DECAYS_ON)}"
            )
        if name == WARMUP and not (_is_number(value) and 0 <= value < 1):
            raise ValueError(
                f"--set {constraint.text}: warmup is a share of the training, below 1; the usual is 0.05"
            )
        if name in RECIPE:
            continue
        setting = algorithm.hyperparameters[name]
        if isinstance(value, Range):
            if not isinstance(setting.search, LogNormal):
                raise ValueError(f"{where} takes no range; list its values{_usual(setting)}")
        elif not _fits(value, default):
            raise ValueError(f"{where} takes {_kind(default)}, not {value!r}{_usual(setting)}")
        elif isinstance(setting.search, LogNormal) and not value > 0:
            raise ValueError(f"{where} must be above 0{_usual(setting)}")
        elif isinstance(value, str) and isinstance(setting.search, Choices):
            words = [word for word in setting.search.values if isinstance(word, str)]
            if value not in words:
                raise ValueError(f"{where}: unknown {value!r}{nearest(value, words)}")
        else:
            try:
                setting.check(value)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{where}: {error}{_usual(setting)}") from None


def _as_pair(values: tuple[Any, ...], default: Any) -> tuple[Any, ...]:
    """betas=0.9,0.95 means the pair: one number is never a value of a setting that holds several."""
    several = isinstance(default, tuple) and len(values) == len(default) > 1
    return (values,) if several and all(map(_is_number, values)) else values


def _fits(value: Any, default: Any) -> bool:
    """Whether a value is of the kind of the default; a default of None tells nothing."""
    if default is None or value is None:
        return True
    if isinstance(default, bool):
        return isinstance(value, bool)
    if isinstance(default, tuple | list):
        return isinstance(value, tuple) and len(value) == len(default) and all(map(_fits, value, default))
    return _is_number(value) if _is_number(default) else isinstance(value, type(default))


def _kind(default: Any) -> str:
    if isinstance(default, bool):
        return "True or False"
    if isinstance(default, tuple | list):
        return f"{len(default)} numbers such as {default}"
    return "a number" if _is_number(default) else "a word"


def _usual(setting: Hyperparameter) -> str:
    return f"; usual: {setting.usual}" if setting.usual else f"; the default is {setting.default}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
