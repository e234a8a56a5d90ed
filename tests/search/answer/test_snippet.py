"""The snippet is executed as pasted, and a model trained with it ends where the measured run ended."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from surefoot.search.answer.snippet import snippet
from surefoot.search.space import candidates as space
from surefoot.study.run import Candidate, Schedule
from surefoot.training.loop import train
from surefoot.training.schedule import factor
from tests.search.own_task import small

STEPS = 50
MATRICES = {"weight_decay_on": "matrices"}
OWN = Path(__file__).parent.parent / "own_optimizer.py"


@pytest.mark.parametrize("kind", ["trunk", "constant", "cosine"])
@pytest.mark.parametrize("name", ["SGD", "Adam", "Adadelta", "Rprop", "ASGD"])
def test_pasted_code_follows_the_measured_schedule(name, kind):
    schedule = Schedule(kind=kind)
    candidate = space.candidates([name], schedule)[0]
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


def pasted(candidate, seed):
    """The task's measure after a plain training loop around the snippet."""
    torch.manual_seed(seed)
    model = small.model()
    names = {"model": model}
    code = snippet(candidate, small.steps)
    exec(code, names)
    optimizer, scheduler = names["optimizer"], names["scheduler"]
    before = last = 0
    for step, batch in enumerate(small.batches(seed), start=1):

        def closure(batch=batch):
            optimizer.zero_grad()
            loss = small.loss(model, batch)
            loss.backward()
            return loss

        if "scheduler.counted(closure)" in code:
            optimizer.step(scheduler.counted(closure))
            scheduler.step()
            last, before = scheduler.evaluations - before, scheduler.evaluations
            if small.steps - before <= last / 2:  # as near to the full training as whole steps come
                break
        else:
            closure()
            optimizer.step()
            scheduler.step()
            if step == small.steps:
                break
    with torch.no_grad():
        return small.validate(model)


@pytest.mark.parametrize(
    "candidate",
    [
        Candidate("SGD", {"lr": 0.05, "momentum": 0.9}, Schedule("cosine")),
        Candidate("SGD", {"lr": 0.05, "momentum": 0.9, "weight_decay": 5e-4}, Schedule(warmup=0.9)),
        Candidate("AdamW", {"lr": 0.02, "betas": [0.95, 0.99], "weight_decay": 0.1}, Schedule("constant")),
        Candidate("AdamW", {"lr": 0.02, "weight_decay": 0.5, **MATRICES}, Schedule(warmup=0.2)),
        Candidate("LBFGS", {"lr": 0.3, "history_size": 10, "line_search_fn": None}, Schedule()),
        Candidate("LBFGS", {"lr": 1.0, "line_search_fn": "strong_wolfe", "max_iter": 3}, Schedule("cosine")),
        Candidate(f"{OWN}:Signs", {"lr": 0.01, "weight_decay": 0.1, **MATRICES}, Schedule()),
        Candidate("torch.optim:NAdam", {"lr": 0.01}, Schedule("constant", warmup=0.2)),
    ],
    ids=lambda candidate: f"{candidate.optimizer.rpartition(':')[2]} {candidate.schedule.kind}",
)  # fmt: skip
def test_pasted_code_ends_where_the_measured_run_ended(candidate, monkeypatch):
    monkeypatch.syspath_prepend(str(OWN.parent))
    measured = train(small, candidate, seed=3, progress=1.0).point.value
    assert pasted(candidate, 3) == measured
    plain = {n: v for n, v in candidate.hyperparameters.items() if n != "weight_decay_on"}
    if plain != candidate.hyperparameters:  # so that the groups are seen to matter
        assert (
            train(small, Candidate(candidate.optimizer, plain), seed=3, progress=1.0).point.value != measured
        )


def test_pasted_code_of_one_s_own_file_imports_its_class():
    code = snippet(Candidate(f"{OWN}:Signs", {"lr": 0.01}), 10)
    assert f"from own_optimizer import Signs  # {OWN}" in code
    assert "optimizer = Signs(model.parameters(), lr=0.01)" in code
    assert "optim." not in code.replace(str(OWN), "")
    assert sys.modules.get("own_optimizer")  # so it was found


@pytest.mark.parametrize("kind", ["trunk", "constant", "cosine", "script"])
def test_pasted_code_is_narrow_and_short(kind):
    grid = space.candidates(space.choose_from(None), Schedule(kind))
    code = [snippet(candidate, 100_000).splitlines() for candidate in grid]
    assert max(map(len, code)) <= 4
    assert max(len(line) for lines in code for line in lines) <= 80


def test_in_a_script_the_schedule_is_the_script_s_own():
    candidate = Candidate("AdamW", {"lr": 0.01, "weight_decay": 0.1} | MATRICES, Schedule("script", 0.0, 0.0))
    code = snippet(candidate, STEPS)
    names = {"model": torch.nn.Linear(3, 2)}
    exec(code, names)
    assert [group["weight_decay"] for group in names["optimizer"].param_groups] == [0.1, 0.0]
    assert "scheduler" not in code
    assert "your script's own schedule" in code
