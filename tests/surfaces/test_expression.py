"""A formula is read by a whitelist: what it gives is exact, and a mistake is named in one line."""

from __future__ import annotations

import math
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from surefoot.surfaces.expression import DEEPEST, FUNCTIONS, LONGEST, ExpressionError, parse

untimed = settings(deadline=None)

X = torch.tensor([0.3, -1.7, 2.0, 0.0, 1e-3, 5.5], dtype=torch.float64)
Y = torch.tensor([1.1, 0.4, -2.5, 0.0, 7.0, -1e-2], dtype=torch.float64)


def as_python(python, x, y):
    """What a user gets who pastes the text."""
    return eval(python, {"torch": torch, "math": math, "x": x, "y": y})


def same(one, other):
    """Equal bit for bit, nan and the sign of zero too."""
    return torch.equal(one.view(torch.int64), other.broadcast_to(one.shape).contiguous().view(torch.int64))


def numbers():
    written = st.sampled_from(["0", "1", "2", "3", "10", "0.5", "1.25", "007", ".5", "3.", "1e3", "2.5e-3"])
    return written | st.integers(0, 10**20).map(str)


def formulas():
    """Texts in the language of formulas, most of them valid."""
    leaf = st.sampled_from(["x", "y", "pi", "e", "π"]) | numbers()

    def larger(inner):
        return st.one_of(
            st.tuples(inner, st.sampled_from(["+", " - ", "*", "/", " · ", "−"]), inner).map("".join),
            st.tuples(inner, st.sampled_from(["^", "**"]), st.sampled_from(["2", "3", "0.5", "-1"])).map(
                lambda parts: f"({parts[0]}){parts[1]}{parts[2]}"
            ),
            inner.map(lambda text: f"({text})²"),
            inner.map(lambda text: f"-({text})"),
            inner.map(lambda text: f"- {text}"),
            inner.map(lambda text: f"({text})"),
            st.tuples(numbers(), inner).map(lambda parts: f"{parts[0]}({parts[1]})"),
            st.tuples(st.sampled_from(sorted(FUNCTIONS)), inner).map(lambda parts: f"{parts[0]}({parts[1]})"),
        )

    return st.recursive(leaf, larger, max_leaves=12)


def parsed(text):
    try:
        return parse(text)
    except ExpressionError:
        return None


ROOT = torch.tensor(2.0, dtype=torch.float64).sqrt().item()
"""Of which torch gives the last bit differently on different processors."""


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("x^2 + 10 y^2", "x**2 + 10*y**2"),
        ("2(x+y)", "2*(x + y)"),
        ("2 x − 3 · y × π", "2*x - 3*y*math.pi"),
        ("x²y", None),
        ("x² * y", "x**2*y"),
        ("x²³", "x**23"),
        ("1e5x", "100000.0*x"),
        ("2e-x", "2*math.e - x"),
        ("1/2x", "1/2*x"),
        ("x - (y - 1)", "x - (y - 1)"),
        ("(x - y) - 1", "x - y - 1"),
        ("x/(y/2)", "x/(y/2)"),
        ("(-x)^2", "(-x)**2"),
        ("-x^2", "-x**2"),
        ("(x^2)^3", "(x**2)**3"),
        ("x^2^3", "x**2**3"),
        ("x^-1", "x**-1"),
        ("+x", "x"),
        ("ln(x) + atan(y)", "torch.log(x) + torch.arctan(y)"),
        ("sin(cos(x))", "torch.sin(torch.cos(x))"),
        ("cos(y/sqrt(2))", f"torch.cos(y/{ROOT!r})"),
        ("10^30*x", "1e+30*x"),
        ("-0*x", "-0.0*x"),
    ],
)
def test_the_same_formula_in_python(text, python):
    assert parse(text).python == (python or "x**2*y")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x y", "between x and y; write x*y"),
        ("2 pi x", "write pi*x"),
        ("2 3x", "write 2*3"),
        ("x(y)", "write x*(…)"),
        ("(x+1)(y+1)", "write (…)*(…)"),
        ("(x)2", "write (…)*2"),
        ("xy", "'xy'; write x*y"),
        ("pix", "write pi*x"),
        ("x2", "write x*2 or x^2"),
        ("sin x", "needs brackets around what sin is taken of"),
        ("x + sin", "needs brackets around what sin is taken of"),
        ("sin(x, y)", "must give sin one argument at 'sin(x, y)'"),
        ("sin()", "must give sin one argument at 'sin()'"),
        ("sin(*x)", "must give sin one argument"),
        ("sin(**x)", "must give sin one argument"),
        ("x, y", "may not be put together like this at 'x, y'"),
        ("()", "may not be put together like this"),
        ("sine(x)", "holds 'sine'; did you mean 'sin'?"),
        ("X + y", "did you mean 'x'?"),
        ("squrt(x)", "did you mean 'sqrt'?"),
        ("x +", "something missing"),
        ("x // y", "something missing at '/ y'"),
        ("x * * y", "something missing at '* y'"),
        ("(x", "never closes the bracket at '(x'"),
        ("x)", "closes a bracket that it never opens at ')'"),
        ("x²^3", "power of a power; set brackets"),
        ("x % y", "may not hold '%'"),
        ("x\ny", r"may not hold '\n'"),
        ("x # the rest", "may not hold '#'"),
        ("x\0", r"may not hold '\x00'"),
        ("f'{x}'", "holds 'f'"),
        ("'x'", "may not hold"),
        ("x := 1", "may not hold ':'"),
        ("x if y else x", "holds 'if'"),
        ("x is y", "holds 'is'"),
        ("True", "holds 'True'"),
        ("x.real", "may not hold '.'"),
        ("__import__(x)", "holds '__import__'"),
        ("٣x", "may not hold '٣'"),
        ("1e999*x", "holds a number that is too large at '1e999'"),
        ("9" * 350 + "x", "holds a number that is too large"),
        ("9^9^9^9*x", "holds a number that is too large at '9^9^9'"),
        ("x/(1 - 1) + y^(1/0)", "divides by zero at '1/0'"),
        ("(-8)^(1/3)*x", "has no value at '(-8)^(1/3)'"),
        ("x*log(-1)", "has no value at 'log(-1)'"),
        ("2*pi", "holds neither x nor y"),
        ("", "is empty"),
        ("  ", "is empty"),
        ("-" * 100 + "x", f"deeper than {DEEPEST} levels"),
        ("x^" * 100 + "x", f"deeper than {DEEPEST} levels"),
        ("(" * 100 + "x" + ")" * 100, f"deeper than {DEEPEST} levels"),
        ("sin(" * 61 + "x" + ")" * 61, f"deeper than {DEEPEST} levels"),
        ("x" * (LONGEST + 1), f"at most {LONGEST} characters, not {LONGEST + 1}"),
    ],
)
def test_a_mistake_is_named_in_one_line(text, message):
    with pytest.raises(ExpressionError) as error:
        parse(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@untimed
@given(st.text(max_size=60) | st.text(alphabet="xye0123456789.+-*/^()²³ ,_:='#\n\tsincoabq", max_size=80))
def test_any_text_is_a_formula_or_a_formula_error(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expression = parsed(text)
    if expression is not None:
        assert expression(X, Y).shape == X.shape


@given(
    st.sampled_from(["(", "sin(", "-", "x^", "x+", "9^", "1e9", "²", "x**-", ",", "*"]),
    st.integers(1, LONGEST),
)
def test_long_runs_of_anything_are_read_or_refused(part, count):
    text = (part * count)[:LONGEST]
    for whole in (text, text[:-1] + "x", text[: LONGEST // 2] + "x" + ")" * (LONGEST // 2)):
        parsed(whole[:LONGEST])


def test_a_sum_as_long_as_a_formula_may_be_is_read():
    text = "+".join("x" * (LONGEST // 2))
    assert parse(text)(X, Y).tolist() == pytest.approx((LONGEST // 2 * X).tolist())


@untimed
@given(formulas())
def test_the_python_text_gives_the_same_values_bit_for_bit(text):
    expression = parsed(text)
    if expression is not None:
        assert same(expression(X, Y), as_python(expression.python, X, Y))


@untimed
@given(formulas())
def test_the_python_text_is_a_formula_of_the_same_values(text):
    expression = parsed(text)
    if expression is not None:
        again = expression.python.replace("torch.", "").replace("math.", "")
        if len(again) <= LONGEST:
            assert same(expression(X, Y), parse(again)(X, Y))


SMOOTH = (
    "x^2*y - y^3/3 + 2x",
    "sin(3x)*cos(y) + tan(x*y/9)",
    "exp(-(x^2 + y^2)/2)*sinh(x)",
    "log(1 + x^2) + arctan(y)*x",
    "sqrt(4 + x*y/9)*sigmoid(2y)",
    "tanh(x - y) + erf(x)*cosh(y/2)",
    "square(x - 2)/(3 + y^2)",
    "2^x + (5 + x)^(y/2)",
    "abs(x - 7)*y^-2 + e^y",
)


@pytest.mark.parametrize("text", SMOOTH)
def test_points_one_by_one_give_what_a_grid_gives(text):
    expression = parse(text)
    grid = expression(X[None, :], Y[:, None])
    assert grid.shape == (len(Y), len(X))
    for row, y in enumerate(Y):
        alone = [expression(x, y) for x in X]
        assert all(value.shape == () for value in alone)
        torch.testing.assert_close(torch.stack(alone), grid[row], rtol=1e-13, atol=1e-300, equal_nan=True)


inside = st.floats(0.25, 2.5) | st.floats(-2.5, -0.25)


@pytest.mark.parametrize("text", SMOOTH)
@untimed
@given(x=inside, y=inside)
def test_gradients_are_those_of_central_differences(text, x, y):
    expression = parse(text)
    point = torch.tensor([x, y], dtype=torch.float64, requires_grad=True)
    expression(*point.unbind()).backward()
    for axis, other in ((0, torch.tensor([1e-5, 0.0])), (1, torch.tensor([0.0, 1e-5]))):
        step = other.double()
        with torch.no_grad():
            rise = expression(*(point + step).unbind()) - expression(*(point - step).unbind())
        assert point.grad[axis].item() == pytest.approx(rise.item() / 2e-5, rel=1e-6, abs=1e-6)


def test_every_function_has_a_value_and_a_gradient():
    for name, function in FUNCTIONS.items():
        x = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
        value = parse(f"{name}(x)")(x, x.detach())
        (gradient,) = torch.autograd.grad(value, x)
        assert value.item() == function(torch.tensor(0.4, dtype=torch.float64)).item()
        assert gradient.isfinite()


def test_equal_texts_are_equal_and_the_text_is_kept():
    assert parse("x^2 + y") == parse("x^2 + y")
    assert parse("x^2 + y") != parse("x^2+y")
    assert parse(" x ^2").text == " x ^2"
    assert hash(parse("x")) == hash(parse("x"))


def test_other_dtypes_and_shapes_pass_through():
    expression = parse("2x + sin(y)")
    x, y = torch.rand(3, 1), torch.rand(1, 4)
    assert expression(x, y).dtype == torch.float32
    assert expression(x, y).shape == (3, 4)
    assert parse("x")(x, y).shape == (3, 4)
