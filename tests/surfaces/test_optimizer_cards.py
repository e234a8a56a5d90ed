import inspect

import pytest

from surefoot import optim
from surefoot.formula import Kind
from surefoot.surfaces.optimizer_cards import cards, check_setting, find_card


def settings():
    return [(name, setting) for name, card in cards().items() for setting in card.hyperparameters]


def test_every_optimizer_has_a_card():
    assert list(cards()) == list(optim.OPTIMIZERS)
    assert find_card("random-search") is cards()["RandomSearch"]
    with pytest.raises(ValueError, match="did you mean 'Adam'"):
        find_card("adm")


@pytest.mark.parametrize(("name", "setting"), settings(), ids=lambda part: getattr(part, "name", part))
def test_the_kind_of_a_setting_is_what_the_class_says(name, setting):
    declared = [inspect.get_annotations(base) for base in optim.find(name).__mro__]
    told = next(found[setting.name] for found in declared if setting.name in found)
    words = told if isinstance(told, str) else getattr(told, "__name__", str(told))
    expected = {"whole": "int", "flag": "bool", "choice": "str", "numbers": "tuple", "decays": "tuple"}
    assert words.startswith(expected.get(setting.kind, "float"))
    assert setting.kind is not Kind.ANY


@pytest.mark.parametrize(("name", "setting"), settings(), ids=lambda part: getattr(part, "name", part))
def test_a_default_fits(name, setting):
    check_setting(name, setting.name, setting.default)


def test_choices_are_those_that_the_optimizer_takes():
    for _, setting in settings():
        for choice in setting.choices:
            assert setting.valid(choice)


def test_what_counts_something_is_bounded():
    for name, setting in settings():
        if setting.limits:
            for value in (0, setting.limits[1] + 1, 2.0, True, "5"):
                with pytest.raises(ValueError, match="whole number"):
                    check_setting(name, setting.name, value)


@pytest.mark.parametrize(
    ("optimizer", "name", "value", "message"),
    [
        ("Adam", "betas", [0.9], "Adam takes 2 numbers for betas"),
        ("Adam", "betas", [0.9, None], "Adam takes 2 numbers for betas"),
        ("Adam", "betas", [0.9, 1.0], "Invalid beta"),
        ("Adam", "lr", float("nan"), "Adam takes a number for lr"),
        ("Adam", "lr", 10**400, "Adam takes a number for lr"),
        ("Adam", "lr", -1.0, "Invalid learning rate"),
        ("Muon", "ns_coefficients", [1, 2], "Muon takes 3 numbers"),
        ("SGD", "nesterov", 1, "SGD takes true or false"),
        ("LBFGS", "line_search_fn", "weak", "LBFGS takes None or 'strong_wolfe'"),
        ("Adam", "beta", 0.9, "Adam has no setting 'beta'; did you mean 'betas'"),
        ("Adam", "fused", True, "Adam has no setting 'fused'"),
    ],
)
def test_what_does_not_fit_is_told(optimizer, name, value, message):
    with pytest.raises(ValueError, match=message):
        check_setting(optimizer, name, value)


def test_where_a_default_leaves_it_open_so_may_a_value():
    check_setting("Adafactor", "eps", [None, 1e-3])
    check_setting("LBFGS", "max_eval", None)
