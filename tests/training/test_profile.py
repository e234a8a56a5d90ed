import json

import pytest
import torch
from torch import nn

from surefoot.study.codec import decode, encode
from surefoot.study.profile import TaskProfile
from surefoot.tasks import TaskError, load_task
from surefoot.training.profile import look


def test_digits():
    seen = look(load_task("digits"))
    assert seen.model.parameters == 9930
    assert [(role.name, role.tensors) for role in seen.model.roles] == [
        ("weight matrices", 1),
        ("convolution kernels", 2),
        ("biases", 3),
    ]
    assert seen.model.roles[0].shapes == "10×512"
    assert seen.model.roles[1].shapes == "16×1×3×3, 32×16×3×3"
    assert seen.model.dtypes == ("float32",)
    assert seen.sparse == ()
    assert 1e-5 < seen.seconds_per_step < 1
    assert 2.2 < seen.initial_value < 2.5
    assert seen.repeatable
    assert decode(TaskProfile, json.loads(json.dumps(encode(seen)))) == seen
    assert len(seen.fingerprint) == 12


def test_it_leaves_the_number_of_threads_alone(sample):
    torch.set_num_threads(2)
    look(sample())
    assert torch.get_num_threads() == 2


def test_roles_sparse_gradients_and_frozen_parameters(sample, embedding_model):
    class Words(sample):
        def model(self):
            embedding_model[2].bias.requires_grad_(False)
            return embedding_model

        def loss(self, model, batch):
            return model(torch.tensor([1, 2])).square().mean()

    seen = look(Words())
    assert {role.name: role.parameters for role in seen.model.roles} == {
        "embeddings": 40,
        "weight matrices": 16,
        "norms": 8,
    }
    assert seen.sparse == ("0.weight",)
    assert (seen.model.parameters, seen.model.frozen) == (64, 4)


class TestTheFingerprint:
    def test_stays(self, sample):
        assert look(sample()).fingerprint == look(sample()).fingerprint

    @pytest.mark.parametrize("change", ["steps", "measure", "model", "data"])
    def test_tells_a_changed_task(self, sample, change):
        class Changed(sample):
            steps = 200 if change == "steps" else sample.steps
            measure = "error" if change == "measure" else sample.measure

            def model(self):
                return nn.Linear(4, 1, bias=False) if change == "model" else super().model()

            def batches(self, seed):
                return super().batches(seed + (change == "data"))

        assert look(Changed()).fingerprint != look(sample()).fingerprint

    def test_survives_batches_that_ignore_their_seed(self, sample):
        draws = torch.Generator().manual_seed(1)

        class Careless(sample):
            def batches(self, seed):
                return super().batches(int(torch.randint(1000, (), generator=draws)))

        seen = look(Careless())
        assert not seen.repeatable
        assert seen.fingerprint == look(Careless()).fingerprint


def mistake(sample, **members):
    return type("Mistaken", (sample,), members)()


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"model": lambda self: 3}, r"model\(\) must return a torch.nn.Module, not int"),
        ({"model": lambda self: nn.ReLU()}, "no parameter to train"),
        (
            {"model": lambda self: 1 / 0},
            r"model\(\) raised ZeroDivisionError: division by zero \(.*test_profile.py:",
        ),
        ({"batches": lambda self, seed: iter([])}, r"batches\(\) ended too soon"),
        ({"batches": lambda self, seed: [1]}, "ended too soon|raised"),
        ({"loss": lambda self, m, b: 1.0}, r"loss\(\) must return a tensor, not float"),
        ({"loss": lambda self, m, b: m(b[0])}, r"one number, not a tensor of shape \(16, 1\)"),
        ({"loss": lambda self, m, b: m(b[0]).mean() / 0}, "loss of the first batch is (nan|-?inf)"),
        ({"loss": lambda self, m, b: m(b[0]).mean().detach()}, "no parameter gets a gradient"),
        ({"loss": lambda self, m, b: b[0].requires_grad_().mean()}, "no parameter gets a gradient"),
        ({"loss": lambda self, m, b: m(b[1]).mean()}, r"loss\(\) raised RuntimeError: mat1 and mat2"),
        ({"validate": lambda self, m: None}, "must return a float, not NoneType"),
        ({"validate": lambda self, m: m[0].bias.sum()}, r"not Tensor; return value.item\(\)"),
        ({"validate": lambda self, m: float("nan")}, r"validate\(\) returns nan before any training"),
        (
            {"validate": lambda self, m: m[3].bias.add_(1).item()},
            r"validate\(\) changes the model \(3.bias\)",
        ),
    ],
)
def test_frequent_mistakes(sample, members, words):
    with pytest.raises(TaskError, match=words) as caught:
        look(mistake(sample, **members))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("sample: ")
