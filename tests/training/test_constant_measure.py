import pytest
import torch
from torch import nn

from surefoot.tasks import TaskError, builtin_tasks
from surefoot.training.constant_measure import constant_measure
from surefoot.training.loop import validate
from surefoot.training.profile import look


def test_a_constant_is_refused_by_the_look(sample):
    class Constant(sample):
        def validate(self, model):
            return 0.5

    with pytest.raises(TaskError, match=r"does not depend on the model: it is 0\.500 whatever"):
        look(Constant())


def test_a_measure_of_the_model_is_not(sample):
    task = sample()
    model = task.model()
    assert constant_measure(task, model, validate(task, model)) == ""


def test_an_average_of_the_weights_counts_as_the_model(sample):
    class Averaged(sample):
        def model(self):
            model = super().model()
            model.register_buffer("average", torch.zeros(3))
            return model

        def validate(self, model):
            return model.average.sum().item()

    look(Averaged())


def test_weights_that_the_measure_cannot_bear_are_no_constant(sample):
    class Picky(sample):
        def validate(self, model):
            assert all(p.abs().max() < 2 for p in model.parameters())
            return 0.5

    model = Picky().model()
    assert constant_measure(Picky(), model, 0.5) == ""


@pytest.mark.parametrize("name", ["line", "digits", "tabular", "text"])
def test_built_in_tasks_are_not(name):
    task = builtin_tasks()[name]
    torch.manual_seed(0)
    model: nn.Module = task.model()
    assert constant_measure(task, model, validate(task, model)) == ""
