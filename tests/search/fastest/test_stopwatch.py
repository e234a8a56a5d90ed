"""Goal "fastest": times read off runs, and a whole study."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import fmean

import pytest

from surefoot.search import ask, choose_optimizer
from surefoot.search.fastest.stopwatch import MARKS, Stopwatch
from surefoot.search.race.rungs import RUNGS
from surefoot.store import Store
from surefoot.study.decisions import TargetSet
from surefoot.study.records import RunRecord
from surefoot.study.run import Candidate, Phase, Point, Schedule, Status
from tests.search.inline_engine import InlineEngine
from tests.search.interrupting import Interrupting

BASE = [(0.25, 1.0), (0.5, 0.5), (0.75, 0.25), (1.0, 0.125)]


def run(points, optimizer="Adam", phase=Phase.CONFIRM, status=Status.COMPLETED):
    records = tuple(Point(progress, 99.0, value) for progress, value in points)
    return RunRecord(Candidate(optimizer, {}), 0, phase, status, records, seconds_per_step=99.0)


@pytest.fixture
def stopwatch():
    """The baseline's training takes 2 s, its target is 0.25; an Adam's takes 1 s and a Muon's 6 s."""
    paces = {"AdamW": 0.02, "Adam": 0.01, "Muon": 0.06}
    return Stopwatch.of([run(BASE, "AdamW")], paces, "AdamW", 100, None)


def test_the_rungs_of_the_race_are_among_the_marks():
    assert all(any(math.isclose(rung, mark) for mark in (*MARKS, 1.0)) for rung in RUNGS)


def test_seconds_are_evaluations_times_the_pace(stopwatch):
    assert stopwatch.ladder.target == pytest.approx(0.25)
    assert stopwatch.confirmed(run(BASE, "AdamW"), 1.0) == pytest.approx(1.5)
    assert stopwatch.confirmed(run(BASE), 1.0) == pytest.approx(0.75)
    assert not stopwatch.misses(run(BASE))


def test_a_miss_counts_as_the_baselines_training_however_fast_its_steps(stopwatch):
    for optimizer in ("AdamW", "Adam", "Muon"):
        missed = run([(0.5, 0.5), (1.0, 0.3)], optimizer)
        assert stopwatch.confirmed(missed, 1.0) == 2.0
        assert stopwatch.misses(missed)
    late = run([(0.5, 0.5), (0.6, 0.2)], "Muon")  # after more than 3 s
    assert stopwatch.confirmed(late, 1.0) == 2.0
    assert stopwatch.misses(late)


@pytest.mark.parametrize("status", [Status.DIVERGED, Status.FAILED])
def test_a_lost_run_has_no_time(stopwatch, status):
    lost = run([(0.25, 3.0), (0.3, math.nan)], status=status)
    assert math.isnan(stopwatch.confirmed(lost, 1.0))
    assert math.isnan(stopwatch.screened(lost, 1.0))


def test_a_run_that_has_to_go_on_says_so_and_one_that_reached_the_target_need_not(stopwatch):
    assert stopwatch.screened(run(BASE[:1]), 0.5) is None
    assert stopwatch.confirmed(run(BASE[:2], status=Status.RUNNING), 1.0) is None
    done = run([(0.25, 1.0), (0.3, 0.2)], phase=Phase.SCREEN)
    assert stopwatch.screened(done, 1 / 3) == stopwatch.screened(done, 1.0) == stopwatch.confirmed(done, 1.0)


def test_screening_projects_the_time_from_how_far_the_run_has_got(stopwatch):
    assert stopwatch.screened(run(BASE, "AdamW"), 0.25) == pytest.approx(1.5)
    assert stopwatch.screened(run(BASE, "Adam"), 0.5) == pytest.approx(0.75)


def test_points_come_in_any_order_and_twice(stopwatch):
    mixed = run([*BASE[2:], *BASE], "AdamW")
    assert stopwatch.confirmed(mixed, 1.0) == pytest.approx(1.5)


def test_a_confirmed_run_costs_what_screening_saw_and_the_baseline_a_whole_training(stopwatch):
    quick, slow, missing = (Candidate(name, {}, Schedule("constant")) for name in ("Adam", "AdamW", "Muon"))

    def screened(candidate, points):
        return replace(run(points, candidate.optimizer, Phase.SCREEN), candidate=candidate)

    runs = [
        screened(quick, [(0.1, 0.2)]),
        screened(slow, [(0.3, 0.9), (0.4, 0.2)]),
        screened(missing, BASE[:2]),
    ]
    assert stopwatch.share([quick], runs) == pytest.approx((1 + 0.1) / 2)
    assert stopwatch.share([quick, slow], runs) == pytest.approx((1 + 0.1 + 0.4) / 3)
    assert stopwatch.share([quick, slow, missing], runs) == pytest.approx((1 + 0.4 + 1) / 3)


def test_times_that_timing_cannot_tell_apart_are_a_tie(stopwatch):
    quick, slow = (Candidate(name, {}, Schedule("constant")) for name in ("Adam", "AdamW"))
    reached = replace(run([(0.1, 0.2)], "Adam", Phase.SCREEN), candidate=quick)
    again = replace(run([(0.3, 0.2)], "Adam", Phase.SCREEN), candidate=quick, seed=1)
    late = replace(run(BASE, "AdamW", Phase.SCREEN), candidate=slow)
    assert stopwatch.margin([quick, slow], [reached, again, late]) == pytest.approx(0.15 * 0.2)
    assert stopwatch.margin([quick], [late]) is None


def test_a_baseline_that_ended_no_training_is_refused():
    with pytest.raises(ValueError, match="name another with --baseline"):
        Stopwatch.of([], {"AdamW": 1.0}, "AdamW", 100, None)


# ------------------------------------------------------------------ a whole study


def choose(folder, optimizers, after=0, **more):
    question = ask("line", optimizers, runs=16, study="quick", goal="fastest", **more)
    with Store.at(str(folder / "evidence.db")) as store:
        choose_optimizer(question, store, InlineEngine(), folder / "checkpoints", Interrupting(after))


def study_in(folder):
    with Store.at(str(folder / "evidence.db")) as store:
        return store.study("quick")


@pytest.fixture(scope="module")
def resumed(tmp_path_factory):
    """A study as it was when it was interrupted, and at its end."""
    folder = tmp_path_factory.mktemp("fastest")
    with pytest.raises(KeyboardInterrupt):
        choose(folder, ["adam", "sgd", "sparse_adam"], after=25)
    before = study_in(folder)
    choose(folder, ["adam", "sgd", "sparse_adam"])
    return before, study_in(folder)


def test_the_answer_is_in_seconds_with_its_misses(resumed):
    _, study = resumed
    answer = study.answer
    assert answer.goal == "fastest"
    assert answer.target > 0.09
    assert answer.measure.startswith("seconds to a mean squared error")
    assert answer.recommendation.schedule.kind == "constant"
    whole = study.profile.step_times["AdamW"].seconds * 300
    confirmed = [entry for entry in answer.candidates if entry.phase == "confirm"]
    assert {"Adam", "AdamW", "SGD"} == {entry.optimizer for entry in confirmed}
    for entry in confirmed:
        assert all(0 < value <= whole for value in entry.values)
        assert entry.compile_seconds >= 0
        known = [time for time in entry.seconds_to_target if time is not None]
        assert len(known) + entry.misses == len(entry.seeds)
        assert set(known) <= set(entry.values)
    (base,) = (entry for entry in confirmed if entry.optimizer == "AdamW")
    named = answer.recommendation.optimizer
    (best,) = (entry for entry in confirmed if entry.optimizer == named)
    assert answer.effect.ratio == pytest.approx(best.mean / base.mean)
    assert best.seconds_per_step == study.profile.step_times[named].seconds
    assert fmean(best.values) < 0.5 * fmean(base.values)  # whose rate is far too low for this task
    assert "of the time of AdamW" in answer.sentence
    assert "missed" in answer.sentence


def test_runs_end_at_the_target(resumed):
    _, study = resumed
    ended = [
        run for run in study.runs if run.phase in (Phase.SCREEN, Phase.CONFIRM) and run.status == "completed"
    ]
    assert any(run.phase == Phase.CONFIRM and run.points[-1].progress < 0.5 for run in ended)
    for run in ended:
        assert all(point.value > study.answer.target for point in run.points[:-1])


def test_what_was_measured_before_an_interruption_stands(resumed):
    before, study = resumed
    assert study.profile == before.profile  # nothing is timed again
    assert study.decisions[: len(before.decisions)] == before.decisions
    assert [type(record.decision) for record in study.decisions].count(TargetSet) == 1


def test_a_target_that_the_baseline_misses_is_said_so(tmp_path):
    choose(tmp_path, ["sgd"], target=0.0)
    study = study_in(tmp_path)
    (text,) = (record.text for record in study.decisions if isinstance(record.decision, TargetSet))
    assert "on none of 3 seeds" in text
    assert study.answer.target == 0
    entries = [entry for entry in study.answer.candidates if entry.phase != "screen"]
    assert entries
    assert all(entry.misses == len(entry.seeds) for entry in entries)
