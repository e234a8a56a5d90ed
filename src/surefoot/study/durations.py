"""Budgets as people write them: `seconds_of("5m")`, and `amount_of("+40")`, which is 40 more than before."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Amount:
    """Of a budget, in seconds or in full trainings.

    Attributes:
        more: it comes on top of what the study has had: "+5m", "+40".
    """

    value: float
    more: bool = False


def seconds_of(duration: str | float | None) -> float:
    """A duration in seconds; a plain number is in seconds already.

    Raises:
        ValueError: it is not a duration above 0, with examples of what is.
    """
    if isinstance(duration, int | float) and not isinstance(duration, bool) and duration > 0:
        return float(duration)
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", str(duration))
    if match is None or float(match[1]) == 0:
        raise ValueError(f"{duration!r} is not a duration; write for example 90s, 5m or 1.5h")
    return float(match[1]) * UNITS[match[2] or "s"]


def amount_of(text: str | float | None, value_of: Callable[[str | float | None], float]) -> Amount:
    """An amount, or with a plus sign before it one on top of what there was.

    Args:
        text: "5m", "+5m", "+40" or a number.
        value_of: from the text without the sign to the number, such as `seconds_of`.

    Raises:
        ValueError: as of `value_of`.
    """
    written = text.strip() if isinstance(text, str) else text
    if isinstance(written, str) and written.startswith("+"):
        return Amount(value_of(written[1:]), more=True)
    return Amount(value_of(written))


def trainings_of(text: str | float | None) -> float:
    """A number of full trainings; whether it is a budget is judged with the rest of the question.

    Raises:
        ValueError: it is not a number, with examples of what is.
    """
    try:
        return float(text if text is not None else "")
    except ValueError:
        raise ValueError(f"{text!r} is not a number of trainings; write for example 40, 0.5 or +40") from None
