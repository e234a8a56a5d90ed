"""The question as data: everything that fixes a study, its name, and the command that asks it again."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from surefoot.choose import space
from surefoot.training.run import Schedule, ScheduleKind


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        task: reference of the task.
        optimizers: class names to race; an empty tuple means all.
        budget_seconds: time for all runs; None where `runs` is given.
        runs: budget in full trainings; None where `budget_seconds` is given.
        schedule: kind of the schedule.
        seed: fixes initial weights, data order and every decision.
        baseline: class name of the optimizer to compare with, at its defaults.
        margin: differences below it are a tie, in the task's measure; None means half the baseline's
            standard deviation between seeds.
        study: the study's name.
    """

    task: str
    optimizers: tuple[str, ...]
    budget_seconds: float | None
    runs: float | None
    schedule: ScheduleKind
    seed: int
    baseline: str
    margin: float | None
    study: str

    @classmethod
    def ask(
        cls,
        task: str,
        optimizers: Sequence[str] | None = None,
        budget_seconds: float | None = 300.0,
        runs: float | None = None,
        schedule: str = "trunk",
        seed: int = 0,
        baseline: str = "AdamW",
        margin: float | None = None,
        study: str | None = None,
    ) -> Question:
        """Check the question and name its study.

        Raises:
            ValueError: an optimizer does not exist, or the study's name is not one.
        """
        chosen = tuple(space.choose_from(optimizers)) if optimizers else ()
        if study is not None and not re.fullmatch(r"[\w.-]+", study):
            raise ValueError(f"study name {study!r} may hold letters, digits, '.', '_' and '-' only")
        question = cls(
            task,
            chosen,
            None if runs else budget_seconds,
            runs,
            cast(ScheduleKind, schedule),
            seed,
            space.named(baseline),
            margin,
            study or "",
        )
        return question if study else question._named()

    def _named(self) -> Question:
        """With a name made from the question: the same question finds the same study."""
        document = json.dumps(asdict(self), sort_keys=True)
        word = re.sub(r"\W+", "-", self.task.rpartition("/")[2]).strip("-")
        name = f"{word}-{hashlib.sha256(document.encode()).hexdigest()[:8]}"
        return Question(**asdict(self) | {"study": name, "optimizers": self.optimizers})

    @property
    def names(self) -> list[str]:
        """Class names of the optimizers to race."""
        return list(self.optimizers) or space.choose_from(None)

    @property
    def plan(self) -> Schedule:
        """The schedule of every run."""
        return Schedule(kind=self.schedule)

    @property
    def settings(self) -> dict[str, Any]:
        """What must be the same for a study to go on."""
        document = asdict(self)
        del document["study"], document["task"]
        return document | {"optimizers": list(self.optimizers) or "all", "command": self.command}

    @property
    def command(self) -> str:
        """The command line that asks this question."""
        words = ["surefoot", "choose", self.task]
        if self.optimizers:
            words += ["--optimizers", ",".join(name.lower() for name in self.optimizers)]
        words += ["--runs", f"{self.runs:g}"] if self.runs else ["--budget", f"{self.budget_seconds:g}s"]
        if self.schedule != "trunk":
            words += ["--schedule", self.schedule]
        if self.baseline != "AdamW":
            words += ["--baseline", self.baseline.lower()]
        if self.margin is not None:
            words += ["--margin", f"{self.margin:g}"]
        if self.seed:
            words += ["--seed", str(self.seed)]
        words += ["--study", self.study] if self.study else []
        return shlex.join(words)
