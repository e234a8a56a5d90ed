"""What a landscape shows and what it does not, in sentences for the report, the terminal and captions.

summary(document)  # "One plane holds 77 % of the squared distance …; of as many random walks 37 %. …"
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from surefoot.study.format import number, printable, share
from surefoot.study.label import optimizer_label

Document = Mapping[str, Any]


def summary(document: Document) -> str:
    """How much the plane holds, how much it would hold of chance, and what it hides; three sentences."""
    return " ".join([held(document), walks(document), hidden(document)])


def held(document: Document) -> str:
    """How much of the paths lies on the plane, against random walks."""
    paths = document["paths"]
    own, chance = (plane_share(part) for part in (document, document["control"]))
    if len(paths) == 1:
        return f"The plane holds {own} of the path's squared distance from the start."
    return (
        f"One plane holds {own} of the squared distance from the start, averaged over {len(paths)} paths; of "
        f"as many random walks with the same steps it would hold {chance}."
    )


def walks(document: Document) -> str:
    """That a smooth curve proves nothing."""
    own = fmean(sum(path["alone"]) for path in document["paths"])
    chance = fmean(sum(path["alone"]) for path in document["control"]["paths"])
    return (
        f"On a plane of its own a path shows {share(own)} of itself, and a random walk explains "
        f"{share(chance)} too: the smoothness of these curves is no evidence of anything."
    )


def hidden(document: Document) -> str:
    """The largest difference, at the end of a path, between its loss and that of its picture."""
    ends = [
        (path["optimizer"], path["loss"][-1], path["plane_loss"][-1])
        for path in document["paths"]
        if path["loss"][-1] is not None and path["plane_loss"][-1] is not None
    ]
    if not ends:
        return "The loss at the ends of the paths is not finite."
    name, true, seen = max(ends, key=lambda end: abs(_log(end[2]) - _log(end[1])))
    return (
        f"What the plane hides: {optimizer_label(name)} ends at a loss of {number(true)}, and at its place "
        f"on the plane the loss is {number(seen)}."
    )


def plane_share(part: Document) -> str:
    """What the first two axes of a document, or of its control, hold together."""
    return share(sum(part["explained"][:2]))


def axis(part: Document, place: int) -> str:
    """The label of a main axis: `main axis 1 (63 %)`."""
    explained = part["explained"]
    return f"main axis {place + 1} ({share(explained[place] if place < len(explained) else 0.0)})"


def method(document: Document) -> str:
    """How the plane was found and what was measured, for whoever wants to check."""
    parts = [
        f"{document['parameters']:,} parameters in {document['filters']:,} filters, each measured in units "
        "of its own size at the end of training; a distance of 1: they have moved by their own size.",
        "The plane goes through the common start, is the best for all paths together, and counts each the "
        "same, however far it went.",
        f"Colour: {printable(document['loss'])}, without dropout, from seed {document['seed']}.",
    ]
    if document["statistics"]:
        parts.append(f"Batch normalisation: its statistics are {printable(document['statistics'])}.")
    source = {
        "kept": "The paths come from snapshots that were kept.",
        "trained again": "The paths come from training the finalists again, from the same start.",
    }
    parts.append(
        source.get(
            document["source"], "Some paths come from snapshots that were kept, others from training again."
        )
    )
    return " ".join(parts)


CAPTIONS = {
    "plane": "The paths on their best plane, seen from straight above. A point of a path lies off the plane, "
    "and the colour below it is the loss on the plane, not its own. Star: the common start.",
    "control": "The control: random walks, one for each path, with steps of the same lengths in directions "
    "that are drawn anew each time, each on the plane that suits it best. Nothing was trained here.",
    "loss": "Strong: the loss at the weights of the training; thin: at their projection on the plane, which "
    "is what the first picture shows. The shaded part is what that picture hides.",
    "off": "How far the paths are from the plane: in units of the filters' own sizes, and as a share of "
    "their distance from the start, at which 100 % would mean that the plane shows nothing of the path.",
}
"""What each figure shows, by its name."""

TITLES = {
    "plane": "Paths of the finalists on one plane",
    "control": "Random walks with the same steps",
    "loss": "True loss (strong) and loss on the plane (thin)",
    "off": "Distance from the plane",
}
"""Of each figure, by its name, in the order in which they are shown."""


def notes(document: Document) -> Sequence[str]:
    """Whatever is not as it should be."""
    return [printable(note) for note in document.get("notes", ())]


def _log(value: float) -> float:
    return math.log(max(value, 1e-12))
