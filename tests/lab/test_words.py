"""The pages' JavaScript says numbers and reads links as the Python of the command line does."""

import math
import random

import pytest

from surefoot.study.format import number, rounded, setting, share
from surefoot.surfaces.recipe import OptimizerSpec, Recipe
from surefoot.surfaces.recipe_text import query

IN_THE_PAGE = (
    "async ([file, name, values]) => { const found = await import(file); return values.map(found[name]); }"
)
READ = """async queries => {
    const { readState, bodyOf } = await import("/static/state.js");
    return queries.map(each => bodyOf(readState(new URLSearchParams(each))));
}"""


def numbers():
    draw = random.Random(0)
    spread = [draw.choice((-1, 1)) * 10 ** draw.uniform(-14, 14) for _ in range(2000)]
    ties = [
        sign * (whole + 0.5) / scale
        for whole in range(100, 130)
        for scale in (1, 8, 64, 1000)
        for sign in (1, -1)
    ]
    edges = [
        0.0,
        1.0,
        0.001,
        0.00099999,
        99.95,
        99.949,
        100.5,
        101.5,
        999.5,
        99999.4,
        99999.6,
        1e5,
        0.9995,
        5e-324,
        1e300,
    ]
    return [*spread, *ties, *edges, 0.0025, 0.0975, 0.995, 0.9995, 0.0004999, 123456.0, 2.0**53, 2.0**60]


@pytest.mark.parametrize(
    ("name", "told", "most"), [("number", number, 1e308), ("setting", setting, 1e308), ("share", share, 1e3)]
)
def test_numbers_read_as_everywhere(page, name, told, most):
    page.goto("/playground?frame=0")
    values = [value for value in numbers() if abs(value) < most]
    found = page.evaluate(IN_THE_PAGE, ["/static/format.js", name, values])
    assert found == [told(value) for value in values]


@pytest.mark.parametrize("digits", [2, 3, 6])
def test_numbers_are_rounded_as_everywhere(page, digits):
    page.goto("/playground?frame=0")
    script = (
        "async ([digits, values]) => { const { rounded } = await import('/static/format.js'); "
        "return values.map((value) => rounded(value, digits)); }"
    )
    assert page.evaluate(script, [digits, numbers()]) == [rounded(value, digits) for value in numbers()]


def test_what_is_no_number_reads_as_everywhere(page):
    page.goto("/playground?frame=0")
    settings = [True, False, None, [0.9, 0.999], [None, 0.5], "strong_wolfe", 3]
    said = [setting(tuple(value) if isinstance(value, list) else value) for value in settings]
    assert page.evaluate(IN_THE_PAGE, ["/static/format.js", "setting", settings]) == said
    assert page.evaluate(IN_THE_PAGE, ["/static/format.js", "number", [None]]) == [number(math.nan)]


def test_a_link_reads_as_on_the_command_line(page):
    page.goto("/playground?frame=0")
    recipes = [
        Recipe("beale", (OptimizerSpec("Adam"),)),
        Recipe(
            "x^2 + 3*y^2 & 1",
            (
                OptimizerSpec("Adam", {"lr": 1e-05, "betas": (0.9, 0.99), "amsgrad": True}),
                OptimizerSpec("SGD"),
            ),
        ),
        Recipe(
            "saddle",
            (OptimizerSpec("Adagrad"), OptimizerSpec("Adagrad", {"lr": 0.5})),
            tuning="same-lr",
            lr=0.25,
            steps=33,
            seed=9,
        ),
        Recipe(
            "saddle",
            (OptimizerSpec("LBFGS", {"line_search_fn": "strong_wolfe", "max_eval": None}),),
            start=(-1.5, 1e-07),
        ),
        Recipe(
            "exp(x)+y^2",
            (OptimizerSpec("SGD", {"momentum": 0.9}),),
            x=(-1.0, 2.5),
            y=(-3.0, 3.0),
            noise=0.0,
            tuning="tuned",
        ),
    ]
    for recipe, body in zip(recipes, page.evaluate(READ, [query(recipe) for recipe in recipes]), strict=True):
        specs = tuple(
            OptimizerSpec(
                spec["optimizer"], {name: plain(value) for name, value in spec["hyperparameters"].items()}
            )
            for spec in body.pop("optimizers")
        )
        assert body.pop("strips") is False
        assert Recipe(optimizers=specs, **{name: plain(value) for name, value in body.items()}) == recipe


def plain(value):
    return tuple(value) if isinstance(value, list) else value
