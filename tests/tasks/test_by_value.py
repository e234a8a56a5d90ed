import pytest
import torch
from torch import nn

import surefoot
from surefoot.tasks import TaskError, load_task
from surefoot.tasks.by_value import is_by_value, read, ship


def test_a_task_of_functions_that_no_module_has_arrives_whole():
    width = 5
    x = torch.randn(20, width)
    task = surefoot.Task(
        model=lambda: nn.Linear(width, 1), loss=lambda model, batch: model(batch[0]).square().mean(),
        train=(x, x), validation=lambda model: model(x).mean().item(), batch_size=4, steps=3, name="here",
    )  # fmt: skip
    shipped = ship(task)
    with shipped.file() as file:
        arrived = [read(file.fileno()) for _ in range(2)]
    assert arrived == [shipped, shipped]
    assert is_by_value(shipped.reference)
    twin = shipped.task()
    torch.manual_seed(1)
    model = task.model()
    assert (twin.name, twin.steps) == ("here", 3)
    batches = [next(iter(one.batches(7)))[0] for one in (task, twin)]
    assert torch.equal(*batches)
    assert twin.validate(model) == task.validate(model)


def test_its_name_alone_names_nothing():
    with pytest.raises(TaskError, match="'here' was made in Python, in a notebook or a script"):
        load_task("in-python:here")
