"""The question as data: everything that fixes a study, its name, and the command that asks it again."""

from __future__ import annotations

import hashlib
import json
import math
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from surefoot.errors import InvalidInputError
from surefoot.naming import nearest
from surefoot.path_names import check_path_name, path_name_near
from surefoot.scripts.runner import script_name
from surefoot.search.budget import DEAREST
from surefoot.search.fastest.stopwatch import LADDER_SEEDS
from surefoot.search.space import candidates as space
from surefoot.search.space import constraints
from surefoot.search.space.user_candidates import read_candidates
from surefoot.study.answer import Goal
from surefoot.study.optimizers import find_algorithm
from surefoot.study.run import Candidate, Schedule, ScheduleKind
from surefoot.tasks import command_words, with_data
from surefoot.tasks.by_value import PREFIX, is_by_value

SCHEDULES: dict[Goal, ScheduleKind] = {"best": "trunk", "fastest": "constant"}
"""The schedule of each goal, unless another is named."""

SCRIPT_MEASURE = "reported value"
"""What a script reports, where nobody says what it is."""

MOST_OF_SUBJECT = 80
"""Characters of a task's or script's name in the name of its study."""

LONGEST = 366 * 24 * 3600.0
"""Seconds beyond which a budget is a slip of the keyboard."""

SCRIPT_ONLY = ("script", "measure")
UNLESS_GIVEN = ("maximize",)
"""Left out of the document where it is None: studies that were asked without it keep their names."""


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        task: reference of the task; one on the user's folder names the folder, as in "images?data=/photos".
        optimizers: class names to race; an empty tuple means all.
        budget_seconds: time for the whole study, by the clock; None where `runs` is given.
        runs: budget in full trainings; None where `budget_seconds` is given.
        schedule: kind of the schedule.
        seed: fixes initial weights, data order and every decision.
        baseline: class name of the optimizer to compare with, at its defaults.
        margin: differences below it are a tie, in the task's measure; None means half the standard
            deviation between seeds, of the leader or of the baseline, whichever is less. With the goal
            "fastest" it is in seconds, and None means 15 % of the quickest finalist's time in screening.
        study: the study's name.
        goal: "best": the best value at the end of the training; "fastest": the least time to a target.
        target: value of the measure to reach; None means what the baseline reaches in three
            quarters of its training.
        sets: constraints on the search, as `constraints.parse` reads them.
        candidates: file of further candidates; None without one.
        extra: the candidates in that file.
        sources: fingerprint of the source of each of one's own optimizers.
        script: the command that trains in place of a task, word by word; the task is then the whole line.
        measure: what the script reports, in words; "" where a task says it.
        maximize: whether higher values of the measure are better; None: as the task or the script says.
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
    script: tuple[str, ...] = ()
    measure: str = ""
    maximize: bool | None = None

    def __post_init__(self) -> None:
        """A study's name becomes a path; only while it is still to be named is it empty."""
        if self.study:
            check_path_name(self.study, "study")

    @classmethod
    def ask(
        cls,
        task: str | None = None,
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
        script: Sequence[str] = (),
        measure: str | None = None,
        maximize: bool | None = None,
    ) -> Question:
        """Check the question, which is about a task or about a script, and name its study.

        Raises:
            FileError: the file of candidates cannot be read.
            InvalidInputError: an optimizer does not exist, the study's name is not one, a number is not
                finite, the goal does not go with the schedule or the target, a constraint or a candidate is
                not valid, the script cannot be started, or it is asked for what only a task has.
        """
        _check_subject(task, script, measure)
        chosen = tuple(space.choose_from(optimizers)) if optimizers else ()
        if study is not None:  # even an empty one, as of a variable that is not set
            check_path_name(study, "--study")
        aim = cast(Goal, goal)
        _check_aim(aim, schedule, target)
        _check_finite(budget_seconds=budget_seconds, runs=runs, margin=margin, target=target)
        _check_budget(budget_seconds if runs is None else None, runs, bool(script), aim)
        if script:
            _check_script(script, aim, schedule, sets, baseline)
        question = cls(
            with_data(task, None) if task else shlex.join(script),
            chosen,
            None if runs is not None else budget_seconds,
            runs,
            "script" if script else cast(ScheduleKind, schedule or SCHEDULES[aim]),
            seed,
            find_algorithm(baseline).name,
            margin,
            study or "",
            aim,
            target,
            tuple(sets),
            candidates,
            script=tuple(script),
            measure=(measure or SCRIPT_MEASURE) if script else "",
            maximize=maximize,
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
        document = json.dumps(self._document, sort_keys=True)
        task = command_words(self.task)[0].removeprefix(PREFIX)
        subject = script_name(self.script).removesuffix(".py") if self.script else task
        word = path_name_near(subject.rpartition("/")[2].replace(".", "-"))[:MOST_OF_SUBJECT]
        name = f"{word}-{hashlib.sha256(document.encode()).hexdigest()[:8]}"
        return replace(self, study=name)

    @property
    def _document(self) -> dict[str, Any]:
        """As JSON types; of a task without what only scripts have."""
        left_out = {name for name in UNLESS_GIVEN if getattr(self, name) is None}
        left_out |= set() if self.script else set(SCRIPT_ONLY)
        return {name: value for name, value in asdict(self).items() if name not in left_out}

    @property
    def names(self) -> list[str]:
        """Class names of the optimizers to race."""
        return list(self.optimizers) or space.choose_from(None)

    @property
    def plan(self) -> Schedule:
        """The schedule of every run, but for its warmup, which is searched where the schedule is ours."""
        return Schedule("script", 0.0, 0.0) if self.script else Schedule(kind=self.schedule)

    @property
    def constraints(self) -> list[constraints.Constraint]:
        """What the user fixes of the search."""
        return [constraints.parse(text) for text in self.sets]

    @property
    def settings(self) -> dict[str, Any]:
        """What must be the same for a study to go on."""
        document = self._document
        del document["study"], document["task"]
        return document | {"optimizers": list(self.optimizers) or "all", "command": self.command}

    @property
    def command(self) -> str:
        """The command line that asks this question."""
        return self.command_with()

    @property
    def _call(self) -> str:
        """The call that asks this question of a task which only Python knows."""
        given: dict[str, Any] = {
            "optimizers": list(self.optimizers) or None,
            "runs": self.runs,
            "budget": self.budget_seconds,
            "goal": self.goal if self.goal != "best" else None,
            "target": self.target,
            "schedule": self.schedule if self.schedule != SCHEDULES[self.goal] else None,
            "baseline": self.baseline if self.baseline != "AdamW" else None,
            "sets": list(self.sets) or None,
            "candidates": self.candidates,
            "maximize": self.maximize,
            "margin": self.margin,
            "seed": self.seed or None,
            "study": self.study or None,
        }
        words = [f"{name}={value!r}" for name, value in given.items() if value is not None]
        return f"surefoot.choose({', '.join(['task', *words])})"

    def command_with(self, *options: str) -> str:
        """The command line that asks this question, with further options; of a task by value the call."""
        if is_by_value(self.task):
            return self._call
        words = ["surefoot", "choose", *([] if self.script else command_words(self.task))]
        if self.optimizers:
            words += ["--optimizers", ",".join(map(_word, self.optimizers))]
        words += (
            ["--runs", f"{self.runs:g}"]
            if self.runs is not None
            else ["--budget", f"{self.budget_seconds:g}s"]
        )
        if self.goal != "best":
            words += ["--goal", self.goal]
        if self.target is not None:
            words += ["--target", repr(self.target)]
        if not self.script and self.schedule != SCHEDULES[self.goal]:
            words += ["--schedule", self.schedule]
        if self.baseline != "AdamW":
            words += ["--baseline", _word(self.baseline)]
        for text in self.sets:
            words += ["--set", text]
        if self.candidates:
            words += ["--candidates", self.candidates]
        if self.maximize is not None:
            words.append("--maximize" if self.maximize else "--no-maximize")
        if self.margin is not None:
            words += ["--margin", f"{self.margin:g}"]
        if self.seed:
            words += ["--seed", str(self.seed)]
        if self.measure not in ("", SCRIPT_MEASURE):
            words += ["--measure", self.measure]
        words += ["--study", self.study] if self.study else []
        return shlex.join([*words, *options, *(["--", *self.script] if self.script else [])])


def _word(optimizer: str) -> str:
    """As it is typed; a reference to one's own class keeps its letters."""
    return optimizer if ":" in optimizer else optimizer.lower()


def _fingerprint(optimizer: str) -> str:
    """Of a class's source: a study must not go on with one that has changed meanwhile."""
    return hashlib.sha256(find_algorithm(optimizer).source.encode()).hexdigest()[:12]


def _check_finite(**numbers: float | None) -> None:
    """Neither a budget nor what values are compared with can be infinite or nan."""
    for name, number in numbers.items():
        if number is not None and not math.isfinite(number):
            option = "budget" if name == "budget_seconds" else name
            raise InvalidInputError(f"--{option} {number:g}: it must be a finite number")


def _check_budget(budget_seconds: float | None, runs: float | None, script: bool, goal: Goal) -> None:
    """Neither nothing, nor so much that it is a slip, nor less than what comes before the race."""
    option, given, most = ("runs", runs, DEAREST) if runs is not None else ("budget", budget_seconds, LONGEST)
    unit = "s" if option == "budget" else ""
    told = f"--{option} {given:g}{unit}" if given is not None else "no budget"
    if given is None or given <= 0:
        raise InvalidInputError(f"{told}: give a budget above 0, such as --budget 5m or --runs 40")
    if given > most:
        least = "a year" if option == "budget" else f"{most:,.0f} full trainings"
        raise InvalidInputError(f"{told}: that is more than {least}")
    if runs is not None and script and runs < 1:
        raise InvalidInputError(
            f"{told}: a script is run once to its end to see how it trains; give 1 at least"
        )
    if runs is not None and goal == "fastest" and runs < LADDER_SEEDS + 1:
        raise InvalidInputError(
            f"{told}: --goal fastest trains the baseline {LADDER_SEEDS} times before the race, for its "
            f"target; give {LADDER_SEEDS + 1} at least"
        )


def _check_aim(goal: Goal, schedule: str | None, target: float | None) -> None:
    """A target is for the goal "fastest", and that goes with a rate that does not cool down."""
    if goal == "best" and target is not None:
        raise InvalidInputError(f"a target of {target:g} goes with --goal fastest only")
    if goal == "fastest" and schedule not in (None, "constant"):
        raise InvalidInputError(
            f"--goal fastest needs --schedule constant, not {schedule}: where the learning rate cools down, "
            "the best values come at the end, and every optimizer would take the whole training"
        )


def _check_subject(task: str | None, script: Sequence[str], measure: str | None) -> None:
    """Either a task, which has a measure, or a script, which has none."""
    if task and script:
        raise InvalidInputError(f"either a task ({task!r}) or a command after -- ({script[0]!r} …), not both")
    if not task and not script:
        raise InvalidInputError("say what to train: a TASK, such as digits, or a command: -- python train.py")
    if measure and not script:
        raise InvalidInputError("--measure goes with a command after --; a task names its own measure")


def _check_script(
    script: Sequence[str], goal: Goal, schedule: str | None, sets: Sequence[str], baseline: str
) -> None:
    """What trains must exist, and what the script decides itself cannot be asked for."""
    if shutil.which(script[0]) is None:
        hint = f"; write -- python {script[0]}" if script[0].endswith(".py") else ""
        raise InvalidInputError(f"there is no command {script[0]!r}{hint}")
    file = next((word for word in script[1:] if word.endswith(".py")), None)
    if file and not Path(file).is_file():
        near = nearest(file, [str(path) for path in Path(file).parent.glob("*.py")])
        raise InvalidInputError(f"there is no file {file!r}{near}")
    if schedule is not None:
        raise InvalidInputError(
            f"--schedule {schedule} goes with a task only: a script keeps its own schedule"
        )
    if goal == "fastest":
        raise InvalidInputError(
            "--goal fastest goes with a task only: it times the steps of every optimizer first"
        )
    if warmed := [text for text in sets if constraints.parse(text).name == constraints.WARMUP]:
        raise InvalidInputError(f"--set {warmed[0]} goes with a task only: a script keeps its own schedule")
    for ruled in space.rule_out([find_algorithm(baseline).name], (), (), in_script=True):
        raise InvalidInputError(f"--baseline {baseline}: {ruled.reason}")
