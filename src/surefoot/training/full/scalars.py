"""A training's numbers for TensorBoard: loss, learning-rate factor and measure in an event file.

    scalars = Scalars(Path("model") / "tensorboard", steps=400, measure="validation loss")
    train_fully(plan, task, folder, scalars)
    scalars.close()

tensorboardX writes them, which needs no TensorBoard; TensorBoard, installed anywhere, shows them.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
from pathlib import Path
from typing import Any

from surefoot.errors import InvalidInputError
from surefoot.study.run import Point
from surefoot.training.full.train import Follower
from surefoot.training.loop import Live

MOST_STEPS = 2000
"""So many steps at most have their loss written; a picture is no wider."""


class Scalars(Follower):
    """Writes into a folder; a training that goes on there hides what was written beyond its checkpoint.

    Args:
        folder: made if it does not exist.
        steps: of the whole training.
        measure: what validation gives, in words.

    Raises:
        InvalidInputError: tensorboardX is not installed; the message says how to get it.
    """

    def __init__(self, folder: Path, steps: int, measure: str) -> None:
        if importlib.util.find_spec("tensorboardX") is None:
            raise InvalidInputError("--tensorboard needs tensorboardX: pip install 'surefoot[tensorboard]'")
        self._folder, self._measure = folder, measure
        self._every = max(1, steps // MOST_STEPS)
        self._writer: Any = None
        self._from = 0

    def begun(self, evaluations: int, curve: tuple[Point, ...]) -> None:
        """Open the file of this sitting."""
        writers = importlib.import_module("tensorboardX")  # it has no types
        self._from = evaluations
        # Files are named by the second they were begun in: two short sittings must not share one.
        self._writer = writers.SummaryWriter(
            str(self._folder), purge_step=evaluations + 1, filename_suffix=f".{evaluations}"
        )

    def stepped(self, live: Live) -> None:
        """The loss of the latest batch, and how far the schedule has taken the learning rate."""
        if live.evaluations > self._from and live.evaluations % self._every == 0:
            self._writer.add_scalar("training/loss", live.loss, live.evaluations)
            self._writer.add_scalar("training/rate factor", live.rate, live.evaluations)

    def measured(self, live: Live, point: Point, best: bool) -> None:
        """The measure."""
        self._writer.add_scalar(f"validation/{self._measure}", point.value, live.evaluations)
        with contextlib.suppress(OSError):  # a full disk costs the picture, not the training
            self._writer.flush()

    def close(self) -> None:
        """Write what waits."""
        if self._writer is not None:
            self._writer.close()
