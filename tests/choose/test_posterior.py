"""Posterior means of arms: chances that add up, regrets that follow the means."""

from __future__ import annotations

import math

import numpy as np
import pytest

from surefoot.choose.posterior import expected_regret, p_best


def seeds_of(mean: float, count: int = 6) -> list[float]:
    return [mean + 0.1 * step for step in np.linspace(-1, 1, count)]


def test_p_best_and_regret_follow_the_means_and_repeat() -> None:
    values = {"a": seeds_of(1.0), "b": seeds_of(1.05), "c": seeds_of(3.0), "d": [math.nan, *seeds_of(0.0, 5)]}
    chances, regrets = p_best(values, seed=1), expected_regret(values, seed=1)
    assert sum(chances.values()) == pytest.approx(1.0)
    assert chances["a"] > chances["b"] > chances["c"]
    assert chances["d"] == 0
    assert regrets["a"] < regrets["b"] < regrets["c"] == pytest.approx(2.0, abs=0.1)
    assert regrets["d"] == math.inf
    assert chances == p_best(values, seed=1)


def test_equal_arms_share_the_chance() -> None:
    chances = p_best({name: seeds_of(1.0) for name in "abcd"})
    assert list(chances.values()) == pytest.approx([0.25] * 4, abs=0.02)


def test_when_every_arm_diverged_nothing_is_known() -> None:
    diverged = [math.nan, 1.0, 2.0]
    assert all(math.isnan(regret) for regret in expected_regret({"a": diverged, "b": diverged}).values())
    assert p_best({"a": diverged, "b": diverged}) == {"a": 0.0, "b": 0.0}


def test_two_seeds_borrow_the_spread_of_all_arms() -> None:
    regrets = expected_regret({"a": [1.0, 1.1], "b": [1.2, 1.3], "c": seeds_of(1.0, 8)})
    assert all(0 <= regret < 0.5 for regret in regrets.values())


def test_an_only_arm_is_best_and_loses_nothing() -> None:
    assert p_best({"a": [1.0, 2.0]}) == {"a": 1.0}
    assert expected_regret({"a": [1.0, 2.0], "b": [math.nan, 1.0]}) == {"a": 0.0, "b": math.inf}


def test_one_seed_is_too_few() -> None:
    with pytest.raises(ValueError, match="b has too few seeds"):
        p_best({"a": [1.0, 2.0], "b": [1.0]})
