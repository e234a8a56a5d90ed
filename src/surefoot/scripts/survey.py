"""A script started once more, not to train but to tell its loss at many places.

    losses = survey_script(("python", "train.py"), candidate, 5000, files, atlas.axes, places, told)

Here and there exchange two files in a folder: the order, with the snapshots' files, the plane's axes and the
places; and the losses.  The script builds its model as ever and ends in `surefoot.run.record`.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from surefoot.errors import NotPossibleError
from surefoot.scripts import process as child
from surefoot.scripts.listener import Listener
from surefoot.scripts.process import Output
from surefoot.scripts.protocol import VARIABLE, ScriptRun
from surefoot.study.run import Candidate
from surefoot.tasks import TaskError
from surefoot.training import checkpoint, snapshots
from surefoot.training.revisit import Atlas, Place, norms, revisit

ORDER, ANSWER = "order.pt", "losses.json"
IDENTITY = "survey"
POLL_SECONDS = 0.05
STOP_SECONDS = 5.0
"""What the script may take to end once it has answered."""
TOLD_EVERY = 20

File = tuple[str, str]
"""Where a run's snapshots lie, and the identity of the run."""


@dataclass(frozen=True)
class Surveyed:
    """What a script has measured.

    Attributes:
        losses: one for each place; nan where it was not finite.
        norms: whether its model has batch normalisation.
    """

    losses: list[float]
    norms: bool


def survey_script(
    command: Sequence[str],
    candidate: Candidate,
    seed: int,
    files: Sequence[File],
    axes: tuple[Tensor, Tensor],
    places: Sequence[Place],
    told: Callable[[int], None] = lambda done: None,
) -> Surveyed:
    """Start the script and let it measure.

    Args:
        command: that starts it, word by word.
        candidate, seed: of one of the runs; the script builds an optimizer as ever.
        files: of the snapshots, in the order of `Place.path`.
        axes: of the plane.
        places: where to measure.
        told: hears how many are done.

    Raises:
        TaskError: the script has no line that records, or fails.
    """
    if shutil.which(command[0]) is None:
        raise TaskError(f"there is no command {command[0]!r}")
    order = {"files": [list(file) for file in files], "axes": list(axes), "places": list(map(_row, places))}
    with tempfile.TemporaryDirectory(prefix="surefoot-") as name, Listener() as listener:
        folder = Path(name)
        (folder / "checkpoint").mkdir()
        checkpoint.save(folder / ORDER, IDENTITY, order)
        run = ScriptRun(candidate, seed, None, str(folder / "checkpoint"), listener.path, survey=name)
        refused: list[str] = []

        def take(message: Mapping[str, Any]) -> None:
            if message.get("kind") == "surveyed":
                told(int(message["done"]))
            elif message.get("kind") == "refused":
                refused.append(str(message["message"]))

        with Output() as output:
            process = child.start(command, os.environ | {VARIABLE: run.to_text()}, output.descriptor)
            try:
                deadline = math.inf
                while process.poll() is None and time.monotonic() < deadline:
                    listener.serve(take, POLL_SECONDS)
                    if (folder / ANSWER).exists():
                        deadline = min(deadline, time.monotonic() + STOP_SECONDS)
                listener.serve(take, 0.0)
            finally:
                child.kill(process)
                listener.close()
            return _answer(folder, command, refused, output)


def measure(
    folder: Path, model: nn.Module, loss: Callable[[], float], send: Callable[[Mapping[str, Any]], None]
) -> None:
    """In the script's process: carry out the order in this folder.

    Raises:
        NotPossibleError: the order or its snapshots cannot be read.
        InvalidInputError: the model is another than when its snapshots were taken.
    """
    order = checkpoint.load(folder / ORDER, IDENTITY)
    paths = [snapshots.load(Path(file), run) for file, run in order["files"]] if order else []
    known = [path for path in paths if path is not None]
    if order is None or len(known) < len(paths):
        raise NotPossibleError("the snapshots of this landscape cannot be read any more")
    first, second = order["axes"]
    places = list(map(_place, order["places"]))

    def told(done: int) -> None:
        if done % TOLD_EVERY == 0 or done == len(places):
            send({"kind": "surveyed", "done": done})

    losses = revisit(model, Atlas(known, (first, second)), places, loss, told)
    finite = [value if math.isfinite(value) else None for value in losses]
    written = folder / f".{ANSWER}"
    written.write_text(json.dumps({"losses": finite, "norms": bool(norms(model))}), encoding="utf8")
    written.replace(folder / ANSWER)


def _row(place: Place) -> list[float]:
    return [place.path, place.index, *(place.at or ())]


def _place(row: Sequence[float]) -> Place:
    path, index, *at = row
    return Place(int(path), int(index), (at[0], at[1]) if at else None)


def _answer(folder: Path, command: Sequence[str], refused: Sequence[str], output: Output) -> Surveyed:
    with contextlib.suppress(OSError, ValueError, KeyError):
        found = json.loads((folder / ANSWER).read_text(encoding="utf8"))
        losses = [math.nan if value is None else float(value) for value in found["losses"]]
        return Surveyed(losses, bool(found["norms"]))
    lines = output.last_lines()
    missing = "it never calls surefoot.run.record(model, loss)"
    reason = refused[0] if refused else lines[-1] if lines else missing
    raise TaskError(f"{command_name(command)} could not tell its loss: {reason}")


def command_name(command: Sequence[str]) -> str:
    """Its script, or its first word."""
    return next((Path(word).name for word in command if word.endswith(".py")), command[0])
