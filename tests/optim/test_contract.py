"""The contract with torch.optim: signatures, errors, checkpoints, hooks, schedulers, sparse gradients."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest
import torch

from surefoot import optim
from tests.optim.configurations import distance, identify, pair, parameters, run, set_gradients

SHARED = sorted(name for name in optim.OPTIMIZERS if hasattr(torch.optim, name))


def test_every_module_of_the_folder_is_listed():
    assert set(optim.OPTIMIZERS) >= {
        "ASGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "LBFGS", "RMSprop", "RandomSearch",
        "Rprop", "SGD", "SparseAdam",
    }  # fmt: skip
    assert optim.find("sparse-adam") is optim.SparseAdam
    with pytest.raises(KeyError, match="did you mean 'Adam'"):
        optim.find("adaam")
    with pytest.raises(AttributeError, match="did you mean 'RMSprop'"):
        optim.RMSprob  # noqa: B018


@pytest.mark.parametrize("name", SHARED)
def test_signature_equals_torch(name):
    def arguments(cls):
        return [(p.name, p.kind, p.default) for p in inspect.signature(cls).parameters.values()]

    theirs, ours = pair(name)
    assert arguments(ours) == arguments(theirs)


@pytest.mark.parametrize("name", sorted(optim.OPTIMIZERS))
def test_facts_are_complete(name):
    facts = optim.OPTIMIZERS[name].facts()
    for text in (facts.summary, facts.equation, facts.paper, facts.good_at, facts.bad_at):
        assert len(text) > 20
    assert facts.hyperparameters
    for hyperparameter in facts.hyperparameters:
        assert hyperparameter.name
        assert hyperparameter.meaning
        hyperparameter.check(hyperparameter.default)
    assert any(h.search for h in facts.hyperparameters), "choose has nothing to vary"
    assert facts.state_bytes_per_parameter
    assert "Example:" in optim.OPTIMIZERS[name].__doc__


BAD = [
    ("SGD", {"lr": -0.5}), ("SGD", {"momentum": -0.5}), ("SGD", {"weight_decay": -1}),
    ("SGD", {"nesterov": True}), ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}),
    ("SGD", {"fused": True, "foreach": True}), ("SGD", {"lr": torch.tensor([1.0, 2.0])}),
    ("ASGD", {"lr": -1}), ("ASGD", {"weight_decay": -0.5}),
    ("Adagrad", {"lr_decay": -0.5}), ("Adagrad", {"initial_accumulator_value": -1}), ("Adagrad", {"eps": -1}),
    ("Adadelta", {"rho": 1.1}), ("Adadelta", {"eps": -1}),
    ("RMSprop", {"momentum": -1.0}), ("RMSprop", {"alpha": -1.0}), ("RMSprop", {"eps": -1.0}),
    ("Adam", {"betas": (1.0, 0.0)}), ("Adam", {"betas": (0.9, -0.1)}), ("Adam", {"eps": -1e-8}),
    ("Adam", {"weight_decay": -1}), ("Adam", {"lr": torch.tensor(0.1), "foreach": True}),
    ("AdamW", {"betas": (1.0, 0.0)}), ("Adamax", {"betas": (0.0, 1.0)}), ("Adamax", {"lr": -1}),
    ("Rprop", {"etas": (1.0, 0.5)}), ("Rprop", {"lr": -1}),
    ("SparseAdam", {"betas": (1.0, 0.0)}), ("SparseAdam", {"lr": 0.0}), ("SparseAdam", {"eps": 0.0}),
    ("LBFGS", {"lr": -1}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "settings"), BAD, ids=identify)
def test_errors_are_those_of_torch(name, settings):
    theirs, ours = pair(name)
    with pytest.raises((ValueError, RuntimeError)) as expected:
        theirs(parameters(), **settings)
    with pytest.raises(expected.type) as found:
        ours(parameters(), **settings)
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize("params", [[], torch.zeros(3), [1, 2], [{"params": torch.zeros(2)}, {"params": 3}]])
def test_bad_parameters_raise_as_in_torch(params):
    with pytest.raises((TypeError, ValueError)) as expected:
        torch.optim.Adam(params)
    with pytest.raises(expected.type):
        optim.Adam(params)


def test_misspelt_options_are_refused():
    with pytest.raises(TypeError, match="did you mean 'weight_decay'"):
        optim.Adam(parameters(), weight_decey=0.1)
    with pytest.raises(ValueError, match="did you mean 'weight_decay'"):
        optim.Adam([{"params": parameters(), "weigth_decay": 0.1}])
    with pytest.raises(ValueError, match="Invalid learning rate: -1"):
        optim.Adam([{"params": parameters(), "lr": -1}])
    assert optim.Adam([{"params": parameters(), "name": "all"}]).param_groups[0]["name"] == "all"


def test_groups_and_named_parameters():
    model = torch.nn.Linear(3, 2)
    optimizer = optim.SGD(model.named_parameters(), lr=0.1)
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    groups = [{"params": [model.weight], "lr": 0.5}, {"params": [model.bias]}]
    optimizer = optim.SGD(groups, lr=0.1)
    model(torch.ones(1, 3)).sum().backward()
    before = model.weight.detach().clone(), model.bias.detach().clone()
    optimizer.step()
    torch.testing.assert_close(before[0] - model.weight, torch.full((2, 3), 0.5))
    torch.testing.assert_close(before[1] - model.bias, torch.full((2,), 0.1))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copies_go_on_alike(duplicate):
    params = parameters()
    optimizer = run(optim.Adam, {}, params, 3)
    twin = duplicate(optimizer)
    twin_params = twin.param_groups[0]["params"]
    for group in (params, twin_params):
        set_gradients(group, torch.Generator().manual_seed(9))
    optimizer.step()
    twin.step()
    assert distance(params, twin_params) == 0


def test_hooks_closures_and_schedulers():
    params, twin = parameters(), parameters()
    calls = []
    optimizer = optim.RMSprop(params, lr=0.1)
    reference = torch.optim.RMSprop(twin, lr=0.1, foreach=False)
    optimizer.register_step_pre_hook(lambda *a: calls.append("before"))
    optimizer.register_step_post_hook(lambda *a: calls.append("after"))
    schedulers = [torch.optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=10) for o in (optimizer, reference)]

    def closure_of(o, group):
        def closure():
            assert torch.is_grad_enabled()
            o.zero_grad()
            loss = sum((p**2).sum() for p in group)
            loss.backward()
            return loss

        return closure

    for _ in range(10):
        loss = optimizer.step(closure_of(optimizer, params))
        assert float(loss.detach()) == pytest.approx(
            float(reference.step(closure_of(reference, twin)).detach())
        )
        for scheduler in schedulers:
            scheduler.step()
    assert calls == ["before", "after"] * 10
    assert distance(params, twin) <= 1e-12


def test_gradient_scaler_works():
    model = torch.nn.Linear(3, 1)
    optimizer, scaler = optim.Adam(model.parameters(), lr=0.1), torch.amp.GradScaler("cpu", init_scale=1024.0)
    start = model.weight.detach().clone()
    scaler.scale(model(torch.ones(2, 3)).mean()).backward()
    scaler.step(optimizer)
    scaler.update()
    torch.testing.assert_close(start - model.weight, torch.full((1, 3), 0.1))
    model.weight.grad.fill_(torch.inf)
    start = model.weight.detach().clone()
    scaler.scale(torch.zeros(()))
    scaler.step(optimizer)
    torch.testing.assert_close(start, model.weight.detach())


def embedding_pair():
    torch.manual_seed(0)
    start = torch.randn(20, 4, dtype=torch.float64)
    return [torch.nn.Parameter(start.clone())], [torch.nn.Parameter(start.clone())]


def sparse_gradients(params, generator):
    rows = torch.randint(0, 20, (6,), generator=generator)  # with duplicates
    values = torch.randn(6, 4, generator=generator, dtype=torch.float64)
    params[0].grad = torch.sparse_coo_tensor(rows[None], values, (20, 4))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("SparseAdam", {}), ("SparseAdam", {"maximize": True}), ("SparseAdam", {"betas": (0.8, 0.9)}),
        ("SGD", {}), ("SGD", {"momentum": 0.9}), ("Adagrad", {}), ("Adagrad", {"lr_decay": 0.1}),
    ],
    ids=identify,
)  # fmt: skip
def test_sparse_gradients_equal_torch(name, settings):
    theirs, ours = pair(name)
    expected, found = embedding_pair()
    reference = run(theirs, settings, expected, set_gradients=sparse_gradients)
    optimizer = run(ours, settings, found, set_gradients=sparse_gradients)
    assert distance(found, expected) <= 1e-12
    assert optimizer.state[found[0]].keys() == reference.state[expected[0]].keys()


def test_sparse_gradients_are_refused_with_the_words_of_torch():
    for name in ("Adam", "AdamW", "Adadelta", "RMSprop", "Adamax", "Rprop", "ASGD"):
        theirs, ours = pair(name)
        expected, found = embedding_pair()
        with pytest.raises(RuntimeError) as error:
            run(theirs, {}, expected, 1, set_gradients=sparse_gradients)
        with pytest.raises(RuntimeError) as our_error:
            run(ours, {}, found, 1, set_gradients=sparse_gradients)
        assert str(our_error.value) == str(error.value)
    with pytest.raises(RuntimeError, match="does not support dense gradients"):
        run(optim.SparseAdam, {}, parameters(), 1)
    with pytest.raises(RuntimeError, match="weight_decay option is not compatible"):
        run(optim.Adagrad, {"weight_decay": 0.1}, embedding_pair()[0], 1, set_gradients=sparse_gradients)
    with pytest.raises(ValueError, match="requires dense parameter tensors"):
        optim.SparseAdam([torch.zeros(3, 3).to_sparse().requires_grad_()])
