"""Confirmation, replayed on made-up values: verdicts, budget, order of arrival."""

from __future__ import annotations

import math
import random

import pytest

from surefoot.search.confirm.confirmation import LASTING_ARMS, Confirmation, Cost
from surefoot.search.confirm.sequential_test import LADDER
from surefoot.study.decisions import Looked
from surefoot.study.run import Candidate

BASELINE = Candidate("AdamW", {"lr": 0.001})
FLOOR = Candidate("RandomSearch", {"scale": 0.01})
ADAM, SGD = Candidate("Adam", {"lr": 0.01}), Candidate("SGD", {"lr": 0.1})
COSTS = {ADAM.key: Cost(2e-3, 100), SGD.key: Cost(1e-3, 50), BASELINE.key: Cost(2e-3, 100)}


def confirm(means, *, runs=200, margin=None, noise=1.0, seed=0, shuffle=None, diverged=(), costs=COSTS):
    """Run a confirmation on normal values around the means; returns it and the number of runs."""
    decisions = []
    confirmation = Confirmation(
        [ADAM, SGD], BASELINE, FLOOR, runs=runs, first_seed=1000, floor_seeds=2, margin=margin,
        label=lambda c: c.optimizer, decide=decisions.append,
    )  # fmt: skip
    order = random.Random(shuffle)
    made, waiting = 0, []
    while True:
        while (request := confirmation.ask()) is not None:
            waiting.append(request)
        if not waiting:
            return confirmation.outcome(costs), made, decisions
        request = waiting.pop(order.randrange(len(waiting)) if shuffle is not None else 0)
        made += 1
        name = request.candidate.optimizer
        value = random.Random(f"{seed} {name} {request.seed}").gauss(means.get(name, 10.0), noise)
        confirmation.tell(request, math.nan if name in diverged else value)


def test_a_clear_difference_wins_early():
    outcome, runs, decisions = confirm({"Adam": 0.0, "SGD": 8.0, "AdamW": 8.0})
    assert outcome.verdict == "win"
    assert outcome.recommended == ADAM
    assert outcome.effect.high < 0
    assert outcome.p_best > 0.99
    assert runs == 3 * LADDER[0] + 2
    assert [type(decision) for decision in decisions] == [Looked]


def test_equal_candidates_within_a_generous_margin_tie_and_the_cheaper_is_taken():
    outcome, _, _ = confirm({"Adam": 0.0, "SGD": 0.0, "AdamW": 9.0}, margin=3.0)
    assert outcome.verdict == "tie"
    assert outcome.recommended == SGD
    assert {c.optimizer for c in outcome.tied} == {"Adam", "SGD"}


@pytest.mark.parametrize(
    ("sgd", "best"),
    [
        (Cost(1e-3, 100, 0.1), "SGD"),  # seconds come first
        (Cost(1.9e-3, 100, 0.4), "Adam"),  # as fast up to the noise: then state
        (Cost(2.2e-3, 50, 0.4), "Adam"),
        (Cost(2.2e-3, 50, 0.6), "SGD"),  # then the wider window
        (Cost(2e-3, 50), "Adam"),  # one that was not seen is the narrowest
        (Cost(2e-3, 40), "SGD"),
    ],
)
def test_of_equals_the_faster_then_the_smaller_then_the_less_touchy_is_taken(sgd, best):
    costs = COSTS | {ADAM.key: Cost(2e-3, 50, 0.5), SGD.key: sgd}
    outcome, _, _ = confirm({"Adam": 0.0, "SGD": 0.0, "AdamW": 9.0}, margin=3.0, costs=costs)
    assert (outcome.verdict, outcome.recommended.optimizer) == ("tie", best)


def test_what_cannot_be_told_apart_ends_with_the_budget():
    outcome, runs, _ = confirm({"Adam": 0.0, "SGD": 0.1, "AdamW": 9.0}, runs=40)
    assert outcome.verdict == "budget"
    assert runs <= 40
    assert outcome.effect.high < 0
    assert 0.2 < outcome.p_best < 0.98
    assert outcome.trainings_needed > 40
    assert 0.5 < outcome.minimum_detectable_difference < 3


def test_a_win_needs_no_more_trainings_and_tells_what_could_be_seen():
    outcome, _, _ = confirm({"Adam": 0.0, "SGD": 8.0, "AdamW": 8.0})
    assert outcome.trainings_needed is None
    assert outcome.minimum_detectable_difference > 1
    assert all(mean.low < mean.estimate < mean.high for mean in outcome.means.values())


@pytest.mark.parametrize("runs", [8, 11, 14, 20, 33, 60, 500])
def test_the_budget_is_kept(runs):
    for seed in range(5):
        _, made, _ = confirm({"Adam": 0.0, "SGD": 0.3, "AdamW": 0.6}, runs=runs, seed=seed)
        assert made <= max(runs, 3 * 2 + 2)


@pytest.mark.parametrize("runs", [20, 33, 40, 60, 77, 100])
def test_no_money_is_left_over_where_none_can_be_told_apart(runs):
    for seed in range(5):
        outcome, made, decisions = confirm({"Adam": 0.0, "SGD": 0.0, "AdamW": 0.0}, runs=runs, seed=seed)
        if len(outcome.tied) == 3 and outcome.verdict == "budget":
            assert runs - 3 < made <= runs
            assert decisions[-1].seeds == len(outcome.values[BASELINE.key])


@pytest.mark.parametrize("arms", [2, 3, 4, 5])
@pytest.mark.parametrize("runs", [11, 45, 60, 97])
def test_looks_are_the_ladder_and_the_end_of_the_money(runs, arms):
    finalists = [Candidate(f"Optimizer{number}", {}) for number in range(arms - 1)]
    first, *later = Confirmation(
        finalists, BASELINE, FLOOR, runs=runs, first_seed=0, floor_seeds=0, margin=None,
        label=str, decide=lambda _: None,
    ).plan.looks  # fmt: skip
    lasting = min(arms, LASTING_ARMS)
    spent = arms * first + lasting * ((later or [first])[-1] - first)
    assert runs - lasting < spent <= runs
    assert set(later[:-1]) <= set(LADDER)


def test_the_order_of_arrival_changes_nothing():
    outcomes = [confirm({"Adam": 0.0, "SGD": 0.5, "AdamW": 1.0}, runs=60, shuffle=s)[0] for s in range(8)]
    assert all(outcome == outcomes[0] for outcome in outcomes)


def test_a_difference_of_two_standard_deviations_is_found():
    found = sum(
        confirm({"Adam": 0.0, "SGD": 2.0, "AdamW": 2.0}, runs=60, seed=s)[0].verdict == "win"
        for s in range(50)
    )
    assert found >= 40


def test_a_candidate_that_diverges_on_fresh_seeds_is_not_recommended():
    outcome, _, _ = confirm({"Adam": 0.0, "SGD": 1.0, "AdamW": 9.0}, diverged=("Adam",))
    assert outcome.recommended == SGD


def test_a_baseline_that_diverges_leaves_no_interval():
    outcome, _, _ = confirm({"Adam": 0.0, "SGD": 9.0}, diverged=("AdamW",))
    assert outcome.recommended == ADAM
    assert outcome.verdict == "win"
    assert math.isnan(outcome.effect.estimate)


def test_equal_arms_are_seldom_called_worse_at_any_look_and_hardly_ever_win():
    wins = worse = 0
    for seed in range(100):
        outcome, _, decisions = confirm({"Adam": 0.0, "SGD": 0.0, "AdamW": 0.0}, runs=80, seed=seed)
        wins += outcome.verdict == "win"
        worse += any(rival.decision == "better" for look in decisions for rival in look.rivals)
    assert wins <= worse <= 0.05 * 100 + 2 * math.sqrt(100 * 0.05 * 0.95)


@pytest.mark.parametrize("truth", [{"Adam": 0, "SGD": 0, "AdamW": 3}, {"Adam": 0, "SGD": 1, "AdamW": 2}])
def test_intervals_hold_the_truth_though_the_leader_is_chosen_and_one_stops_early(truth):
    held = []
    for seed in range(100):
        outcome, _, _ = confirm(truth, runs=60, seed=seed)
        effect = truth[outcome.recommended.optimizer] - truth["AdamW"]
        held.append(outcome.effect.low <= effect <= outcome.effect.high)
        mean = outcome.means[outcome.recommended.key]
        held.append(mean.low <= truth[outcome.recommended.optimizer] <= mean.high)
    assert 0.91 <= sum(held) / len(held) <= 0.98


def test_who_was_found_worse_stays_out():
    for seed in range(40):
        outcome, _, decisions = confirm({"Adam": 0.0, "SGD": 1.5, "AdamW": 0.2}, runs=160, seed=seed)
        out = set()
        for look in decisions:
            worse = {rival.rival for rival in look.rivals if rival.decision == "better"}
            assert out <= worse
            out = worse
        assert outcome.recommended.optimizer not in out


def beside_a_bad_baseline(seed):
    """As of the task `physics`: the leader is twice as good as its rival; the baseline is bad, and noisy."""
    draw = random.Random(seed)
    spread = {"Adam": (0.007, 0.004), "SGD": (0.013, 0.007), "AdamW": (0.067, 0.05)}
    confirmation = Confirmation(
        [ADAM, SGD], BASELINE, FLOOR, runs=70, first_seed=0, floor_seeds=0, margin=None,
        label=lambda c: c.optimizer, decide=lambda _: None,
    )  # fmt: skip
    while (request := confirmation.ask()) is not None:
        confirmation.tell(request, draw.gauss(*spread[request.candidate.optimizer]))
    return confirmation.outcome(COSTS)


def test_no_difference_is_small_because_the_baseline_is_noisy():
    outcomes = [beside_a_bad_baseline(seed) for seed in range(60)]
    assert sum(outcome.verdict == "tie" for outcome in outcomes) <= 1
    assert sum(outcome.recommended.optimizer == "Adam" for outcome in outcomes) >= 59


def capped(seed, *, rates, cap=0.1, runs=60):
    """A study of seconds to a target that each arm hits with some probability; a miss counts as the cap."""
    draw = random.Random(seed)
    confirmation = Confirmation(
        [ADAM, SGD], BASELINE, FLOOR, runs=runs, first_seed=0, floor_seeds=0, margin=None,
        label=lambda c: c.optimizer, decide=lambda _: None,
    )  # fmt: skip
    while (request := confirmation.ask()) is not None:
        hit = draw.random() < rates[request.candidate.optimizer]
        confirmation.tell(request, draw.uniform(0.02, 0.08) if hit else cap)
    return confirmation.outcome(COSTS)


def test_arms_that_all_miss_the_target_are_equal_to_the_last_bit_which_is_a_tie():
    outcome = capped(0, rates={"Adam": 0, "SGD": 0, "AdamW": 0})
    assert outcome.verdict == "tie"
    assert (outcome.effect.estimate, outcome.effect.low, outcome.effect.high) == (0, 0, 0)
    assert outcome.trainings_needed is None
    assert not any(c.decision == "better" for c in outcome.comparisons.values())


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_rare_hits_of_equal_arms_seldom_win(rate):
    rates = dict.fromkeys(("Adam", "SGD", "AdamW"), rate)
    outcomes = [capped(seed, rates=rates, runs=40) for seed in range(25)]
    assert sum(outcome.verdict == "win" for outcome in outcomes) <= 1


def test_an_arm_that_always_hits_beats_those_that_always_miss():
    assert capped(0, rates={"Adam": 1, "SGD": 0, "AdamW": 0}).verdict == "win"


def closed_after(results, runs=200):
    """A confirmation that time has ended after so many results, and whether it can answer."""
    confirmation = Confirmation(
        [ADAM, SGD], BASELINE, FLOOR, runs=runs, first_seed=1000, floor_seeds=0, margin=None,
        label=lambda c: c.optimizer, decide=lambda decision: None,
    )  # fmt: skip
    means = {"Adam": 9.0, "SGD": 9.5, "AdamW": 10.0}
    waiting = []
    for _ in range(results):
        while (request := confirmation.ask()) is not None:
            waiting.append(request)
        request = waiting.pop(0)
        name = request.candidate.optimizer
        value = random.Random(f"{name} {request.seed}").gauss(means[name], 1.0)
        confirmation.tell(request, value)
    return confirmation.close(), confirmation


@pytest.mark.parametrize(("results", "enough"), [(0, False), (3, False), (5, False), (6, True), (8, True)])
def test_time_may_end_a_confirmation_once_everyone_has_two_seeds(results, enough):
    closed, confirmation = closed_after(results)
    assert closed == enough
    if closed:
        outcome = confirmation.outcome(COSTS)
        assert {len(outcome.values[key]) for key in confirmation.arms} == {results // 3}


@pytest.mark.parametrize("results", range(6, 40))
def test_wherever_it_ends_all_who_are_in_play_have_the_same_seeds(results):
    closed, confirmation = closed_after(results)
    assert closed
    outcome = confirmation.outcome(COSTS)
    assert outcome.verdict in ("win", "tie", "budget")
    counts = {len(confirmation.values_of(c.key)) for c in outcome.tied}
    assert len(counts) == 1
    assert confirmation.ask() is None
