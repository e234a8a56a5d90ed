"""Parameters and gradients as they come: any layout, any dtype, late or never."""

from __future__ import annotations

import pytest
import torch

from tests.optim.configurations import (
    NAMES,
    contiguous,
    distance,
    every_optimizer,
    for_loop,
    gradients_for,
    named,
    pair,
    parameters,
    parameters_of_every_layout,
    run,
    shapes_for,
)

STEPWISE = named(n for n in NAMES if n != "LBFGS")  # which takes all parameters for one vector
LIKE = {
    "like": lambda g, p: torch.empty_like(p).copy_(g),
    "contiguous": lambda g, p: g,
    "gapped": lambda g, p: torch.stack([g, g], -1)[..., 0],
    "other_order": lambda g, p: g.mT.contiguous().mT if g.dim() > 1 else g,
    "negated_view": lambda g, p: torch._neg_view(-g),  # what autograd makes of the imaginary part of conj()
}


@pytest.mark.parametrize("layout", LIKE)
@pytest.mark.parametrize("name", named(n for n in NAMES if n not in ("LBFGS", "SparseAdam")))
def test_gradients_of_any_layout(name, layout):

    def gradients(params, generator):
        gradients_for(name)(params, generator)
        for p in params:
            p.grad = LIKE[layout](p.grad, p)

    theirs, ours = pair(name)
    expected, found = contiguous(parameters_of_every_layout(name)), parameters_of_every_layout(name)
    settings = {"momentum": 0.9} if name == "SGD" else {}
    run(theirs, for_loop(name, settings), expected, 10)
    run(ours, settings, found, 10, set_gradients=gradients)
    assert distance(found, expected) <= 1e-12


@pytest.mark.parametrize("name", STEPWISE)
def test_gradients_that_come_late_or_not_at_all(name):

    def some_gradients(params, generator):
        gradients_for(name)(params, generator)
        late = bool(torch.rand((), generator=generator) < 0.5)
        params[0].grad = None
        params[1].grad = None if late else params[1].grad

    theirs, ours = pair(name)
    expected, found = parameters(shapes=shapes_for(name)), parameters(shapes=shapes_for(name))
    settings = {"momentum": 0.9} if name == "SGD" else {}
    reference = run(theirs, for_loop(name, settings), expected, 30, set_gradients=some_gradients)
    optimizer = run(ours, settings, found, 30, set_gradients=some_gradients)
    assert distance(found, expected) <= 1e-12
    for a, b in zip(found, expected, strict=True):
        assert (a in optimizer.state) == (b in reference.state)


def test_lbfgs_leaves_what_has_no_gradient():
    theirs, ours = pair("LBFGS")
    results = []
    for make in (theirs, ours):
        used, unused = parameters(shapes=[(4,), (3,)])
        optimizer = make([used, unused])

        def closure(optimizer=optimizer, used=used):
            optimizer.zero_grad()
            loss = ((used - 1) ** 4).sum()
            loss.backward()
            return loss

        for _ in range(3):
            optimizer.step(closure)
        results.append([used, unused])
    assert distance(*results) <= 1e-8


@every_optimizer
def test_parameters_that_require_no_gradient_stay(name):
    theirs, ours = pair(name)
    results = []
    for make, settings in ((theirs, for_loop(name, {})), (ours, {})):
        params = parameters(shapes=shapes_for(name))
        frozen = params[1].requires_grad_(False)
        before = frozen.detach().clone()

        def gradients(params, generator, frozen=frozen):
            gradients_for(name)(params, generator)
            frozen.grad = None

        run(make, settings, params, 10, set_gradients=None if name == "LBFGS" else gradients)
        assert torch.equal(frozen, before)
        results.append(params)
    assert distance(*results) <= 1e-8


@pytest.mark.parametrize("name", STEPWISE)
def test_each_dtype_of_a_group_is_trained_as_it_is_alone(name):
    _, ours = pair(name)
    dtypes = [torch.float32, torch.float64, torch.bfloat16, torch.float16]
    together = [p for dtype in dtypes for p in parameters(dtype, [(5, 3)])]
    alone = [p for dtype in dtypes for p in parameters(dtype, [(5, 3)])]

    def gradients(params, generator):
        for p in params:
            gradients_for(name)([p], torch.Generator().manual_seed(5))

    run(ours, {}, together, 10, set_gradients=gradients)
    for p, q in zip(together, alone, strict=True):
        run(ours, {}, [q], 10, set_gradients=gradients)
        assert torch.equal(p, q)


def test_adafactor_leaves_what_has_no_elements():
    (p,) = parameters(shapes=[(0, 3)])  # torch divides by zero
    run(pair("Adafactor")[1], {}, [p], 2)
    assert p.shape == (0, 3)
