"""What the user fixes of the search, as `--set` says it.

    parse("weight_decay=0,0.1")          # these two, with every optimizer that has it
    parse("lr=1e-4..1e-2")               # a range, for learning rates
    parse("adam.betas=(0.9,0.95)")       # with one optimizer
    parse("eps=1e-6")                    # a setting that is not searched otherwise

Constraints on one setting add up; one that names an optimizer comes before those that do not.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from surefoot.errors import InvalidInputError
from surefoot.formula import Hyperparameter, LogNormal
from surefoot.naming import nearest
from surefoot.study.build import DECAY_ON, DECAYS_ON
from surefoot.study.optimizers import Algorithm
from surefoot.study.question import Question
from surefoot.study.strict_json import is_number

WARMUP = "warmup"
"""The share of the full training spent in warmup: part of every candidate's schedule."""

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
        InvalidInputError: it is written otherwise.
    """
    left, equals, right = text.partition("=")
    optimizer, _, name = left.strip().rpartition(".")
    words = [word.strip() for word in re.split(r",(?![^(]*\))", right)]
    if not equals or not name.isidentifier() or not all(words):
        raise InvalidInputError(
            f"--set {text}: write NAME=VALUE or NAME=VALUE,VALUE, for example weight_decay=0.1"
        )
    return Constraint(text, optimizer.lower(), name, tuple(_value(word, text) for word in words))


def of(question: Question) -> list[Constraint]:
    """What a question fixes of the search."""
    return [parse(text) for text in question.sets]


def check(constraints: Sequence[Constraint], algorithms: Sequence[Algorithm]) -> None:
    """Make sure that each constraint means something for one of the optimizers.

    Raises:
        InvalidInputError: no optimizer has the setting, or it cannot take the value; with the nearest that is
            valid.
    """
    for constraint in constraints:
        where = f"--set {constraint.text}"
        named = [a for a in algorithms if constraint.optimizer in ("", a.label.lower())]
        if not named:
            hint = nearest(constraint.optimizer, [a.label for a in algorithms])
            raise InvalidInputError(f"{where}: {constraint.optimizer!r} is not raced{hint}")
        holders = [a for a in named if constraint.name in _names(a)]
        if not holders:
            hint = nearest(constraint.name, {name for a in named for name in _names(a)})
            who = f"{named[0].label} has no" if constraint.optimizer else "no optimizer raced has a"
            raise InvalidInputError(f"{where}: {who} setting {constraint.name!r}{hint}")
        # Of one word for different things, such as Adafactor's pair eps, the kind that fits is meant.
        for algorithm in [a for a in holders if _is_meant(constraint, a)] or holders:
            _check_values(constraint, algorithm)


def allowed(algorithm: Algorithm, constraints: Sequence[Constraint]) -> dict[str, tuple[Any, ...]]:
    """What the constraints leave of the settings that they name, by setting, for one optimizer."""
    own = [c for c in constraints if c.optimizer == algorithm.label.lower()]
    named = {c.name for c in own}
    own += [c for c in constraints if not c.optimizer and c.name not in named and _is_meant(c, algorithm)]
    found: dict[str, tuple[Any, ...]] = {}
    for constraint in own:
        values = _values(constraint, algorithm)
        found[constraint.name] = tuple(dict.fromkeys([*found.get(constraint.name, ()), *values]))
    return found


def _is_meant(constraint: Constraint, algorithm: Algorithm) -> bool:
    """Whether the optimizer has a setting of this name, and of the kind of the values."""
    if constraint.name not in algorithm.hyperparameters:
        return constraint.name in _names(algorithm)
    setting = algorithm.hyperparameters[constraint.name]
    return all(isinstance(v, Range) or _fits(v, setting) for v in _values(constraint, algorithm))


def _values(constraint: Constraint, algorithm: Algorithm) -> tuple[Any, ...]:
    """The values; betas=0.9,0.95 means the pair, as one number is never a value of a setting of several."""
    setting, values = algorithm.hyperparameters.get(constraint.name), constraint.values
    several = setting and isinstance(setting.default, tuple) and len(values) == len(setting.default) > 1
    return (values,) if several and all(map(is_number, values)) else values


def _names(algorithm: Algorithm) -> set[str]:
    decay = {DECAY_ON} if "weight_decay" in algorithm.hyperparameters else set()
    return {*algorithm.hyperparameters, WARMUP} | decay


def _value(word: str, text: str) -> Any:
    if ends := re.fullmatch(rf"({_NUMBER})\.\.({_NUMBER})", word):
        low, high = map(float, ends.groups())
        if not 0 < low < high < math.inf:
            raise InvalidInputError(f"--set {text}: a range goes from a number above 0 to a larger one")
        return Range(low, high)
    try:
        value = ast.literal_eval(word)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        value = None
        if re.fullmatch(r"[\w-]+", word):
            return {"true": True, "false": False, "none": None}.get(word.lower(), word)
    if not isinstance(value, bool | int | float | tuple | str) and word != "None":
        raise InvalidInputError(f"--set {text}: {word!r} is no number, word or (number, number)")
    return value


def _check_values(constraint: Constraint, algorithm: Algorithm) -> None:
    setting = algorithm.hyperparameters.get(constraint.name)
    where = f"--set {constraint.text}"
    for value in _values(constraint, algorithm):
        if not isinstance(value, Range):
            check_value(algorithm, constraint.name, value, where)
        elif not setting or not isinstance(setting.search, LogNormal):
            raise InvalidInputError(f"{where}: {constraint.name} takes no range; list its values")


def check_value(algorithm: Algorithm, name: str, value: Any, where: str) -> None:
    """Make sure that an optimizer's setting can have this value.

    Args:
        algorithm: the optimizer.
        name: of one of its settings, or of the recipe's.
        value: as read from the command line or from a file.
        where: what the message begins with.

    Raises:
        InvalidInputError: the optimizer has no such setting, or it cannot; with what is valid.
    """
    if name not in _names(algorithm):
        hint = nearest(name, _names(algorithm))
        raise InvalidInputError(f"{where}: {algorithm.label} has no setting {name!r}{hint}")
    if name == DECAY_ON:
        _check_word(value, DECAYS_ON, f"{where}: {name}")
    elif name == WARMUP:
        if not (is_number(value) and 0 <= value < 1):
            raise InvalidInputError(f"{where}: warmup is a share of the training, below 1; the usual is 0.05")
    else:
        _check_setting(algorithm.hyperparameters[name], value, f"{where}: {name} of {algorithm.label}")


def _check_setting(setting: Hyperparameter, value: Any, where: str) -> None:
    usual = f"; usual: {setting.usual}" if setting.usual else f"; the default is {setting.default}"
    if isinstance(value, str) and setting.choices:
        _check_word(value, [word for word in setting.choices if word is not None], where)
    if not _fits(value, setting):
        raise InvalidInputError(f"{where} takes {setting.wanted}, not {value!r}{usual}")
    if isinstance(setting.search, LogNormal) and not value > 0:
        raise InvalidInputError(f"{where} must be above 0, not {value!r}{usual}")
    try:
        setting.check(value)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{where}: {error}{usual}") from None


def _check_word(value: Any, words: Sequence[str], where: str) -> None:
    if value not in words:
        raise InvalidInputError(f"{where}: unknown {value!r}{nearest(str(value), words)}")


def _fits(value: Any, setting: Hyperparameter) -> bool:
    """Whether a value is of the setting's kind; None is for the constructor to judge."""
    return value is None or setting.takes(value)
