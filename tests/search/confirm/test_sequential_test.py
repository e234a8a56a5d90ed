"""The confirmation test on simulated seeds: how often it is wrong, and how often it finds what is there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from scipy.special import ndtri

from surefoot.search.confirm.alpha_spending import nominal_levels, overall_level
from surefoot.search.confirm.sequential_test import (
    LADDER,
    Comparison,
    LookVerdict,
    Plan,
    compare,
    default_margin,
    interval,
    leader,
    minimum_detectable_difference,
    pairing,
    seeds_needed,
    verdict,
)

LOOKS = LADDER[:6]
Values = dict[str, list[float]]
Look = tuple[int, Values, str, tuple[Comparison, ...], LookVerdict]


def looks(rng: np.random.Generator, means: Sequence[float], plan: Plan) -> Iterator[Look]:
    """One study, look after look, with the best mean of each look as its leader."""
    drawn = rng.normal(means, 1.0, (plan.looks[-1], len(means))).T
    for look, seeds in enumerate(plan.looks):
        values = {f"arm{arm}": row[:seeds].tolist() for arm, row in enumerate(drawn)}
        best = leader(values)
        comparisons = compare(values, best, plan, look)
        yield look, values, best, comparisons, verdict(comparisons, best, plan, look)


def study(rng: np.random.Generator, means: Sequence[float], plan: Plan) -> Look:
    """One study up to its verdict."""
    return next(seen for seen in looks(rng, means, plan) if seen[-1].outcome is not None)


# ------------------------------------------------------------ how often it is wrong


@pytest.mark.parametrize(("arms", "studies"), [(2, 500), (3, 300), (5, 200)])
def test_equal_arms_seldom_look_different_at_any_look(arms: int, studies: int) -> None:
    rng = np.random.default_rng(arms)
    wins = wrong = 0
    for _ in range(studies):
        seen = list(looks(rng, [0.0] * arms, Plan()))
        wins += any(state.outcome == "win" for *_, state in seen)
        wrong += any(c.decision == "better" for _, _, _, comparisons, _ in seen for c in comparisons)
    chance = 2 * math.sqrt(0.05 * 0.95 / studies)
    assert wins <= wrong <= (0.05 + chance) * studies


def test_unequal_spread_does_not_break_the_error_rate() -> None:
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(800):
        calm, wild = rng.normal(0.0, 1.0, LOOKS[-1]), rng.normal(0.0, 5.0, LOOKS[-1])
        for look, seeds in enumerate(LOOKS):
            values = {"calm": calm[:seeds].tolist(), "wild": wild[:seeds].tolist()}
            if compare(values, leader(values), Plan(), look)[0].decision == "better":
                wrong += 1
                break
    assert wrong / 800 <= 0.06


@pytest.mark.parametrize("arms", [2, 4])
def test_a_difference_of_two_deviations_is_found(arms: int) -> None:
    rng = np.random.default_rng(0)
    ends = [study(rng, [0.0] + [2.0] * (arms - 1), Plan()) for _ in range(150)]
    assert np.mean([state.outcome == "win" and best == "arm0" for _, _, best, _, state in ends]) >= 0.95
    assert np.mean([LOOKS[look] for look, *_ in ends]) < 13


def test_intervals_hold_the_truth_at_all_looks_at_once() -> None:
    rng = np.random.default_rng(0)
    held = []
    for _ in range(400):
        seen = list(looks(rng, [0.0, 0.7], Plan()))
        intervals = [interval(values["arm0"], values["arm1"], Plan(), look) for look, values, *_ in seen]
        held.append(all(i.low <= 0.7 <= i.high for i in intervals))
    assert 0.93 <= np.mean(held) <= 0.98


def test_equal_arms_tie_within_a_generous_margin_and_far_ones_never_do() -> None:
    rng = np.random.default_rng(0)
    outcomes = [study(rng, [0.0, 0.0, 0.0], Plan(margin=1.5))[-1].outcome for _ in range(100)]
    assert outcomes.count("tie") >= 95
    apart = [study(rng, [0.0, 1.5], Plan(margin=1.5)) for _ in range(200)]
    assert sum(state.outcome == "tie" for *_, state in apart) / 200 <= 0.06


def test_without_a_margin_equal_arms_use_up_the_budget() -> None:
    look, _, best, _, state = study(np.random.default_rng(3), [0.0, 0.0], Plan())
    assert (look, state.outcome) == (len(LOOKS) - 1, "budget")
    assert state.in_play[0] == best
    assert len(state.in_play) == 2


# ------------------------------------------------------------ what it says


def seeds_of(mean: float, count: int = 6, spread: float = 0.1) -> list[float]:
    steps = [(-1) ** seed * spread * (1 + seed / count) for seed in range(count)]
    return [mean + step - sum(steps) / count for step in steps]


def test_the_order_of_arms_and_seeds_changes_nothing() -> None:
    values = {"a": seeds_of(1.0), "b": seeds_of(1.05), "c": seeds_of(2.0)}
    turned = {name: values[name][::-1] for name in "cba"}
    one = {c.rival: c for c in compare(values, leader(values), Plan(), 1)}
    other = {c.rival: c for c in compare(turned, leader(turned), Plan(), 1)}
    assert leader(values) == leader(turned) == "a"
    for rival, comparison in one.items():
        assert other[rival].p == pytest.approx(comparison.p)
        assert other[rival].decision == comparison.decision
        assert other[rival].difference.low == pytest.approx(comparison.difference.low)


def test_a_beaten_rival_leaves_and_a_close_one_stays_in_play() -> None:
    values = {"a": seeds_of(1.0), "near": seeds_of(1.01), "far": seeds_of(3.0)}
    comparisons = compare(values, "a", Plan(), 1)
    assert [c.decision for c in comparisons] == ["undecided", "better"]
    assert verdict(comparisons, "a", Plan(), 1) == LookVerdict(None, ("a", "near"))


def test_a_tie_needs_every_unbeaten_rival_equivalent() -> None:
    plan = Plan(margin=1.0)
    values = {"a": seeds_of(1.0), "near": seeds_of(1.01), "far": seeds_of(9.0)}
    comparisons = compare(values, "a", plan, 1)
    assert [c.decision for c in comparisons] == ["equivalent", "better"]
    assert verdict(comparisons, "a", plan, 1) == LookVerdict("tie", ("a", "near"))


def test_the_last_rival_is_tested_as_one_pair_and_the_worst_as_all() -> None:
    alone = compare({"a": seeds_of(1.0), "b": seeds_of(1.3)}, "a", Plan(), 1)[0]
    values = {"a": seeds_of(1.0), "b": seeds_of(1.3), "c": seeds_of(1.5)}
    close, far = compare(values, "a", Plan(), 1)
    assert close.p == pytest.approx(alone.p)
    assert far.p == pytest.approx(3 * compare({"a": values["a"], "c": values["c"]}, "a", Plan(), 1)[0].p)
    assert far.p <= close.p


def test_the_interval_agrees_with_the_decision() -> None:
    for gap in np.linspace(0.05, 0.6, 23):
        found = compare({"a": seeds_of(1.0), "b": seeds_of(1.0 + gap)}, "a", Plan(), 1)[0]
        assert found.difference.estimate == pytest.approx(gap)
        assert (found.decision == "better") == (found.difference.low > 0)


def test_a_worse_leader_is_never_called_better() -> None:
    found = compare({"a": seeds_of(3.0), "b": seeds_of(1.0)}, "a", Plan(), 1)[0]
    assert found.decision == "undecided"
    assert found.difference.high < 0


def test_a_diverged_seed_is_a_loss() -> None:
    safe, fast = seeds_of(2.0), [*seeds_of(1.0, 5), math.nan]
    values = {"fast": fast, "safe": safe}
    assert leader(values) == "safe"
    found = compare(values, "safe", Plan(), 1)[0]
    assert found.decision == "better"
    assert math.isnan(found.p)
    assert math.isnan(found.difference.estimate)
    assert (found.difference.low, found.difference.high) == (-math.inf, math.inf)


def test_a_leader_that_diverged_neither_wins_nor_ties() -> None:
    values = {"a": [math.nan, *seeds_of(1.0, 5)], "b": [math.nan, math.nan, *seeds_of(1.0, 4)]}
    plan = Plan(margin=100.0)
    assert leader(values) == "a"
    comparisons = compare(values, "a", plan, len(LOOKS) - 1)
    assert [c.decision for c in comparisons] == ["undecided"]
    assert verdict(comparisons, "a", plan, len(LOOKS) - 1).outcome == "budget"


def test_runs_without_any_spread_are_told_apart_and_equal_ones_are_not() -> None:
    assert compare({"a": [1.0] * 4, "b": [2.0] * 4}, "a", Plan(), 0)[0].decision == "better"
    assert compare({"a": [1.0] * 4, "b": [1.0] * 4}, "a", Plan(), 0)[0].decision == "undecided"


def test_one_seed_decides_nothing() -> None:
    found = compare({"a": [1.0], "b": [2.0]}, "a", Plan(), 0)[0]
    assert (found.decision, found.p) == ("undecided", 1.0)


def test_an_only_arm_wins_unopposed() -> None:
    assert verdict(compare({"a": [1.0]}, "a", Plan(), 0), "a", Plan(), 0) == LookVerdict("win", ("a",))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Plan(looks=(4, 4)), "ascend"),
        (lambda: Plan(looks=(1, 4)), "ascend from 2"),
        (lambda: Plan(looks=()), "ascend"),
        (lambda: Plan(alpha=0.0), "alpha"),
        (lambda: Plan(margin=-1.0), "margin"),
        (lambda: compare({"a": [1.0, 2.0]}, "b", Plan(), 0), "not among"),
        (lambda: interval([1.0, 2.0], [1.0, 3.0], Plan(), 6), "looks 0 to 5"),
        (lambda: leader({}), "no arm"),
        (lambda: default_margin([1.0, math.nan]), "two seeds"),
        (lambda: minimum_detectable_difference([1.0], [1.0, 2.0], Plan(), 0), "two healthy seeds"),
    ],
)
def test_bad_arguments_are_named(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


# ------------------------------------------------------------ the boundaries


def test_the_boundary_spends_alpha_in_all_and_in_proportion() -> None:
    rng = np.random.default_rng(0)
    plan = Plan()
    increments = np.diff(plan.looks, prepend=0)
    sums = np.cumsum(rng.normal(0.0, np.sqrt(increments), (200_000, len(increments))), axis=1)
    scores = np.abs(sums) / np.sqrt(plan.looks)
    crossed = scores >= -ndtri(np.array(nominal_levels(plan.looks, 0.05)) / 2)
    spent = [crossed[:, : look + 1].any(axis=1).mean() for look in range(len(plan.looks))]
    assert spent == pytest.approx([0.05 * seeds / LOOKS[-1] for seeds in plan.looks], abs=0.002)


def test_one_look_is_a_plain_test() -> None:
    assert nominal_levels((10,), 0.05) == pytest.approx((0.05,))


@pytest.mark.parametrize("alpha", [1e-6, 0.01, 0.05, 0.3])
def test_level_and_boundary_are_inverse(alpha: float) -> None:
    for look, nominal in enumerate(nominal_levels(LOOKS, alpha)):
        assert overall_level(LOOKS, look, nominal) == pytest.approx(alpha, rel=0.01)


# ------------------------------------------------------------ what it means for the user


def test_the_default_margin_is_half_the_seed_spread() -> None:
    assert default_margin([1.0, 2.0, 3.0, math.nan]) == pytest.approx(0.5)
    assert default_margin([10.0, 20.0, 30.0], [1.0, 2.0, 3.0]) == pytest.approx(0.5)
    assert default_margin([1.0, 2.0, 3.0], [5.0], [math.nan, 1.0]) == pytest.approx(0.5)


def test_the_detectable_difference_is_found_as_often_as_promised() -> None:
    rng = np.random.default_rng(0)
    last = len(LOOKS) - 1
    known = minimum_detectable_difference(
        seeds_of(0, LOOKS[-1], 1.0), seeds_of(0, LOOKS[-1], 1.0), Plan(), last
    )
    spread = float(np.std(seeds_of(0, LOOKS[-1], 1.0), ddof=1))
    found = 0
    for _ in range(3000):
        a, b = rng.normal(0.0, spread, LOOKS[-1]), rng.normal(known, spread, LOOKS[-1])
        found += interval(a.tolist(), b.tolist(), Plan(), last).low > 0
    assert found / 3000 == pytest.approx(0.8, abs=0.02)


def test_the_seeds_needed_tell_arms_apart_or_equal_as_often_as_promised() -> None:
    plan = Plan(looks=(4, 400), margin=0.5)
    arms = [seeds_of(0.0, 10, 0.7), seeds_of(0.0, 10, 0.7)]
    equal = seeds_needed(*arms, plan)
    apart = seeds_needed(arms[0], [value + 1.0 for value in arms[1]], plan)
    variance = sum(float(np.var(arm, ddof=1)) for arm in arms)
    assert apart == pytest.approx(variance * (1.96 + 0.84) ** 2, rel=0.01)
    assert equal == pytest.approx(variance * (1.645 + 1.28) ** 2 / 0.25, rel=0.01)
    assert math.isinf(seeds_needed(*arms, Plan()))
    assert seeds_needed([1.0] * 4, [1.0] * 4, plan) == 4


def seeds_together(share: float, seeds: int, arms: int = 3) -> dict[str, list[float]]:
    """Arms whose results on the same seed have this correlation."""
    drawn = np.random.default_rng(0).normal(size=(arms + 1, seeds))
    rows = math.sqrt(1 - share) * drawn[:arms] + math.sqrt(share) * drawn[arms]
    return {f"arm{arm}": row.tolist() for arm, row in enumerate(rows)}


def test_pairing_is_used_where_the_correlation_pays() -> None:
    apart, together = seeds_together(0.0, 25), seeds_together(0.8, 25)
    assert pairing(together, Plan(), 5).correlation == pytest.approx(0.8, abs=0.1)
    assert pairing(together, Plan(), 5).used
    assert abs(pairing(apart, Plan(), 5).correlation) < 0.3
    assert not pairing(apart, Plan(), 5).used


def test_pairing_needs_three_seeds_that_vary() -> None:
    for values in ([1.0, 2.0], [1.0, 1.0, 1.0], [1.0, math.nan, 2.0]):
        known = pairing({"a": values, "b": list(range(len(values)))}, Plan(), 0)
        assert not known.used
        assert math.isnan(known.correlation)


def test_a_beaten_arm_does_not_hide_what_the_others_share() -> None:
    values = seeds_together(0.8, 25) | {"beaten": [9.0, 7.0, 8.0, 8.5]}
    assert pairing(values, Plan(), 5) == pairing(seeds_together(0.8, 25), Plan(), 5)


def test_pairing_takes_out_what_seeds_share() -> None:
    values = seeds_together(0.9, 25, arms=2)
    plain = interval(values["arm0"], values["arm1"], Plan(), 5)
    paired = interval(values["arm0"], values["arm1"], Plan(paired=True), 5)
    assert paired.estimate == pytest.approx(plain.estimate)
    assert paired.high - paired.low < 0.5 * (plain.high - plain.low)


def test_a_leader_that_beats_each_rival_at_the_full_level_beats_them_all() -> None:
    values = {"a": seeds_of(0.0)} | {name: seeds_of(0.33) for name in "bcde"}
    alone = compare({"a": values["a"], "b": values["b"]}, "a", Plan(), 1)[0].p
    assert 0.05 / 3 < alone < 0.05
    assert [c.p for c in compare(values, "a", Plan(), 1)] == pytest.approx([alone] * 4)
