"""Keras 3 models on the torch backend, with the real package."""

from __future__ import annotations

import copy
import os
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

os.environ["KERAS_BACKEND"] = "torch"
pytestmark = pytest.mark.real

keras = pytest.importorskip("keras")
layers = keras.layers

import surefoot  # noqa: E402
from surefoot.checks.task import check  # noqa: E402
from surefoot.study.run import Candidate  # noqa: E402
from surefoot.tasks import load_task  # noqa: E402
from surefoot.tasks.keras_module import KerasModule  # noqa: E402
from surefoot.training.loop import train  # noqa: E402
from surefoot.training.profile import look  # noqa: E402
from surefoot.training.random_state import seed_everything  # noqa: E402

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "keras_task.py"
X = torch.randn(64, 6, generator=torch.Generator().manual_seed(0))
Y = (X.sum(1) > 0).long()


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def network():
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(2),
        ]
    )


def task(model=network, **changes):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    members = {"loss": loss, "train": (X, Y), "validation": (X, Y), "batch_size": 16, "epochs": 5}
    return surefoot.Task(model=model, **members | changes)


def test_keras_runs_on_torch_and_without_tensorflow():
    assert keras.backend.backend() == "torch"
    assert "tensorflow" not in sys.modules


def test_every_model_has_the_same_names_and_weights_are_parameters_and_the_rest_buffers():
    made = task()
    first, second = made.model(), made.model()
    names = ["dense.kernel", "dense.bias", "batch_normalization.gamma", "batch_normalization.beta"]
    assert list(dict(first.named_parameters())) == [*names, "dense_1.kernel", "dense_1.bias"]
    assert list(dict(first.named_buffers())) == [
        "batch_normalization.moving_mean",
        "batch_normalization.moving_variance",
        "seed_generator.seed_generator_state",
    ]
    assert list(first.state_dict()) == list(second.state_dict())


def test_the_run_s_seed_fixes_the_weights():
    made = task()

    def weights(seed):
        seed_everything(seed)
        return torch.cat([p.detach().flatten() for p in made.model().parameters()])

    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))


def test_dropout_and_batch_normalisation_follow_train_and_eval():
    model = task().model()
    assert model.training
    assert not torch.equal(model(X), model(X))
    mean = dict(model.named_buffers())["batch_normalization.moving_mean"]
    before = mean.clone()
    model(X)
    assert not torch.equal(mean, before)
    model.eval()
    before = mean.clone()
    assert torch.equal(model(X), model(X))
    assert torch.equal(mean, before)


@pytest.mark.parametrize("seed", [None, 7])
def test_a_state_dict_and_the_generators_restore_all_that_moves(seed):
    def seeded():
        return keras.Sequential(
            [keras.Input((6,)), layers.BatchNormalization(), layers.Dropout(0.5, seed=seed)]
        )

    model, other = task(seeded).model(), task(seeded).model()
    for _ in range(3):
        model(X)
    other.load_state_dict(model.state_dict())
    before = torch.get_rng_state()
    dropped = model(X)
    torch.set_rng_state(before)
    assert torch.equal(dropped, other(X))
    assert torch.equal(model.eval()(X), other.eval()(X))
    assert torch.equal(other(X), other.keras(X, training=False))


def test_another_dtype_reaches_keras_in_the_same_memory():
    model = task().model().double()
    mean = dict(model.named_buffers())["batch_normalization.moving_mean"]
    assert mean.dtype == torch.float64
    kept = next(v for v in model.keras.variables if v.path.endswith("moving_mean"))
    assert kept.value.data_ptr() == mean.data_ptr()


def test_a_copy_is_whole():
    model = task().model().eval()
    twin = copy.deepcopy(model)
    assert torch.equal(twin(X), model(X))
    with torch.no_grad():
        for p in twin.parameters():
            p.add_(0.1)
    assert not torch.equal(twin(X), model(X))
    assert not twin.training


def test_a_bare_keras_model_in_a_class_of_one_s_own_is_told_where_to_go():
    class Bare:
        name, steps, measure = "bare", 5, "validation loss"
        batches, loss, validate = (getattr(task(), name) for name in ("batches", "loss", "validate"))

        def model(self):
            return network()

    report = check(Bare())
    assert [f.about for f in report.wrong] == ["model"]
    assert "a Keras model goes into surefoot.Task(model=…)" in report.wrong[0].text


def functional():
    """Layers that share a name with an inner model's, one that is frozen, one used twice."""
    inputs = keras.Input((6,))
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(6)])
    frozen, shared = layers.Dense(6, name="base_3"), layers.Dense(6)
    frozen.trainable = False
    return keras.Model(inputs, layers.Dense(2)(shared(shared(inner(frozen(inputs))))))


class Attention(keras.Model):
    """A model by inheritance, which has no shapes before its first call."""

    def __init__(self):
        super().__init__()
        self.attention = layers.MultiHeadAttention(2, 4)
        self.logits = layers.Dense(2)

    def call(self, x):
        x = keras.ops.expand_dims(x, -1)
        return self.logits(self.attention(x, x)[:, :, 0])


@pytest.mark.parametrize(
    ("make", "count", "frozen"),
    [
        (functional, 6, 2),
        (Attention, 10, 0),
        (lambda: keras.Sequential([layers.Dense(4), layers.Dense(2)]), 4, 0),
    ],
)
def test_models_of_each_kind_are_trained_whole(make, count, frozen):
    made = task(make, epochs=25)
    first, second = made.model(), made.model()
    assert list(first.state_dict()) == list(second.state_dict())
    assert len(list(first.parameters())) == count
    assert len(list(first.buffers())) == frozen
    before = {name: p.detach().clone() for name, p in first.named_parameters()}
    untrained = made.validate(first.eval())
    first.train()
    optimizer = torch.optim.Adam(first.parameters(), lr=1e-2)
    for _, batch in zip(range(100), made.batches(0), strict=False):
        optimizer.zero_grad()
        made.loss(first, batch).backward()
        optimizer.step()
    # A bias of keys moves no attention at all, whatever it is: its true gradient is zero.
    assert all(not torch.equal(before[n], p) for n, p in first.named_parameters() if "key.bias" not in n)
    assert made.validate(first.eval()) < untrained


def test_a_keras_loss_and_torch_s_agree():
    keras_s, torch_s = task(), task(loss=nn.CrossEntropyLoss())
    model = keras_s.model().eval()
    assert keras_s.loss(model, (X, Y)).item() == pytest.approx(torch_s.loss(model, (X, Y)).item(), rel=1e-5)


def test_it_is_looked_at_by_role():
    seen = look(load_task(f"{EXAMPLE}:task"))
    roles = {role.name: role.parameters for role in seen.model.roles}
    assert roles == {"weight matrices": 5120, "convolution kernels": 4752, "norms": 32, "biases": 42}
    assert seen.repeatable
    assert not seen.model.frozen


def test_a_run_goes_on_bit_for_bit():
    made, kept = task(epochs=10), []
    candidate = Candidate("Adam", {"lr": 1e-2})
    straight = train(made, candidate, 0, 1.0).point.value
    train(made, candidate, 0, 0.5, keep=lambda state: kept.append(copy.deepcopy(state)))
    assert train(made, candidate, 0, 1.0, resume=kept[0]).point.value == straight


def test_a_model_that_cannot_be_one_says_why():
    with pytest.raises(ValueError, match=r"no weights before it is built: begin it with keras\.Input"):
        KerasModule(keras.Sequential([layers.Dense(2)]))


def test_the_example_learns_to_read_digits():
    example = load_task(f"{EXAMPLE}:task")
    assert (example.name, example.steps) == ("keras_task", 200)
    outcome = train(example, Candidate("Adam", {"lr": 1e-2}), 0, 1.0)
    assert outcome.point.value < 0.2  # untrained it is log 10
    with torch.no_grad():
        assert 0 <= example.metrics(example.model().eval())["accuracy"] <= 0.4
