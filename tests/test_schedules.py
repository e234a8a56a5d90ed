"""`surefoot.schedules` and `surefoot.groups`: the pieces of an answer's code."""

from __future__ import annotations

import pytest
import torch

import surefoot
from surefoot.study.run import Schedule
from surefoot.training.schedule import factor

STEPS = 40
MAKERS = {
    "trunk": lambda optimizer: surefoot.schedules.wsd(optimizer, steps=STEPS, warmup=0.2, cooldown=0.3),
    "constant": lambda optimizer: surefoot.schedules.constant(optimizer, steps=STEPS, warmup=0.2),
    "cosine": lambda optimizer: surefoot.schedules.cosine(optimizer, steps=STEPS, warmup=0.2),
}


def made(kind: str) -> tuple[torch.optim.Optimizer, surefoot.schedules.Scheduler]:
    optimizer = surefoot.optim.SGD(torch.nn.Linear(2, 1).parameters(), lr=0.5)
    return optimizer, MAKERS[kind](optimizer)


@pytest.mark.parametrize("kind", MAKERS)
def test_rates_are_those_of_a_study(kind: str) -> None:
    optimizer, scheduler = made(kind)
    schedule = Schedule(kind, 0.2, 0.3)  # type: ignore[arg-type]
    for step in range(STEPS + 5):
        assert optimizer.param_groups[0]["lr"] == 0.5 * factor(schedule, min(step, STEPS), STEPS, STEPS)
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize("kind", MAKERS)
def test_a_schedule_goes_on_from_its_state(kind: str) -> None:
    optimizer, scheduler = made(kind)
    scheduler.counted(lambda: 0.0)()
    for _ in range(7):
        optimizer.step()
        scheduler.step()
    other, later = made(kind)
    later.load_state_dict(scheduler.state_dict())
    other.load_state_dict(optimizer.state_dict())
    assert later.evaluations == 1
    assert other.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"]


def test_evaluations_are_counted_where_the_closure_is() -> None:
    optimizer, scheduler = made("trunk")
    closure = scheduler.counted(lambda: 1.5)
    assert [closure(), closure(), closure()] == [1.5] * 3
    optimizer.step()
    scheduler.step()
    assert scheduler.evaluations == 3
    assert optimizer.param_groups[0]["lr"] == 0.5 * factor(Schedule("trunk", 0.2, 0.3), 3, STEPS, STEPS)


@pytest.mark.parametrize(("steps", "warmup"), [(0, 0.1), (10, -0.1), (10, 1.5), (10, float("nan"))])
def test_a_schedule_that_cannot_be_is_refused(steps: int, warmup: float) -> None:
    optimizer = torch.optim.SGD(torch.nn.Linear(2, 1).parameters(), lr=0.5)
    with pytest.raises(ValueError, match="must be"):
        surefoot.schedules.wsd(optimizer, steps, warmup)


def test_matrices_decay_and_the_rest_does_not() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.LayerNorm(3))
    optimizer = surefoot.optim.AdamW(surefoot.groups.decay_matrices(model), lr=0.1, weight_decay=0.2)
    assert [(len(g["params"]), g["weight_decay"]) for g in optimizer.param_groups] == [(1, 0.2), (3, 0.0)]
