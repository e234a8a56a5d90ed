"""How each optimizer is drawn: an optimizer looks the same in every picture.

optimizer_strokes(["Adam", "SGD", "SGD"])  # the second SGD gets a stroke that no optimizer calls its own
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

from surefoot.report.style import DASHES, MARKERS, SERIES, Stroke
from surefoot.surfaces.path import optimizer_names

FAMILIAR = ("Adam", "SGD", "RMSprop", "Adagrad", "Adadelta", "Muon", "AdamW")
"""Those most often shown together: each has a colour to itself. The others follow by alphabet."""

_MARKERS = tuple(marker for marker in MARKERS if marker != "X")  # a cross says that an optimizer diverged


def optimizer_strokes(names: Sequence[str]) -> list[Stroke]:
    """A stroke for each optimizer, in their order; no two are equal.

    Args:
        names: optimizers, which may repeat: the first of each name has the optimizer's own stroke, further
            ones the most different stroke that is left.
    """
    own = _own_strokes()
    given: dict[int, Stroke] = {}
    for place, name in enumerate(names):
        if name in own and own[name] not in given.values():
            given[place] = own[name]
    for place in range(len(names)):
        if place not in given:
            given[place] = _another(list(given.values()), list(own.values()))
    return [given[place] for place in range(len(names))]


def stroke_document(stroke: Stroke) -> dict[str, Any]:
    """A stroke as JSON: the colour's name in the palette, the dash in widths of the line ([] if solid)."""
    colour = next(colour.name for colour in SERIES if colour.light == stroke.colour)
    dash = [] if isinstance(stroke.dash, str) else list(stroke.dash[1])
    return {"colour": colour, "dash": dash, "marker": stroke.marker}


def _own_strokes() -> dict[str, Stroke]:
    names = optimizer_names()
    familiar = [name for name in FAMILIAR if name in names]
    order = [*familiar, *(name for name in names if name not in familiar)]
    return {
        name: Stroke(SERIES[i % len(SERIES)].light, DASHES[i % len(DASHES)], _MARKERS[i % len(_MARKERS)])
        for i, name in enumerate(order)
    }


def _another(taken: Sequence[Stroke], own: Sequence[Stroke]) -> Stroke:
    """The stroke most unlike those that are taken: by colour, then by dash and marker, then by ownership."""
    colours = Counter(stroke.colour for stroke in taken)
    dashes = Counter(stroke.dash for stroke in taken)
    markers = Counter(stroke.marker for stroke in taken)

    def likeness(stroke: Stroke) -> tuple[int, ...]:
        same = [other for other in taken if other.colour == stroke.colour]
        return (
            stroke in taken,
            colours[stroke.colour],
            sum((other.dash == stroke.dash) + (other.marker == stroke.marker) for other in same),
            stroke in own,
            markers[stroke.marker],
            dashes[stroke.dash],
        )

    # From the last colour on: where all are taken, a second one is black rather than a third kind of blue.
    every = itertools.product((colour.light for colour in reversed(SERIES)), DASHES, _MARKERS)
    return min((Stroke(*parts) for parts in every), key=likeness)
