"""The question as data: everything that fixes a study, its name, and the command that asks it again."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, cast

from surefoot.choose import constraints, space
from surefoot.choose.extra import read_candidates
from surefoot.training.algorithm import find_algorithm
from surefoot.training.run import Candidate, Schedule, ScheduleKind

Goal = Literal["best", "fastest"]

SCHEDULES: dict[Goal, ScheduleKind] = {"best": "trunk", "fastest": "constant"}
"""The schedule of each goal, unless another is named."""


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
            standard deviation between seeds. With the goal "fastest" it is in seconds, and None means 15 %
            of the quickest finalist's time in screening.
        study: the study's name.
        goal: "best": the lowest value at the end of the training; "fastest": the least time to a target.
        target: value of the measure to reach; None means what the baseline reaches in three
            quarters of its training.
        sets: constraints on the search, as `constraints.parse` reads them.
        candidates: file of further candidates; None without one.
        extra: the candidates in that file.
        sources: fingerprint of the source of each of one's own optimizers.
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
    goal: Goal = "best"
    target: float | None = None
    sets: tuple[str, ...] = ()
    candidates: str | None = None
    extra: tuple[Candidate, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def ask(
        cls,
        task: str,
        optimizers: Sequence[str] | None = None,
        budget_seconds: float | None = 300.0,
        runs: float | None = None,
        schedule: str | None = None,
        seed: int = 0,
        baseline: str = "AdamW",
        margin: float | None = None,
        study: str | None = None,
        goal: str = "best",
        target: float | None = None,
        sets: Sequence[str] = (),
        candidates: str | None = None,
    ) -> Question:
        """Check the question and name its study.

        Raises:
            OSError: the file of candidates cannot be read.
            ValueError: an optimizer does not exist, the study's name is not one, the goal does not go with
                the schedule or the target, or a constraint or a candidate is not valid.
        """
        chosen = tuple(space.choose_from(optimizers)) if optimizers else ()
        if study is not None and not re.fullmatch(r"[\w.-]+", study):
            raise ValueError(f"study name {study!r} may hold letters, digits, '.', '_' and '-' only")
        aim = cast(Goal, goal)
        _check_aim(aim, schedule, target)
        question = cls(
            task,
            chosen,
            None if runs else budget_seconds,
            runs,
            cast(ScheduleKind, schedule or SCHEDULES[aim]),
            seed,
            find_algorithm(baseline).name,
            margin,
            study or "",
            aim,
            target,
            tuple(sets),
            candidates,
        )
        question = question._with_extra()
        constraints.check(question.constraints, [find_algorithm(name) for name in question.names])
        space.candidates(question.names, question.plan, question.constraints)  # so that refusals come now
        return question if study else question._named()

    def _with_extra(self) -> Question:
        """With the candidates in the file, and the fingerprints of one's own optimizers."""
        extra = read_candidates(self.candidates, self.plan) if self.candidates else ()
        own = {name for name in (*self.names, *(c.optimizer for c in extra)) if ":" in name}
        return replace(self, extra=extra, sources={name: _fingerprint(name) for name in sorted(own)})

    def _named(self) -> Question:
        """With a name made from the question: the same question finds the same study."""
        document = json.dumps(asdict(self), sort_keys=True)
        word = re.sub(r"\W+", "-", self.task.rpartition("/")[2]).strip("-")
        name = f"{word}-{hashlib.sha256(document.encode()).hexdigest()[:8]}"
        return replace(self, study=name)

    @property
    def names(self) -> list[str]:
        """Class names of the optimizers to race."""
        return list(self.optimizers) or space.choose_from(None)

    @property
    def plan(self) -> Schedule:
        """The schedule of every run, but for its warmup, which is searched."""
        return Schedule(kind=self.schedule)

    @property
    def constraints(self) -> list[constraints.Constraint]:
        """What the user fixes of the search."""
        return [constraints.parse(text) for text in self.sets]

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
            words += ["--optimizers", ",".join(map(_word, self.optimizers))]
        words += ["--runs", f"{self.runs:g}"] if self.runs else ["--budget", f"{self.budget_seconds:g}s"]
        if self.goal != "best":
            words += ["--goal", self.goal]
        if self.target is not None:
            words += ["--target", repr(self.target)]
        if self.schedule != SCHEDULES[self.goal]:
            words += ["--schedule", self.schedule]
        if self.baseline != "AdamW":
            words += ["--baseline", _word(self.baseline)]
        for text in self.sets:
            words += ["--set", text]
        if self.candidates:
            words += ["--candidates", self.candidates]
        if self.margin is not None:
            words += ["--margin", f"{self.margin:g}"]
        if self.seed:
            words += ["--seed", str(self.seed)]
        words += ["--study", self.study] if self.study else []
        return shlex.join(words)


def _word(optimizer: str) -> str:
    """As it is typed; a reference to one's own class keeps its letters."""
    return optimizer if ":" in optimizer else optimizer.lower()


def _fingerprint(optimizer: str) -> str:
    """Of a class's source: a study must not go on with one that has changed meanwhile."""
    return hashlib.sha256(find_algorithm(optimizer).source.encode()).hexdigest()[:12]


def _check_aim(goal: Goal, schedule: str | None, target: float | None) -> None:
    """A target is for the goal "fastest", and that goes with a rate that does not cool down."""
    if goal == "best" and target is not None:
        raise ValueError(f"a target of {target:g} goes with --goal fastest only")
    if goal == "fastest" and schedule not in (None, "constant"):
        raise ValueError(
            f"--goal fastest needs --schedule constant, not {schedule}: where the learning rate cools down, "
            "the best values come at the end, and every optimizer would take the whole training"
        )
