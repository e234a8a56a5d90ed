"""What a study says, as an object: `surefoot.choose` and `surefoot.load` return it.

    answer = surefoot.load("moons-1f2e3d4c")
    optimizer = answer.optimizer(model)
    scheduler = answer.schedule(optimizer, steps=2000)   # step it after each batch
    answer.report("answer.html")

In a notebook it shows itself as the head of the report does, printed as the command line does.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from surefoot.analysis.tables import results
from surefoot.path_names import DEFAULT_STORE
from surefoot.report.answer_html import answer_html, unfinished_html
from surefoot.report.report import write_report
from surefoot.report.terminal import print_answer
from surefoot.store import Store
from surefoot.study.answer import Answer, Recommendation, Verdict
from surefoot.study.build import Parameters, build_optimizer
from surefoot.study.optimizers import find_algorithm
from surefoot.study.records import StudyRecord, StudySummary
from surefoot.training.schedule import factor

if TYPE_CHECKING:
    import torch

TEXT_COLUMNS = 100


@dataclass(frozen=True)
class StudyAnswer:
    """The answer of a finished study.

    Args:
        record: the study, which has an answer.

    Raises:
        ValueError: it has none.
    """

    record: StudyRecord

    def __post_init__(self) -> None:
        if self.record.answer is None:
            raise ValueError(f"study {self.record.name!r} has no answer yet")

    @property
    def data(self) -> Answer:
        """All that the answer says, as data: `.to_document()` is what `--json` writes."""
        assert self.record.answer is not None
        return self.record.answer

    @property
    def study(self) -> str:
        """The study's name."""
        return self.record.name

    @property
    def verdict(self) -> Verdict:
        """One of "win", "tie" and "budget"; of a full training "trained" or "diverged"."""
        return self.data.verdict

    @property
    def recommendation(self) -> Recommendation:
        """The recommended optimizer, hyperparameters and schedule, with the code to paste."""
        return self.data.recommendation

    @property
    def snippet(self) -> str:
        """The code to paste."""
        return self.data.recommendation.snippet

    def optimizer(self, model: Parameters) -> torch.optim.Optimizer:
        """The recommended optimizer over all parameters of a model, with the settings that were measured.

        Args:
            model: a module, or its parameters, with or without their names.

        Raises:
            ValueError: its class cannot be found any more.
        """
        return build_optimizer(self.recommendation.candidate, model)

    def schedule(self, optimizer: torch.optim.Optimizer, steps: int) -> torch.optim.lr_scheduler.LRScheduler:
        """The recommended course of the learning rate; call its `step()` after each batch.

        Args:
            optimizer: from `optimizer`.
            steps: batches of the whole training.

        Raises:
            ValueError: `steps` is less than 1, the schedule is the script's own, or the optimizer evaluates
                the loss several times in a step, so that batches do not count: see `snippet`.
        """
        from torch.optim.lr_scheduler import LambdaLR

        course = self.recommendation.schedule
        if steps < 1:
            raise ValueError(f"steps must be at least 1, not {steps}")
        if course.kind == "script":
            raise ValueError("the learning rate keeps the schedule of the script, which is not known here")
        if find_algorithm(self.recommendation.optimizer).needs_closure:
            raise ValueError(
                f"{self.recommendation.optimizer} evaluates the loss several times in a step, and its "
                "schedule counts evaluations: paste answer.snippet"
            )
        return LambdaLR(optimizer, lambda step: factor(course, min(step, steps), steps, steps))

    def table(self) -> Any:
        """What was confirmed on fresh seeds, best first, then the baseline of random search.

        Returns:
            A pandas DataFrame where pandas is installed, else a list of dicts: "candidate", "role", "mean",
            "low", "high" (of its 95 % interval), "seeds", "diverged", "seconds_per_step", "state_bytes".
        """
        rows = [
            {
                "candidate": row.label,
                "optimizer": row.optimizer,
                "role": row.role,
                "mean": row.estimate,
                "low": row.interval[0] if row.interval else None,
                "high": row.interval[1] if row.interval else None,
                "seeds": row.seeds,
                "diverged": row.diverged,
                "seconds_per_step": row.seconds_per_step,
                "state_bytes": row.state_bytes,
            }
            for row in results(self.data)
        ]
        try:
            import pandas
        except ModuleNotFoundError:
            return rows
        return pandas.DataFrame(rows)

    def report(self, path: str | Path) -> Path:
        """Write the whole report as one HTML file.

        Raises:
            OSError: it cannot be written.
        """
        write_report(self.record, path)
        return Path(path)

    def __str__(self) -> str:
        """As the command line prints it."""
        file = io.StringIO()  # a string: whatever FORCE_COLOR and a notebook's kernel say
        console = Console(
            file=file, width=TEXT_COLUMNS, highlight=False, color_system=None,
            force_jupyter=False, force_terminal=False,
        )  # fmt: skip
        print_answer(self.data, console)
        return file.getvalue().rstrip()

    def __repr__(self) -> str:
        """One line: the verdict and what is recommended."""
        return f"StudyAnswer({self.study!r}, {self.verdict.value!r}, {self.recommendation.optimizer})"

    def _repr_html_(self) -> str:
        """The head of the report, for notebooks."""
        return answer_html(self.data)


@dataclass(frozen=True)
class UnfinishedStudy:
    """A study without an answer: it is still running, or was stopped.

    Args:
        record: the study.
    """

    record: StudyRecord

    @property
    def study(self) -> str:
        """The study's name."""
        return self.record.name

    @property
    def runs(self) -> int:
        """How many runs have begun."""
        return len(self.record.runs)

    def report(self, path: str | Path) -> Path:
        """Write what is known so far as one HTML file."""
        write_report(self.record, path)
        return Path(path)

    def __str__(self) -> str:
        """How far it is, and what takes it up again."""
        last = self.record.decisions[-1].text if self.record.decisions else "Nothing was decided yet."
        again = self.record.question.command or "the same call"
        return f"Study {self.study} has no answer yet: {self.runs} runs. {last} To go on: {again}"

    def _repr_html_(self) -> str:
        return unfinished_html(str(self))


def load(study: str, store: str | Path = DEFAULT_STORE) -> StudyAnswer | UnfinishedStudy:
    """The answer of a stored study, or its state while it has none.

    Args:
        study: its name, as `studies` lists it.
        store: an SQLAlchemy URL, or the path of an SQLite file.

    Raises:
        StoreError: there is no study of this name, or the store cannot be read.
    """
    with Store.at(store) as evidence:
        record = evidence.study(study)
    return StudyAnswer(record) if record.finished else UnfinishedStudy(record)


def studies(store: str | Path = DEFAULT_STORE) -> list[StudySummary]:
    """All studies of a store, in order of creation: name, task, verdict, number of runs.

    Raises:
        StoreError: the store cannot be read.
    """
    with Store.at(store) as evidence:
        return list(evidence.studies())
