"""Rare values far from all others: they neither hide what the rest show, nor decide it, and are named."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.search.confirm.confirmation import Confirmation
from surefoot.search.confirm.outliers import FEWEST, Outlier, without_outliers
from surefoot.study.run import Candidate, Phase

ADAM, SGD, BASE = (
    Candidate("Adam", {"lr": 0.01}),
    Candidate("SGD", {"lr": 0.1}),
    Candidate("AdamW", {"lr": 1e-3}),
)


def test_one_value_far_out_is_moved_to_the_fence_and_told() -> None:
    values = {"a": [0.10, 0.11, 8e5, 0.105, 0.10], "b": [0.2, 0.21, 0.19, 0.2, 0.22]}
    counted, found = without_outliers(values, 0.0)
    assert counted["b"] == tuple(values["b"])
    (moved,) = found["a"]
    assert (moved.value, moved.place) == (8e5, 2)
    assert 0.22 < moved.counted < 20
    assert counted["a"] == (0.10, 0.11, moved.counted, 0.105, 0.10)


def test_on_the_side_where_lower_is_better_too() -> None:
    _, found = without_outliers({"a": [-3.0, -3.1, -900.0, -2.9, -3.0]}, None)
    assert found["a"][0].counted > -10


@pytest.mark.parametrize("count", range(1, FEWEST))
def test_of_few_values_none_is_the_odd_one(count: int) -> None:
    values = {"a": [0.1] * (count - 1) + [1e9]}
    assert without_outliers(values, 0.0) == ({"a": tuple(values["a"])}, {})


@pytest.mark.parametrize("origin", [None, 0.0])
@pytest.mark.parametrize("deviation", [0.01, 1.0])
def test_seeds_alone_hardly_ever_reach_the_fence(origin: float | None, deviation: float) -> None:
    draw = random.Random(1)
    moved = 0
    for _ in range(2000):
        told = [[draw.gauss(0, deviation) for _ in range(draw.choice([4, 6, 9]))] for _ in range(4)]
        values = {
            str(i): [math.exp(v) if origin is not None else v for v in own] for i, own in enumerate(told)
        }
        moved += bool(without_outliers(values, origin)[1])
    assert moved <= 4, f"{moved} of 2,000 studies of normal values"


@given(
    st.dictionaries(
        st.sampled_from("abc"), st.lists(st.floats(1e-3, 1e300) | st.just(math.nan), max_size=9), max_size=3
    )
)
def test_whatever_comes_as_many_values_go_and_nearer(values: dict[str, list[float]]) -> None:
    counted, found = without_outliers(values, 0.0)
    assert {arm: len(own) for arm, own in counted.items()} == {arm: len(own) for arm, own in values.items()}
    for arm, own in found.items():
        healthy = sorted(v for v in values[arm] if math.isfinite(v))
        middle = healthy[len(healthy) // 2]
        for one in own:
            assert one == Outlier(values[arm][one.place], counted[arm][one.place], one.place)
            assert min(middle, one.value) <= one.counted <= max(middle, one.value) * (1 + 1e-9)


def confirmed(values: dict[str, list[float]]):
    policy = Confirmation(
        [ADAM, SGD], BASE, Candidate("RandomSearch", {}), runs=27, first_seed=0, floor_seeds=0, margin=None,
        label=lambda c: c.optimizer, decide=lambda _: None,
    )  # fmt: skip
    while (request := policy.ask()) is not None:
        assert request.phase == Phase.CONFIRM
        policy.tell(request, values[request.candidate.optimizer][request.seed])
    return policy.outcome({})


def test_a_better_arm_is_found_beside_one_that_once_exploded() -> None:
    draw = random.Random(3)
    values = {
        "Adam": [0.1 * math.exp(draw.gauss(0, 0.03)) for _ in range(20)],
        "SGD": [0.13 * math.exp(draw.gauss(0, 0.03)) for _ in range(20)],
        "AdamW": [0.2 * math.exp(draw.gauss(0, 0.03)) for _ in range(20)],
    }
    values["SGD"][1] = 4e7
    outcome = confirmed(values)
    assert (outcome.verdict, outcome.recommended) == ("win", ADAM)
    assert outcome.values[SGD.key][1] == 4e7
    assert outcome.means[SGD.key].estimate < 1
    assert outcome.outliers[SGD.key][0].value == 4e7


def test_whoever_exploded_once_does_not_win_for_it() -> None:
    draw = random.Random(4)
    values = {
        name: [0.1 * math.exp(draw.gauss(0, 0.03)) for _ in range(20)] for name in ("Adam", "SGD", "AdamW")
    }
    values["SGD"] = [0.99 * value for value in values["SGD"]]
    values["SGD"][0] = 1e12
    assert confirmed(values).recommended != SGD
