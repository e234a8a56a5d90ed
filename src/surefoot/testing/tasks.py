"""Tests of a task of your own.

class TestMine(TaskSuite):
    task = mine.task
"""

from __future__ import annotations

import copy
from typing import Any, ClassVar
from unittest import SkipTest

from surefoot.checks.findings import About, CheckReport
from surefoot.checks.task import check
from surefoot.study.run import Candidate
from surefoot.tasks import Task
from surefoot.training.loop import TrunkState, train

STEPS = 8  # of a run that is repeated


class TaskSuite:
    """What every task is held to.

    Attributes:
        task: the task.
        candidate: what it is trained with for some steps.
    """

    task: ClassVar[Any]
    candidate: ClassVar[Candidate] = Candidate("SGD", {"lr": 1e-3})
    _checked: ClassVar[tuple[Any, CheckReport] | None] = None

    def test_it_is_a_task(self) -> None:
        """It has the members of `surefoot.tasks.Task`."""
        assert isinstance(self.task, Task), f"{self.task!r} lacks a member of surefoot.tasks.Task"
        assert isinstance(self.task.steps, int)
        assert self.task.steps > 0

    def test_its_data(self) -> None:
        """Its own files, if it looks at them."""
        self._nothing_wrong("data")

    def test_its_model(self) -> None:
        """A fresh one for each call, fixed by torch's seed."""
        self._nothing_wrong("model")

    def test_its_batches(self) -> None:
        """Endless, fixed by their seed, and finite."""
        self._nothing_wrong("batches")

    def test_its_loss(self) -> None:
        """One finite number, of labels and shapes that fit."""
        self._nothing_wrong("loss")

    def test_its_gradients(self) -> None:
        """They reach what is to be trained."""
        self._nothing_wrong("gradient")

    def test_its_measure(self) -> None:
        """The same for the same model, which it leaves as it is."""
        self._nothing_wrong("validate")

    def test_a_run_repeats_itself(self) -> None:
        """The same seed, the same value."""
        first, second = (self._value(STEPS) for _ in range(2))
        assert first == second, f"seed 0 gives {first:g}, then {second:g}"

    def test_a_run_goes_on_as_if_it_had_never_stopped(self) -> None:
        """From the state that it was left in, to the value that it comes to in one go."""
        kept: list[TrunkState] = []
        self._value(STEPS // 2, keep=lambda state: kept.append(copy.deepcopy(state)))
        if not kept:
            raise SkipTest("so short a training has nothing to go on from")
        gone_on, at_once = self._value(STEPS, resume=kept[0]), self._value(STEPS)
        assert gone_on == at_once, f"{gone_on:g} after a stop, {at_once:g} without"

    def _value(self, steps: int, **how: Any) -> float:
        """What a run of so many steps comes to."""
        outcome = train(self.task, self.candidate, 0, min(1.0, steps / int(self.task.steps)), **how)
        assert outcome.status == "completed", f"a run of {steps} steps: {outcome.status} {outcome.message}"
        assert outcome.point is not None
        return outcome.point.value

    def _nothing_wrong(self, about: About) -> None:
        found = [finding.text for finding in self._report().wrong if finding.about == about]
        assert not found, "\n".join(found)

    def _report(self) -> CheckReport:
        cls = type(self)
        if cls._checked is None or cls._checked[0] is not self.task:
            cls._checked = self.task, check(self.task, workers=1)
        return cls._checked[1]
