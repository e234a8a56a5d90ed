"""Every built-in task in the suite that ships for those of other people, with trainings of a few steps."""

from __future__ import annotations

import pytest

from surefoot.checks import task as checking
from surefoot.study.run import Candidate
from surefoot.tasks import builtin_tasks
from surefoot.testing.tasks import STEPS, TaskSuite


class Short(TaskSuite):
    candidate = Candidate("SGD", {"lr": 1e-4})

    @pytest.fixture(autouse=True)
    def _short(self, monkeypatch):
        monkeypatch.setattr(type(self.task), "steps", STEPS)
        monkeypatch.setattr(checking, "TIMING_SECONDS", 0.0)


def suite(name, task):
    return type(f"Test{name.capitalize()}", (Short,), {"task": task, "__module__": __name__})


globals().update({f"Test{name.capitalize()}": suite(name, task) for name, task in builtin_tasks().items()})
