"""Rules of whole matrices: what is changed in place is kept like what is computed anew."""

from __future__ import annotations

import pytest
import torch

from surefoot import formula as f


def rule(update):
    body = {
        "update": staticmethod(update),
        "lr": f.learning_rate(0.1, None),
        "slots": (f.StateSlot("average"),),
        "__doc__": "A rule of whole matrices.",
    }
    return type("Rule", (f.MatrixOptimizer,), body)


def in_place(p, g, s, h):
    s.average = f.lerp_(s.average, g, 0.25)
    return f.add_(p.mul_(0.5), s.average, -h.lr)


def anew(p, g, s, h):
    s.average = f.lerp(s.average, g, 0.25)
    return f.add(p * 0.5, s.average, -h.lr)


def trained(update, dtype, lr, gradient_dtype=None, steps=3):
    generator = torch.Generator().manual_seed(0)
    shapes = [(3, 4), (3, 4), (2, 5)]  # two of them are stepped as a stack
    params = [torch.nn.Parameter(torch.randn(shape, generator=generator).to(dtype)) for shape in shapes]
    for p in params:
        p.grad_dtype = gradient_dtype or dtype
    optimizer = rule(update)(params, lr=lr)
    for _ in range(steps):
        for p in params:
            p.grad = torch.randn(p.shape, generator=generator).to(gradient_dtype or dtype)
        optimizer.step()
    return [t.detach().clone() for p in params for t in (p, optimizer.state[p]["average"])]


@pytest.mark.parametrize("lr", [0.1, torch.tensor(0.1)], ids=["a number", "a tensor"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_what_is_changed_in_place_is_kept(dtype, lr):
    ours, expected = (trained(update, dtype, lr) for update in (in_place, anew))
    torch.testing.assert_close(ours, expected, rtol=0, atol=0)


def test_in_place_where_the_gradient_has_another_type():
    ours, expected = (trained(update, torch.float32, 0.1, torch.float64) for update in (in_place, anew))
    torch.testing.assert_close(ours, expected, rtol=0, atol=0)


def test_a_step_in_place_is_seen_by_autograd():
    p = torch.nn.Parameter(torch.randn(2, 3))
    loss = (p * p).sum()
    p.grad = torch.ones_like(p)
    rule(in_place)([p]).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
