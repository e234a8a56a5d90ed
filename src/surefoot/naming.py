"""The nearest valid name, for messages."""

import difflib
from collections.abc import Iterable


def nearest(name: str, valid: Iterable[str]) -> str:
    """How a message about an unknown name goes on: the nearest valid name, else all, else nothing."""
    names = sorted(valid)
    near = difflib.get_close_matches(name.lower(), {known.lower(): known for known in names}, 1, 0.6)
    if near:
        return f"; did you mean {next(known for known in names if known.lower() == near[0])!r}?"
    return f"; there are {', '.join(names)}" if names else ""
