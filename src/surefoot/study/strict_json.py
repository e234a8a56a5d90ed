"""Values as strict JSON has them, which knows no nan, and has numbers apart from truth values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeGuard


def without_nan(value: Any) -> Any:
    """Return the value as strict JSON has it, for other programs: None stands for nan and infinities."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    return value


def or_nan(value: float | None) -> float:
    """The number, or the nan that None stands for."""
    return math.nan if value is None else float(value)


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether the value is a number, and not True or False."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_finite(value: Any) -> TypeGuard[int | float]:
    """Whether the value is a number that a float can hold, and neither nan nor infinite."""
    try:
        return is_number(value) and math.isfinite(value)
    except OverflowError:
        return False
