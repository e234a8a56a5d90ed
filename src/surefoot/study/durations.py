"""Durations as people write them: `seconds_of("90s")`, `seconds_of("5m")`, `seconds_of("1.5h")`."""

from __future__ import annotations

import re

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


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
