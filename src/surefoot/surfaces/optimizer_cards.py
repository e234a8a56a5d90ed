"""What is known of every optimizer, for who shows or races it: its card, and whether a setting fits.

cards()["Adam"].equation
check_setting("Adam", "lr", "fast")     # ValueError: Adam takes a number for lr, not 'fast'
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any, Literal

from surefoot import optim
from surefoot.errors import InvalidInputError
from surefoot.formula.facts import Facts, Hyperparameter
from surefoot.naming import nearest

Kind = Literal["number", "whole", "flag", "pair", "triple", "choice"]

WHOLE: Mapping[str, tuple[int, int]] = {
    "max_iter": (1, 200),
    "max_eval": (1, 250),
    "history_size": (1, 100),
    "ns_steps": (1, 99),
}
"""Settings that count something, with bounds: each is work or memory for one step."""

CHOICES: Mapping[str, tuple[str | None, ...]] = {
    "line_search_fn": (None, "strong_wolfe"),
    "adjust_lr_fn": (None, "original", "match_rms_adamw"),
}
"""Settings that name a way of doing something."""


@functools.cache
def cards() -> Mapping[str, Facts]:
    """Every optimizer's card by its name, in alphabetical order."""
    return {name: optimizer.facts() for name, optimizer in optim.OPTIMIZERS.items()}


def find_card(name: str) -> Facts:
    """The card of an optimizer; case, `-` and `_` do not matter.

    Raises:
        InvalidInputError: there is none of this name; the message names the nearest one.
    """
    try:
        return cards()[optim.find(name).__name__]
    except KeyError as error:
        raise InvalidInputError(error.args[0]) from None


def kind_of(setting: Hyperparameter) -> Kind:
    """What values a setting takes."""
    if setting.name in WHOLE:
        return "whole"
    if setting.name in CHOICES:
        return "choice"
    if isinstance(setting.default, bool):
        return "flag"
    if isinstance(setting.default, tuple):
        return "pair" if len(setting.default) == 2 else "triple"
    return "number"


def check_setting(optimizer: str, name: str, value: Any) -> None:
    """Whether an optimizer takes this value, before it is built.

    Args:
        optimizer: its name.
        name: an argument of its constructor.
        value: as JSON has it; a list stands for a tuple.

    Raises:
        InvalidInputError: it does not; the message says what it takes, or the nearest setting that it has.
    """
    card = find_card(optimizer)
    known = {setting.name: setting for setting in card.hyperparameters}
    if name not in known:
        raise InvalidInputError(f"{card.name} has no setting {name!r}{nearest(name, known)}")
    setting = known[name]
    value = tuple(value) if isinstance(value, list) else value
    if wanted := _wanted(setting, value):
        raise InvalidInputError(f"{card.name} takes {wanted} for {name}, not {value!r}")
    if None not in (value if isinstance(value, tuple) else (value,)):
        try:
            setting.check(value)
        except (TypeError, ValueError) as error:  # in torch's words
            raise InvalidInputError(str(error)) from error


def _wanted(setting: Hyperparameter, value: Any) -> str:
    """What should stand in place of this value, in words; empty where it may stay."""
    match kind_of(setting):
        case "whole":
            low, high = WHOLE[setting.name]
            fits = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
            fits = fits or (value is None and setting.default is None)
            return "" if fits else f"a whole number from {low} to {high}"
        case "choice":
            choices = CHOICES[setting.name]
            return "" if value in choices else " or ".join(map(repr, choices))
        case "flag":
            return "" if isinstance(value, bool) else "true or false"
        case "number":
            return "" if _is_number(value) else "a number"
        case _:
            size = len(setting.default)
            parts = value if isinstance(value, tuple) and len(value) == size else None
            pairs = zip(parts or (), setting.default, strict=False)
            fits = parts is not None and all(_is_number(p) or (p is None and d is None) for p, d in pairs)
            return "" if fits else f"{size} numbers"


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False
