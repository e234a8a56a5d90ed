"""The snippet is executed as pasted, and trains with the very rates that were measured."""

from __future__ import annotations

import pytest
import torch

from surefoot.choose import space
from surefoot.choose.snippet import snippet
from surefoot.training.run import Schedule
from surefoot.training.schedule import factor

STEPS = 50


@pytest.mark.parametrize("kind", ["trunk", "constant", "cosine"])
@pytest.mark.parametrize("name", ["SGD", "Adam", "Adadelta", "Rprop", "ASGD"])
def test_pasted_code_follows_the_measured_schedule(name, kind):
    schedule = Schedule(kind=kind)
    candidate = space.candidates([name], schedule)[-1]
    names = {"model": torch.nn.Linear(3, 2)}
    exec(snippet(candidate, STEPS), names)
    optimizer, scheduler = names["optimizer"], names["scheduler"]
    settings = optimizer.param_groups[0]
    for setting, value in candidate.hyperparameters.items():
        assert setting == "lr" or settings[setting] == value
    for step in range(STEPS):
        expected = candidate.hyperparameters["lr"] * factor(schedule, step, STEPS, STEPS)
        assert settings["lr"] == pytest.approx(expected, rel=1e-12)
        names["model"](torch.ones(4, 3)).sum().backward()
        optimizer.step()
        scheduler.step()


def test_pasted_code_of_a_closure_optimizer_counts_its_own_steps():
    candidate = space.candidates(["LBFGS"], Schedule())[0]
    code = snippet(candidate, 400)
    assert "optimizer.step(closure)" in code
    assert "steps = 20 " in code
    exec(code, {"model": torch.nn.Linear(2, 1)})
