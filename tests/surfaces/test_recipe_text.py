"""Recipes as text: what is written reads back the same, and what is wrong is named."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot import optim
from surefoot.cli.animate import animate as animate_command
from surefoot.surfaces.recipe import OptimizerSpec, Recipe
from surefoot.surfaces.recipe_text import (
    apply_sets,
    command,
    optimizers_text,
    parse_optimizers,
    query,
    recipe_of,
)

shares = st.floats(0, 0.999)
above_zero = st.floats(1e-12, 1e6)
numbers = st.floats(-1e6, 1e6)
settings = {
    "lr": above_zero,
    "betas": st.tuples(shares, shares),
    "amsgrad": st.booleans(),
    "etas": st.tuples(st.floats(0.1, 0.9), st.floats(1.1, 2.0)),
    "momentum": shares,
    "line_search_fn": st.sampled_from([None, "strong_wolfe"]),
    "max_iter": st.integers(1, 200),
    "ns_coefficients": st.tuples(numbers, numbers, numbers),
}


@st.composite
def spec(draw):
    optimizer = draw(st.sampled_from(sorted(optim.OPTIMIZERS)))
    known = [name for name in settings if name in optim.OPTIMIZERS[optimizer].hyperparameters]
    names = draw(st.lists(st.sampled_from(known), unique=True)) if known else []
    return OptimizerSpec(optimizer, {name: draw(settings[name]) for name in names})


def domain():
    return st.tuples(numbers, numbers).filter(lambda pair: pair[0] < pair[1])


anything = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)


@st.composite
def recipe(draw, surface=anything):
    return Recipe(
        draw(surface),
        tuple(draw(st.lists(spec(), min_size=1, max_size=4))),
        draw(st.sampled_from(["default", "same-lr", "tuned"])),
        draw(st.none() | above_zero),
        draw(st.none() | st.tuples(numbers, numbers)),
        draw(st.none() | domain()),
        draw(st.none() | domain()),
        draw(st.integers(1, 100_000)),
        draw(st.none() | st.floats(0, 1e6)),
        draw(st.integers(0, 2**31)),
    )


@given(st.lists(spec(), min_size=1, max_size=5))
def test_optimizers_read_back_the_same(specs):
    assert parse_optimizers(optimizers_text(specs)) == tuple(specs)


@given(recipe())
def test_a_query_reads_back_the_same(wanted):
    assert recipe_of(query(wanted)) == wanted
    assert recipe_of("?" + query(wanted)) == wanted


@given(
    recipe(st.sampled_from(["beale", "x^2 + 10 y^2", "-x^2 - y^2", "(x - 1)^2*'", "x; rm -rf ~ $HOME `y`"]))
)
def test_the_command_line_makes_the_same_recipe(wanted):
    words = shlex.split(command(wanted))
    assert words[:2] == ["surefoot", "animate"]
    told = animate_command.make_context("animate", words[2:]).params
    specs = apply_sets(parse_optimizers(told["optimizers"]), told["sets"])
    rest = (told[name] for name in ("tuning", "lr", "start", "x", "y", "steps", "noise", "seed"))
    assert Recipe(told["surface"], specs, *rest) == wanted


def test_the_texts_are_short_and_leave_out_what_is_default():
    short = Recipe("beale", (OptimizerSpec("Adam"), OptimizerSpec("SGD", {"lr": 0.01})))
    assert command(short) == "surefoot animate beale --optimizers adam,sgd --set sgd.lr=0.01"
    assert query(short) == "surface=beale&optimizers=Adam,SGD:lr=0.01"
    long = Recipe(
        "x^2+y^2",
        (OptimizerSpec("SGD"), OptimizerSpec("SGD", {"momentum": 0.9, "lr": 0.1})),
        start=(-1.5, 2.0),
    )
    assert command(long) == (
        "surefoot animate 'x^2+y^2' --optimizers 'SGD,SGD:lr=0.1;momentum=0.9' --start -1.5,2"
    )
    assert query(long) == "surface=x%5E2%2By%5E2&optimizers=SGD,SGD:lr=0.1;momentum=0.9&start=-1.5,2"


def test_a_query_may_come_as_a_mapping():
    told = {"surface": "beale", "optimizers": "adam-w", "steps": "50"}
    assert recipe_of(told) == Recipe("beale", (OptimizerSpec("AdamW"),), steps=50)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("adm", "unknown optimizer 'adm'; did you mean 'Adam'"),
        ("adam:lrr=0.1", "Adam has no setting 'lrr'; did you mean 'lr'"),
        ("adam:lr=nan", "Adam lr: 'nan' is no number"),
        ("adam:lr=1e999", "Adam lr: '1e999' is no number"),
        ("adam:lr=1" + 400 * "0", "is no number"),
        ("adam:lr=__import__('os')", "is no number"),
        ("adam:lr=[0.1]", "is no number"),
        ("adam:lr=1j", "is no number"),
        ("adam:betas=(0.9,(0.9,0.9))", "is no number"),
        ("adam:betas=(0.9,0.99,0.999)", "Adam takes 2 numbers for betas"),
        ("adam:lr=fast", "Adam takes a number for lr, not 'fast'"),
        ("adam:lr=-1", "Invalid learning rate: -1"),
        ("adam:amsgrad=1", "true or false"),
        ("adam:lr", "write adam:NAME=VALUE"),
        ("adam:lr=1;lr=2", "write adam:NAME=VALUE"),
        ("adam,,sgd", "write a name between commas"),
        ("", "write a name between commas"),
        (1000 * "adam,", "at most 4000 characters"),
    ],
)
def test_wrong_optimizers_are_refused_in_words(text, message):
    with pytest.raises(ValueError, match=r"^[^\n]+$") as refused:
        parse_optimizers(text)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("surface=beale", "optimizers is missing"),
        ("optimizers=adam", "surface is missing"),
        ("surface=&optimizers=adam", "surface is missing"),
        ("surface=beale&optimizers=adam&sted=0", "unknown key 'sted'; did you mean 'seed'"),
        ("surface=beale&optimizers=adam&seed=1&seed=2", "seed is told twice"),
        ("surface=beale&optimizers=adam&steps=1.5", "steps must be a whole number"),
        ("surface=beale&optimizers=adam&steps=0", "steps must be a whole number from 1"),
        ("surface=beale&optimizers=adam&steps=" + 30 * "9", "steps must be a whole number"),
        ("surface=beale&optimizers=adam&noise=-0.1", "noise must be at least 0"),
        ("surface=beale&optimizers=adam&noise=inf", "noise: 'inf' is no number"),
        ("surface=beale&optimizers=adam&lr=0", "lr must be above 0"),
        ("surface=beale&optimizers=adam&lr=1e999", "lr: 1e999 is too large"),
        ("surface=beale&optimizers=adam&lr=1_0", "lr: '1_0' is no number"),
        ("surface=beale&optimizers=adam&start=1", "start: write two numbers"),
        ("surface=beale&optimizers=adam&x=1,1", "x: the first number must be below the second"),
        ("surface=beale&optimizers=adam&x=1,nan", "x: 'nan' is no number"),
        ("surface=beale&optimizers=adam&tuning=tunde", "tuning: unknown 'tunde'; did you mean 'tuned'"),
        ("surface=" + 500 * "x" + "&optimizers=adam", "surface: at most 400 characters"),
        ("surface=" + 5000 * "x" + "&optimizers=adam", "surface: at most 4000 characters"),
        ("surface=" + 50000 * "x" + "&optimizers=adam", "a query has at most"),
        ("surface=beale&optimizers=adam&steps", "query: bad query field"),
        ("surface=%ff&optimizers=adam", "query: "),
        ("&".join(f"a{i}=1" for i in range(50)), "query: "),
    ],
)
def test_a_wrong_query_is_refused_in_words(text, message):
    with pytest.raises(ValueError, match=r"^[^\n]+$") as refused:
        recipe_of(text)
    assert message in str(refused.value)


def test_sets_go_to_whom_they_name_and_yield_to_what_an_optimizer_was_given():
    specs = parse_optimizers("adam,adam:lr=0.5,sgd,randomsearch")
    found = apply_sets(specs, ["adam.lr=0.2", "lr=0.1", "momentum=0.9"])
    assert [spec.hyperparameters for spec in found] == [
        {"lr": 0.2},
        {"lr": 0.5},
        {"lr": 0.1, "momentum": 0.9},
        {},
    ]


def test_of_one_word_for_different_things_the_kind_that_fits_is_meant():
    specs = parse_optimizers("adam,adafactor")
    single, pair = apply_sets(specs, ["eps=1e-6"]), apply_sets(specs, ["eps=(None,1e-3)"])
    assert [spec.hyperparameters for spec in single] == [{"eps": 1e-6}, {}]
    assert [spec.hyperparameters for spec in pair] == [{}, {"eps": (None, 1e-3)}]
    assert apply_sets(parse_optimizers("adam"), ["betas=0.9,0.95"])[0].hyperparameters == {
        "betas": (0.9, 0.95)
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr", "write NAME=VALUE"),
        ("lr=", "write NAME=VALUE"),
        ("lion.lr=0.1", "Lion is not shown; there are Adam, SGD"),
        ("lin.lr=0.1", "unknown optimizer 'lin'; did you mean 'Lion'"),
        ("momentun=0.1", "no optimizer has a setting 'momentun'; did you mean 'momentum'"),
        ("adam.momentum=0.1", "no optimizer has a setting 'momentum'"),
        ("momentum=-1", "Invalid momentum value: -1"),
        ("lr=[1]", "is no number"),
    ],
)
def test_a_wrong_set_is_refused_in_words(text, message):
    with pytest.raises(ValueError, match=r"^--set [^\n]+$") as refused:
        apply_sets(parse_optimizers("adam,sgd"), [text])
    assert message in str(refused.value)


def test_what_has_no_text_is_refused():
    for value in (float("nan"), object(), "two words", "true", {"a": 1}):
        with pytest.raises(ValueError, match=r"^lr: "):
            optimizers_text([OptimizerSpec("Adam", {"lr": value})])


def test_lists_from_json_are_told_as_tuples():
    assert optimizers_text([OptimizerSpec("Adam", {"betas": [0.9, 0.99]})]) == "Adam:betas=(0.9,0.99)"
