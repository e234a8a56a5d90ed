"""Posterior means of arms: chances that add up, regrets that follow the means."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surefoot.search.confirm.posterior import posterior


def seeds_of(mean: float, count: int = 6) -> list[float]:
    return [mean + 0.1 * step for step in np.linspace(-1, 1, count)]


def test_p_best_and_regret_follow_the_means_and_repeat() -> None:
    values = {"a": seeds_of(1.0), "b": seeds_of(1.05), "c": seeds_of(3.0), "d": [math.nan, *seeds_of(0.0, 5)]}
    known = posterior(values, seed=1)
    chances, regrets = known.p_best(), known.expected_regret()
    assert sum(chances.values()) == pytest.approx(1.0)
    assert chances["a"] > chances["b"] > chances["c"]
    assert chances["d"] == 0
    assert regrets["a"] < regrets["b"] < regrets["c"] == pytest.approx(2.0, abs=0.1)
    assert regrets["d"] == math.inf
    assert chances == posterior(values, seed=1).p_best()


def test_equal_arms_share_the_chance() -> None:
    chances = posterior({name: seeds_of(1.0) for name in "abcd"}).p_best()
    assert list(chances.values()) == pytest.approx([0.25] * 4, abs=0.02)


def test_when_every_arm_diverged_nothing_is_known() -> None:
    diverged = [math.nan, 1.0, 2.0]
    assert all(
        math.isnan(regret) for regret in posterior({"a": diverged, "b": diverged}).expected_regret().values()
    )
    assert posterior({"a": diverged, "b": diverged}).p_best() == {"a": 0.0, "b": 0.0}


def test_two_seeds_borrow_the_spread_of_all_arms() -> None:
    regrets = posterior({"a": [1.0, 1.1], "b": [1.2, 1.3], "c": seeds_of(1.0, 8)}).expected_regret()
    assert all(0 <= regret < 0.5 for regret in regrets.values())


def test_an_only_arm_is_best_and_loses_nothing() -> None:
    assert posterior({"a": [1.0, 2.0]}).p_best() == {"a": 1.0}
    assert posterior({"a": [1.0, 2.0], "b": [math.nan, 1.0]}).expected_regret() == {"a": 0.0, "b": math.inf}


def test_one_seed_is_too_few() -> None:
    with pytest.raises(ValueError, match="b has too few seeds"):
        posterior({"a": [1.0, 2.0], "b": [1.0]})


def test_an_arm_on_its_own_keeps_its_mean_and_a_student_interval() -> None:
    values = seeds_of(1.0, 40)
    mean = posterior({"a": values}).mean("a")
    half = 2.02 * float(np.std(values, ddof=1)) / math.sqrt(40)
    assert mean.estimate == pytest.approx(1.0, abs=0.01)
    assert (mean.low, mean.high) == pytest.approx((1 - half, 1 + half), abs=0.003)


def test_a_lead_that_luck_explains_is_drawn_back_and_a_clear_one_is_not() -> None:
    close = {name: seeds_of(mean) for name, mean in zip("abcd", (0.96, 1.0, 1.02, 1.02), strict=True)}
    clear = {name: seeds_of(mean) for name, mean in zip("abcd", (0.0, 5.0, 8.0, 9.0), strict=True)}
    assert 0.975 < posterior(close, alike="abcd").mean("a").estimate < 0.995
    assert posterior(close).mean("a").estimate == pytest.approx(0.96, abs=0.003)
    assert posterior(clear, alike="abcd").mean("a").estimate == pytest.approx(0.0, abs=0.003)


def test_what_seeds_share_widens_means_but_not_differences() -> None:
    values = {"a": seeds_of(1.0), "b": seeds_of(1.1)}
    alone, paired = posterior(values), posterior(values, correlation=0.9)
    narrow, wide = paired.difference("a", "b"), alone.difference("a", "b")
    assert narrow.high - narrow.low < 0.5 * (wide.high - wide.low)
    assert paired.mean("a").high - paired.mean("a").low == pytest.approx(
        alone.mean("a").high - alone.mean("a").low, rel=0.05
    )


@pytest.mark.parametrize("others", [[2.0, 2.0, 2.0, 2.0], [2.0, 2.5, 3.0, 2.2]])
def test_results_without_any_spread_break_nothing(others: list[float]) -> None:
    values = {"a": [1.0] * 4, "b": [2.0] * 4, "c": others}
    known = posterior(values, alike=["a", "b", "c"])
    assert known.p_best()["a"] == 1.0
    assert known.mean("a").estimate == pytest.approx(1.0)
    assert all(math.isfinite(regret) for regret in known.expected_regret().values())


def test_a_measure_that_was_seen_below_zero_is_not_modelled_by_logarithms():
    values = {"a": [0.02, 0.31, 0.11, 0.05], "b": [0.4, 0.5, 0.45, 0.6]}
    signed = posterior(values, seen=[-0.2, 0.9])
    assert posterior(values).bound == 0
    assert signed.bound is None
    assert signed.ratio("a", "b") is None
    assert signed.mean("a").low < 0 < posterior(values).mean("a").low


ERRORS = st.dictionaries(
    st.sampled_from("abcd"), st.lists(st.floats(0.001, 0.9), min_size=2, max_size=6), min_size=2
)
"""Seed results of shares of errors, by arm."""


@given(ERRORS, st.booleans())
@settings(max_examples=60, deadline=None)
def test_errors_and_accuracies_that_are_turned_round_say_the_same(errors, together) -> None:
    alike = list(errors) if together else []
    told = posterior({arm: [value - 1 for value in values] for arm, values in errors.items()}, alike=alike)
    known = posterior(errors, alike=alike)
    near = lambda value: pytest.approx(value, rel=1e-6, abs=1e-9)  # noqa: E731
    assert told.p_best() == near(known.p_best())
    assert told.expected_regret() == near(known.expected_regret())
    first, second = list(errors)[:2]
    ours, others = known.difference(first, second), told.difference(first, second)
    for one, other in ((ours.estimate, others.estimate), (ours.low, others.low), (ours.high, others.high)):
        assert other == near(one)
    for arm in errors:
        mean, turned = known.mean(arm), told.mean(arm)
        assert (turned.estimate + 1, turned.low + 1) == (near(mean.estimate), near(mean.low))
        assert turned.low > -1  # no interval says that an accuracy is above 1
    assert known.ratio(first, second) is not None
    assert told.ratio(first, second) is None


def test_an_accuracy_of_one_has_no_interval_beyond() -> None:
    known = posterior({"a": [-1.0, -0.99, -1.0], "b": [-0.9, -0.8, -0.95]})
    assert known.mean("a").low >= -1
