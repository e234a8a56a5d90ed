"""Both backends compute the same thing, on random formulas and on every float there is."""

from __future__ import annotations

import math
import operator

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from surefoot import formula as f
from surefoot.formula import cpu, eager
from surefoot.formula.launch import KernelBatch, Launcher, Row, Tensors
from surefoot.formula.names import Settings, State
from surefoot.formula.numbers import specialise

BINARY = [operator.add, operator.sub, operator.mul, f.maximum, f.minimum]
UNARY = [operator.neg, abs, f.sign, lambda x: f.sqrt(abs(x)), lambda x: x**2, lambda x: 1 / (abs(x) + 1)]


@st.composite
def expressions(draw, depth=4):
    """A random formula as a function of a dictionary of leaves."""
    kind = draw(st.sampled_from(["leaf", "unary", "binary", "where"])) if depth else "leaf"
    if kind == "leaf":
        name = draw(st.sampled_from(["p", "g", "m", "lr", "beta", "step", "number"]))
        number = draw(st.floats(-2, 2, width=16))
        return lambda leaves: number if name == "number" else leaves[name]
    parts = [draw(expressions(depth - 1)) for _ in range({"unary": 1, "binary": 2, "where": 4}[kind])]
    if kind == "unary":
        function = draw(st.sampled_from(UNARY))
        return lambda leaves: function(parts[0](leaves))
    if kind == "binary":
        function = draw(st.sampled_from(BINARY))
        return lambda leaves: function(parts[0](leaves), parts[1](leaves))
    return lambda leaves: f.where(parts[0](leaves) > parts[1](leaves), parts[2](leaves), parts[3](leaves))


SLOTS = (f.STEP, f.StateSlot("m"))


def launch(variant, p, state, names, numbers):
    """One step of a parameter by a kernel; its gradient and state are already there."""
    row = Row(0, 0, p, p.grad, tuple(state[name] for name in names))
    launcher = Launcher([KernelBatch(cpu.kernel_for(variant), [row])], set(), [])
    assert launcher.launch(Tensors([p], [p.grad], {p: state}), [numbers])


def run_both(update, dtype, p, g, m, nudge=1.0):
    values = {"lr": 0.3 * nudge, "beta": 0.9 / nudge, "nesterov": True}
    results = []
    for backend in ("eager", "cpu"):
        parameter, gradient = p.to(dtype).clone(), g.to(dtype)
        state = {"step": torch.tensor(4.0), "m": m.to(dtype).clone()}
        if backend == "eager":
            eager.step(update, SLOTS, parameter, gradient, state, values)
        else:
            parameter.grad = gradient
            pattern, numbers = specialise(values, values)
            variant = cpu.Variant(update, SLOTS, pattern, cpu.DTYPES[dtype], (), (), ("float32",), False)
            launch(variant, parameter, state, ("m", "step"), numbers)
        results.append((parameter.double(), state["m"].double(), state["step"]))
    return results


def jumps(update, dtype, p, g, m, tolerance):
    """Whether settings that differ by a rounding alone change most elements of the eager result."""
    here = run_both(update, dtype, p, g, m)[0]
    for nudge in (1 - tolerance / 4, 1 + tolerance / 4):
        there = run_both(update, dtype, p, g, m, nudge)[0]
        for a, b in zip(here[:2], there[:2], strict=True):
            near = torch.isclose(a, b, rtol=10 * tolerance, atol=10 * tolerance, equal_nan=True)
            if near.double().mean() < 0.9:
                return True
    return False


@pytest.mark.parametrize("dtype", list(cpu.DTYPES), ids=str)
# The same formulas each time: where a comparison of scalars lies on its edge, one rounding changes every
# element, so that one formula in many thousands differs and is no defect.
@settings(max_examples=25, deadline=None, derandomize=True)
@given(new_p=expressions(), new_m=expressions(), seed=st.integers(0, 2**31))
def test_backends_agree_on_random_formulas(dtype, new_p, new_m, seed):
    def update(p, g, s, h):
        leaves = {"p": p, "g": g, "m": s.m, "step": s.step, "lr": h.lr, "beta": h.beta}
        s.m = new_m(leaves) + 0 * g
        return new_p(leaves) + 0 * p

    generator = torch.Generator().manual_seed(seed)
    p, g, m = (torch.randn(37, generator=generator).to(dtype).double() for _ in range(3))
    (p1, m1, step1), (p2, m2, step2) = run_both(update, dtype, p, g, m)
    # A fused multiply-add rounds once where eager rounds twice; near a comparison's edge that can
    # choose the other branch, so a rare element may differ by more.
    tolerance = {torch.float64: 1e-11, torch.float32: 1e-4}.get(dtype, 2e-2)
    for a, b in ((p1, p2), (m1, m2)):
        near = torch.isclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
        if near.double().mean() < 0.9:
            # The formulas vary with the modules that Hypothesis sees, and some compare scalars on the edge.
            assume(not jumps(update, dtype, p, g, m, tolerance))
        assert near.double().mean() >= 0.9, (a[~near], b[~near])
    assert step1 == step2 == 5


@st.composite
def formulas_with_means(draw):
    """A random formula of elements, and of means over rows, columns, matrices and the whole parameter."""
    first, second, third = (draw(expressions(2)) for _ in range(3))
    over_rows, over_columns, whole = (draw(st.booleans()) for _ in range(3))

    def update(p, g, s, h):
        leaves = {"p": p, "g": g, "m": s.m, "step": s.step, "lr": h.lr, "beta": h.beta}
        value = first(leaves) + 0 * p
        s.row = s.row + h.lr * (f.mean(value * value, -1) - s.row)
        s.column = 0.5 * s.column + f.mean(abs(value), -2)
        factor = s.row / (1 + f.mean(abs(s.row), -2)) if over_rows else s.row * 2
        factor = factor * (s.column if over_columns else f.mean(s.column, -1))
        changed = second(leaves) * factor + p
        s.m = third(leaves) + 0 * p
        return changed / (1 + f.root_mean_square(changed)) if whole else changed

    return update


LINE_SLOTS = (f.STEP, f.StateSlot("m"), f.StateSlot("row", over=-1), f.StateSlot("column", over=-2))
MATRICES = [(5, 7), (3, 4, 3, 3), (2, 5, 1, 1), (2, 3, 6, 9), (1200, 500)]


@pytest.mark.parametrize("shape", MATRICES, ids=str)
@settings(max_examples=12, deadline=None)
@given(update=formulas_with_means(), seed=st.integers(0, 2**31))
def test_backends_agree_on_means(shape, update, seed):
    generator = torch.Generator().manual_seed(seed)
    values = {"lr": 0.3, "beta": 0.9}
    results = []
    for backend in ("eager", "cpu"):
        generator.manual_seed(seed)
        p, g, m = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(3))
        row, column = torch.rand((*shape[:-1], 1)).double() * 0 + 0.5, torch.ones((*shape[:-2], 1, shape[-1]))
        state = {"step": torch.tensor(4.0), "m": m, "row": row, "column": column.double()}
        if backend == "eager":
            eager.step(update, LINE_SLOTS, p, g, state, values)
        else:
            p.grad = g
            pattern, numbers = specialise(values, values)
            variant = cpu.Variant(
                update, LINE_SLOTS, pattern, "float64", (), (), ("float32",), False, cpu.small_matrix(p)
            )
            launch(variant, p, state, ("m", "row", "column", "step"), numbers)
        results.append((p, *state.values()))
    for a, b in zip(*results, strict=True):
        near = torch.isclose(a, b, rtol=1e-9, atol=1e-9, equal_nan=True)
        assert near.double().mean() >= 0.9


def test_a_mean_that_the_language_lacks_is_refused():
    with pytest.raises(f.FormulaError, match="the mean over -2 of a value that has one number per column"):

        class Twice(f.Optimizer):
            """Means a column's mean again."""

            @staticmethod
            def update(p, g, s, h):
                return p - f.mean(f.mean(g, -2), -2)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_every_low_precision_number_is_read_and_rounded_as_torch_does(dtype):
    every = torch.arange(2**16, dtype=torch.int32).to(torch.int16).view(dtype)

    def update(p, g, s, h):
        s.m = p
        return p + g

    gradient = torch.full((2**16,), 2.0**-9, dtype=dtype)
    expected = (every.float() + gradient.float()).to(dtype)
    parameter, m = every.clone(), torch.zeros_like(every)
    parameter.grad = gradient
    state = {"step": torch.tensor(0.0), "m": m}
    variant = cpu.Variant(update, SLOTS, (), cpu.DTYPES[dtype], (), (), ("float32",), False)
    launch(variant, parameter, state, ("m", "step"), [])
    torch.testing.assert_close(parameter, expected, rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(m, every, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0])
def test_special_values_pass_through_comparisons_alike(value):
    def update(p, g, s, h):
        s.m = f.maximum(p, g) + f.minimum(p, 1.0)
        return f.where(p < g, f.sign(p), f.where(p == p, p, 5.0))

    p, g, m = torch.full((9,), value).double(), torch.ones(9).double(), torch.zeros(9).double()
    (p1, m1, _), (p2, m2, _) = run_both(update, torch.float64, p, g, m)
    torch.testing.assert_close(p1, p2, rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(m1, m2, rtol=0, atol=0, equal_nan=True)


def test_one_kernel_is_compiled_per_formula_flags_and_dtype():
    def update(p, g, s, h):
        return p - h.lr * g if h.nesterov else p

    def kernel(lr, nesterov, dtype, tested=()):
        pattern, _ = specialise({"lr": lr, "nesterov": nesterov}, tested)
        return cpu.kernel_for(cpu.Variant(update, (), pattern, dtype, (), (), (), False))[0]

    first = kernel(0.1, True, "float32")
    assert kernel(0.2, True, "float32") is first
    assert kernel(0.1, False, "float32") is not first
    assert kernel(0.1, True, "float64") is not first
    assert kernel(0, True, "float32") is first
    assert kernel(0, True, "float32", ("lr",)) is not first


def test_names_are_those_of_the_state():
    with pytest.raises(AttributeError, match="declared are: m"):
        State({"m": 1}).n  # noqa: B018
    with pytest.raises(AttributeError, match="not declared"):
        Settings({"lr": 1}).lr2 = 3
