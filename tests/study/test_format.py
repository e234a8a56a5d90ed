"""Numbers as people read them: one form each, right at the edges."""

import itertools
import math
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from surefoot.study import format as words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.12, "0.120"), (0.08164, "0.0816"), (1.9, "1.90"), (123.4, "123"), (12345.6, "12346"),
        (3.4e-5, "3.4e-5"), (1.234e7, "1.23e7"), (-0.5, "−0.500"), (0, "0"), (None, "–"), (math.nan, "–"),
        (0.00099999, "0.00100"), (99.96, "100"), (999.6, "1000"), (99960.0, "1e5"), (-3.4e-5, "−3.4e-5"),
    ],
)  # fmt: skip
def test_a_number_has_three_significant_digits(value, text):
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.003, "0.003"), (3e-4, "3e-4"), (1.0, "1"), (0.9995, "0.9995"), (0.0031622776, "0.0031622776"),
        (True, "True"), (5, "5"), (None, "None"), ((0.9, 0.99), "(0.9, 0.99)"), ([0.9, 0.99], "(0.9, 0.99)"),
        ("strong_wolfe", "strong_wolfe"), (2060.0, "2060"), (12345.6, "12345.6"), (99.95, "99.95"),
        (-0.5, "-0.5"), (1e5, "1e5"), (100_000, "1e5"), (123_456, "123456"), (1.5e-7, "1.5e-7"), (-0.0, "0"),
        (1e22, "1e22"), (2**70, "1.1805916207174113e21"), (2**70 + 1, "1180591620717411303425"),
        (math.inf, "inf"), ("a b", "'a b'"), ("0.1", "'0.1'"), ("None", "'None'"),
        ("\x1b[31m", r"'\x1b[31m'"), ({"b": 1}, "{b: 1}"),
    ],
)  # fmt: skip
def test_a_setting_is_no_longer_than_needed(value, text):
    assert words.setting(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.4e-5, "14 µs"), (1.2e-3, "1.2 ms"), (3.42, "3.4 s"), (107, "107 s"), (125, "2 min 05 s"),
        (4200, "1 h 10 min"), (0, "0 s"), (3e-9, "3 ns"), (None, "–"), (math.inf, "–"), (-0.5, "−500 ms"),
        (999.4e-6, "999 µs"), (999.6e-6, "1 ms"), (0.9996, "1 s"), (119.6, "2 min 00 s"),
        (3599.7, "1 h 00 min"), (9.96, "10 s"), (9.94, "9.9 s"),
        (172_799.0, "2 d 00 h"), (190_000.0, "2 d 05 h"), (1e-13, "0 s"),
    ],
)  # fmt: skip
def test_seconds(value, text):
    assert words.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (512, "512 B"), (210_000, "210 kB"), (1_230_000, "1.2 MB"), (4e9, "4 GB"), (0, "0 B"), (None, "–"),
        (999.6, "1 kB"), (999_600, "1 MB"), (999_400, "999 kB"), (999.7e6, "1 GB"), (2.5e12, "2.5 TB"),
    ],
)  # fmt: skip
def test_size(value, text):
    assert words.size(value) == text


@given(st.floats(0, 1e9), st.floats(0, 1e9))
@example(999.5e-6, 1e-3)
@example(119.5, 120.0)
@example(3599.5, 3600.0)
def test_durations_grow_with_the_time_and_pass_to_the_next_unit_in_time(one, other):
    _check_units(words.seconds, one, other, ("ns", "µs", "ms", "s", "min", "h"))


@given(st.floats(0, 1e15), st.floats(0, 1e15))
@example(999.5, 1000.0)
@example(999_499.0, 999_501.0)
def test_sizes_grow_with_the_count_and_pass_to_the_next_unit_in_time(one, other):
    _check_units(words.size, one, other, ("B", "kB", "MB", "GB"))


def _check_units(tell, one, other, limited):
    for value in (one, other):
        number, unit = tell(value).split(" ")[:2]
        assert unit not in limited or float(number) < 1000
        assert len(re.match(r"\d*", number)[0]) <= 3 or unit not in limited
        assert math.isclose(
            _read(tell(value)), value, rel_tol=0.06, abs_tol=1e-3 * min(SCALE[u] for u in limited)
        )
    if one <= other:
        assert _read(tell(one)) <= _read(tell(other))


SCALE = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0,
         "B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}  # fmt: skip


def _read(text):
    parts = text.split(" ")
    return sum(float(count) * SCALE[unit] for count, unit in zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1 / 27, "3.7 %"), (1 / 3, "33 %"), (1, "100 %"), (0, "0 %"), (0.07, "7 %"),
        (0.95, "95 %"), (0.996, "99.6 %"), (0.9999, "> 99.9 %"), (1 - 1e-14, "100 %"),
        (1e-5, "< 0.1 %"), (-0.2, "−20 %"), (None, "–"), (0.0996, "10 %"),
    ],
)  # fmt: skip
def test_share(value, text):
    assert words.share(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1 / 9, "1/9"), (1 / 81, "1/81"), (2 / 3, "2/3"), (5 / 12, "5/12"),
        (0.37, "37 %"), (0.1, "10 %"), (0.5, "50 %"),
        (0.417, "42 %"), (1, "the end"), (0, "0 %"), (1 / 243, "0.4 %"), (math.nan, "–"),
    ],
)  # fmt: skip
def test_a_place_in_a_training(value, text):
    assert words.fraction(value) == text


def test_differences_have_two_digits_and_true_signs():
    assert words.difference(0.005512) == "0.0055"
    assert words.difference(-0.0996) == "−0.10"
    assert words.signed(0.12) == "+0.120"
    assert words.signed(-0.12) == "−0.120"
    assert words.signed(0.0) == "0"
    assert words.signed(math.inf) == words.signed(None) == words.MISSING
    assert words.interval(-0.0012, 0.08541, 2) == "−0.0012 to 0.085"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0316, "0.032"), (690.0, "690"), (1e4, "10000"), (3.04e-4, "3e-4"), (-1.5, "−1.5"), (-3e-5, "−3e-5")],
)
def test_about_how_large(value, text):
    assert words.rounded(value) == text


def test_decades():
    assert words.decades(0.99) == "1.0 decade"
    assert words.decades(0.7) == "0.7 decades"


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_grow_with_the_value(one, other):
    low, high = (float(words.number(value).replace("−", "-")) for value in sorted((one, other)))
    assert low <= high


@given(
    st.lists(st.integers() | st.floats(allow_nan=False) | st.booleans() | st.text() | st.none(), max_size=5)
)
def test_settings_are_told_apart(values):
    for one, other in itertools.pairwise(values):
        same = one == other and isinstance(one, bool) == isinstance(other, bool)
        assert (words.setting(one) == words.setting(other)) == same
        assert words.setting(one).isprintable()


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53))
def test_a_setting_reads_as_its_value(value):
    assert float(words.setting(value)) == value


def test_a_spread_has_the_decimals_of_its_mean():
    assert words.spread(0.08164, 0.002849) == "0.0816 ± 0.0028"
    assert words.spread(0.08164, math.nan) == "0.0816"
    assert words.spread(math.nan, 1.0) == "–"


@given(st.text())
def test_nothing_printable_drives_a_terminal(text):
    assert words.printable(text).isprintable()


@given(st.floats())
def test_every_float_can_be_shown(value):
    for show in (words.number, words.setting, words.signed, words.share, words.rounded, words.fraction):
        assert show(value)
    assert words.seconds(value)
    if not value < 0:
        assert words.size(value)
