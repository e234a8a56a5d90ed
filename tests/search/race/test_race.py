"""The race on synthetic learning curves: bowls in log lr that cross, diverge and flatten."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from surefoot.search.race.on_tables import candidate
from surefoot.search.race.race import Race
from surefoot.search.race.rungs import RUNGS
from surefoot.study.decisions import BestOfOptimizer, Promoted, Stopped, Widened
from surefoot.study.optimizers import WIDE
from surefoot.study.run import Candidate

LRS = [10 ** (exponent / 4) for exponent in range(-20, 5)]
OPTIMIZERS = {"SGD": (1e-1, 0.10), "Adam": (2e-3, 0.05), "Adagrad": (3e-2, 0.20)}  # best lr, lowest value
PRIORS = {"sgd": (3e-2, 0.8), "adam": (1e-3, 0.7), "adagrad": (3e-2, 0.7)}

Curve = Callable[[int, float], float]


def grid(momenta: Sequence[float] = (0.9,)) -> list[Candidate]:
    return [
        candidate(optimizer, {"lr": lr, "momentum": momentum})
        for optimizer in OPTIMIZERS
        for momentum in momenta
        for lr in LRS
    ]


def curves(arms: Sequence[Candidate], noise: float = 0.0, seed: int = 0) -> Curve:
    """Value of an arm at a progress: a bowl around the best lr, whose optimum falls with progress."""
    rng = random.Random(seed)
    wobble = [[rng.gauss(0.0, noise) for _ in range(100)] for _ in arms]

    def value(arm: int, progress: float) -> float:
        best, floor = OPTIMIZERS[arms[arm].optimizer]
        settings = arms[arm].hyperparameters
        off = math.log10(settings["lr"] / best) + 0.3 * math.log10(progress)
        if off > 0.8:
            return math.nan
        bowl = floor + 0.1 * off**2 + abs(settings["momentum"] - 0.9)
        return bowl + 0.5 * (1 - bowl) / (1 + 30 * progress) + wobble[arm][round(99 * progress)]

    return value


def run(race: Race, value: Curve) -> list[tuple[int, float]]:
    asked = []
    while (request := race.ask()) is not None:
        asked.append(request)
        race.tell(*request, value(*request))
    assert race.finished
    return asked


def spent(asked: Sequence[tuple[int, float]]) -> float:
    furthest: dict[int, float] = {}
    for arm, progress in asked:
        furthest[arm] = max(furthest.get(arm, 0.0), progress)
    return sum(furthest.values())


def regret(arms: Sequence[Candidate], value: Curve, chosen: int) -> float:
    finals = [value(arm, 1.0) for arm in range(len(arms))]
    return value(chosen, 1.0) - min(final for final in finals if not math.isnan(final))


@pytest.mark.parametrize(("budget", "close"), [(0.5, 0.1), (1, 0.05), (2, 0.03), (5, 0.01), (10, 0.01)])
def test_it_comes_close_to_the_best_arm(budget: float, close: float) -> None:
    arms = grid()
    for seed in range(5):
        value = curves(arms, noise=0.003, seed=seed)
        race = Race(arms, budget, priors=PRIORS)
        run(race, value)
        assert regret(arms, value, race.recommend()) <= close


def test_it_beats_random_search_by_far_at_one_training() -> None:
    arms = grid()
    value = curves(arms, noise=0.003)
    race = Race(arms, 1, priors=PRIORS)
    run(race, value)
    finals = [regret(arms, value, arm) for arm in range(len(arms))]
    typical = sorted(r for r in finals if not math.isnan(r))[len(finals) // 3]
    assert regret(arms, value, race.recommend()) < typical / 5


@pytest.mark.parametrize("budget", [0.001, 0.013, 0.1, 0.5, 1, 1.7, 3, 8, 200])
def test_it_never_spends_more_than_the_budget(budget: float) -> None:
    arms = grid((0.9, 0.99))
    race = Race(arms, budget)
    asked = run(race, curves(arms))
    assert spent(asked) <= budget + 1e-6
    assert 0 <= race.recommend() < len(arms)


def test_the_order_of_arrival_changes_nothing() -> None:
    arms = grid((0.9, 0.99))
    value = curves(arms, noise=0.01)
    alone = Race(arms, 3)
    asked = run(alone, value)
    for seed in range(5):
        rng = random.Random(seed)
        race, out, seen = Race(arms, 3), [], []
        while not race.finished:
            while len(out) < 4 and (request := race.ask()) is not None:
                out.append(request)
                seen.append(request)
            if out:
                arm, progress = out.pop(rng.randrange(len(out)))
                race.tell(arm, progress, value(arm, progress))
        assert seen == asked
        assert race.recommend() == alone.recommend()
        assert [d.text for d in race.decisions] == [d.text for d in alone.decisions]


def test_ask_waits_for_the_round_and_says_so() -> None:
    race = Race(grid(), 1)
    out = []
    while (request := race.ask()) is not None:
        out.append(request)
    assert out
    assert not race.finished
    for arm, progress in out[:-1]:
        race.tell(arm, progress, 0.5)
    assert race.ask() is None
    assert not race.finished
    race.tell(*out[-1], 0.5)
    assert race.ask() is not None


def test_higher_is_better_mirrors_lower_is_better() -> None:
    arms = grid()
    value = curves(arms, noise=0.01)
    down, up = Race(arms, 2), Race(arms, 2, lower_is_better=False)
    assert run(down, value) == run(up, lambda arm, progress: -value(arm, progress))
    assert [d.value for d in up.decisions] == pytest.approx([-d.value for d in down.decisions], nan_ok=True)
    assert any(" down from the best −" in d.text for d in up.decisions)


def test_half_stays_at_the_first_rung_and_the_best_of_every_optimizer() -> None:
    arms = grid()
    race = Race(arms, 3, priors=PRIORS, rungs=RUNGS)
    asked = run(race, curves(arms, noise=0.01))
    at = {rung: [arm for arm, progress in asked if progress == rung] for rung in RUNGS}
    healthy = {arm for arm in at[RUNGS[0]] if not math.isnan(curves(arms)(arm, RUNGS[0]))}
    assert len(at[RUNGS[1]]) >= len(healthy) / 2
    assert {arms[arm].optimizer for arm in at[RUNGS[1]]} == set(OPTIMIZERS)


def test_nothing_above_a_diverged_lr_is_tried_later() -> None:
    arms = grid()
    value = curves(arms)
    race = Race(arms, 20)
    ceiling: dict[str, float] = {}
    first_look = set(race._first_look)
    while (request := race.ask()) is not None:
        arm, progress = request
        optimizer, lr = arms[arm].optimizer, arms[arm].hyperparameters["lr"]
        assert arm in first_look or lr <= ceiling.get(optimizer, math.inf)
        told = value(arm, progress)
        if math.isnan(told):
            ceiling[optimizer] = min(lr, ceiling.get(optimizer, math.inf))
        race.tell(arm, progress, told)


def test_a_winning_boundary_is_widened() -> None:
    arms = [candidate("SGD", {"lr": 10.0**exponent}) for exponent in range(-8, 3)]
    race = Race(arms, 5)
    run(race, lambda arm, progress: 1 + abs(math.log10(arms[arm].hyperparameters["lr"]) + 7) / progress)
    assert arms[race.recommend()].hyperparameters["lr"] == 1e-7
    assert any(isinstance(d, Widened) for d in race.decisions)


def test_an_optimizer_that_diverges_everywhere_is_followed_downwards() -> None:
    arms = [candidate("SGD", {"lr": 10.0**exponent}) for exponent in range(-8, 3)]
    race = Race(arms, 2)
    run(race, lambda arm, _: 0.5 if arms[arm].hyperparameters["lr"] < 1e-5 else math.nan)
    assert arms[race.recommend()].hyperparameters["lr"] < 1e-5


def test_the_second_hyperparameter_is_searched_once_lr_is_settled() -> None:
    arms = grid((0.5, 0.9))  # the lines are equally long: the first, 0.5, is taken for the usual setting
    race = Race(arms, 4)
    run(race, curves(arms))
    assert arms[race.recommend()].hyperparameters["momentum"] == 0.9


def test_priors_move_the_first_look() -> None:
    arms = grid()
    race = Race(arms, 1, priors={"adam": (1e-4, 0.5)})
    first = [arm for arm in race._first_look if arms[arm].optimizer == "Adam"]
    lrs = [arms[arm].hyperparameters["lr"] for arm in first]
    assert lrs[0] == pytest.approx(1e-4)
    assert max(lrs) == pytest.approx(1e-3)


def test_where_nothing_is_known_the_first_look_begins_in_the_middle_and_is_wide() -> None:
    arms = grid()
    race = Race(arms, 3)
    assert race.prior("Adam") == (pytest.approx(1e-2), WIDE)
    lrs = [arms[arm].hyperparameters["lr"] for arm in race._first_look if arms[arm].optimizer == "Adam"]
    assert lrs[0] == pytest.approx(1e-2)
    assert (min(lrs), max(lrs)) == (pytest.approx(1e-4), pytest.approx(1.0))


@pytest.mark.parametrize("centre", [1e-7, 20.0])
def test_a_prior_beside_all_rates_moves_to_their_middle(centre: float) -> None:
    race = Race(grid(), 3, priors={"adam": (centre, 0.5)})
    assert race.prior("Adam") == (pytest.approx(1e-2), 0.5)


def test_optimizers_are_looked_at_in_the_order_that_is_given_and_then_in_the_usual_one() -> None:
    arms = grid()

    def looked_at(order: Sequence[str]) -> list[str]:
        return [arms[arm].optimizer for arm in Race(arms, 3, order=order)._first_look[:3]]

    assert looked_at(()) == ["SGD", "Adagrad", "Adam"]
    assert looked_at(("Adam", "not raced")) == ["Adam", "SGD", "Adagrad"]


def test_arms_without_lr_race_too() -> None:
    arms = [candidate(f"Free{i}", {"scale": i}) for i in range(4)]
    race = Race(arms, 3)
    run(race, lambda arm, progress: 1 / (1 + arm) + 0.1 / progress)
    assert race.recommend() == 3


def test_all_diverged_still_answers() -> None:
    race = Race(grid(), 1)
    run(race, lambda *_: math.nan)
    assert race.recommend() == race._first_look[0]
    assert race.finalists(3) == []
    assert {type(d) for d in race.decisions} <= {Stopped, Widened}


def test_it_can_be_stopped_at_any_moment() -> None:
    arms = grid()
    value = curves(arms)
    race = Race(arms, 3)
    assert race.recommend() == race._first_look[0]
    while (request := race.ask()) is not None:
        race.tell(*request, value(*request))
        assert not math.isnan(value(race.recommend(), request[1]))


@pytest.mark.parametrize("late", [0.03, 0.1, 0.3, 0.9])
@pytest.mark.parametrize("share", [0.5, 0.9, 1.0])
def test_whatever_diverges_and_whenever_the_race_ends_with_an_answer(late: float, share: float) -> None:
    arms = grid()
    for seed in range(12):
        rng = random.Random(seed)
        lost = [rng.random() < share for _ in arms]
        race = Race(arms, rng.choice([1, 3, 8, 20]))
        while (request := race.ask()) is not None:
            arm, progress = request
            race.tell(arm, progress, math.nan if lost[arm] and progress > late else rng.random())
        assert race.finished
        assert race.recommend() in range(len(arms))


def test_decisions_say_why() -> None:
    arms = grid()
    race = Race(arms, 3)
    run(race, curves(arms, noise=0.01))
    assert {type(d) for d in race.decisions} >= {Promoted, Stopped, BestOfOptimizer}
    stopped = next(d for d in race.decisions if " against a band of " in d.text)
    assert stopped.text.startswith(f"{stopped.candidate.optimizer} lr=")
    assert stopped.band > 0
    assert any("diverged before" in d.text for d in race.decisions)


def test_finalists_are_the_best_of_distinct_optimizers() -> None:
    arms = grid()
    race = Race(arms, 3)
    run(race, curves(arms))
    finalists = race.finalists(2)
    assert finalists[0] == race.recommend()
    assert [arms[arm].optimizer for arm in finalists] == ["Adam", "SGD"]
    assert len(race.finalists(10)) == 3


def test_several_points_may_answer_one_request() -> None:
    arms = grid()
    value = curves(arms)
    plain, fine = Race(arms, 2), Race(arms, 2)
    asked = run(plain, value)
    for arm, progress in asked:
        assert fine.ask() == (arm, progress)
        fine.tell(arm, progress / 2, 10.0)
        fine.tell(arm, progress, value(arm, progress))
    assert fine.recommend() == plain.recommend()


def test_a_run_with_a_single_point_is_paid_once_and_counts_as_finished() -> None:
    arms = grid()
    race = Race(arms, 3)
    asked = []
    while (request := race.ask()) is not None:
        asked.append(request[0])
        race.tell(request[0], 1.0, curves(arms)(request[0], 1.0))
    assert len(asked) == len(set(asked)) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"arms": [], "budget": 1}, "at least one arm"),
        ({"arms": grid(), "budget": 0}, "budget must be positive"),
        ({"arms": grid(), "budget": 1, "rungs": (0.5, 0.1, 1)}, "ascend"),
        ({"arms": grid(), "budget": 1, "rungs": (0.1, 0.5)}, "to 1"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Race(**arguments)


def test_telling_what_was_not_asked_is_an_error() -> None:
    with pytest.raises(ValueError, match="never asked"):
        Race(grid(), 1).tell(0, 1.0, 0.5)


def test_a_portfolio_is_looked_at_first() -> None:
    arms = grid()
    race = Race(arms, 10, portfolio=[7, 3])
    assert [arm for arm, _ in run(race, curves(arms))][:2] == [7, 3]
    assert len(race._first_look) == len(set(race._first_look))


def test_arms_added_to_another_line_do_not_make_it_the_usual_one() -> None:
    def arm(lr: float, momentum: float) -> Candidate:
        return candidate("SGD", {"lr": lr, "momentum": momentum})

    arms = [arm(10.0**n, momentum) for momentum in (0.9, 0.0) for n in range(-4, 2)] + [arm(0.03, 0.0)]
    race = Race(arms, 10)
    assert {arms[i].hyperparameters["momentum"] for i in race._first_look} == {0.9}
