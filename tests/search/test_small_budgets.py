"""A budget is a promise: whole studies with little of it, by trainings and by the clock."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from surefoot.engines.local.engine import LocalEngine
from surefoot.lab.study_page import page_html
from surefoot.report import answer_lines as lines
from surefoot.report.live import RaceDisplay
from surefoot.report.report import report_html
from surefoot.search import Interrupted, ask, choose_optimizer
from surefoot.store import Store
from surefoot.study.answer import Level
from surefoot.study.decisions import Budgeted
from surefoot.study.run import Phase, Status
from tests.search.inline_engine import InlineEngine
from tests.search.interrupting import Interrupting

OWN = Path(__file__).parent / "own_task.py"
SLOW = Path(__file__).parent / "slow_task.py"
VALIDATION = 0.5
"""Seconds, of these tasks much less; on a machine that others use."""

ENDING = 2.5
"""Seconds in which workers that were interrupted end."""


def answer_of(question, folder, engine, display=None):
    with Store.at(str(folder / "evidence.db")) as store:
        answer = choose_optimizer(
            question, store, engine, folder / "checkpoints", display or RaceDisplay(live=False)
        )
        return answer, store.study(question.study)


def spent(study):
    """Full trainings: a run that goes on pays for what is new."""
    return sum(max((point.progress for point in run.points), default=0.0) for run in study.runs)


@pytest.mark.parametrize("optimizers", [None, ["adam", "sgd"], ["adamw"]])
@pytest.mark.parametrize("runs", [0.3, 1, 2, 3, 4.5, 8, 11, 13])
def test_a_study_makes_as_many_trainings_as_it_was_given(tmp_path, runs, optimizers):
    question = ask(f"{OWN}:small", optimizers, runs=runs)
    answer, study = answer_of(question, tmp_path, InlineEngine())
    assert spent(study) <= runs + 1e-9
    assert not any(run.phase == Phase.FLOOR for run in study.runs)
    confirmed = [entry for entry in answer.candidates if entry.phase == Phase.CONFIRM]
    assert (answer.level is Level.CONFIRMED) == bool(confirmed and min(len(e.seeds) for e in confirmed) >= 2)
    if runs >= 8:
        assert answer.level is Level.CONFIRMED
    elif optimizers is None:
        expected = {0.3: Level.PRIOR, 1: Level.FORECAST, 2: Level.FORECAST}
        assert answer.level is expected.get(runs, Level.MEASURED)
    if answer.level is not Level.CONFIRMED:
        assert "beats" not in answer.sentence
        assert answer.effect is None
        assert any("answer needs about" in reason for reason in answer.why)
    screened = [run for run in study.runs if run.phase == Phase.SCREEN and not run.lost]
    rungs = {point.progress for run in screened for point in run.points}
    assert all(rung * 40 >= 10 for rung in rungs), "no rung of a few steps"
    for page in (report_html(study), page_html(study)):
        assert lines.use(answer) in page


def test_ctrl_c_gives_the_answer_that_the_end_of_the_budget_would(tmp_path):
    question = ask(f"{OWN}:small", ["adam", "sgd"], runs=24, study="mine")
    levels = []
    for after in (3, 12, 12):  # and goes on each time
        with pytest.raises(Interrupted) as stopped:
            answer_of(question, tmp_path, InlineEngine(), Interrupting(after))
        levels.append(stopped.value.answer.level)
        assert stopped.value.so_far
    assert levels == [Level.FORECAST, Level.MEASURED, Level.CONFIRMED]
    answer, study = answer_of(question, tmp_path, InlineEngine())
    assert answer.level is Level.CONFIRMED
    assert spent(study) <= 24 + 1e-9


@pytest.fixture
def busy():
    """A machine that others use."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    yield
    for process in spinning:
        process.kill()
        process.wait()


def timed(question, folder, workers):
    """The answer, the study, and the seconds between the question and the answer."""
    with LocalEngine(workers=workers) as engine:
        began = time.monotonic()
        answer, study = answer_of(question, folder, engine)
        return answer, study, time.monotonic() - began


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(("budget", "pause"), [(5, 0.1), (12, 0.1), (12, 0.01)])
def test_a_study_ends_within_its_budget(tmp_path, monkeypatch, budget, pause, workers):
    monkeypatch.setenv("SLOW_PAUSE", str(pause))
    question = ask(f"{SLOW}:slow", budget_seconds=budget, study="mine")
    answer, study, seconds = timed(question, tmp_path, workers)
    assert seconds <= 1.05 * budget + VALIDATION
    assert study.answer == answer
    assert next(d.decision.part for d in study.decisions if isinstance(d.decision, Budgeted)) == "study"
    assert all(run.status != Status.RUNNING for run in study.runs)


@pytest.mark.slow
@pytest.mark.usefixtures("busy")
def test_a_study_ends_within_its_budget_on_a_busy_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("SLOW_PAUSE", "0.02")
    question = ask(f"{SLOW}:slow", budget_seconds=12, study="mine")
    _, _, seconds = timed(question, tmp_path, 2)
    assert seconds <= 1.05 * 12 + VALIDATION


@pytest.mark.slow
def test_earlier_sittings_count(tmp_path, monkeypatch):
    monkeypatch.setenv("SLOW_PAUSE", "0.02")
    question = ask(f"{SLOW}:slow", budget_seconds=14, study="mine")
    began = time.monotonic()
    with LocalEngine(workers=1) as engine, pytest.raises(Interrupted):
        answer_of(question, tmp_path, engine, Interrupting(2))
    first = time.monotonic() - began
    answer, study, seconds = timed(question, tmp_path, 1)
    assert first + seconds <= 14 * 1.05 + VALIDATION + ENDING
    plans = [d.decision for d in study.decisions if isinstance(d.decision, Budgeted)]
    assert len([plan for plan in plans if plan.part == "study"]) == 1, "divided as it was"
    assert answer.seconds <= 14 * 1.05 + VALIDATION
