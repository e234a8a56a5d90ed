"""Numbers and names as people read them: `0.0312`, `3e-4`, `1.2 ms`, `210 kB`, `Adam lr=0.003`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

MISSING = "–"


def number(value: float | None) -> str:
    """Three significant digits, trailing zeros kept so that columns compare: `0.120`, `3.40e-5`."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        return _fixed(value)
    return _compact_exponent(f"{value:.2e}")


def spread(mean: float, deviation: float) -> str:
    """`0.0816 ± 0.0029`: the deviation with the mean's decimals; without it where there is none."""
    text = number(mean)
    if text == MISSING or not math.isfinite(deviation):
        return text
    if "e" in text:
        return f"{text} ± {number(deviation)}"
    decimals = len(text.partition(".")[2])
    return f"{text} ± {deviation:.{decimals}f}"


def setting(value: Any) -> str:
    """A hyperparameter's value, no longer than needed: `0.003`, `3e-4`, `(0.9, 0.9999)`, `True`."""
    if isinstance(value, float) and math.isfinite(value):
        if value and not 1e-3 <= abs(value) < 1e5:
            return _compact_exponent(f"{value:.2e}")
        # Of a decay rate the distance to one is what matters: 0.9995 must not read as 1.
        if abs(value) >= 100:
            return f"{value:.0f}"
        return f"{value:.6g}" if 0.9 < abs(value) < 1 else f"{value:.3g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "(" + ", ".join(setting(item) for item in value) + ")"
    return printable(value)


def candidate_label(optimizer: str, hyperparameters: Mapping[str, Any]) -> str:
    """`Adam lr=0.003 betas=(0.9, 0.99)`: the learning rate first, the rest in the order given."""
    names = sorted(hyperparameters, key=lambda name: name != "lr")
    settings = [f"{printable(name)}={setting(hyperparameters[name])}" for name in names]
    return " ".join([plain_name(optimizer), *settings])


def plain_name(optimizer: str) -> str:
    """An optimizer's name without the module or file of one's own class: `mine.py:Sophia` is `Sophia`."""
    return printable(optimizer.rpartition(":")[2])


def seconds(value: float | None) -> str:
    """A duration: `14 µs`, `1.2 ms`, `3.4 s`, `2 min 05 s`, `1 h 10 min`."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value >= 3600:
        hours, minutes = divmod(round(value / 60), 60)
        return f"{hours} h {minutes:02d} min"
    if value >= 120:
        minutes, rest = divmod(round(value), 60)
        return f"{minutes} min {rest:02d} s"
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if value * scale >= 1:
            return f"{_two_digits(value * scale)} {unit}"
    return f"{value * 1e9:.0f} ns" if value else "0 s"


def size(count: float | None) -> str:
    """Bytes in decimal units: `512 B`, `210 kB`, `1.2 MB`."""
    if count is None or not math.isfinite(count):
        return MISSING
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{_two_digits(count / scale)} {unit}"
    return f"{count:.0f} B"


def share(value: float | None) -> str:
    """A share of one as per cent: `3.7 %`, `33 %`, `100 %`."""
    if value is None or not math.isfinite(value):
        return MISSING
    percent = 100.0 * value
    return f"{percent:.0f} %" if percent >= 10 or percent.is_integer() else f"{percent:.1f} %"


def signed(value: float | None) -> str:
    """`number` with its sign, and a true minus."""
    if value is None or not math.isfinite(value):
        return MISSING
    sign = "−" if value < 0 else "+" if value > 0 else ""
    return sign + number(abs(value))


def plural(count: int, word: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def short(text: Any, length: int) -> str:
    """The text without control characters, cut with an ellipsis where it is longer than `length`."""
    shown = printable(text)
    return shown if len(shown) <= length else shown[: length - 1] + "…"


def printable(text: Any) -> str:
    """Text in which nothing can drive a terminal: control characters become `�`, line breaks a space."""
    joined = " ".join(str(text).split())
    return "".join(character if character.isprintable() else "�" for character in joined)


def _fixed(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")


def _two_digits(value: float) -> str:
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"


def _compact_exponent(text: str) -> str:
    mantissa, exponent = text.split("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}"
