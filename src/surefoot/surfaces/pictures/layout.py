"""A figure laid out in inches from its top left corner, so that text has the same size in every picture.

sheet = Sheet(8.5, 6.0)
sheet.axes(0.5, 0.6, 4.3, 4.0), sheet.write(0.5, 0.1, "Beale", fontsize=12)
"""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text


class Sheet:
    """A white figure of a width and a height in inches."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width, height), facecolor="white")

    def axes(self, left: float, top: float, width: float, height: float, **how: Any) -> Axes:
        """Axes whose data area has this place and size."""
        box = left / self.width, 1 - (top + height) / self.height, width / self.width, height / self.height
        return self.figure.add_axes(box, **how)

    def write(self, left: float, top: float, text: str, **how: Any) -> Text:
        """Text whose upper left corner is here."""
        how = {"va": "top", **how}
        return self.figure.text(left / self.width, 1 - top / self.height, text, **how)
