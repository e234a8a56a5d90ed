import math

import torch
from torch import nn

from surefoot import optim
from surefoot.training import meters
from surefoot.training.meters import median_seconds, peak_memory, state_bytes


def test_the_first_steps_do_not_count():
    assert median_seconds([9.0, 9.0, 9.0, 1.0, 2.0, 3.0]) == 2.0
    assert median_seconds([9.0, 7.0]) == 8.0
    assert math.isnan(median_seconds([]))


def test_state_in_lists_counts():
    model = nn.Linear(10, 10)
    optimizer = optim.LBFGS(model.parameters(), max_iter=3)

    def closure():
        optimizer.zero_grad()
        loss = model(torch.ones(10)).square().sum()
        loss.backward()
        return loss

    assert state_bytes(optimizer) == 0
    optimizer.step(closure)
    assert state_bytes(optimizer) > 3 * 110 * 4


def test_peak_memory_is_in_bytes():
    assert 50e6 < peak_memory() < 1e12


def test_waiting_in_line_is_told_by_linux_and_nothing_elsewhere(monkeypatch, tmp_path):
    scheduler = tmp_path / "schedstat"
    monkeypatch.setattr(meters, "SCHEDULER", scheduler)
    assert meters.seconds_in_line() == 0
    scheduler.write_text("123 2500000000 7\n")
    assert meters.seconds_in_line() == 2.5
    scheduler.write_text("0\n")
    assert meters.seconds_in_line() == 0
