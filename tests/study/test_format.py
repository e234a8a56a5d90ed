import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.study import format as words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.12, "0.120"), (0.08164, "0.0816"), (1.9, "1.90"), (123.4, "123"), (12345.6, "12346"),
        (3.4e-5, "3.4e-5"), (1.234e7, "1.23e7"), (-0.5, "-0.500"), (0, "0"), (None, "–"), (math.nan, "–"),
    ],
)  # fmt: skip
def test_a_number_has_three_significant_digits(value, text):
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.003, "0.003"), (3e-4, "3e-4"), (1.0, "1"), (0.9995, "0.9995"), (0.0031622776, "0.00316"),
        (True, "True"), (5, "5"), (None, "None"), ((0.9, 0.99), "(0.9, 0.99)"), ([0.9, 0.99], "(0.9, 0.99)"),
        ("strong_wolfe", "strong_wolfe"), (2060.0, "2060"), (12345.6, "12346"), (99.95, "100"),
    ],
)  # fmt: skip
def test_a_setting_is_no_longer_than_needed(value, text):
    assert words.setting(value) == text


def test_a_label_names_the_learning_rate_first():
    assert (
        words.candidate_label("Adam", {"betas": (0.9, 0.99), "lr": 0.003})
        == "Adam lr=0.003 betas=(0.9, 0.99)"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.4e-5, "14 µs"), (1.2e-3, "1.2 ms"), (3.42, "3.4 s"), (107, "107 s"), (125, "2 min 05 s"),
        (4200, "1 h 10 min"), (0, "0 s"), (3e-9, "3 ns"), (None, "–"),
    ],
)  # fmt: skip
def test_seconds(value, text):
    assert words.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(512, "512 B"), (210_000, "210 kB"), (1_230_000, "1.2 MB"), (4e9, "4.0 GB"), (0, "0 B")],
)
def test_size(value, text):
    assert words.size(value) == text


@pytest.mark.parametrize(("value", "text"), [(1 / 27, "3.7 %"), (1 / 3, "33 %"), (1, "100 %"), (0, "0 %")])
def test_share(value, text):
    assert words.share(value) == text


def test_a_spread_has_the_decimals_of_its_mean():
    assert words.spread(0.08164, 0.002849) == "0.0816 ± 0.0028"
    assert words.spread(0.08164, math.nan) == "0.0816"
    assert words.spread(math.nan, 1.0) == "–"


@given(st.text())
def test_nothing_printable_drives_a_terminal(text):
    assert words.printable(text).isprintable()


@given(st.floats())
def test_every_float_can_be_shown(value):
    for show in (words.number, words.setting, words.signed, words.share):
        assert show(value)
    if not value < 0:
        assert words.seconds(value)
        assert words.size(value)
