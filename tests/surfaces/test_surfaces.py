"""A surface is found by any spelling of its name or made of a formula; its domain and start are checked."""

from __future__ import annotations

import math
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from surefoot.surfaces.expression import ExpressionError
from surefoot.surfaces.surfaces import DOMAIN, START, SURFACES, find_surface

every_surface = pytest.mark.parametrize("surface", SURFACES.values(), ids=lambda surface: surface.name)


def points(pairs):
    return torch.tensor(pairs, dtype=torch.float64)


@every_surface
@pytest.mark.parametrize(
    "spelling", [str.upper, str.title, lambda n: n.replace("-", "_"), lambda n: n.replace("-", " ")]
)
def test_any_spelling_of_a_name_finds_the_surface(surface, spelling):
    assert find_surface(spelling(surface.name)) == surface
    assert find_surface(f" {surface.name.replace('-', '')} ") == surface


def test_a_formula_is_a_surface_of_its_own():
    surface = find_surface(" x^2 + 10 y^2 ")
    assert surface.name == surface.formula == "x^2 + 10 y^2"
    assert (surface.x, surface.y, surface.start) == (DOMAIN, DOMAIN, START)
    assert surface.minima == surface.saddles == ()
    assert surface.stable_lr is None
    assert surface.values(points([(1, 2)])).item() == 41
    assert surface.floor == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rosenbrok", "unknown surface 'rosenbrok'; did you mean 'rosenbrock'?"),
        ("Six Hump", "did you mean 'six-hump-camel'?"),
        ("nothing like it", "there are ackley, beale"),
        ("abc*x", "formula 'abc*x' holds 'abc'; did you mean 'abs'?"),
        ("x y", "write x*y"),
        ("sin", "needs brackets"),
        ("", "is empty"),
    ],
)
def test_what_is_neither_a_name_nor_a_formula_is_told_the_nearest(text, message):
    with pytest.raises(ExpressionError, match=re.escape(message)) as error:
        find_surface(text)
    assert "\n" not in str(error.value)


def test_another_domain_leaves_out_what_lies_outside():
    surface = find_surface("himmelblau", x=(0, 6), y=(0.0, 5))
    assert surface.minima == ((3.0, 2.0),)
    assert surface.saddles == ((0.0866775046, 2.8842547012), (3.3851541836, 0.0738518798))
    assert surface.stable_lr == SURFACES["himmelblau"].stable_lr
    assert 0 < surface.start[0] < 6
    assert 0 < surface.start[1] < 5
    shallow = find_surface("two-wells", x=(0.5, 2))
    assert shallow.minima == ((0.9601495555, 0.0),)
    assert shallow.stable_lr is None
    assert shallow.start == SURFACES["two-wells"].start
    assert find_surface("beale", x=(-4.5, 4.5)) == SURFACES["beale"]


def test_another_start_is_taken():
    assert find_surface("beale", start=(-3, -3)).start == (-3.0, -3.0)
    assert find_surface("x^2 + y^2", start=[4, 4]).start == (4.0, 4.0)


def test_a_usual_start_where_the_formula_has_no_value_moves_to_where_it_has_one():
    surface = find_surface("log(x) + y^2")
    value, gradient = surface.gradients(points([surface.start])[0])
    assert value.isfinite()
    assert gradient.isfinite().all()
    assert find_surface("sqrt(x)*y", x=(-3, 1), y=(-1, 1)).start[0] > 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"x": (2, -2)}, "domain of x goes from low to high, not from 2 to -2"),
        ({"y": (1, 1)}, "domain of y goes from low to high"),
        ({"x": (0, math.inf)}, "domain of x takes two finite numbers"),
        ({"y": (math.nan, 1)}, "domain of y takes two finite numbers"),
        ({"x": (-1e9, 1e9)}, "too wide or too narrow"),
        ({"x": (1, 1 + 1e-9)}, "too wide or too narrow"),
        ({"x": (1, 2, 3)}, "takes two numbers, not (1, 2, 3)"),
        ({"x": ("a", "b")}, "takes two numbers"),
        ({"start": (1,)}, "the start takes two numbers"),
        ({"start": 3}, "the start takes two numbers, not 3"),
        ({"start": (math.nan, 0)}, "the start takes two finite numbers"),
        (
            {"start": (0, 5)},
            "the start (0, 5) lies outside the domain: x from -4.5 to 4.5, y from -4.5 to 4.5",
        ),
        ({"start": (0, 0), "x": (1, 2)}, "lies outside the domain: x from 1 to 2"),
    ],
)
def test_a_domain_or_start_that_is_none_is_refused_with_the_reason(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        find_surface("beale", **settings)


def test_a_formula_without_a_value_is_refused():
    with pytest.raises(ValueError, match="no finite value in its domain"):
        find_surface("log(-1 - x^2)")
    with pytest.raises(ValueError, match=re.escape("no finite value at the start (-1, 2)")):
        find_surface("log(x) + y", start=(-1, 2))


bounds = st.floats(-1e6, 1e6)


@settings(deadline=None)
@given(st.sampled_from(sorted(SURFACES)), st.tuples(bounds, bounds), st.tuples(bounds, bounds))
def test_on_any_domain_the_start_and_what_is_listed_lie_inside(name, x, y):
    try:
        surface = find_surface(name, x=x, y=y)
    except ValueError:
        return
    for first, second in (surface.start, *surface.minima, *surface.saddles):
        assert x[0] <= first <= x[1]
        assert y[0] <= second <= y[1]
