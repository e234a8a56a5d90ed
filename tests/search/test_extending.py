"""A study that is given more budget goes on: what it measured stays, and it spends no more than it may."""

from __future__ import annotations

import math

import pytest

from surefoot.api.choosing import extend
from surefoot.cli.main import main
from surefoot.errors import InvalidInputError
from surefoot.report.live import RaceDisplay
from surefoot.search import ask, choose_optimizer
from surefoot.search.confirm.alpha_spending import ALPHA, alpha_of, alpha_until
from surefoot.search.question import command_with
from surefoot.store import Store
from surefoot.store.store import SITTINGS
from surefoot.study.answer import Level
from surefoot.study.decisions import BestOfOptimizer, Resumed
from surefoot.study.durations import Amount, amount_of, seconds_of, trainings_of
from surefoot.study.run import Phase
from tests.search.inline_engine import InlineEngine, KilledEngine


def question(**budget):
    return ask("line", ["adam", "sgd", "rmsprop"], **{"budget_seconds": None, **budget})


def answered(store, folder, asked, engine=None):
    return choose_optimizer(asked, store, engine or InlineEngine(), folder / "runs", RaceDisplay(live=False))


def trained(record):
    """Full trainings that were made, which is what a budget is counted in."""
    return math.fsum(max((p.progress for p in run.points), default=0.0) for run in record.runs)


def points(record):
    return {(r.candidate.key, r.seed, r.phase): r.points for r in record.runs}


@pytest.fixture
def folder(tmp_path):
    return tmp_path


@pytest.fixture
def store(folder):
    with Store.at(str(folder / "evidence.db")) as store:
        yield store


@pytest.mark.parametrize(("first", "more"), [(13, 9), (13, 1), (3, 12), (0.5, 2), (8, 0.25), (30, 30)])
def test_it_spends_what_it_was_given_and_loses_nothing(store, folder, first, more):
    asked = question(runs=first)
    answered(store, folder, asked)
    before = store.study(asked.study)
    extended = extend(store, question(runs=more), Amount(more, more=True))
    assert (extended.study, extended.runs, extended.earlier) == (asked.study, first + more, (first,))
    answer = answered(store, folder, extended)
    after = store.study(asked.study)
    assert after.answer == answer
    assert trained(after) <= first + more + 1e-9
    for run, known in points(before).items():
        assert points(after)[run][: len(known)] == known or set(known) <= set(points(after)[run])
    kept = after.documents[SITTINGS][SITTINGS]
    assert [sitting["answer"]["sentence"] for sitting in kept] == [before.answer.sentence]
    assert len(kept[0]["decisions"]) == len(before.decisions)
    assert any("Resumed with" in reason for reason in answer.why)


def test_a_race_that_was_confirmed_stands(store, folder):
    asked = question(runs=13)
    first = answered(store, folder, asked)
    assert (first.level, first.verdict) == (Level.CONFIRMED, "budget")
    before = [
        r.decision for r in store.study(asked.study).decisions if isinstance(r.decision, BestOfOptimizer)
    ]
    answer = answered(store, folder, extend(store, asked, Amount(8, more=True)))
    record = store.study(asked.study)
    assert [r.decision for r in record.decisions if isinstance(r.decision, BestOfOptimizer)] == before
    confirmed = {c.candidate.key: c for c in answer.candidates if c.phase == Phase.CONFIRM}
    was = {c.candidate.key: c for c in first.candidates if c.phase == Phase.CONFIRM}
    assert confirmed.keys() >= was.keys()  # more seeds may be for more finalists
    assert all(confirmed[key].values[: len(c.values)] == c.values for key, c in was.items())
    assert sum(len(c.seeds) for c in confirmed.values()) == sum(len(c.seeds) for c in was.values()) + 8


def test_the_command_of_before_shows_the_answer_of_today(store, folder):
    asked = question(runs=13)
    answered(store, folder, asked)
    extended = extend(store, asked, Amount(4, more=True))
    answer = answered(store, folder, extended)
    assert answered(store, folder, asked) == answer
    assert "--runs 17" in answer.command
    assert f"--study {asked.study}" in answer.command


def test_one_that_is_killed_on_its_way_goes_on_to_the_same_answer(folder):
    def study(place, engines):
        place.mkdir()
        with Store.at(str(place / "evidence.db")) as store:
            asked = question(runs=3)
            answered(store, place, asked)
            extended = extend(store, asked, Amount(14, more=True))
            for engine in engines:
                with pytest.raises(KeyboardInterrupt):
                    answered(store, place, extended, engine)
            return answered(store, place, extended)

    whole = study(folder / "whole", [])
    cut = study(folder / "cut", [KilledEngine(4), KilledEngine(9), KilledEngine(3)])
    assert (cut.recommendation, cut.verdict, cut.claims) == (
        whole.recommendation,
        whole.verdict,
        whole.claims,
    )
    assert cut.runs == whole.runs


def test_it_may_be_given_more_again_and_says_how_often_it_may_be_wrong(store, folder):
    asked = question(runs=13)
    answered(store, folder, asked)
    for number in (1, 2):
        answer = answered(store, folder, extend(store, asked, Amount(3, more=True)))
        assert answer.false_rate == pytest.approx(alpha_until(number))
    record = store.study(asked.study)
    assert record.question.earlier == (13, 16)
    assert len(record.documents[SITTINGS][SITTINGS]) == 2
    resumed = [r.decision for r in record.decisions if isinstance(r.decision, Resumed)]
    assert [r.budget for r in resumed] == [19]


def test_what_is_spent_on_being_wrong_is_bounded():
    assert alpha_until(0) == ALPHA
    assert all(alpha_of(n + 1) == alpha_of(n) / 2 for n in range(20))
    assert alpha_until(50) <= 2 * ALPHA


def test_time_that_a_finished_study_did_not_need_is_over(store, folder):
    asked = question(budget_seconds=60.0, runs=None)
    first = answered(store, folder, asked)
    extended = extend(store, asked, Amount(2.0, more=True))
    passed = max(record.seconds for record in store.study(asked.study).decisions)
    assert extended.budget_seconds == pytest.approx(max(passed, first.seconds) + 2.0, abs=0.01)
    answer = answered(store, folder, extended)
    assert answer.seconds < extended.budget_seconds + 2.0


def test_refusals_say_what_to_do(store, folder):
    more = Amount(5, more=True)
    with pytest.raises(InvalidInputError, match=r"no study of 'line' .* without \+"):
        extend(store, question(runs=5), more)
    with pytest.raises(InvalidInputError, match="no study 'mine'"):
        extend(store, question(runs=5, study="mine"), more)
    answered(store, folder, question(runs=2, study="mine"))
    with pytest.raises(InvalidInputError, match="in full trainings; give --runs"):
        extend(store, question(budget_seconds=5.0, study="mine"), more)
    with pytest.raises(InvalidInputError, match="'mine' asks something else"):
        extend(store, question(runs=5, study="mine", seed=3), more)


def test_the_command_line_takes_a_plus_sign(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    words = ["choose", "line", "--optimizers", "sgd", "--workers", "1", "--quiet"]
    assert main([*words, "--runs", "1.5"]) in (0, None)
    assert main([*words, "--runs", "+1"]) in (0, None)
    capsys.readouterr()
    with pytest.raises(SystemExit, match="2"):
        main([*words, "--budget", "+5s"])
    assert "give --runs +40" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["+", "++4", "+-4", "+nan?", "+5x", "plus 4"])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(ValueError, match=r"write for example|is not"):
        amount_of(text, seconds_of)


def test_an_amount_is_read():
    assert amount_of("+5m", seconds_of) == Amount(300.0, more=True)
    assert amount_of(" +40 ", trainings_of) == Amount(40.0, more=True)
    assert amount_of("0.5", trainings_of) == Amount(0.5)
    assert amount_of(90, seconds_of) == Amount(90.0)


def test_the_command_with_all_of_the_budget_asks_the_same(store, folder):
    asked = question(runs=2)
    answered(store, folder, asked)
    extended = extend(store, asked, Amount(1, more=True))
    assert command_with(extended) == extended.command
    assert "--runs 3" in extended.command
