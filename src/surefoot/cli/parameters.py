"""What options take besides words and numbers: durations, sizes, budgets, points.

Duration().convert("5m", None, None)  # 300.0
"""

from __future__ import annotations

import math
import re
from typing import Any

import click

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
SIZES = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


class Duration(click.ParamType[float]):
    """Seconds from "90s", "5m", "1.5h" or a plain number of seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> float:
        """Parse; a bad value is refused with an example."""
        if isinstance(value, int | float):
            return float(value)
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", str(value))
        if match is None or float(match[1]) == 0:
            self.fail(f"{value!r} is not a duration; write for example 90s, 5m or 1.5h", param, context)
        return float(match[1]) * UNITS[match[2] or "s"]


class Size(click.ParamType[int]):
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


class Budgets(click.ParamType[tuple[float, ...]]):
    """Full trainings from "1,2,3": positive numbers, separated by commas."""

    name = "budgets"

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> tuple[float, ...]:
        """Parse; a bad value is refused with an example."""
        if isinstance(value, tuple):
            return value
        try:
            budgets = tuple(float(word) for word in str(value).split(","))
        except ValueError:
            budgets = ()
        if not budgets or not all(0 < budget < math.inf for budget in budgets):
            self.fail(f"{value!r} are no budgets; write for example 1,2,3,5,8", param, context)
        return budgets


class Numbers(click.ParamType[tuple[float, ...]]):
    """So many finite numbers, separated by commas: "-1.5,0.01"."""

    name = "numbers"

    def __init__(self, count: int) -> None:
        self.count = count

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
        if len(numbers) != self.count or not all(map(math.isfinite, numbers)):
            example = ",".join(["-1.5", "0.5", "2"][: self.count])
            self.fail(f"{value!r} are not {self.count} numbers; write for example {example}", param, context)
        return numbers
