"""The command line, killed at random moments: the same command goes on, and nothing is lost or repeated."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter

import pytest

from surefoot.report.live import RaceDisplay
from surefoot.search import ask, choose_optimizer
from surefoot.store import Store, StoreError
from surefoot.study.answer import Answer
from tests.search.inline_engine import InlineEngine
from tests.search.test_study import OWN, points_by_run, steady

KILLS = 5
WORKERS = 2
TASK = f"{OWN}:counted"
USUAL = {"runs": 20, "study": "mine", "margin": 1e-9}


@pytest.fixture
def counted(tmp_path, monkeypatch):
    """The file in which each training is noted."""
    file = tmp_path / "counted"
    file.touch()
    monkeypatch.setenv("COUNTED", str(file))
    return file


def trainings(counted):
    """How many jobs workers have begun; each has also built one model to load the task."""
    workers = Counter(line for line in counted.read_text().splitlines() if "worker" in line)
    return sum(models - 1 for models in workers.values())


def begin(folder):
    words = ["choose", TASK, "--optimizers", "adam,sgd", "--runs", "20", "--study", "mine"]
    words += ["--margin", "1e-9", "--workers", str(WORKERS), "--json", "answer.json"]
    log = (folder / "log").open("a")
    return subprocess.Popen([sys.executable, "-m", "surefoot", *words], cwd=folder, stdout=log, stderr=log)


def kill_at_a_random_moment(process, counted, draw):
    """While it starts, or after some more trainings have begun."""
    before, more = len(counted.read_text().splitlines()), draw.choice([0, *range(3, 40)])
    while process.poll() is None and len(counted.read_text().splitlines()) < before + more:
        time.sleep(0.005)
    time.sleep(draw.uniform(0, 0.05 if more else 2))
    process.kill()
    return process.wait() != 0


def points(folder):
    """What is in the store; nothing before there is one."""
    if not (folder / ".surefoot" / "evidence.db").exists():
        return {}
    with Store.at(folder / ".surefoot" / "evidence.db") as store:
        try:
            return points_by_run(store)
        except StoreError:  # the study has not begun
            return {}


@pytest.mark.slow
def test_a_study_killed_at_random_moments_ends_as_one_that_was_not(tmp_path, counted):
    seed = random.randrange(10**6)
    print(f"random seed {seed}")
    draw, kills, recorded = random.Random(seed), 0, {}
    for _ in range(KILLS):
        kills += kill_at_a_random_moment(begin(tmp_path), counted, draw)
        now = points(tmp_path)
        for run, before in recorded.items():
            assert now[run][: len(before)] == before, "what was recorded stays"
        recorded = now
    assert kills > 0
    last = begin(tmp_path)
    assert last.wait() == 0, (tmp_path / "log").read_text()
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert not (tmp_path / ".surefoot" / "checkpoints" / "mine").exists()
    made = trainings(counted)

    counted.write_text("")
    question = ask(TASK, ["adam", "sgd"], **USUAL)
    with Store.at(tmp_path / "whole.db") as store:
        whole = choose_optimizer(question, store, InlineEngine(), tmp_path / "c", RaceDisplay(live=False))
        expected = points_by_run(store)
    jobs = len(counted.read_text().splitlines()) - 3  # the first look builds two models, its traits one
    assert steady(Answer.from_document(answer)) == steady(whole)
    final = points(tmp_path)
    assert {run: [(p.progress, p.value) for p in curve] for run, curve in final.items()} == {
        run: [(p.progress, p.value) for p in curve] for run, curve in expected.items()
    }
    # Of each worker the run it was at, and the results of the last 50 ms: two at most, see the task.
    assert jobs <= made <= jobs + 3 * WORKERS * kills, "what was recorded as finished is not trained again"
