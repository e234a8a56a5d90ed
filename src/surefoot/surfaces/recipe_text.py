"""A recipe as text, there and back: optimizers, the command line, and the query of a link.

    parse_optimizers("adam:lr=0.1;amsgrad=True,sgd")  # OptimizerSpec("Adam", {"lr": 0.1, "amsgrad": True}), …
    command(recipe)                                    # "surefoot animate beale --optimizers adam,sgd"
    recipe_of(query(recipe)) == recipe

A value is a number, True, False, None, a word or a tuple of numbers; nothing else is read, nothing is run.
The program that walks the same paths is `snippet`, from `snippet.py`.
"""

from __future__ import annotations

import ast
import math
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, get_args
from urllib.parse import parse_qsl, quote, urlencode

from surefoot.errors import InvalidInputError
from surefoot.naming import nearest
from surefoot.surfaces.expression import LONGEST
from surefoot.surfaces.optimizer_cards import check_setting, find_card
from surefoot.surfaces.recipe import OptimizerSpec, Recipe, Tuning
from surefoot.surfaces.snippet import snippet
from surefoot.surfaces.surface import Pair

__all__ = ["apply_sets", "command", "optimizers_text", "parse_optimizers", "query", "recipe_of", "snippet"]

LONGEST_TEXT = 4000
"""Characters of a query, or of a list of optimizers."""

LONGEST_VALUE = 100

DEFAULTS: dict[str, Any] = {
    f.name: f.default for f in fields(Recipe) if f.name not in ("surface", "optimizers")
}
KEYS = tuple(f.name for f in fields(Recipe))

_COMMA = re.compile(r",(?![^(]*\))")  # none between brackets
_WORD = re.compile(r"[A-Za-z][\w-]*")
_WORDS_FOR = {"true": True, "false": False, "none": None}


def optimizers_text(specs: Sequence[OptimizerSpec]) -> str:
    """Optimizers in the words of `parse_optimizers`: `Adam:lr=0.1;betas=(0.9,0.99),SGD`.

    Raises:
        InvalidInputError: a setting is of a kind that has no text.
    """
    return ",".join(
        ":".join([r.optimizer, *filter(None, [";".join(f"{n}={_told(n, v)}" for n, v in _settings(r))])])
        for r in specs
    )


def parse_optimizers(text: str) -> tuple[OptimizerSpec, ...]:
    """Read optimizers: names between commas, each with its settings: `adam:lr=0.1;amsgrad=True,sgd`.

    Raises:
        InvalidInputError: no such optimizer or setting, with the nearest one; or a value that it does not
            take.
    """
    if len(text) > LONGEST_TEXT:
        raise InvalidInputError(f"optimizers: at most {LONGEST_TEXT} characters, not {len(text)}")
    return tuple(_spec(part.strip()) for part in _COMMA.split(text))


def apply_sets(specs: Sequence[OptimizerSpec], sets: Sequence[str]) -> tuple[OptimizerSpec, ...]:
    """Optimizers with what `--set` says of them.

    What an optimizer was given itself goes first, then what names its optimizer, then what names none.

    Args:
        specs: as from `parse_optimizers`.
        sets: "NAME=VALUE", for every optimizer that takes this value, or "OPTIMIZER.NAME=VALUE".

    Raises:
        InvalidInputError: it is written otherwise, or fits no optimizer, with the nearest name or what is
            taken.
    """
    found: list[dict[str, Any]] = [{} for _ in specs]
    for text, optimizer, name, value in sorted(map(_set, sets), key=lambda told: bool(told[1])):
        for i in _meant(specs, f"--set {text[:60]}", optimizer, name, value):
            found[i][name] = value
    return tuple(
        replace(spec, hyperparameters={**more, **spec.hyperparameters})
        for spec, more in zip(specs, found, strict=True)
    )


def _meant(specs: Sequence[OptimizerSpec], where: str, optimizer: str, name: str, value: Any) -> list[int]:
    """The places of the optimizers that a `--set` means: those that take the value."""
    try:
        wanted = find_card(optimizer).name if optimizer else ""
    except InvalidInputError as error:
        raise InvalidInputError(f"{where}: {error}") from None
    named = [i for i, spec in enumerate(specs) if wanted in ("", spec.optimizer)]
    if not named:
        raise InvalidInputError(
            f"{where}: {wanted} is not shown{nearest(wanted, {spec.optimizer for spec in specs})}"
        )
    holders = [i for i in named if name in _names(specs[i])]
    if not holders:
        known = {known for i in named for known in _names(specs[i])}
        raise InvalidInputError(f"{where}: no optimizer has a setting {name!r}{nearest(name, known)}")
    refusals = [_refusal(specs[i].optimizer, name, value) for i in holders]
    if all(refusals):
        raise InvalidInputError(f"{where}: {refusals[0]}")
    return [i for i, refusal in zip(holders, refusals, strict=True) if not refusal]


def command(recipe: Recipe) -> str:
    """The command line that makes the same animation; what is default is left out.

    Raises:
        InvalidInputError: a setting is of a kind that has no text.
    """
    words = ["surefoot", "animate"]
    formula = recipe.surface.startswith("-")  # would read as an option
    words += [] if formula else [recipe.surface]
    names = [spec.optimizer for spec in recipe.optimizers]
    alone = len(set(names)) == len(names)
    words += [
        "--optimizers",
        ",".join(map(str.lower, names)) if alone else optimizers_text(recipe.optimizers),
    ]
    for spec in recipe.optimizers if alone else ():
        for name, value in _settings(spec):
            words += ["--set", f"{spec.optimizer.lower()}.{name}={_told(name, value)}"]
    for name, text in _changed(recipe):
        words += [f"--{name}", text]
    return shlex.join([*words, *(["--", recipe.surface] if formula else [])])


def query(recipe: Recipe) -> str:
    """The query of a link to this animation: `surface=beale&optimizers=Adam:lr=0.1,SGD&tuning=tuned`.

    Raises:
        InvalidInputError: a setting is of a kind that has no text.
    """
    pairs = [
        ("surface", recipe.surface),
        ("optimizers", optimizers_text(recipe.optimizers)),
        *_changed(recipe),
    ]
    return urlencode(pairs, quote_via=quote, safe=":;=(),*")


def recipe_of(query: str | Mapping[str, str]) -> Recipe:
    """The recipe that a query tells.

    Args:
        query: as from `query`, with or without its question mark; or its keys with their values.

    Raises:
        InvalidInputError: a key is not known, is missing or comes twice, or its value is none; the message
            names it, and the nearest one that is known.
    """
    told = _pairs(query) if isinstance(query, str) else dict(query)
    for key, text in told.items():
        if key not in KEYS:
            raise InvalidInputError(f"unknown key {key[:40]!r}{nearest(key[:40], KEYS)}")
        if len(text) > LONGEST_TEXT:
            raise InvalidInputError(f"{key}: at most {LONGEST_TEXT} characters, not {len(text)}")
    for key in ("surface", "optimizers"):
        if not told.get(key):
            raise InvalidInputError(f"{key} is missing: an animation needs a surface and optimizers")
    if len(told["surface"]) > LONGEST:
        raise InvalidInputError(f"surface: at most {LONGEST} characters, not {len(told['surface'])}")
    found: dict[str, Any] = {key: _READ[key](key, told[key]) for key in told if key in _READ}
    return Recipe(surface=told["surface"], optimizers=parse_optimizers(told["optimizers"]), **found)


def _pairs(query: str) -> dict[str, str]:
    if len(query) > 3 * LONGEST_TEXT:
        raise InvalidInputError(f"a query has at most {3 * LONGEST_TEXT} characters, not {len(query)}")
    try:
        pairs = parse_qsl(
            query.removeprefix("?"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=2 * len(KEYS),
        )
    except ValueError as error:
        raise InvalidInputError(f"query: {error}") from None
    for key in (keys := [key for key, _ in pairs]):
        if keys.count(key) > 1:
            raise InvalidInputError(f"{key[:40]} is told twice")
    return dict(pairs)


def _spec(text: str) -> OptimizerSpec:
    name, _, rest = text.partition(":")
    if not name.strip():
        raise InvalidInputError("optimizers: write a name between commas, for example adam,sgd:lr=0.01")
    optimizer = find_card(name.strip()).name
    settings: dict[str, Any] = {}
    for part in rest.split(";") if rest else ():
        setting, equals, value = (word.strip() for word in part.partition("="))
        if not equals or not value or setting in settings:
            raise InvalidInputError(
                f"{text[:60]!r}: write {name}:NAME=VALUE;NAME=VALUE, for example adam:lr=0.1;amsgrad=True"
            )
        settings[setting] = _value(value, f"{optimizer} {setting}")
        check_setting(optimizer, setting, settings[setting])
    return OptimizerSpec(optimizer, settings)


def _set(text: str) -> tuple[str, str, str, Any]:
    left, equals, right = text.partition("=")
    optimizer, _, name = left.strip().rpartition(".")
    if not equals or not name.isidentifier() or not right.strip():
        raise InvalidInputError(
            f"--set {text[:60]}: write NAME=VALUE or OPTIMIZER.NAME=VALUE, for example sgd.lr=0.01"
        )
    return text, optimizer, name, _value(right.strip(), f"--set {text[:60]}")


def _refusal(optimizer: str, name: str, value: Any) -> str:
    """Why an optimizer does not take this; empty if it does."""
    try:
        check_setting(optimizer, name, value)
    except InvalidInputError as error:
        return str(error)
    return ""


def _names(spec: OptimizerSpec) -> set[str]:
    return {setting.name for setting in find_card(spec.optimizer).hyperparameters}


def _settings(spec: OptimizerSpec) -> Iterable[tuple[str, Any]]:
    """The learning rate first, as labels have it."""
    return sorted(spec.hyperparameters.items(), key=lambda item: item[0] != "lr")


def _value(text: str, where: str) -> Any:
    value: Any = None
    if text.lower() in _WORDS_FOR:
        return _WORDS_FOR[text.lower()]
    if len(text) <= LONGEST_VALUE:
        if _WORD.fullmatch(text) and text.lower() not in ("nan", "inf", "infinity"):
            return text
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            value = None
    if not _is_plain(value):
        raise InvalidInputError(f"{where}: {text[:40]!r} is no number, word or (number, number)")
    return value


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(part is None or (_is_plain(part) and not isinstance(part, tuple)) for part in value)
    try:
        return isinstance(value, bool | int | float) and math.isfinite(value)
    except OverflowError:
        return False


def _told(name: str, value: Any) -> str:
    """A value as `_value` reads it back."""
    value = tuple(value) if isinstance(value, list) else value
    if isinstance(value, tuple) and _is_plain(value):
        parts = ",".join(map(repr, value))
        return f"({parts},)" if len(value) == 1 else f"({parts})"
    if isinstance(value, str):
        word = _WORD.fullmatch(value) and value.lower() not in (*_WORDS_FOR, "nan", "inf", "infinity")
        if word and len(value) <= LONGEST_VALUE:
            return value
    elif value is None or _is_plain(value):
        return repr(value)
    raise InvalidInputError(f"{name}: {str(value)[:40]!r} is no number, word or (number, number)")


def _changed(recipe: Recipe) -> list[tuple[str, str]]:
    """What differs from the defaults, by name."""
    values = [(name, getattr(recipe, name), default) for name, default in DEFAULTS.items()]
    return [(name, _short(value)) for name, value, default in values if value != default]


def _short(value: Any) -> str:
    """A word, a number without a needless .0, or numbers with commas between them."""
    if isinstance(value, tuple | list):
        return ",".join(map(_short, value))
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _tuning(key: str, text: str) -> str:
    if text not in get_args(Tuning):
        raise InvalidInputError(f"{key}: unknown {text[:40]!r}{nearest(text[:40], get_args(Tuning))}")
    return text


def _number(key: str, text: str) -> float:
    # Digits as people write them: float() also takes "1_0", blanks and other scripts' digits.
    if (
        not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII)
        or len(text) > LONGEST_VALUE
    ):
        raise InvalidInputError(f"{key}: {text[:40]!r} is no number")
    if not math.isfinite(number := float(text)):
        raise InvalidInputError(f"{key}: {text[:40]} is too large")
    return number


def _pair(key: str, text: str) -> Pair:
    parts = text.split(",")
    if len(parts) != 2:
        raise InvalidInputError(f"{key}: write two numbers as 1,2, not {text[:40]!r}")
    return _number(key, parts[0]), _number(key, parts[1])


def _domain(key: str, text: str) -> Pair:
    low, high = _pair(key, text)
    if not low < high:
        raise InvalidInputError(f"{key}: the first number must be below the second, not {text[:40]!r}")
    return low, high


def _from(low: float, *, beyond: bool = False) -> Callable[[str, str], float]:
    def read(key: str, text: str) -> float:
        number = _number(key, text)
        if number < low or (beyond and number == low):
            raise InvalidInputError(
                f"{key} must be {'above' if beyond else 'at least'} {low:g}, not {text[:40]}"
            )
        return number

    return read


def _whole(low: int, high: int) -> Callable[[str, str], int]:
    def read(key: str, text: str) -> int:
        if not re.fullmatch(r"\d{1,18}", text, re.ASCII) or not low <= int(text) <= high:
            raise InvalidInputError(f"{key} must be a whole number from {low} to {high}, not {text[:40]!r}")
        return int(text)

    return read


_READ: Mapping[str, Callable[[str, str], Any]] = {
    "tuning": _tuning,
    "lr": _from(0.0, beyond=True),
    "start": _pair,
    "x": _domain,
    "y": _domain,
    "steps": _whole(1, 1_000_000),
    "noise": _from(0.0),
    "seed": _whole(0, 10**18 - 1),
}
