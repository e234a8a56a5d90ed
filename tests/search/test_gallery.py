"""The gallery script: what it makes of a study, and that one task which fails stops no other."""

from __future__ import annotations

import importlib
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from surefoot.search.space.prior_results import read_experience
from surefoot.study.profile import TaskProfile
from surefoot.study.question import Question
from surefoot.study.records import RunRecord, StudyRecord
from surefoot.study.run import Candidate, Phase, Point, Status
from tests.answers import small_answer

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"


@pytest.fixture
def gallery(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    module = importlib.import_module("gallery")
    for name, file in (("DATA", "data.json"), ("PAGE", "page.md"), ("PICTURE", "page.svg")):
        monkeypatch.setattr(module, name, tmp_path / file)
    monkeypatch.setattr(module, "STORE", tmp_path / "gallery.db")
    return module


def run(optimizer, lr, value, progress=1.0, seed=0, status=Status.COMPLETED, phase=Phase.SCREEN):
    points = () if value is None else (Point(progress, 1.0, value),)
    return RunRecord(Candidate(optimizer, {"lr": lr}), seed, phase, status, points)


def study(runs, **more):
    return StudyRecord(
        Question("line", runs=20.0, study="s"), None, {}, "", more.get("answer"), tuple(runs), ()
    )


def row(label, optimizer, lr, mean):
    measured = small_answer(Candidate(optimizer, {"lr": lr})).candidates[0]
    return replace(measured, label=label, mean=mean, seeds=(1, 2, 3))


RUNS = [
    run("Adam", 1e-3, 0.9, 1 / 27),
    run("Adam", 1e-2, 0.5),
    run("SGD", 1e-1, 0.30),
    run("SGD", 1e-1, 0.10, seed=1),  # of the play-off
    run("Lion", 1e-4, 0.8, 1 / 27),
    run("Lion", 1e-3, 0.7, 1 / 9),
    run("Rprop", 1e-2, math.nan, 1 / 27, status=Status.DIVERGED),
    run("NAdam", 1e-3, 0.95, 1 / 27),
]
ROWS = {
    "SGD lr=0.1": row("SGD lr=0.1", "SGD", 0.1, 0.4),
    "AdamW lr=0.001": row("AdamW lr=0.001", "AdamW", 1e-3, 0.6),
}


def test_optimizers_without_a_whole_training_are_trained_with_their_best_settings(gallery):
    wanted = gallery.unfinished(study(RUNS))
    assert [(c.optimizer, c.hyperparameters["lr"]) for c in wanted] == [("Lion", 1e-3), ("NAdam", 1e-3)]


def test_how_every_optimizer_did(gallery):
    field = [run("Lion", 1e-3, 0.65)]
    shown = gallery.showings(study(RUNS), field, ROWS, "AdamW lr=0.001")
    values = {name: one["value"] for name, one in shown.items()}
    # A finalist's value is its mean over fresh seeds, however lucky it was in the race.
    assert values == {"Adam": 0.5, "SGD": 0.4, "Lion": 0.65, "Rprop": None, "NAdam": None}
    assert shown["SGD"]["confirmed"]
    assert not shown["Adam"]["confirmed"]
    assert shown["SGD"]["seeds"] == 3
    regrets = {name: one["regret"] for name, one in shown.items()}
    assert regrets["SGD"] == 0
    assert regrets["Adam"] == pytest.approx(0.1 / 0.25)  # the median of five is Lion
    assert regrets["Lion"] == pytest.approx(1)
    assert regrets["NAdam"] == 1  # dropped: no better than the median
    assert regrets["Rprop"] == 1.5  # never came to a value
    assert shown["SGD"]["against_baseline"] == pytest.approx(-0.2)
    assert shown["Adam"]["offset"] == pytest.approx(1.0)


def test_luck_on_the_one_seed_of_the_race_is_no_reference(gallery):
    shown = gallery.showings(study([*RUNS, run("Adagrad", 0.1, 0.2)]), [], ROWS, "AdamW lr=0.001")
    assert shown["Adagrad"]["regret"] == shown["SGD"]["regret"] == 0
    assert not shown["Adagrad"]["confirmed"]


def test_where_all_end_alike_nobody_has_regret(gallery):
    shown = gallery.showings(study([run("Adam", 1e-3, 0.4)]), [], ROWS, "AdamW lr=0.001")
    assert shown["Adam"]["regret"] == 0


def entry(name):
    one = {"value": 0.1, "low": 0.05, "high": None, "seeds": 2, "label": "Adam lr=0.1", "progress": 1.0}
    return {
        "name": name, "about": "a|b", "measure": "loss", "winner": "Adam lr=0.1", "verdict": "tie",
        "traits": {"parameters": 5, "steps": 9, "roles": {}, "batch_norm": False, "sparse": False,
                   "full_batch": False},
        "best": one, "baseline": {**one, "label": "AdamW"}, "runner_up": None,
        "effect": {"estimate": -0.1, "low": -0.2, "high": 0.0}, "window": None, "training_seconds": 1.0,
        "study": {"name": name, "command": "c", "gallery": "g", "runs": 5, "seconds": 3.0, "torch": "2",
                  "commit": "", "processor": "p"},
        "optimizers": {"Adam": {**one, "regret": 0.0, "offset": None, "confirmed": True}},
    }  # fmt: skip


def test_a_task_that_fails_is_reported_and_the_others_go_on(gallery, monkeypatch, capsys):
    def study_task(question, plan, store):
        if question.task == "line":
            raise RuntimeError("no luck\ntoday")
        return entry(question.task)

    monkeypatch.setattr(gallery, "study_task", study_task)
    gallery.write_all({"older": entry("older")})
    plan = gallery.Plan(20.0, 9.0, 0, 1, None, "c")
    failed = gallery.run(["nothing", "line", "tabular"], plan)
    assert failed["line"] == "RuntimeError: no luck today"
    assert failed.keys() == {"nothing", "line"}
    document = json.loads(gallery.DATA.read_text())
    assert [one["name"] for one in document["tasks"]] == ["older", "tabular"]  # the older is kept
    assert "a\\|b" in gallery.PAGE.read_text()
    assert "[2/2] tabular: Adam lr=0.1" in capsys.readouterr().out


def test_a_whole_study_becomes_an_entry_and_is_not_made_twice(gallery, capsys):
    plan = gallery.Plan(13.0, 60.0, 0, 1, None, "python benchmarks/gallery.py")
    assert gallery.run(["line"], plan) == {}
    first = gallery.DATA.read_text()
    assert "results; ahead" in capsys.readouterr().out
    assert gallery.run(["line"], plan) == {}
    assert gallery.DATA.read_text() == first
    assert "results; ahead" not in capsys.readouterr().out
    (task,) = read_experience(json.loads(first)).tasks
    assert len(task.showings) > 10
    assert task.winner in gallery.PAGE.read_text()


def test_a_budget_in_minutes_pays_for_all_of_it(gallery):
    plan = gallery.Plan(20.0, 5.0, 3, 2, None, "c")
    quick, slow, slowest = (
        TaskProfile("line", 1, "loss", seconds_per_step=one / gallery.OVERHEAD) for one in (1.0, 30.0, 100.0)
    )
    asked = plan.question("line", quick, 2, ())
    assert (asked.study, asked.runs, asked.budget_seconds) == ("line-20-runs-seed-3", 20, None)
    assert gallery.duration(asked, quick, 2) == pytest.approx(12.5)
    asked = plan.question("line", slow, 2, ())
    assert (asked.study, asked.runs, asked.budget_seconds) == ("line-5-minutes-seed-3", None, 240)
    assert gallery.duration(asked, slow, 2) == gallery.duration(asked, slow, 1) == pytest.approx(300)
    asked = plan.question("line", slowest, 2, ())  # the smallest study, whatever it takes
    assert (asked.study, asked.runs, asked.budget_seconds) == ("line-13-runs-seed-3", 13, None)
    assert gallery.duration(asked, slowest, 1) == pytest.approx(13 * 125)
    for begun in ("line-20-runs-seed-3", "line-5-minutes-seed-3", "line-13-runs-seed-3"):
        for seen in (quick, slow, slowest):  # whatever the steps take today
            assert plan.question("line", seen, 2, {begun}).study == begun
