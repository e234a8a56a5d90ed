"""The two optimizers that need a closure: LBFGS and RandomSearch."""

from __future__ import annotations

import copy
import io
import itertools
import math
import pickle

import pytest
import torch

from surefoot import optim
from surefoot.formula.history import History
from surefoot.formula.line_search import Trial, strong_wolfe
from tests.optim.configurations import distance


def regression(make, settings, steps=12):
    torch.manual_seed(0)
    layers = [torch.nn.Linear(5, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)]
    model = torch.nn.Sequential(*layers).double()
    x = torch.randn(64, 5, dtype=torch.float64)
    y = torch.sin(x.sum(1, keepdim=True))
    optimizer, losses = make(model.parameters(), **settings), []

    def closure():
        optimizer.zero_grad()
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()
        losses.append(loss.item())
        return loss

    for _ in range(steps):
        optimizer.step(closure)
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()]), losses


@pytest.mark.parametrize(
    "settings",
    [
        {}, {"lr": 0.3}, {"history_size": 3}, {"max_eval": 3}, {"tolerance_grad": 0.1},
        {"tolerance_change": 1e-3},
        {"line_search_fn": "strong_wolfe"}, {"line_search_fn": "strong_wolfe", "lr": 5.0},
        {"line_search_fn": "strong_wolfe", "lr": 0.01}, {"line_search_fn": "strong_wolfe", "max_eval": 3},
        {"line_search_fn": "strong_wolfe", "history_size": 2},
    ],
    ids=str,
)  # fmt: skip
def test_lbfgs_equals_torch(settings):
    expected, their_losses = regression(torch.optim.LBFGS, {"max_iter": 4} | settings)
    found, losses = regression(optim.LBFGS, {"max_iter": 4} | settings)
    assert float((found - expected).norm() / expected.norm()) <= 1e-8
    assert len(losses) == len(their_losses)


def least_squares(make, params, **settings):
    """An optimizer and its closure, for an ill-conditioned loss with curvature everywhere; losses by call."""
    optimizer, losses = make(params, **settings), []

    def closure():
        optimizer.zero_grad()
        flat = torch.cat([(torch.view_as_real(p) if p.is_complex() else p).reshape(-1) for p in params])
        scale = torch.logspace(-2, 1, len(flat), dtype=flat.dtype)
        off = flat - torch.linspace(-1, 1, len(flat), dtype=flat.dtype)
        loss = (scale * off**2).sum() + 0.1 * (off**4).sum()
        loss.backward()
        losses.append(loss.item())
        return loss

    return optimizer, closure, losses


def start(*shapes, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.randn(s, generator=generator, dtype=dtype)) for s in shapes]


def follow(make, params, steps=8, **settings):
    optimizer, closure, losses = least_squares(make, params, **settings)
    for _ in range(steps):
        optimizer.step(closure)
    return optimizer, losses


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
@pytest.mark.parametrize("history", [1, 7, 20, 45, 100])
def test_lbfgs_equals_torch_when_the_history_fills_and_turns_over(history, search):
    settings = {"max_iter": 7, "history_size": history, "line_search_fn": search, "lr": 0.5,
                "tolerance_grad": 0, "tolerance_change": 0}  # fmt: skip
    expected, found = start((40,), (5, 8)), start((40,), (5, 8))
    _, their_losses = follow(torch.optim.LBFGS, expected, **settings)
    optimizer, losses = follow(optim.LBFGS, found, **settings)
    assert len(losses) == len(their_losses)
    # 1e-6: such a trajectory amplifies rounding errors; torch's own, started 1e-15 away, ends 1e-7 away
    assert distance(found, expected) <= 1e-6
    assert len(optimizer.state[found[0]]["old_dirs"]) == min(history, optimizer.state[found[0]]["n_iter"] - 1)


@pytest.mark.parametrize("kind", ["complex", "float32", "tensor lr", "no gradient", "sparse"])
def test_lbfgs_takes_what_torch_takes(kind):
    def run(make):
        dtype = {"complex": torch.complex128, "float32": torch.float32}.get(kind, torch.float64)
        settings = {"lr": torch.tensor(0.5)} if kind == "tensor lr" else {}
        params = start((4, 5), (6,), dtype=dtype)
        optimizer, closure, _ = least_squares(make, params, max_iter=5, **settings)

        def changed():
            loss = closure()
            if kind == "no gradient":
                params[1].grad = None
            if kind == "sparse":
                params[0].grad = params[0].grad.to_sparse(1)
            return loss

        for _ in range(3):
            optimizer.step(changed)
        return params

    exact = {"rtol": 1e-4, "atol": 1e-5} if kind == "float32" else {"rtol": 1e-8, "atol": 1e-10}
    for a, b in zip(run(optim.LBFGS), run(torch.optim.LBFGS), strict=True):
        torch.testing.assert_close(a, b, **exact)


def test_lbfgs_takes_layouts_that_torch_refuses():
    plain, transposed = start((4, 5)), start((4, 5))
    transposed[0].data = transposed[0].data.t().contiguous().t()
    for params in (plain, transposed):
        follow(optim.LBFGS, params, 3)
    torch.testing.assert_close(transposed[0], plain[0], rtol=1e-12, atol=1e-14)


LOW = [(torch.bfloat16, None), (torch.bfloat16, "strong_wolfe"), (torch.float16, None), (torch.float32, None)]


@pytest.mark.parametrize(("dtype", "search"), LOW, ids=str)
def test_lbfgs_makes_progress_in_low_precision(dtype, search):
    params = start((30,), dtype=dtype)
    _, losses = follow(optim.LBFGS, params, 3, lr=0.5, line_search_fn=search)
    assert min(losses) < 0.2 * losses[0]


def test_lbfgs_reads_the_change_of_products_only_where_it_is_well_known():
    torch.manual_seed(0)
    steps, changes = torch.randn(5, 50), torch.randn(5, 50)
    for nearness in (1.0, 1e-3, 1e-6):
        exact = History(4, list(steps[:4].double()), list(changes[:4].double()), [], None)
        rounded = History(4, list(steps[:4]), list(changes[:4]), [], None)
        before, change = torch.randn(50), torch.randn(50) * nearness
        for history, dtype in ((exact, torch.float64), (rounded, torch.float32)):
            history.direction(before.to(dtype), 1.0)
            history.append(steps[4].to(dtype), change.to(dtype))
            history.direction((before + change).to(dtype), 1.0)
        scale = change.norm() * steps.norm(dim=1).max()
        assert float((exact._r - rounded._r)[:, -1].abs().max()) <= 1e-5 * scale
        products = torch.stack(exact.s.rows) @ torch.stack(exact.y.rows).t()
        torch.testing.assert_close(exact._r[:, :-1], products.triu()[:, :-1])


def test_lbfgs_checkpoints_move_between_torch_and_ours():
    def train(classes, search, history):
        params = start((30,), (3, 4))
        state = None
        for make in classes:
            settings = {"max_iter": 8, "line_search_fn": search, "history_size": history, "lr": 0.5}
            optimizer, closure, _ = least_squares(make, params, **settings)
            if state is not None:
                optimizer.load_state_dict(state)
                assert optimizer.state_dict()["state"][0].keys() == state["state"][0].keys()
            optimizer.step(closure)
            state = copy.deepcopy(optimizer.state_dict())
        return torch.cat([p.detach().reshape(-1) for p in params])

    theirs, ours = torch.optim.LBFGS, optim.LBFGS
    for search in (None, "strong_wolfe"):
        for history in (5, 100):
            expected = train([theirs] * 4, search, history)
            for classes in ([theirs, ours, theirs, ours], [ours, theirs, ours, theirs], [ours] * 4):
                found = train(classes, search, history)
                torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copies_of_lbfgs_share_no_history(duplicate):
    params = start((12,))
    optimizer, closure, _ = least_squares(optim.LBFGS, params, max_iter=4, history_size=3)
    for _ in range(2):
        optimizer.step(closure)
    twin = duplicate(optimizer)
    twin_params = twin.param_groups[0]["params"]
    rows = [row.clone() for row in twin.state[twin_params[0]]["old_dirs"]]
    optimizer.step(closure)
    torch.testing.assert_close(twin.state[twin_params[0]]["old_dirs"], rows, rtol=0, atol=0)
    other, twin_closure, _ = least_squares(optim.LBFGS, twin_params, max_iter=4, history_size=3)
    other.load_state_dict(twin.state_dict())
    other.step(twin_closure)
    torch.testing.assert_close(twin_params[0], params[0], rtol=0, atol=0)


@pytest.mark.parametrize("history", [4, 27, 100])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_lbfgs_resumes_from_a_file_to_the_last_bit(dtype, history):
    settings = {"max_iter": 9, "history_size": history, "tolerance_grad": 0, "tolerance_change": 0}
    straight, resumed = start((50,), dtype=dtype), start((50,), dtype=dtype)
    follow(optim.LBFGS, straight, 8, **settings)
    state_dict = None
    for steps in (1, 2, 1, 4):
        optimizer, closure, _ = least_squares(optim.LBFGS, resumed, **settings)
        if state_dict:
            optimizer.load_state_dict(torch.load(state_dict, weights_only=True))
        for _ in range(steps):
            optimizer.step(closure)
        state_dict = io.BytesIO()
        torch.save(optimizer.state_dict(), state_dict)
        state_dict.seek(0)
    assert torch.equal(resumed[0], straight[0])


def test_lbfgs_notices_another_history_size():
    params = start((12,))
    optimizer, closure, _ = least_squares(optim.LBFGS, params, max_iter=8, tolerance_change=0)
    optimizer.step(closure)
    optimizer.param_groups[0]["history_size"] = 3
    optimizer.step(closure)
    state = optimizer.state[params[0]]
    assert [len(state[name]) for name in ("old_dirs", "old_stps", "ro")] == [3, 3, 3]


def failing(closure, losses, when, value):
    """A closure whose evaluations from `when` on end in a loss or a gradient that is not finite."""

    def evaluate():
        loss = closure()
        if len(losses) in when:
            if value == "gradient":
                for group in [g for g in evaluate.params if g.grad is not None]:
                    group.grad.fill_(math.nan)
            else:
                return loss * value
        return loss

    return evaluate


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
@pytest.mark.parametrize("value", [math.nan, math.inf, "gradient"], ids=str)
@pytest.mark.parametrize("first", [1, 2, 5])
def test_lbfgs_takes_back_a_step_to_where_nothing_is_finite(first, value, search):
    expected, found = start((20,)), start((20,))
    settings = {"line_search_fn": search, "lr": 0.5, "tolerance_change": 0}
    reference, closure, losses = least_squares(optim.LBFGS, expected, **settings, max_iter=max(1, first - 1))
    visited = [expected[0].detach().clone()]

    def noted():
        visited.append(expected[0].detach().clone())
        return closure()

    reference.step(noted)
    optimizer, closure, losses = least_squares(optim.LBFGS, found, **settings)
    bad = failing(closure, losses, range(first, 1000), value)
    bad.params = found
    with pytest.warns(UserWarning, match="no step was taken") as caught:
        optimizer.step(bad)
    assert caught[0].filename == __file__
    if search is None:
        last_good = visited[max(1, first - 1)]
        torch.testing.assert_close(found[0].detach(), last_good, rtol=0, atol=0)
    assert found[0].isfinite().all()
    for _ in range(30):  # a passing trouble, as that of one batch, spoils nothing
        optimizer.step(closure)
    assert losses[-1] < 1e-3 * losses[0]


def test_lbfgs_warns_and_does_not_step_on_nan():
    p = torch.nn.Parameter(torch.ones(3))
    optimizer = optim.LBFGS([p])

    def closure():
        p.grad = torch.full((3,), math.nan)
        return torch.tensor(math.nan)

    with pytest.warns(UserWarning, match="no step was taken"):
        optimizer.step(closure)
    torch.testing.assert_close(p.detach(), torch.ones(3))


def test_lbfgs_counts_evaluations_as_torch_does():
    for settings in (
        {"max_eval": 1},
        {"max_eval": 5},
        {"max_iter": 1},
        {"max_eval": 6, "line_search_fn": "strong_wolfe"},
    ):
        counts = []
        for make in (torch.optim.LBFGS, optim.LBFGS):
            params = start((20,))
            optimizer, losses = follow(make, params, 4, **settings)
            state = optimizer.state[params[0]]
            counts.append((len(losses), state["func_evals"], state["n_iter"]))
        assert counts[0] == counts[1]


def test_lbfgs_refuses_groups_and_other_line_searches():
    groups = [{"params": [torch.zeros(1)]}, {"params": [torch.zeros(1)]}]
    with pytest.raises(ValueError, match="doesn't support per-parameter options"):
        optim.LBFGS(groups)
    with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
        optim.LBFGS([torch.zeros(1)], line_search_fn="armijo").step(lambda: torch.tensor(0.0))


@pytest.mark.parametrize("first", [1e-3, 0.1, 1.0, 10.0, 100.0])
def test_the_line_search_ends_on_a_point_that_satisfies_the_wolfe_conditions(first):
    def evaluate(t):
        return Trial(t, (t - 2) ** 4 + (t - 2) ** 2, torch.zeros(1), 4 * (t - 2) ** 3 + 2 * (t - 2))

    origin = evaluate(0.0)
    found, evaluations = strong_wolfe(evaluate, origin, first, direction_size=1.0, tolerance=1e-9, limit=25)
    assert found.loss <= origin.loss + 1e-4 * found.step * origin.slope
    assert abs(found.slope) <= 0.9 * abs(origin.slope)
    assert evaluations <= 26


def test_random_search_never_gets_worse_and_finds_w_and_b():
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 50)
    y = 3 * x + 1
    w, b = torch.nn.Parameter(torch.zeros(())), torch.nn.Parameter(torch.zeros(()))
    optimizer, losses = optim.RandomSearch([w, b], scale=0.1), []

    def closure():
        return ((w * x + b - y) ** 2).mean()

    losses += [float(optimizer.step(closure).detach()) for _ in range(400)]
    assert all(after <= before for before, after in itertools.pairwise(losses))
    assert w.item() == pytest.approx(3, abs=0.1)
    assert b.item() == pytest.approx(1, abs=0.1)


def test_random_search_needs_a_closure_and_a_positive_scale():
    with pytest.raises(TypeError):
        optim.RandomSearch([torch.zeros(1)]).step()
    with pytest.raises(ValueError, match="Invalid scale: 0"):
        optim.RandomSearch([torch.zeros(1)], scale=0)
