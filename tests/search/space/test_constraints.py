"""What the user fixes with `--set`."""

from __future__ import annotations

from pathlib import Path

import pytest

from surefoot.search import ask
from surefoot.search.race.screening import Screening
from surefoot.search.space import candidates as space
from surefoot.search.space import constraints
from surefoot.search.space.constraints import parse
from surefoot.study.run import Schedule

OWN = f"{Path(__file__).parent.parent / 'own_optimizer.py'}:Signs"


def values(name, setting, *texts, optimizers=None):
    """What the grid of one optimizer holds of a setting, in order, given constraints."""
    question = ask("digits", optimizers or [name], sets=texts)
    grid = space.candidates(space.asked_for(question), Schedule(), constraints.of(question))
    return list(dict.fromkeys(c.settings.get(setting) for c in grid if c.optimizer == name))


def test_values_replace_the_list_in_the_order_given():
    assert values("AdamW", "weight_decay", "weight_decay=0.3,0") == [0.3, 0]
    assert values("AdamW", "eps", "eps=1e-6") == [1e-6]
    assert values("AdamW", "warmup", "warmup=0.1") == [0.1]
    assert values("AdamW", "amsgrad", "amsgrad=true,false") == [True, False]
    assert values("LBFGS", "line_search_fn", "line_search_fn=none") == [None]


def test_pairs_are_written_with_or_without_brackets():
    assert values("Adam", "betas", "betas=(0.9,0.95),(0.8,0.9)") == [(0.9, 0.95), (0.8, 0.9)]
    assert values("Adam", "betas", "betas=0.9,0.95") == [(0.9, 0.95)]
    assert values("Adam", "betas", "betas=(0.9,0.95)", "betas=(0.8,0.9)") == [(0.9, 0.95), (0.8, 0.9)]


def test_learning_rates_may_be_a_range_or_numbers():
    rates = values("SGD", "lr", "lr=3e-3..2e-2")
    assert rates == [0.003, 0.005, 0.01, 0.02]
    assert values("SGD", "lr", "lr=0.1", "lr=0.3") == [0.1, 0.3]
    assert prior_of_a_race("lr=1e-4..1e-3") == (pytest.approx(10**-3.5), 0.8)
    assert prior_of_a_race("lr=1e-4..1") == space.priors(["SGD"])["sgd"]


def prior_of_a_race(constraint):
    grid = space.candidates(["SGD"], Schedule(), [parse(constraint)])
    return Screening(grid, 3.0, 0, lambda *_: None).race.prior("SGD")


def test_a_constraint_on_one_optimizer_comes_before_one_on_all():
    both = ["Adam", "SGD"]
    texts = ["weight_decay=0.1", "sgd.weight_decay=0.2"]
    assert values("SGD", "weight_decay", *texts, optimizers=both) == [0.2]
    assert values("Adam", "weight_decay", *texts, optimizers=both) == [0.1]
    assert values("Adam", "momentum", "momentum=0.8", optimizers=both) == [None]
    assert values("SGD", "momentum", "momentum=0.8", optimizers=both) == [0.8]


def test_where_only_matrices_decay_candidates_without_decay_remain():
    assert values("AdamW", "weight_decay_on", "weight_decay_on=matrices") == ["matrices", None]
    grid = space.candidates(["AdamW"], Schedule(), [parse("weight_decay_on=all")])
    assert all("weight_decay_on" not in c.hyperparameters for c in grid)


def test_of_one_word_for_different_things_the_kind_that_fits_is_meant():
    both = ["Adam", "Adafactor"]
    assert values("Adafactor", "eps", "eps=1e-6", optimizers=both) == [None]
    assert values("Adafactor", "eps", "eps=(1e-30,1e-3)", optimizers=both) == [(1e-30, 1e-3)]


def test_what_does_not_go_together_is_left_out():
    grid = space.candidates(["SGD"], Schedule(), [parse("nesterov=True")])
    assert {c.hyperparameters["momentum"] for c in grid} == {0.9}
    with pytest.raises(ValueError, match="Nesterov momentum requires"):
        ask("digits", ["sgd"], sets=["nesterov=True", "momentum=0"])


def test_one_s_own_class_is_constrained_by_its_class_name():
    assert values(OWN, "weight_decay", "signs.weight_decay=0,0.1") == [0, 0.1]
    assert values(OWN, "lr", "lr=0.1,1") == [0.1, 1]
    with pytest.raises(ValueError, match="'a'"):
        ask("digits", [OWN], sets=["lr=a"])
    demanding = OWN.replace("Signs", "Demanding")
    with pytest.raises(ValueError, match="'rho' has no default"):
        ask("digits", [demanding])
    assert values(demanding, "rho", "rho=0.5") == [0.5]


def test_the_baseline_is_not_constrained():
    question = ask("digits", ["adamw"], sets=["weight_decay=0.3", "lr=0.1"])
    assert space.baseline(question.baseline, question.plan).hyperparameters["weight_decay"] == 0.01


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("momntum=0.9", "did you mean 'momentum'"),
        ("adagrd.eps=1", "did you mean 'Adagrad'"),
        ("adamw.momentum=0.9", "AdamW has no setting 'momentum'; there are amsgrad, betas"),
        ("momentum=-1", "momentum.* -1; usual: "),
        ("momentum=abc", "takes a number, not 'abc'"),
        ("betas=0.9", "takes 2 numbers, not 0.9"),
        ("nesterov=1", "takes true or false"),
        ("weight_decay_on=matrix", "did you mean 'matrices'"),
        ("line_search_fn=wolfe", "unknown 'wolfe'; there are strong_wolfe"),
        ("line_search_fn=2", "takes None or 'strong_wolfe', not 2"),
        ("max_iter=2.5", "takes a whole number, not 2.5; usual: 5 to 50"),
        ("warmup=2", "below 1; the usual is 0.05"),
        ("lr=0", "must be above 0"),
        ("lr=1e-2..1e-4", "to a larger one"),
        ("momentum=0.8..0.9", "takes no range; list its values"),
        ("momentum", "write NAME=VALUE"),
        ("momentum=", "write NAME=VALUE"),
        ("momentum={}", "is no number, word or"),
    ],
)
def test_what_is_not_valid_is_refused_with_what_is(text, message):
    with pytest.raises(ValueError, match=message) as refused:
        ask("digits", sets=[text])
    assert str(refused.value).startswith(f"--set {text}")
