"""Kernels run on addresses that were checked in the same step, and a number is not a plan."""

from __future__ import annotations

import gc
import itertools
import threading
import weakref

import pytest
import torch

from surefoot import formula, optim
from surefoot.formula import launch
from surefoot.formula.memory import Written, addresses, held, reach_of
from tests.optim.configurations import NAMES, distance, for_loop, named, pair, parameters, set_gradients

KERNELS = named(n for n in NAMES if n not in ("LBFGS", "Muon", "SparseAdam"))


@pytest.fixture
def made(monkeypatch):
    """How many batches have been made, and how many steps were taken without a kernel."""
    counts = {"batches": 0, "eager": 0}

    class Counting(launch.KernelBatch):
        def __init__(self, *arguments):
            counts["batches"] += 1
            super().__init__(*arguments)

    def counting(*arguments, **keywords):
        counts["eager"] += 1
        return step(*arguments, **keywords)

    step = formula.eager.step
    monkeypatch.setattr("surefoot.formula.optimizer.KernelBatch", Counting)
    monkeypatch.setattr("surefoot.formula.eager.step", counting)
    return counts


def train(optimizer, params, steps, change=lambda step: None):
    generator = torch.Generator().manual_seed(2)
    for step in range(steps):
        set_gradients(params, generator)
        change(step)
        optimizer.step()


def side_by_side(name, settings, steps, change):
    """Train with torch's class and with ours; `change` is told the optimizer and the step."""
    results = []
    for make, own in zip(pair(name), (for_loop(name, settings), settings), strict=True):
        params = parameters()
        optimizer = make(params, **own)
        train(optimizer, params, steps, lambda step, o=optimizer, p=params: change(o, p, step))
        results.append(params)
    return distance(*reversed(results))


def freeze(p, frozen):
    p.requires_grad_(not frozen)
    p.grad = None if frozen else p.grad


CHANGES = {
    "rate": lambda o, p, i: o.param_groups[0].update(lr=0.01 * (1 - i / 30)),
    "rate of zero": lambda o, p, i: o.param_groups[0].update(lr=0.01 * (i % 3)),
    "tensor rate": lambda o, p, i: o.param_groups[0].update(
        lr=torch.tensor(0.01 / (1 + i), dtype=torch.float64)
    ),
    "gradient that is missing": lambda o, p, i: setattr(p[i % 3], "grad", None),
    "frozen layer": lambda o, p, i: (
        p[1].requires_grad_(i % 4 < 2),
        i % 4 < 2 or setattr(p[1], "grad", None),
    ),
    "integer rate": lambda o, p, i: o.param_groups[0].update(lr=1 if i % 2 else 0.01),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", KERNELS)
def test_a_number_is_not_a_plan(name, change, made):
    counts = []

    def recorded(optimizer, params, step):
        if step > 3:  # momentum is there, and every gradient has been
            CHANGES[change](optimizer, params, step)
        if step == 5:
            counts.append(dict(made))

    assert side_by_side(name, {}, 20, recorded) <= 1e-12
    assert made == counts[-1]


@pytest.mark.parametrize("key", ["betas", "eps", "weight_decay"])
def test_other_numbers_are_no_plan_either(key, made):
    values = {"betas": (0.8, 0.9), "eps": 1e-6, "weight_decay": 0.1}
    before = {}

    def change(optimizer, params, step):
        if step == 8:
            optimizer.param_groups[0][key] = values[key]
            before.update(made)

    assert side_by_side("Adam", {"weight_decay": 0.01}, 16, change) <= 1e-12
    assert made == before


def test_groups_of_one_kind_are_one_batch(made):
    params = parameters()
    optimizer = optim.AdamW([{"params": [p], "lr": 0.01 * 0.9**i} for i, p in enumerate(params)])
    twins = parameters()
    reference = torch.optim.AdamW([{"params": [p], "lr": 0.01 * 0.9**i} for i, p in enumerate(twins)])
    for own, own_params in ((optimizer, params), (reference, twins)):
        scheduler = torch.optim.lr_scheduler.ExponentialLR(own, 0.9)
        train(own, own_params, 6, lambda step, s=scheduler: s.step())
    assert distance(params, twins) <= 1e-12
    assert made["batches"] == 1


WITH_MOMENTUM = [("SGD", {"momentum": 0.9}), ("RMSprop", {"momentum": 0.9, "centered": True})]


@pytest.mark.parametrize(("name", "settings"), [*((p.values[0], {}) for p in KERNELS), *WITH_MOMENTUM])
def test_a_parameter_that_is_listed_again_is_stepped_again(name, settings):
    results = []
    for make, own in zip(pair(name), (for_loop(name, settings), settings), strict=True):
        a, b = (torch.nn.Parameter(p.detach().clone()) for p in parameters(shapes=[(6, 5), (4,)]))
        with pytest.warns(UserWarning, match="duplicate parameters"):
            optimizer = make([a, b, a], **own)
        train(optimizer, [a, b], 8)
        results.append([a, b])
    assert distance(*reversed(results)) <= 1e-12


@pytest.mark.parametrize("name", KERNELS)
def test_one_gradient_of_two_parameters(name):
    results = []
    for make, own in zip(pair(name), (for_loop(name, {}), {}), strict=True):
        params = parameters(shapes=[(3, 4)] * 3)
        optimizer = make(params, **own)
        for step in range(8):
            set_gradients(params, torch.Generator().manual_seed(step))
            if step % 3:
                params[0].grad = params[2].grad
            optimizer.step()
        results.append(params)
    assert distance(*reversed(results)) <= 1e-12


SHARED = {
    "the same memory": lambda flat: (flat[:12], flat[:12]),
    "overlapping": lambda flat: (flat[:12], flat[6:18]),
    "one in the other": lambda flat: (flat[:12], flat[2:5]),
}


@pytest.mark.parametrize("how", SHARED)
@pytest.mark.parametrize("size", [1, 40_000])
def test_parameters_that_share_memory_are_stepped_in_turn(how, size):
    results = []
    for make in (torch.optim.Adam, optim.Adam):
        flat = torch.linspace(-1, 1, 20 * size, dtype=torch.float64)
        views = [v.reshape(-1) for v in SHARED[how](flat.view(20, size))]
        params = [torch.nn.Parameter(v) for v in views]
        optimizer = make(params, lr=0.1, weight_decay=0.1)
        train(optimizer, params, 5)
        results.append([flat])
    assert distance(*reversed(results)) <= 1e-12


def test_a_gradient_that_is_another_parameter_is_read_as_it_is_then():
    results = []
    for make in (torch.optim.SGD, optim.SGD):
        a, b = parameters(shapes=[(5,), (5,)])
        optimizer = make([a, b], lr=0.1)
        for _ in range(4):
            a.grad, b.grad = torch.ones(5, dtype=torch.float64), a.detach()
            optimizer.step()
        results.append([a, b])
    assert distance(*reversed(results)) <= 1e-12


FREED = {
    "parameter": lambda p, o: p.untyped_storage().resize_(0),
    "cut parameter": lambda p, o: p.untyped_storage().resize_(8),
    "gradient": lambda p, o: p.grad.untyped_storage().resize_(0),
    "state": lambda p, o: o.state[p]["exp_avg_sq"].untyped_storage().resize_(0),
}


@pytest.mark.parametrize("what", FREED)
def test_a_storage_that_was_freed_is_refused(what):
    first, p = parameters(shapes=[(4,), (50,)])
    optimizer = optim.Adam([{"params": [first]}, {"params": [p]}])
    train(optimizer, [first, p], 2)
    before = first.detach().clone()
    FREED[what](p, optimizer)
    with pytest.raises(
        RuntimeError, match=r"storage of the .* of parameter 0 of group 1 .* was freed or resized"
    ):
        optimizer.step()
    assert torch.equal(first, before)


def test_a_storage_that_is_given_back_is_used():
    (p,) = parameters(shapes=[(50,)])
    optimizer = optim.Adam([p])
    train(optimizer, [p], 2)
    size, values = p.untyped_storage().nbytes(), p.detach().clone()
    p.untyped_storage().resize_(0)
    p.untyped_storage().resize_(size)
    p.data.copy_(values)
    optimizer.step()
    assert not torch.equal(p, values)


SWAPS = {
    "widened": lambda s: s.double(),
    "narrowed": lambda s: s.bfloat16(),
    "transposed": lambda s: s.t().contiguous().t(),
    "negated": lambda s: torch._neg_view(-s),
    "gapped": lambda s: torch.stack([s, s], -1)[..., 0],
}


@pytest.mark.parametrize("swap", SWAPS)
@pytest.mark.parametrize(("name", "entry"), [("Adagrad", "sum"), ("Adamax", "exp_inf"), ("RAdam", "exp_avg")])
def test_state_that_is_given_other_data_means_the_same(name, entry, swap):
    results = []
    for swapped in (False, True):
        p = torch.nn.Parameter(torch.linspace(-1, 1, 30).reshape(6, 5))
        optimizer = optim.OPTIMIZERS[name]([p], lr=0.1)
        for step in range(6):
            p.grad = torch.cos(torch.arange(30.0) + step).reshape(6, 5)
            if step == 3 and swapped:
                state = optimizer.state[p][entry]
                state.data = SWAPS[swap](state.data)
            optimizer.step()
        results.append([p])
    assert distance(*results) <= (2e-2 if swap == "narrowed" else 1e-6)


@pytest.mark.parametrize("how", ["half", "empty", "more"])
def test_state_of_another_shape_is_refused_and_nothing_is_changed(how):
    p = torch.nn.Parameter(torch.ones(8, 2))
    optimizer = optim.NAdam([p])
    train(optimizer, [p], 2)
    state = optimizer.state[p]["exp_avg"]
    state.data = {"half": state[:4].clone(), "empty": torch.empty(0), "more": torch.cat([state, state])}[how]
    before, count = p.detach().clone(), optimizer.state[p]["step"].clone()
    with pytest.raises(RuntimeError, match="state 'exp_avg' has shape"):
        optimizer.step()
    assert torch.equal(p, before)
    assert torch.equal(optimizer.state[p]["step"], count)


def test_row_indices_beyond_the_parameter_are_refused():
    p = torch.nn.Parameter(torch.ones(4, 3))
    optimizer = optim.SGD([p], lr=0.1)
    p.grad = torch.sparse_coo_tensor([[1, 9]], torch.ones(2, 3), (4, 3), check_invariants=False)
    with pytest.raises((IndexError, RuntimeError)):
        optimizer.step()


def test_what_is_removed_is_freed():
    params = parameters(torch.float32, [(300,), (200,)])
    optimizer = optim.Adam([{"params": [p]} for p in params])
    train(optimizer, params, 3)
    gone = params.pop()
    watched = [weakref.ref(t) for t in (gone, *optimizer.state[gone].values())]
    optimizer.param_groups.pop()
    del optimizer.state[gone], gone
    gc.collect()
    assert not any(ref() is not None for ref in watched)
    watched = [weakref.ref(t) for t in optimizer.state[params[0]].values()]
    optimizer.state.clear()
    gc.collect()
    assert not any(ref() is not None for ref in watched)
    train(optimizer, params, 1)


def test_a_dispatch_mode_sees_every_operation():
    from torch.utils._python_dispatch import TorchDispatchMode

    class Recorder(TorchDispatchMode):
        def __init__(self):
            super().__init__()
            self.seen = []

        def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
            self.seen.append(function)
            return function(*arguments, **(keywords or {}))

    params, twins = parameters(), parameters()
    optimizer, reference = optim.NAdam(params), torch.optim.NAdam(twins, foreach=False)
    for recorded in (False, True, False):
        for own, own_params in ((optimizer, params), (reference, twins)):
            set_gradients(own_params, torch.Generator().manual_seed(1))
            with Recorder() if recorded else torch.no_grad() as recorder:
                own.step()
            assert not recorded or len(recorder.seen) > 10
    assert distance(params, twins) <= 1e-12


def test_threads_that_step_one_optimizer_at_once_do_no_harm():
    params = [torch.nn.Parameter(torch.zeros(500)) for _ in range(20)]
    optimizer = optim.SGD(params, lr=1.0)
    for p in params:
        p.grad = torch.ones(500)

    def work():
        for i in range(200):
            optimizer.param_groups[0]["lr"] = 1.0 + i % 2
            optimizer.step()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(p.isfinite().all() and (p <= -200).all() for p in params)


def test_stretches_that_overlap_are_seen():
    for a, b in itertools.product(range(12), range(1, 6)):
        apart = a + b <= 4 or a >= 8
        assert Written([(4, 8), (a, a + b)]).apart == apart
        assert Written([(4, 8), (100, 200)]).untouched([a], [b]) == apart


def test_a_storage_holds_its_tensor_or_not():
    flat = torch.zeros(10)
    for t in (flat, flat[3:], flat[::3], flat.view(2, 5).t(), torch.zeros(0)):
        assert held([t], addresses((t,)), [reach_of(t)])
    flat.untyped_storage().resize_(36)
    assert not held([flat], addresses((flat,)), [reach_of(flat)])
