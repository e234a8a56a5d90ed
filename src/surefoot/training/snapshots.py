"""Thin snapshots of a training: its weights at a few evenly spaced evaluations, for a picture of its path.

    recorder = Recorder(most=49)
    train(task, candidate, seed=0, progress=1.0, recorder=recorder)
    save(path_of(folder, run), run, recorder.taken())
    load(path_of(folder, run), run).points  # (snapshots, parameters), float32

However long the training is, at most so many snapshots are kept.  Recording draws nothing and changes
nothing: the run is the same bit for bit.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from surefoot.errors import InvalidInputError
from surefoot.study.run import Candidate
from surefoot.tasks import Task, TaskError
from surefoot.training import checkpoint

MOST = 49
"""Snapshots of one run, unless another number is named; a power of two and the start."""

FEWEST = 3
"""With fewer there is no path to draw."""

MOST_BYTES = 256 * 10**6
"""Of one run's snapshots; a model of five million parameters has twelve, one of more than 21 million none."""


class Thinning:
    """Which of a growing series to keep: the first of each cell of a grid that doubles when it is full.

    Args:
        most: kept at once, the latest of all included, which has a place of its own.
        length: of the whole series, where it is known: the grid then need not double.
    """

    def __init__(self, most: int, length: int = 0) -> None:
        if most < FEWEST:
            raise InvalidInputError(f"at least {FEWEST} snapshots make a path, not {most}")
        self._room = most - 1
        self.spacing = length // self._room + 1
        self._kept: dict[int, int] = {}  # by cell

    @property
    def kept(self) -> list[int]:
        """The numbers kept so far, ascending."""
        return list(self._kept.values())

    def takes(self, at: int) -> bool:
        """Keep this number, if it is the first of its cell; numbers must not fall."""
        if at // self.spacing in self._kept:
            return False
        self._kept[at // self.spacing] = at
        while len(self._kept) > self._room:
            self.spacing *= 2
            numbers, self._kept = self.kept, {}
            for number in numbers:
                self._kept.setdefault(number // self.spacing, number)
        return at in self._kept.values()


@dataclass(frozen=True)
class Snapshots:
    """The path of one training.

    Attributes:
        evaluations: of the loss before each snapshot (in a script: steps of its optimizer), ascending from 0.
        points: (snapshots, parameters) in float32, each row all parameters one after the other.
        layout: name and shape of each parameter, in the order of a row.
        buffers: what each snapshot's buffers were where they differ from the first's, such as running means;
            the first has all.
    """

    evaluations: tuple[int, ...]
    points: Tensor
    layout: tuple[tuple[str, tuple[int, ...]], ...]
    buffers: tuple[Mapping[str, Tensor], ...]

    def contents(self) -> dict[str, Any]:
        """As a file holds it."""
        return {
            "evaluations": list(self.evaluations),
            "points": self.points,
            "layout": [[name, list(shape)] for name, shape in self.layout],
            "buffers": [dict(buffers) for buffers in self.buffers],
        }

    @classmethod
    def of(cls, contents: Mapping[str, Any]) -> Snapshots:
        """What `contents` gave.

        Raises:
            ValueError, KeyError, TypeError: it is something else.
        """
        layout = tuple((str(name), tuple(map(int, shape))) for name, shape in contents["layout"])
        found = cls(
            tuple(map(int, contents["evaluations"])), contents["points"], layout, tuple(contents["buffers"])
        )
        size = sum(math.prod(shape) for _, shape in layout)
        if found.points.shape != (len(found.evaluations), size) or len(found.buffers) != len(found.points):
            raise ValueError("the parts of these snapshots do not fit together")
        return found


class Recorder:
    """Takes the snapshots of one training, in memory.

    Args:
        most: snapshots at most.
        most_bytes: of them all; a large model has fewer, and one that is too large none.
        length: evaluations of the whole training, where that is known.

    Attributes:
        trouble: why there are fewer snapshots than asked for, or none; empty where there is no reason.
    """

    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES, length: int = 0) -> None:
        self.trouble = ""
        self._most, self._most_bytes, self._length = most, most_bytes, length
        self._model: nn.Module | None = None
        self._thinning: Thinning | None = None
        self._layout: tuple[tuple[str, tuple[int, ...]], ...] = ()
        self._rows: dict[int, tuple[Tensor, Mapping[str, Tensor]]] = {}
        self._first: Mapping[str, Tensor] = {}
        self._last: int | None = None  # kept for being the latest, though the grid has no place for it

    @property
    def begun(self) -> bool:
        """Whether there is a model to watch."""
        return self._model is not None

    def begin(self, model: nn.Module) -> None:
        """Watch this model, whose training has not begun; what was recorded before is forgotten."""
        self._model, self._rows, self._last = model, {}, None
        self._layout = tuple((name, tuple(p.shape)) for name, p in real_parameters(model).items())
        size = max(1, 4 * sum(math.prod(shape) for _, shape in self._layout) + _changing_bytes(model))
        most = min(self._most, self._most_bytes // size)
        if most < FEWEST:
            self.trouble = f"no snapshots: each of {size:,} bytes, so {FEWEST} exceed {self._most_bytes:,}"
            return
        if most < self._most:
            self.trouble = f"{most} snapshots in place of {self._most}: each takes {size:,} bytes"
        self._thinning = Thinning(most, self._length)
        self._first = {name: b.detach().cpu().clone() for name, b in model.named_buffers()}
        self.see(0)

    def see(self, at: int) -> None:
        """The model is now where it is after `at` evaluations; keep that, if it is one of the series."""
        if (thinning := self._thinning) is None:
            return
        spacing = thinning.spacing
        if thinning.takes(at):
            self._keep(at)
        if thinning.spacing != spacing:
            kept = {*thinning.kept, self._last}
            self._rows = {number: row for number, row in self._rows.items() if number in kept}

    def mark(self, at: int) -> None:
        """As `see`, and keep this one in any case, in place of what was marked before."""
        self.see(at)
        if self._thinning is None:
            return
        if self._last is not None and self._last not in self._thinning.kept:
            self._rows.pop(self._last, None)
        self._last = at
        if at not in self._rows:
            self._keep(at)

    def taken(self) -> Snapshots | None:
        """The series, as far as the weights were finite; None where it is no path."""
        chosen = sorted(self._rows)
        if len(chosen) < FEWEST:
            return None
        rows = [self._rows[at] for at in chosen]
        return Snapshots(
            tuple(chosen),
            torch.stack([weights for weights, _ in rows]),
            self._layout,
            ({**self._first, **rows[0][1]}, *(buffers for _, buffers in rows[1:])),
        )

    def _keep(self, at: int) -> None:
        assert self._model is not None
        try:
            weights = flat(real_parameters(self._model).values())
            if torch.isfinite(weights).all():
                self._rows[at] = weights, self._changed()
        except (RuntimeError, MemoryError) as error:  # the run is worth more than its picture
            self.trouble, self._thinning = f"no snapshots: {str(error).splitlines()[0]}", None
            self._rows.clear()

    def _changed(self) -> dict[str, Tensor]:
        assert self._model is not None
        now = {name: b.detach().cpu() for name, b in self._model.named_buffers()}
        return {name: b.clone() for name, b in now.items() if not _same(b, self._first.get(name))}


def real_parameters(model: nn.Module) -> dict[str, Tensor]:
    """The floating parameters by name, complex ones as pairs of real numbers; they share memory."""
    found = {name: p.detach() for name, p in model.named_parameters()}
    found = {name: torch.view_as_real(p) if p.is_complex() else p for name, p in found.items()}
    return {name: p for name, p in found.items() if p.is_floating_point()}


def flat(tensors: Any) -> Tensor:
    """Tensors one after the other, in float32 on the CPU; a copy."""
    parts: Sequence[Tensor] = list(tensors)
    whole = torch.empty(sum(part.numel() for part in parts), dtype=torch.float32)
    begin = 0
    for part in parts:
        whole[begin : begin + part.numel()].copy_(part.reshape(-1))
        begin += part.numel()
    return whole


def asked_for(task: Task) -> int:
    """How many snapshots of its runs a task wants, by its `snapshots`; 0 where it does not say.

    Raises:
        TaskError: that is no number of snapshots.
    """
    most = getattr(task, "snapshots", 0)
    if not isinstance(most, int) or isinstance(most, bool) or (most and most < FEWEST):
        raise TaskError(f"{task.name}: snapshots must be a whole number of at least {FEWEST}, not {most!r}")
    return most


def identity(task: str, command: Sequence[str], candidate: Candidate, seed: int) -> str:
    """What makes a run this run: whatever has the same has the same path."""
    return f"{task} {list(command)} {candidate.key} {seed}"


def snapshots_folder(checkpoints: str | Path) -> Path:
    """Where a study's snapshots lie: beside its checkpoints, which are removed once there is an answer.

    No study's own name holds a plus sign.
    """
    folder = Path(checkpoints)
    return folder.with_name(f"{folder.name}+snapshots")


def path_of(folder: str | Path, run: str) -> Path:
    """The file of the run with this identity."""
    return Path(folder) / f"snapshots-{hashlib.sha256(run.encode()).hexdigest()[:16]}.pt"


def save(path: Path, run: str, taken: Snapshots) -> None:
    """Write the snapshots, whole or not at all.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    checkpoint.save(path, run, taken.contents())


def load(path: Path, run: str) -> Snapshots | None:
    """The snapshots, which stay on the disk until they are used; None of a missing, damaged or other file."""
    contents = checkpoint.load(path, run, mapped=True)
    try:
        return None if contents is None else Snapshots.of(contents)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _changing_bytes(model: nn.Module) -> int:
    """Of the buffers that training may change, each snapshot may have its own; more is not known before."""
    return sum(b.numel() * b.element_size() for b in model.buffers() if b.is_floating_point())


def _same(one: Tensor, other: Tensor | None) -> bool:
    return other is not None and one.shape == other.shape and bool(torch.equal(one, other))
