"""Numbers as people read them: `0.0312`, `3e-4`, `1.2 ms`, `210 kB`, `3.7 %`, `−0.0045`.

A measured value has three significant digits (`number`), a difference two (`difference`), a setting as many
as tell it from every other (`setting`).  A value is rounded before its form or unit is chosen, so that
999.6 µs is `1 ms`.  Signs are true minus signs, but those of settings, which are written as in code.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

MISSING = "–"
MINUS = "−"

_PLAIN_FROM, _PLAIN_BELOW = 1e-3, 1e5
"""Sizes that are written without an exponent."""

_WHOLE = 2.0**53
"""Below it every whole number is a float of its own."""

_WORD = re.compile(r"[^\s='\"(){}\[\],\\]+")
_READS_AS_OTHER = re.compile(r"True|False|None|nan|-?inf|[-+]?\.?\d.*")

_FEWEST_MINUTES, _FEWEST_DAYS = 2, 2


def number(value: float | None, digits: int = 3) -> str:
    """Significant digits, trailing zeros kept so that columns compare: `0.120`, `123`, `3.4e-5`.

    Args:
        value: MISSING is returned for None, nan and infinities.
        digits: of a whole number that has more, all are shown: `12346`.
    """
    if value is None or not math.isfinite(value):
        return MISSING
    if not value:
        return "0"
    scientific = f"{abs(value):.{digits - 1}e}"
    size = float(scientific)
    sign = MINUS if value < 0 else ""
    if not _PLAIN_FROM <= size < _PLAIN_BELOW:
        return sign + _compact_exponent(scientific)
    return sign + (f"{abs(value):.0f}" if size >= 10 ** (digits - 1) else f"{size:#.{digits}g}")


def difference(value: float | None) -> str:
    """How far two values are apart, in two digits, for its noise leaves no more: `0.0055`, `−0.13`."""
    return number(value, 2)


def signed(value: float | None, digits: int = 3) -> str:
    """`number` with its sign: `+0.120`, `−0.120`."""
    return ("+" if value is not None and 0 < value < math.inf else "") + number(value, digits)


def interval(low: float | None, high: float | None, digits: int = 3) -> str:
    """`0.0854 to 0.0945`."""
    return f"{number(low, digits)} to {number(high, digits)}"


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
    """A setting's value as in code, with every digit that it has: `0.003`, `3e-4`, `(0.9, 0.99)`, `matrices`.

    Different values have different texts, but for those that Python and JSON take for the same: 1 and 1.0, a
    tuple and a list. Text that could be taken for something else is quoted.
    """
    match value:
        case bool() | None:
            return str(value)
        case int() | float():
            return _exact(value)
        case str():
            return value if _is_word(value) else repr(value)
        case Mapping():
            return "{" + ", ".join(f"{setting(k)}: {setting(value[k])}" for k in sorted(value, key=str)) + "}"
        case Sequence():
            return "(" + ", ".join(map(setting, value)) + ")"
        case _:
            return printable(value)


def rounded(value: float, digits: int = 2) -> str:
    """About how large, no longer than needed: `0.01`, `690`, `3e-4`; for ticks and learning-rate windows."""
    if not math.isfinite(value):
        return MISSING
    return setting(float(f"{value:.{digits}g}")).replace("-", MINUS, value < 0)


def seconds(value: float | None, digits: int = 2) -> str:
    """A duration: `14 µs`, `1.2 ms`, `3.4 s`, `2 min 05 s`, `1 h 10 min`, `2 d 03 h`."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value < 0:
        return MINUS + seconds(-value, digits)
    if text := _in_unit(value, digits, {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3}):
        return text if text != "0 ns" else "0 s"
    if float(number(value, digits)) < 60 * _FEWEST_MINUTES:
        return f"{_shortest(value, digits)} s"
    if round(value) < 3600:
        return "{} min {:02d} s".format(*divmod(round(value), 60))
    if round(value / 60) < _FEWEST_DAYS * 24 * 60:
        return "{} h {:02d} min".format(*divmod(round(value / 60), 60))
    return "{} d {:02d} h".format(*divmod(round(value / 3600), 24))


def size(count: float | None) -> str:
    """Bytes in decimal units: `512 B`, `210 kB`, `1.2 MB`."""
    if count is None or not math.isfinite(count):
        return MISSING
    return _in_unit(count, 2, {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}) or f"{_shortest(count / 1e12, 2)} TB"


def share(value: float | None) -> str:
    """A share of one as per cent: `3.7 %`, `33 %`; `100 %` is all, and what is nearly all `> 99.9 %`."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value < 0:
        return MINUS + share(-value)
    percent = 100.0 * value
    if 0 < percent < 0.05:
        return "< 0.1 %"
    if 99.95 <= percent < 100 and not math.isclose(percent, 100):
        return "> 99.9 %"
    decimals = 1 if percent < 9.95 or 99.5 <= percent < 99.95 else 0
    return f"{percent:.{decimals}f} %".replace(".0 ", " ")


def fraction(progress: float) -> str:
    """A place in a training: `1/9` at a rung, `40 %` where that says it better, `the end`."""
    if not math.isfinite(progress):
        return MISSING
    if progress >= 1:
        return "the end"
    near = Fraction(progress).limit_denominator(100)
    simple = math.isclose(near, progress) and (near.numerator == 1 or near.denominator <= 12)
    return str(near) if simple and 100 % near.denominator else share(progress)


def decades(width: float) -> str:
    """The width of a range of learning rates: `0.7 decades`, `1.0 decade`."""
    text = f"{width:.1f}"
    return f"{text} decade" if text == "1.0" else f"{text} decades"


def with_article(words: str) -> str:
    """`a validation loss`, `an accuracy`."""
    return f"{'an' if words[:1].lower() in tuple('aeio') else 'a'} {words}"


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


def _in_unit(value: float, digits: int, units: Mapping[str, float]) -> str:
    """In the first unit that needs no more than three digits before the point; empty where none does."""
    for unit, scale in units.items():
        text = _shortest(value / scale, digits) if value < 1000 * scale else "1000"
        if text != "1000":
            return f"{text} {unit}"
    return ""


def _shortest(value: float, digits: int) -> str:
    """`number` without trailing zeros, and nothing for what is too small to matter."""
    text = number(value, digits) if value >= _PLAIN_FROM else "0"
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def _exact(value: float) -> str:
    """Every digit that matters; equal numbers have equal texts, whichever their types."""
    if isinstance(value, int) and (abs(value) > _WHOLE and not _is_float(value)):
        return str(value)
    known = float(value)
    if not math.isfinite(known):
        return str(known)
    sign = "-" if known < 0 else ""
    mantissa, _, exponent = f"{abs(known)!r}".partition("e")
    whole, _, decimals = mantissa.partition(".")
    digits = (whole + decimals).lstrip("0").rstrip("0") or "0"
    leading = len(whole.lstrip("0")) or -(len(decimals) - len(decimals.lstrip("0")))
    power = leading - 1 + int(exponent or 0)
    if digits == "0":
        return "0"
    scientific = f"{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e{power}"
    if abs(known) < _PLAIN_FROM or abs(known) >= _WHOLE:
        return sign + scientific
    if power < 0:
        plain = "0." + "0" * (-power - 1) + digits
    else:
        filled = digits.ljust(power + 1, "0")
        plain = filled[: power + 1] + ("." + filled[power + 1 :]).rstrip(".")
    return sign + (plain if abs(known) < _PLAIN_BELOW or len(plain) <= len(scientific) else scientific)


def _is_float(value: int) -> bool:
    try:
        return float(value) == value
    except OverflowError:
        return False


def _is_word(text: str) -> bool:
    return bool(_WORD.fullmatch(text)) and text.isprintable() and not _READS_AS_OTHER.fullmatch(text)


def _compact_exponent(text: str) -> str:
    mantissa, exponent = text.split("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}"
