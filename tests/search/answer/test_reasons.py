"""The why in words, from made-up outcomes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from surefoot.analysis.race_history import OptimizerHistory
from surefoot.search.answer.claims import claims_of
from surefoot.search.answer.reasons import reasons
from surefoot.search.confirm.confirmation import Cost, Outcome
from surefoot.search.confirm.sequential_test import Comparison
from surefoot.study.answer import Interval, LrWindow, Pairing
from surefoot.study.decisions import PlayoffPlace
from surefoot.study.run import Candidate

ADAMW, MUON, SGD = (
    Candidate("AdamW", {"lr": 0.01}),
    Candidate("Muon", {"lr": 0.02}),
    Candidate("SGD", {"lr": 0.1}),
)
BASE, FLOOR = Candidate("AdamW", {"lr": 0.001}), Candidate("RandomSearch", {"scale": 0.01})
NONE = Interval(0.0, 0.0, 0.0, 0.95)


def label(candidate):
    return f"{candidate.optimizer} lr={candidate.hyperparameters['lr']:g}"


def compared(candidate, decision, estimate=0.02, half=0.01, p=0.01):
    difference = Interval(estimate, estimate - half, estimate + half, 0.95)
    return candidate.key, Comparison(candidate.key, difference, p, decision)


def outcome(verdict, comparisons, *, recommended=ADAMW, arms=(ADAMW, MUON, SGD), needed=None):
    return Outcome(
        verdict=verdict, recommended=recommended, baseline=BASE, floor=FLOOR, tied=(recommended,), arms=arms,
        values={}, comparisons=dict(comparisons), means={}, effect=NONE, p_best=0.9, expected_regret=0.0,
        margin=0.005, minimum_detectable_difference=0.01, trainings_needed=needed,
        pairing=Pairing(False, 0.1),
    )  # fmt: skip


def why(found, *, histories=(), costs=None, windows=None):
    return reasons(found, claims_of(found), histories, costs or {}, windows or {}, label)


def rung(name, behind, *, band=0.1, progress=1 / 3, runs=8, diverged=0):
    return OptimizerHistory(name, (), runs, diverged, None, progress, behind, band)


def played(name, behind, seeds):
    place = PlayoffPlace("", Candidate(name, {}), 2, False, 0.1, seeds, behind, ADAMW)
    return OptimizerHistory(name, (), 8, 0, None, 1.0, behind, playoff=place)


def window(decades, *, low=0.01, open_high=False, blow_up=0.0):
    return LrWindow(low, low * 10**decades, decades, low, blow_up, open_high=open_high)


TIE = outcome("tie", [compared(MUON, "equivalent"), compared(SGD, "better")])


@pytest.mark.parametrize(
    ("muon", "words"),
    [
        (Cost(1.3, 50, 1.0), "costs 30 % more seconds per step"),
        (Cost(1.0, 250, 1.0), "is as fast, but keeps 2.5 times the state"),
        (Cost(1.1, 100, 0.2), "costs the same, but its lr window is narrower: 0.2 decades against 0.9"),
        (Cost(1.1, 100), "costs the same, but its lr window was not seen"),
        (Cost(1.0, 100, 0.9), "costs the same"),
    ],
)
def test_a_tied_rival_is_told_with_what_it_costs_more_seconds_first(muon, words):
    found = why(TIE, costs={ADAMW.key: Cost(1.0, 100, 0.9), MUON.key: muon})
    assert found[0] == f"Muon lr=0.02 tied and {words}."
    assert found[1] == "SGD lr=0.1 lost: 0.020 behind (95 % interval 0.010 to 0.030)."


@pytest.mark.parametrize(
    ("muon", "words"),
    [
        (Cost(0.7, 250), "costs 30 % fewer seconds per step"),
        (Cost(1.0, 50), "is as fast, and keeps 0.5 times the state"),
        (Cost(1.0, 100, 2.0), "costs the same"),
    ],
)
def test_where_cost_chose_nobody_an_equal_rival_may_be_cheaper(muon, words):
    comparisons = [compared(MUON, "equivalent"), compared(SGD, "undecided")]
    found = why(outcome("budget", comparisons), costs={ADAMW.key: Cost(1.0, 100, 0.9), MUON.key: muon})
    assert f"Muon lr=0.02 is equal within the margin and {words}." in found


def test_where_the_cheapest_of_equals_was_not_the_leader_distances_name_the_leader():
    found = outcome("tie", [compared(ADAMW, "equivalent"), compared(SGD, "better")], recommended=ADAMW)
    costs = {ADAMW.key: Cost(1.0, 100), MUON.key: Cost(2.0, 100)}
    tied, lost = why(found, costs=costs)[:2]
    assert tied == "Muon lr=0.02 tied and costs 100 % more seconds per step."
    assert lost.startswith("SGD lr=0.1 lost: 0.020 behind Muon lr=0.02 (")


def test_undecided_rivals_share_a_sentence_with_what_it_would_take():
    comparisons = [compared(MUON, "undecided", 0.002), compared(SGD, "undecided", 0.003)]
    values = {ADAMW.key: (0.1,) * 9, MUON.key: (0.2,) * 9}
    found = why(replace(outcome("budget", comparisons, needed=120), values=values))[0]
    assert found == (
        "Not told apart: Muon lr=0.02, 0.0020 behind (95 % interval −0.0080 to 0.012); SGD lr=0.1, "
        "0.0030 behind (95 % interval −0.0070 to 0.013). About 120 more full trainings would settle it."
    )


def test_nobody_is_sent_for_thousands_of_trainings():
    found = outcome("budget", [compared(MUON, "undecided", 0.002)], needed=3108)
    words = why(replace(found, values={ADAMW.key: (0.1, 0.2, 0.3), MUON.key: (0.2, 0.1, 0.4)}))[0]
    assert "3108" not in words
    assert words.endswith("Settling it takes more than 10 times the 6 trainings spent on it.")


def test_an_interval_without_zero_is_never_told_as_not_told_apart():
    comparisons = [compared(MUON, "undecided", 0.002), compared(SGD, "undecided", 0.02, p=0.14)]
    found = why(outcome("budget", comparisons))
    assert found[:2] == [
        "Not told apart: Muon lr=0.02, 0.0020 behind (95 % interval −0.0080 to 0.012).",
        "Probably worse: SGD lr=0.1, 0.020 behind (95 % interval 0.010 to 0.030). The test over all pairs "
        "asks for more seeds to be sure.",
    ]


def test_values_may_have_a_unit():
    found = outcome("budget", [compared(MUON, "undecided", p=0.06)], arms=(ADAMW, MUON))
    words = reasons(found, claims_of(found), [rung("Lion", 0.5)], {}, {}, label, "s")
    assert words[0].startswith("Probably worse: Muon lr=0.02, 0.020 s behind (95 % interval 0.010 to 0.030).")
    assert words[1] == "Lion fell at 1/3: 0.50 s behind, band 0.10 s."


def test_a_diverged_seed_is_the_reason():
    lost = outcome("win", [compared(MUON, "better", math.nan)], arms=(ADAMW, MUON))
    assert why(lost)[0] == "Muon lr=0.02 diverged on a fresh seed."


def test_the_baseline_is_not_told_twice():
    found = outcome("win", [compared(BASE, "better")], arms=(ADAMW, BASE))
    assert not any("baseline" in reason for reason in why(found))


@pytest.mark.parametrize(
    ("decades", "rate", "words"),
    [
        (0.2, 0.01, "choose it with care"),
        (1.0, 0.01, "on the low, safe side"),
        (1.0, 0.05, "the low side is the safer one"),
    ],
)
def test_of_a_flat_window_the_low_side_is_told(decades, rate, words):
    best = Candidate("AdamW", {"lr": rate})
    found = outcome("win", [], recommended=best, arms=(best,))
    assert words in why(found, windows={"AdamW": window(decades)})[0]


def test_a_window_that_was_not_left_is_at_least_so_wide_and_one_not_seen_is_said():
    found = outcome("win", [], arms=(ADAMW,))
    assert "at least 1.0 decade" in why(found, windows={"AdamW": window(1.0, open_high=True)})[0]
    assert (
        "25 % of its screening runs diverged" in why(found, windows={"AdamW": window(1.0, blow_up=0.25)})[0]
    )
    assert "was not seen" in why(found)[0]


def test_those_who_share_a_fate_share_a_sentence_the_latest_first():
    histories = [
        rung("Rprop", 0.9, progress=1 / 27, band=0.3),
        rung("Lion", 0.5),
        rung("SGD", 0.3),
        rung("RAdam", 0.05),
        rung("Adagrad", 0.02, progress=1.0, band=math.nan),
        played("RMSprop", 0.04, 2),
        played("NAdam", 0.01, 3),
        played("Adamax", 0.02, 3),
        played("ASGD", math.inf, 2),
        rung("LBFGS", math.inf, progress=0.0, diverged=8),
        rung("AdamW", 0.0),
    ]
    assert why(outcome("win", [], arms=(ADAMW,)), histories=histories)[:-1] == [
        "Fell in the play-off: NAdam and Adamax, 0.010 to 0.020 behind AdamW over 3 seeds; "
        "RMSprop, 0.040 behind AdamW over 2 seeds; ASGD, diverged on a seed.",
        "Adagrad came to the end of the race 0.020 behind.",
        "RAdam stopped at 1/3: 0.050 behind, in the band, but the budget paid for better ones.",
        "SGD and Lion fell at 1/3: 0.30 to 0.50 behind, band 0.10.",
        "Rprop fell at 1/27: 0.90 behind, band 0.30.",
        "LBFGS diverged in every run.",
    ]


def test_a_narrow_window_or_many_blow_ups_are_named_beside_the_optimizer():
    histories = [rung("SGD", 0.3), rung("Lion", 0.5, diverged=3)]
    windows = {"SGD": window(0.2), "Lion": window(0.1)}
    text = why(outcome("win", [], arms=(ADAMW,)), histories=histories, windows=windows)[0]
    assert text.startswith("SGD (lr window 0.2 decades wide) and Lion (3 of 8 runs diverged) fell at 1/3")


def test_twenty_fallen_optimizers_stay_one_sentence():
    found = why(outcome("win", [], arms=(ADAMW,)), histories=[rung(f"O{i}", 1.0 + i) for i in range(20)])
    assert found[0].startswith("O0, O1, O2, O3, O4 and 15 more fell at 1/3")
    assert len(found) == 2
