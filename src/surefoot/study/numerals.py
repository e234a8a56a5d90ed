"""Numbers as the sentences of an answer tell them."""

from __future__ import annotations

from fractions import Fraction


def signed(value: float, digits: int) -> str:
    """With so many significant digits and a true minus: `−0.0045`."""
    return ("−" if value < 0 else "") + f"{abs(value):.{digits}g}"


def percent(share: float) -> str:
    """`95 %` of 0.95."""
    return f"{100 * share:.0f} %"


def fraction(progress: float) -> str:
    """`1/9` of a progress at a rung; the nearest fraction in hundredths or coarser elsewhere."""
    return str(Fraction(progress).limit_denominator(100))
