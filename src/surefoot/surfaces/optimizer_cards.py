"""What is known of every optimizer, for whoever shows or runs it: its card, and whether a setting fits.

cards()["Adam"].equation
check_setting("Adam", "lr", "fast")     # ValueError: Adam takes a number for lr, not 'fast'
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from surefoot import optim
from surefoot.errors import InvalidInputError
from surefoot.formula.facts import Facts
from surefoot.naming import nearest


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
    if not setting.takes(value) or not _within(value, setting.limits):
        limits = " from {} to {}".format(*setting.limits) if setting.limits else ""
        raise InvalidInputError(f"{card.name} takes {setting.wanted}{limits} for {name}, not {value!r}")
    if None not in (value if isinstance(value, tuple) else (value,)):
        try:
            setting.check(value)
        except (TypeError, ValueError) as error:  # in torch's words
            raise InvalidInputError(str(error)) from error


def _within(value: int | None, limits: tuple[int, int] | None) -> bool:
    return limits is None or value is None or limits[0] <= value <= limits[1]
