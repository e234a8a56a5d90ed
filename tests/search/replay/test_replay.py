"""Replay on curve tables: the rules of cost and score, the policies, targets and seeds."""

from __future__ import annotations

import math
import random

import pytest

from surefoot.search.race import policy
from surefoot.search.race.on_tables import table_race
from surefoot.search.replay.baselines import RandomSearch, SuccessiveHalving
from surefoot.search.replay.replay import (
    false_winners,
    instances,
    mean_scores,
    paid_part,
    replay,
    replay_task,
    scores,
)
from surefoot.search.replay.scoring import score_table
from surefoot.store import Curve, CurveTable, TableArm

NAN = math.nan


class Scripted:
    """Asks what it is told to, and notes what it hears."""

    def __init__(self, *requests):
        self.requests = list(requests)
        self.told = []

    def ask(self):
        return self.requests.pop(0) if self.requests else None

    def tell(self, *point):
        self.told.append(point)

    def recommend(self):
        return 0


TWO = [Curve((0.25, 0.5, 1.0), (3.0, 2.0, 1.0)), Curve((0.25, 0.5), (4.0, NAN))]


def test_a_run_goes_on_and_pays_for_what_is_new():
    player = Scripted((0, 0.3), (0, 1.0), (1, 1.0))
    assert replay(player, TWO, 5.0) == (0, pytest.approx(1.5))
    assert player.told[:3] == [(0, 0.25, 3.0), (0, 0.5, 2.0), (0, 1.0, 1.0)]
    assert player.told[3] == (1, 0.25, 4.0)


def test_what_has_ended_is_told_again_and_costs_nothing():
    player = Scripted((1, 1.0), (1, 1.0))
    assert replay(player, TWO, 5.0)[1] == pytest.approx(0.5)
    assert len(player.told) == 3
    assert math.isnan(player.told[2][2])


def test_a_request_beyond_the_budget_is_cut_and_ends_the_replay():
    player = Scripted((0, 1.0), (1, 0.25))
    assert replay(player, TWO, 0.6)[1] == pytest.approx(0.5)
    assert [point[:2] for point in player.told] == [(0, 0.25), (0, 0.5)]


def test_only_the_trained_part_is_paid():
    assert paid_part(Curve((0.2, 0.4, 0.6), (1.0, NAN, NAN)), "final").progress == (0.2, 0.4)
    assert paid_part(Curve((0.2, 0.4, 0.6), (1.0, -0.1, -0.2)), "time_to_target").progress == (0.2, 0.4)


def test_regret_is_measured_between_best_and_median():
    finals = [Curve((1.0,), (value,)) for value in (1.0, 2.0, 3.0, 9.0, NAN)]
    assert scores(finals, "final") == [0.0, pytest.approx(2 / 3), pytest.approx(4 / 3), 1.5, 1.5]


def test_time_to_target_is_a_multiple_of_the_shortest():
    curves = [Curve((0.2,), (-1.0,)), Curve((0.2, 0.6), (1.0, 0.0)), Curve((1.0,), (0.5,))]
    assert scores(curves, "time_to_target") == [1.0, pytest.approx(3.0), 4.0]
    assert scores(curves[2:], "time_to_target") is None


def table(score="final", seeds=1, noise=0.0, optimizers=(("sgd", -1.0), ("adam", -3.0))):
    """Bowls in log lr that fall with progress; of "time_to_target" tables every second arm gets there."""
    rng = random.Random(0)
    points = [0.02 * step for step in range(1, 51)]

    def curve(off):
        floor = 0.3 + 0.2 * off**2 - (0.4 if score != "final" else 0.0)
        return Curve(tuple(points), tuple(floor + 0.5 / (1 + 20 * p) + rng.gauss(0, noise) for p in points))

    arms = tuple(
        TableArm(
            name,
            {"lr": 10**decade},
            {str(seed): curve(decade - best + (0.2 if name == "sgd" else 0.0)) for seed in range(seeds)},
        )
        for name, best in optimizers
        for decade in [-5 + 0.4 * step for step in range(15)]
    )
    return CurveTable("bowls", score, "all", {"bowl": arms})


def test_the_race_beats_what_knows_nothing_of_learning_rates():
    found = mean_scores(replay_task(table(noise=0.01), "bowl", (1.0, 3.0), range(4)))
    assert found["surefoot"][0].mean < found["random search"][0].mean / 3
    assert found["surefoot"][0].mean < found["successive halving"][0].mean / 3
    assert found["surefoot"][1].mean < 0.05


def test_the_standard_error_is_that_of_the_mean_over_orders():
    found = mean_scores([{"mine": (1.0,)}, {"mine": (2.0,)}, {"mine": (6.0,)}])
    (mean,) = found["mine"]
    assert mean.mean == 3.0
    assert mean.error == pytest.approx(math.sqrt(7.0 / 3))
    assert math.isnan(mean_scores([{"mine": (1.0,)}])["mine"][0].error)


def test_the_race_finds_the_earliest_at_a_target_and_trains_no_other_longer():
    for instance in instances(table("time_to_target"), "bowl", range(3)):
        player = table_race(instance.arms, 8.0, True, instance.order)
        chosen, spent = replay(player, instance.curves, 8.0)
        assert instance.scores[chosen] < 1.1
        assert spent < 8.0


def test_a_reached_target_is_better_than_any_distance():
    player = policy([{"optimizer": "a", "hyperparameters": {"lr": r}} for r in (0.1, 0.2, 0.4)], 4.0)
    arm, progress = player.ask()
    player.tell(arm, progress, 0.0)
    while (asked := player.ask()) is not None:
        assert asked[1] <= progress
        player.tell(*asked, 0.001)
    assert player.recommend() == arm


@pytest.mark.parametrize("make", [table_race, RandomSearch, SuccessiveHalving])
def test_every_policy_keeps_to_its_budget_and_repeats_itself(make):
    (instance,) = instances(table(noise=0.05), "bowl", [3])

    def once():
        return replay(make(instance.arms, 2.0, True, 3), instance.curves, 2.0)

    assert once() == once()
    assert once()[1] <= 2.0 + 1e-9


@pytest.mark.parametrize("make", [table_race, RandomSearch, SuccessiveHalving])
def test_every_policy_can_be_told_that_higher_is_better(make):
    (instance,) = instances(table(noise=0.01), "bowl", [0])
    turned = [Curve(c.progress, tuple(-v for v in c.values)) for c in instance.curves]
    lower = replay(make(instance.arms, 2.0, True, 0), instance.curves, 2.0)
    assert replay(make(instance.arms, 2.0, False, 0), turned, 2.0) == lower


def test_seeds_take_turns_or_are_drawn_for_each_arm():
    several = table(seeds=2, noise=0.1)
    first, second = instances(several, "bowl", [0, 1])
    assert sorted(c.values for c in first.curves) != sorted(c.values for c in second.curves)
    drawn = CurveTable("bowls", "final", "draw", several.tasks)
    (mixed,) = instances(drawn, "bowl", [0])
    own = {arm.curves[seed].values for arm in several.tasks["bowl"] for seed in "01"}
    assert {c.values for c in mixed.curves} <= own


def test_false_winners_are_rarer_by_the_test_than_by_one_seed():
    close = table(seeds=12, noise=0.03, optimizers=(("sgd", -1.0),))
    arms = close.tasks["bowl"][9:12]  # their floors differ by less than the noise of one seed
    found = false_winners(CurveTable("close", "final", "all", {"close": arms}), "close", range(60))
    assert found.arms == 3
    assert found.seeds == 12
    assert found.one_seed > 0.1
    assert found.false_wins <= 0.05
    assert false_winners(table(), "bowl", range(3)) is None


@pytest.mark.slow
def test_a_table_is_scored_in_processes_alike():
    bowls = table()
    heard = []
    found = score_table(
        bowls, (1.0,), 12, workers=2, progress=lambda done, total: heard.append((done, total))
    )
    assert found.means == mean_scores(replay_task(bowls, "bowl", (1.0,), range(12)))
    assert found.priors == {"adam": "optimizer", "sgd": "optimizer"}
    assert heard == [(1, 2), (2, 2)]
    with pytest.raises(ValueError, match="no task has 20 arms"):
        score_table(CurveTable("few", "final", "all", {"bowl": bowls.tasks["bowl"][:3]}), (1.0,), 1)
