"""Whole studies of a script, with real processes: the pilot, resuming, and what a script may do wrong."""

from __future__ import annotations

import math
import shutil
import sys
import time
from pathlib import Path

import pytest

from surefoot.report.live import RaceDisplay
from surefoot.search import ask, choose_optimizer
from surefoot.search.deadline import Deadline
from surefoot.search.pilot import Pilot
from surefoot.store import Store
from surefoot.study.direction import Direction
from surefoot.study.run import Phase, Schedule
from surefoot.tasks import TaskError
from tests.search.inline_engine import InlineEngine
from tests.search.interrupting import Interrupting

NEVER = Deadline(math.inf, time.monotonic)
SMALL = Path(__file__).parent / "small_script.py"


def asked(script, *behaviour, **more):
    usual = {"runs": 6, "study": "mine", "sets": ["lr=0.3", "momentum=0.9", "weight_decay=0"]}
    return ask(optimizers=["sgd"], script=(sys.executable, str(script), *behaviour), **usual | more)


def answer_of(question, folder, engine, display=None):
    with Store.at(str(folder / "evidence.db")) as store:
        return choose_optimizer(
            question, store, engine, folder / "checkpoints", display or RaceDisplay(live=False)
        )


def runs_of(folder):
    with Store.at(str(folder / "evidence.db")) as store:
        return store.study("mine").runs


class Counting(InlineEngine):
    """Counts how often the script was started."""

    def __init__(self):
        super().__init__()
        self.started = []

    def start(self, job):
        self.started.append((job.candidate.key, job.seed, job.progress))
        super().start(job)


@pytest.mark.slow
def test_an_interrupted_study_goes_on_without_repeating_a_run_and_notices_what_is_wrong(tmp_path):
    script = Path(shutil.copy(SMALL, tmp_path / "small_script.py"))
    text = script.read_text()
    first, second = Counting(), Counting()
    with pytest.raises(KeyboardInterrupt):
        answer_of(asked(script, "constant", runs=12), tmp_path, first, Interrupting(3))
    script.write_text(text + "# changed\n")
    with pytest.raises(ValueError, match=r"small_script\.py has changed since study"):
        answer_of(asked(script, "constant", runs=12), tmp_path, second)
    script.write_text(text)
    finished = [run for run in runs_of(tmp_path) if run.status == "completed"]
    assert len(finished) == 3  # with the pilot
    answer = answer_of(asked(script, "constant", runs=12), tmp_path, second)
    assert not set(first.started[: len(finished)]) & set(second.started)
    runs = runs_of(tmp_path)
    assert [run.phase for run in runs].count(Phase.PILOT) == 1
    for run in runs:
        assert [p.progress for p in run.points] == [(n + 1) / 6 for n in range(len(run.points))]
    assert not (tmp_path / "checkpoints").exists()
    assert "surefoot.run.seed()" in answer.why[0]
    assert answer.measure == "reported value"
    assert answer.recommendation.schedule == Schedule("script", 0.0, 0.0)
    assert answer.command.endswith(f"-- {sys.executable} {script} constant")


def pilot(question, folder, engine=None):
    with Store.at(str(folder / "evidence.db")) as store:
        log = store.begin(question, None, {})
        made = Pilot(question, 0, engine or InlineEngine(), log, folder, RaceDisplay(live=False), NEVER)
        return made.profile()


@pytest.mark.slow
def test_with_sparse_gradients_the_usual_baseline_trains_without_decay(tmp_path):
    profile = pilot(asked(SMALL, "sparse"), tmp_path)
    assert profile.sparse == ("0.weight",)
    assert profile.pilot.marks == tuple((n + 1) / 6 for n in range(6))
    assert (profile.steps, profile.task) == (6, "small_script.py")
    (run,) = runs_of(tmp_path)
    assert run.candidate.hyperparameters["weight_decay"] == 0


def test_a_script_without_a_report_is_told_so_by_the_pilot(tmp_path):
    with pytest.raises(
        TaskError, match=r"small_script.py ended without a report: call surefoot\.run\.report"
    ):
        pilot(asked(SMALL, "silent"), tmp_path)
    assert runs_of(tmp_path) == ()


class Stoppable(InlineEngine):
    """Whose runs have ended before anybody stops them."""

    def stop(self, job):
        assert job == 0


@pytest.mark.slow
def test_a_script_that_says_so_is_maximized_as_the_negative_is_minimized(tmp_path):
    for name in ("down", "up"):
        (tmp_path / name).mkdir()
    down = answer_of(asked(SMALL, "usual", runs=12), tmp_path / "down", InlineEngine())
    up = answer_of(asked(SMALL, "up", runs=12), tmp_path / "up", InlineEngine())
    assert (down.direction, up.direction) == (Direction.MINIMIZE, Direction.MAXIMIZE)
    assert up.recommendation == down.recommendation
    assert up.verdict == down.verdict
    assert up.effect.estimate == pytest.approx(-down.effect.estimate)
    assert (up.effect.low, up.effect.high) == pytest.approx((-down.effect.high, -down.effect.low))
    for one, other in zip(down.candidates, up.candidates, strict=True):
        assert other.values == tuple(value and -value for value in one.values)


def test_the_pilot_hears_which_way_is_better(tmp_path):
    assert pilot(asked(SMALL, "up", measure="accuracy"), tmp_path).direction is Direction.MAXIMIZE


def test_the_command_line_says_it_for_a_script_that_does_not(tmp_path):
    question = asked(SMALL, "usual", measure="accuracy", maximize=True)
    assert pilot(question, tmp_path).direction is Direction.MAXIMIZE


@pytest.mark.parametrize(
    ("behaviour", "more", "words"),
    [
        ("usual", {"measure": "accuracy"}, "small_script.py: of 'accuracy' higher is better .*--maximize"),
        ("up", {"maximize": False}, "small_script.py says itself that higher is better .*maximize=False"),
        ("torn", {}, "small_script.py: .*maximize=False, and a call before said maximize=True"),
    ],
)
def test_a_direction_that_is_not_clear_ends_the_pilot_in_one_line(behaviour, more, words, tmp_path):
    question = asked(SMALL, behaviour, **more)
    with pytest.raises(ValueError, match=words) as told:
        pilot(question, tmp_path, Stoppable())
    assert "\n" not in str(told.value)
    assert runs_of(tmp_path) == ()
