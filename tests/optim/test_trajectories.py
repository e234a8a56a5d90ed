"""Trajectories against the real torch, and against float64 truth."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from surefoot import formula, optim
from surefoot.formula import cpu, eager
from tests.optim.configurations import CASES, distance, identify, pair, parameters, run


@pytest.mark.parametrize("backend", ["auto", "eager"])
@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize(("name", "settings"), CASES, ids=identify)
def test_float64_equals_torch(name, settings, maximize, backend):
    settings = settings | {"maximize": maximize}
    theirs, ours = pair(name)
    expected, found = parameters(), parameters()
    reference = run(theirs, settings | {"foreach": False}, expected)
    optimizer = run(ours, settings, found, backend=backend)
    assert distance(found, expected) <= 1e-12
    for a, b in zip(found, expected, strict=True):
        assert optimizer.state[a].keys() == reference.state[b].keys()
        for key, value in reference.state[b].items():
            assert optimizer.state[a][key].dtype == value.dtype
            torch.testing.assert_close(optimizer.state[a][key], value, rtol=1e-11, atol=1e-13)
    assert optimizer.param_groups[0].keys() == reference.param_groups[0].keys()


@pytest.mark.parametrize("name", sorted(optim.OPTIMIZERS.keys() - {"LBFGS", "RandomSearch", "SparseAdam"}))
def test_the_fused_path_is_the_default(name, monkeypatch):
    def refuse(*arguments, **keywords):
        raise AssertionError("the eager backend was called")

    monkeypatch.setattr(eager, "step", refuse)
    run(optim.OPTIMIZERS[name], {}, parameters(torch.float32), steps=3)


@pytest.mark.parametrize(("name", "settings"), CASES, ids=identify)
def test_float32_is_as_near_to_the_truth_as_torch(name, settings):
    theirs, ours = pair(name)
    shapes = [(50, 40), (100,)]
    truth = [p.detach().double().requires_grad_() for p in parameters(torch.float32, shapes)]
    expected, found = parameters(torch.float32, shapes), parameters(torch.float32, shapes)

    def same_gradients(params, generator):
        for p in params:
            p.grad = torch.randn(p.shape, generator=generator, dtype=torch.float32).to(p.dtype)

    run(theirs, settings | {"foreach": False}, truth, set_gradients=same_gradients)
    run(theirs, settings | {"foreach": False}, expected, set_gradients=same_gradients)
    run(ours, settings, found, set_gradients=same_gradients)
    assert distance(found, truth) <= 1.5 * distance(expected, truth) + 1e-9


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("backend", ["auto", "eager"])
@pytest.mark.parametrize(("name", "settings"), CASES, ids=identify)
def test_low_precision_is_no_worse_than_torch(name, settings, backend, dtype):
    theirs, ours = pair(name)
    shapes = [(50, 40), (100,)]
    truth = [p.detach().double().requires_grad_() for p in parameters(dtype, shapes)]
    expected, found = parameters(dtype, shapes), parameters(dtype, shapes)

    def same_gradients(params, generator):
        for p in params:
            p.grad = torch.randn(p.shape, generator=generator).to(dtype).to(p.dtype)

    run(theirs, settings | {"foreach": False}, truth, 20, set_gradients=same_gradients)
    run(theirs, settings | {"foreach": False}, expected, 20, set_gradients=same_gradients)
    run(ours, settings, found, 20, backend, same_gradients)
    theirs_from_truth = distance(expected, truth)
    if math.isnan(theirs_from_truth):  # torch loses eps in float16 and divides by zero
        theirs_from_truth = 0.01
    # 1.2: where the two round is not the same, so their errors are two draws from one distribution
    assert distance(found, truth) <= 1.2 * theirs_from_truth + 1e-6


SWITCHES = [
    (name, {switch: value})
    for name in sorted({name for name, _ in CASES})
    for switch, value in [("foreach", True), ("fused", True), ("fused", False), ("capturable", True)]
    if switch in optim.OPTIMIZERS[name].signature.parameters
]


@pytest.mark.parametrize(("name", "switch"), SWITCHES, ids=identify)
def test_switches_choose_an_implementation_and_never_the_result(name, switch):
    theirs, ours = pair(name)
    expected, found = parameters(), parameters()
    run(theirs, {"foreach": False}, expected)
    run(ours, switch, found)
    assert distance(found, expected) <= 1e-12


LAYOUTS = {
    "transposed": lambda: torch.randn(6, 9, dtype=torch.float64).t(),
    "channels_last": lambda: torch.randn(2, 3, 4, 5, dtype=torch.float64).to(
        memory_format=torch.channels_last
    ),
    "gapped": lambda: torch.randn(6, 18, dtype=torch.float64)[:, ::2],
    "expanded_size_one": lambda: torch.randn(4, 1, 3, dtype=torch.float64).permute(1, 2, 0),
    "empty": lambda: torch.randn(0, 3, dtype=torch.float64),
    "scalar": lambda: torch.randn((), dtype=torch.float64),
}


@pytest.mark.parametrize("gradient", ["like", "contiguous", "gapped"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["SGD", "Adam", "Rprop", "ASGD"])
def test_layouts(name, layout, gradient):
    torch.manual_seed(0)
    start = LAYOUTS[layout]()

    def gradients(params, generator):
        for p in params:
            g = torch.randn(p.shape, generator=generator, dtype=p.dtype)
            if gradient == "like":
                g = torch.empty_like(p).copy_(g)
            elif gradient == "gapped":
                g = torch.stack([g, g], -1)[..., 0]
            p.grad = g

    theirs, ours = pair(name)
    expected = [torch.nn.Parameter(start.clone(memory_format=torch.contiguous_format))]
    found = [torch.nn.Parameter(start)]
    settings = {"momentum": 0.9} if name == "SGD" else {}
    run(theirs, settings | {"foreach": False}, expected, 20, set_gradients=gradients)
    run(ours, settings, found, 20, set_gradients=gradients)
    torch.testing.assert_close(found[0], expected[0], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Adagrad", "ASGD"])
def test_gradients_that_come_late_or_not_at_all(name):
    def some_gradients(params, generator):
        for number, p in enumerate(params):
            g = torch.randn(p.shape, generator=generator, dtype=torch.float64)
            calls = int(g.sum() * 1e6) % 2
            p.grad = None if number == 0 or (number == 1 and calls) else g

    theirs, ours = pair(name)
    expected, found = parameters(), parameters()
    run(theirs, {"foreach": False, "lr": 0.01}, expected, 40, set_gradients=some_gradients)
    optimizer = run(ours, {"lr": 0.01}, found, 40, set_gradients=some_gradients)
    assert distance(found, expected) <= 1e-12
    assert found[0] not in optimizer.state or name == "Adagrad"


def test_several_dtypes_in_one_group():
    dtypes = [torch.float32, torch.float64, torch.bfloat16, torch.float16]
    found = [p for dtype in dtypes for p in parameters(dtype, [(5, 3)])]
    alone = [p for dtype in dtypes for p in parameters(dtype, [(5, 3)])]

    def gradients(params, generator):
        for number, p in enumerate(params):
            p.grad = torch.full_like(p, 0.1 * (number + 1)) if len(params) > 1 else p.grad

    run(optim.Adam, {}, found, 10, set_gradients=gradients)
    for number, p in enumerate(alone):

        def one(params, generator, number=number):
            params[0].grad = torch.full_like(params[0], 0.1 * (number % 4 + 1))

        run(optim.Adam, {}, [p], 10, set_gradients=one)
        torch.testing.assert_close(found[number], p, rtol=0, atol=0)


@pytest.mark.parametrize(("name", "settings"), CASES, ids=identify)
def test_complex_parameters_equal_torch(name, settings):
    torch.manual_seed(0)
    start = torch.randn(4, 3, dtype=torch.complex128)
    expected, found = ([torch.nn.Parameter(start.clone())] for _ in range(2))

    def gradients(params, generator):
        for p in params:
            p.grad = torch.randn(p.shape, generator=generator, dtype=torch.complex128)

    theirs, ours = pair(name)
    run(theirs, settings | {"foreach": False}, expected, 30, set_gradients=gradients)
    run(ours, settings, found, 30, set_gradients=gradients)
    torch.testing.assert_close(found[0], expected[0], rtol=1e-12, atol=1e-14)


def test_large_work_on_threads_equals_the_same_on_one(monkeypatch):
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    large = torch.randn(7_000_001)
    results = []
    for count in (1, 3, 2):
        torch.set_num_threads(count)
        if count == 2:  # as where torch brings another OpenMP runtime
            monkeypatch.setattr(cpu, "_team", lambda: None)
        p = torch.nn.Parameter(large.clone())
        p.grad = torch.sin(large)
        optimizer = optim.Adam([p, torch.nn.Parameter(torch.zeros(3))])
        optimizer.step()
        optimizer.step()
        results.append(p.detach().clone())
    torch.set_num_threads(threads)
    for result in results[1:]:
        torch.testing.assert_close(result, results[0], rtol=0, atol=0)


def test_nan_stays_nan():
    for name in optim.OPTIMIZERS.keys() - {"LBFGS", "RandomSearch", "SparseAdam", "Rprop"}:
        params = parameters(torch.float32, [(17,)])
        params[0].grad = torch.full((17,), torch.nan)
        optim.OPTIMIZERS[name](params).step()
        assert params[0].isnan().all(), name


def test_moving_storage_is_noticed():
    params, twin = parameters(), parameters()
    optimizer, reference = optim.Adam(params), optim.Adam(twin)
    generator, again = torch.Generator().manual_seed(3), torch.Generator().manual_seed(3)
    for step in range(6):
        for p in params:
            p.grad = torch.randn(p.shape, generator=generator, dtype=p.dtype)
        for p in twin:
            p.grad = torch.randn(p.shape, generator=again, dtype=p.dtype)
        if step == 2:
            params[0].data = params[0].data.clone()
        if step == 3:
            optimizer.state[params[1]]["exp_avg"] = optimizer.state[params[1]]["exp_avg"].clone()
        if step == 4:
            optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        optimizer.step()
        reference.step()
    assert distance(params, twin) == 0


CHANGES = {
    "cast": lambda p: p.data.bfloat16(),
    "widened": lambda p: p.data.double(),
    "smaller": lambda p: p.data[:2].clone(),
    "larger": lambda p: torch.cat([p.data, p.data]),
    "transposed": lambda p: p.data.t().contiguous().t(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_parameters_that_are_given_other_data_are_noticed(change):
    p = torch.nn.Parameter(torch.ones(6, 4))
    optimizer = optim.SGD([p], lr=0.5)
    for _ in range(2):
        p.grad = torch.ones_like(p)
        optimizer.step()
    p.grad = None
    p.data = CHANGES[change](p)
    p.grad = torch.ones_like(p)
    optimizer.step()
    torch.testing.assert_close(p.detach(), torch.full_like(p, -0.5).detach())


def test_autograd_notices_a_step():
    p = torch.nn.Parameter(torch.randn(3))
    p.grad = torch.ones(3)
    square = (p * p).sum()
    optim.SGD([p]).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        square.backward()


@pytest.mark.parametrize("name", ["SGD", "Adam", "Adadelta", "Adamax"])
def test_differentiable_steps_pass_gradcheck(name):
    def stepped(p, g):
        copy_of_p = p.clone()
        copy_of_p.grad = g
        optimizer = optim.OPTIMIZERS[name]([copy_of_p], differentiable=True)
        optimizer.step()
        return copy_of_p

    torch.manual_seed(0)
    arguments = [torch.randn(4, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    assert torch.autograd.gradcheck(stepped, arguments)


def test_tensor_learning_rate_equals_a_number():
    found, expected = parameters(), parameters()
    run(optim.Adam, {"lr": torch.tensor(0.01, dtype=torch.float64)}, found, 10)
    run(optim.Adam, {"lr": 0.01}, expected, 10)
    assert distance(found, expected) <= 1e-12


def test_a_backend_must_exist():
    with pytest.raises(ValueError, match="unknown backend 'gpu'"), formula.backend("gpu"):
        pass
