"""What a check of a task has found, as data; and an error of the user's code in one line.

Finding("loss", True, "digits: loss() must return a tensor, not float")
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from surefoot.study.direction import Direction
from surefoot.tasks import Task, TaskError, calling, source_file

About = Literal["data", "model", "batches", "loss", "gradient", "validate", "cost"]

IN_TORCH = re.compile(rf" \({re.escape(str(Path(torch.__file__).parent))}[^()]*:\d+\)$")
"""A place that is named where no line of the user's was running; it helps nobody."""

TRAININGS = 13
"""Full trainings that a study which ends with some certainty takes."""

MEASURED = 10
"""Times that a run of a study validates at most: for its learning curve, and at its end."""


@dataclass(frozen=True)
class Finding:
    """One thing to know before a study.

    Attributes:
        about: what of the task it is about.
        wrong: it has to be mended; else it is only told.
        text: one line: what, where, what to do.
    """

    about: About
    wrong: bool
    text: str


@dataclass(frozen=True)
class TaskFacts:
    """What was measured; None where the check did not come so far.

    Attributes:
        steps: of a full training.
        parameters, frozen: elements that are trained, and that are not.
        dtypes: of the trained ones.
        batch: what the first batch holds, e.g. "float32 64×1×8×8, int64 64".
        batches_seen: batches that were looked at.
        seconds_per_step: forward, backward and a plain step on one thread.
        validation_seconds: one validation.
        held_out: rows that went through the model in one.
        initial_value: the measure before any training, seed 0.
        direction: which way of the measure is better; None where that is not clear.
        peak_memory: the largest resident memory of this process, in bytes.
    """

    steps: int
    parameters: int | None = None
    frozen: int | None = None
    dtypes: tuple[str, ...] = ()
    batch: str = ""
    batches_seen: int | None = None
    seconds_per_step: float | None = None
    validation_seconds: float | None = None
    held_out: int | None = None
    initial_value: float | None = None
    peak_memory: int | None = None
    direction: Direction | None = None

    @property
    def training_seconds(self) -> float | None:
        """One full training with its validations, on one core."""
        if self.seconds_per_step is None or self.validation_seconds is None:
            return None
        return self.steps * self.seconds_per_step + MEASURED * self.validation_seconds

    def study_seconds(self, workers: int, trainings: float = TRAININGS) -> float | None:
        """So many trainings, on so many workers side by side."""
        alone = self.training_seconds
        return None if alone is None else trainings * alone / workers


@dataclass(frozen=True)
class CheckReport:
    """All that was found.

    Attributes:
        task: its name.
        measure: what it validates, in words.
        findings: the worst first.
        facts: what was measured.
    """

    task: str
    measure: str
    findings: tuple[Finding, ...]
    facts: TaskFacts

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """What has to be mended."""
        return tuple(finding for finding in self.findings if finding.wrong)

    @property
    def told(self) -> tuple[Finding, ...]:
        """What is only to be known."""
        return tuple(finding for finding in self.findings if not finding.wrong)


class Mistake(TaskError):  # noqa: N818  it is the mistake of somebody else
    """The check of this part ends here.

    Attributes:
        about: what of the task.
        raised: the user's code raised it, or gave nan; a mistake elsewhere may be the reason.
    """

    def __init__(self, about: About, text: str, *, raised: bool = False) -> None:
        super().__init__(text)
        self.about: About = about
        self.raised = raised

    @property
    def finding(self) -> Finding:
        """What is wrong."""
        return Finding(self.about, True, str(self))


@contextlib.contextmanager
def asking(task: Task, about: About) -> Iterator[None]:
    """Call a member of the task; whatever it raises becomes a `Mistake` with the user's file and line."""
    try:
        with calling(f"{task.name}: {about}()", source_file(task)):
            yield
    except Mistake:
        raise
    except TaskError as error:
        text = str(error) if str(error).startswith(f"{task.name}: ") else f"{task.name}: {error}"
        raise Mistake(about, IN_TORCH.sub("", " ".join(text.split())), raised=True) from error.__cause__


def leaves(batch: Any, path: str = "batch") -> Iterator[tuple[str, Tensor]]:
    """The tensors and arrays in a batch, with where they are, such as "batch[0]" or "batch['x']"."""
    if isinstance(batch, Tensor):
        yield path, batch
    elif hasattr(batch, "__array__") and hasattr(batch, "dtype"):
        with contextlib.suppress(TypeError, RuntimeError):  # an array of texts is none of numbers
            yield path, torch.as_tensor(batch)
    elif isinstance(batch, dict) or hasattr(batch, "items"):
        for key, value in batch.items():
            yield from leaves(value, f"{path}[{key!r}]")
    elif is_dataclass(batch):
        for each in fields(batch):
            yield from leaves(getattr(batch, each.name), f"{path}.{each.name}")
    elif isinstance(batch, list | tuple):
        for place, value in enumerate(batch):
            yield from leaves(value, f"{path}[{place}]")


def described(batch: Any) -> str:
    """What a batch holds: "float32 64×1×8×8, int64 64"."""
    parts = [
        " ".join([str(t.dtype).removeprefix("torch."), "×".join(map(str, t.shape))]).rstrip()
        for _, t in leaves(batch)
    ]
    return ", ".join(parts[:6] + (["…"] if len(parts) > 6 else [])) or f"a {type(batch).__name__}"
