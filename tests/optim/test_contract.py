"""The contract with torch.optim: names, signatures, groups, copies, hooks, schedulers, scalers."""

from __future__ import annotations

import inspect
import pickle

import pytest
import torch

from surefoot import optim
from tests.optim.configurations import distance, pair, parameters, run, set_gradients

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


def test_pickled_copies_go_on_alike():
    params = parameters()
    optimizer = run(optim.Adam, {}, params, 3)
    twin = pickle.loads(pickle.dumps(optimizer))
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
