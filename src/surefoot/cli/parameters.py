"""What options take besides words and numbers: durations, sizes, budgets, points.

Duration().convert("5m", None, None)  # 300.0
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import click

from surefoot.study.durations import Amount, amount_of, seconds_of

SIZES = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


class Duration(click.ParamType[float]):
    """Seconds from "90s", "5m", "1.5h" or a plain number of seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> float:
        """Parse; a bad value is refused with an example."""
        try:
            return seconds_of(value)
        except ValueError as error:
            self.fail(str(error), param, context)


class BudgetType(click.ParamType[Amount]):
    """An amount in seconds or in full trainings, or with a plus sign one that comes on top: "5m", "+40".

    Args:
        name: "duration" or "trainings".
        value_of: from text without the sign to the number.
    """

    def __init__(self, name: str, value_of: Callable[[str | float | None], float]) -> None:
        self.name = name
        self._value_of = value_of

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Amount:
        """Parse; a bad value is refused with an example."""
        if isinstance(value, Amount):
            return value
        try:
            return amount_of(value, self._value_of)
        except ValueError as error:
            self.fail(str(error), param, context)


class SizeType(click.ParamType[int]):
    """Bytes from "500m", "4g", "1.5GB" or "4GiB"; every unit is a power of 1024."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> int:
        """Parse; a bad value is refused with an example."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt])(?:i?b)?\s*", str(value), re.IGNORECASE)
        if match is None or float(match[1]) == 0:
            self.fail(f"{value!r} is not a size; write for example 500m, 4g or 4GiB", param, context)
        return int(float(match[1]) * SIZES[match[2].lower()])


class Numbers(click.ParamType[tuple[float, ...]]):
    """Finite numbers, separated by commas: "-1.5,0.01".

    Args:
        count: how many; None: at least one.
        what: how a message calls them.
        example: of a good value.
        positive: whether each must be above zero.
    """

    name = "numbers"

    def __init__(self, count: int | None, what: str, example: str, *, positive: bool = False) -> None:
        self.count, self.what, self.example, self.positive = count, what, example, positive

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> tuple[float, ...]:
        """Parse; a bad value is refused with an example."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(float(word) for word in str(value).split(","))
        except ValueError:
            numbers = ()
        right = len(numbers) == self.count if self.count else bool(numbers)
        if not right or not all(math.isfinite(n) and (n > 0 or not self.positive) for n in numbers):
            self.fail(f"{value!r} are no {self.what}; write for example {self.example}", param, context)
        return numbers


BUDGETS = Numbers(None, "budgets", "1,2,3,5,8", positive=True)
"""Full trainings."""

POINT = Numbers(2, "coordinates", "-1.5,0.5")
RANGE = Numbers(2, "limits", "-3,3")
