"""Full trainings: the same as a study's runs, exactly resumable, nothing recorded ever lost."""

from __future__ import annotations

import contextlib
import json
import math
import os
import resource
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from surefoot.engines.local.engine import LocalEngine
from surefoot.study.direction import Direction
from surefoot.study.question import TrainingPlan
from surefoot.study.run import Candidate, Finished, Job, Report, Schedule
from surefoot.tasks import TaskError, load_task
from surefoot.training.full import train as full
from surefoot.training.full.model_folder import ModelFolder
from surefoot.training.full.plan import compare, standing
from surefoot.training.full.train import Follower, train_fully
from surefoot.training.loop import train
from tests.training.test_loop import CANDIDATES, names

ADAM = Candidate("AdamW", {"lr": 1e-2, "betas": (0.9, 0.99)})
COSINE = Candidate("Adam", {}, Schedule("cosine"))
WEIGHTS = ("model.safetensors", "last.safetensors")


class Seen(Follower):
    def __init__(self):
        self.steps, self.points, self.begins, self.troubles = [], [], [], []

    def begun(self, evaluations, curve):
        self.begins.append((evaluations, len(curve)))

    def stepped(self, live):
        self.steps.append(live.evaluations)

    def measured(self, live, point, best):
        self.points.append((live.evaluations, point.value, best))

    def troubled(self, text):
        self.troubles.append(text)


def trained(plan, task, path, follower=None, stopped=lambda: False):
    folder = ModelFolder(path)
    with folder.claimed():
        return train_fully(plan, task, folder, follower or Seen(), stopped)


def values(result):
    return [(point.progress, point.value) for point in result.curve]


def written(path):
    return [(path / name).read_bytes() for name in WEIGHTS]


@pytest.fixture
def plan():
    return TrainingPlan("sample", ADAM, seed=3, steps=100, validations=10)


@pytest.mark.parametrize("candidate", [*CANDIDATES, COSINE], ids=names)
def test_stopped_again_and_again_it_ends_where_an_undisturbed_training_ends(
    sample, candidate, plan, tmp_path
):
    plan = replace(plan, candidate=candidate)
    straight = trained(plan, sample(), tmp_path / "straight")
    assert straight.curve[-1].value == train(sample(), candidate, 3, 1.0).point.value
    sittings = 0
    while True:
        sittings += 1
        left = iter([False] * 8)
        found = trained(plan, sample(), tmp_path / "often", stopped=lambda left=left: next(left, True))
        if found.status != "stopped":
            break
    assert sittings > 2
    assert values(found) == values(straight)
    assert written(tmp_path / "often") == written(tmp_path / "straight")


class Mirrored:
    """Another task whose measure is turned round."""

    def __init__(self, task):
        self._task = task

    def __getattr__(self, name):
        return getattr(self._task, name)

    def validate(self, model):
        return -self._task.validate(model)


def test_the_best_model_where_higher_is_better_has_the_highest_value(sample, plan, tmp_path):
    plan = replace(plan, candidate=Candidate("SGD", {"lr": 0.4}))  # which gets worse again
    up, loss, mirror = replace(plan, direction=Direction.MAXIMIZE), Seen(), Seen()
    lowest = trained(plan, sample(), tmp_path / "down", loss)
    highest = trained(up, Mirrored(sample()), tmp_path / "up", mirror)
    assert mirror.points == [(step, -value, best) for step, value, best in loss.points]
    assert {best for *_, best in loss.points} == {True, False}
    assert highest.best.progress == lowest.best.progress
    assert highest.best.value == max(value for _, value in values(highest))
    for name in WEIGHTS:
        up, down = (load_file(tmp_path / folder / name) for folder in ("up", "down"))
        assert all(torch.equal(up[key], down[key]) for key in down)
    assert standing(ModelFolder(tmp_path / "up")).best.value == highest.best.value
    assert compare(plan, ModelFolder(tmp_path / "up")) == ["direction is 'maximize', asked for not set"]
    assert "direction" not in plan.document


KILLED = """
import os, random, signal, sys, time
from surefoot.tasks import load_task
from surefoot.training.full import train as full
from surefoot.training.loop import time_steps
from surefoot.training.full.model_folder import ModelFolder
from surefoot.study.question import TrainingPlan
from surefoot.training.full.plan import compare, standing
from surefoot.study.run import Candidate

full.CHECKPOINT_SECONDS = 0.0
adam = Candidate("AdamW", {"lr": 1e-2, "betas": (0.9, 0.99)})
plan = TrainingPlan("tabular", adam, seed=3, steps=300, validations=10)
task, draw, kills = load_task("tabular"), random.Random(4), 0
time_steps(task, adam, 2)  # what is compiled now, no child need compile
heard, told = os.pipe()

class Telling(full.Follower):
    def begun(self, evaluations, curve):
        os.write(told, b".")

while True:
    child = os.fork()
    if not child:
        folder = ModelFolder(sys.argv[1])
        with folder.claimed():
            full.train_fully(plan, task, folder, Telling())
        os._exit(0)
    os.read(heard, 1)
    time.sleep(draw.uniform(0.0, 0.1) * (1 + kills / 4))
    os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status != -signal.SIGKILL:
        break
    kills += 1
print(kills, status)
"""


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_bit_for_bit_where_an_undisturbed_training_ends(tmp_path):
    plan = TrainingPlan("tabular", ADAM, seed=3, steps=300, validations=10)
    straight = trained(plan, load_task("tabular"), tmp_path / "straight")
    ran = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "killed")],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    kills, status = map(int, ran.stdout.split())
    assert (kills > 2, status) == (True, 0), ran.stderr
    found = standing(ModelFolder(tmp_path / "killed"))
    assert values(found) == values(straight)
    assert written(tmp_path / "killed") == written(tmp_path / "straight")
    assert sorted(p.name for p in (tmp_path / "killed").iterdir() if p.name != ".lock") == sorted(
        [*WEIGHTS, "task.json", "training.json"]
    ), "no checkpoint, and nothing of a killed writer, is left"


def test_it_is_the_confirmation_run_of_a_study(tasks_file, plan, tmp_path):
    reference = f"{tasks_file}:Sample"
    marks = tuple(number / 10 for number in range(1, 10))
    with LocalEngine(workers=1) as engine:
        engine.start(Job(1, reference, ADAM, seed=3, progress=1.0, marks=marks))
        events = []
        while not any(isinstance(event, Finished) for event in events):
            events += engine.events(timeout=30)
    measured = [(e.point.progress, e.point.value) for e in events if isinstance(e, Report)]
    found = trained(replace(plan, task=reference), load_task(reference), tmp_path / "model")
    assert values(found) == measured


def test_keeps_the_best_and_the_last(sample, plan, tmp_path):
    class Turning(sample):
        """Its values fall until the middle, and rise from there."""

        def validate(self, model):
            return 1.0 + abs(len(seen.points) - 4)

    seen = Seen()
    found = trained(plan, Turning(), tmp_path, seen)
    assert (found.best.progress, found.last.progress) == (0.5, 1.0)
    assert [best for *_, best in seen.points] == [True] * 5 + [False] * 5
    assert [at for at, *_ in seen.points] == list(range(10, 101, 10))
    assert seen.steps == list(range(100))
    one, other = sample().model(), sample().model()
    assert ModelFolder(tmp_path).read_weights(one, "best") == {"progress": 0.5, "value": 1.0}
    assert ModelFolder(tmp_path).read_weights(other, "last") == {"progress": 1.0, "value": 6.0}
    assert not torch.equal(one[0].weight, other[0].weight)
    again = trained(plan, Turning(), tmp_path)
    assert again == replace(found, curve=again.curve)
    assert values(again) == values(found)


def test_a_lost_training_tells_when_and_keeps_the_last_good_model(sample, plan, tmp_path):
    class Lost(sample):
        def loss(self, model, batch):
            return super().loss(model, batch) * (math.nan if len(seen.steps) > 34 else 1)

    seen = Seen()
    found = trained(plan, Lost(), tmp_path, seen)
    assert (found.status, found.evaluations) == ("diverged", 35)
    assert "became nan" in found.message
    assert found.last.progress == 0.3
    model = sample().model()
    ModelFolder(tmp_path).read_weights(model, "last")
    assert all(torch.isfinite(p).all() for p in model.parameters())
    assert not (tmp_path / "checkpoint").exists()
    again = trained(plan, Lost(), tmp_path)
    assert (again.status, again.message, len(again.curve)) == ("diverged", found.message, 4)


@contextlib.contextmanager
def files_of_at_most(size):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_loses_nothing_that_was_kept(sample, plan, tmp_path):
    straight = trained(plan, sample(), tmp_path / "straight")

    class Full(Seen):
        def measured(self, live, point, best):
            super().measured(live, point, best)
            if len(self.points) == 4:
                limits.enter_context(files_of_at_most(300))

    seen = Full()
    with contextlib.ExitStack() as limits, pytest.raises(TaskError, match=r"cannot be written.*goes on"):
        trained(plan, sample(), tmp_path / "full", seen)
    assert any("no checkpoint at step 40" in text for text in seen.troubles)
    kept = ModelFolder(tmp_path / "full").read_weights(sample().model(), "last")
    assert kept["progress"] == 0.4
    seen = Seen()
    found = trained(plan, sample(), tmp_path / "full", seen)
    assert seen.begins == [(30, 3)]
    assert values(found) == values(straight)
    assert written(tmp_path / "full") == written(tmp_path / "straight")


def test_a_damaged_checkpoint_is_told_and_costs_time_only(sample, plan, tmp_path):
    straight = trained(plan, sample(), tmp_path / "straight")
    left = iter([False] * 50)
    trained(plan, sample(), tmp_path / "model", stopped=lambda: next(left, True))
    (kept,) = (tmp_path / "model" / "checkpoint").iterdir()
    kept.write_bytes(kept.read_bytes()[:-100])
    seen = Seen()
    assert values(trained(plan, sample(), tmp_path / "model", seen)) == values(straight)
    assert "begins anew" in seen.troubles[0]


def test_another_plan_is_told_apart_setting_by_setting(sample, plan, tmp_path):
    trained(plan, sample(), tmp_path)
    folder = ModelFolder(tmp_path)
    assert compare(plan, folder) == []
    other = replace(plan, seed=4, candidate=Candidate("AdamW", {"lr": 0.02, "eps": 1e-6}))
    assert compare(other, folder) == [
        "seed is 3, asked for 4",
        "lr is 0.01, asked for 0.02",
        "eps is not set, asked for 1e-06",
        "betas is [0.9, 0.99], asked for not set",
    ]


def test_another_length_of_training_stretches_the_schedule(sample, plan, tmp_path):
    class Short(sample):
        steps = 40

    found = trained(replace(plan, steps=40), sample(), tmp_path)
    assert found.curve[-1].value == train(Short(), ADAM, 3, 1.0).point.value


def test_metrics_are_of_the_best_model_and_must_be_numbers(sample, plan, tmp_path):
    class Measured(sample):
        def validate(self, model):
            assert not model.training
            return 1.0 + abs(len(seen.points) - 4)

        def metrics(self, model):
            assert not model.training
            assert not torch.is_grad_enabled()
            return {"first weight": model[0].weight[0, 0].item(), "share": math.nan}

    seen = Seen()
    found = trained(plan, Measured(), tmp_path / "one", seen)
    best = sample().model()
    ModelFolder(tmp_path / "one").read_weights(best, "best")
    assert found.metrics["first weight"] == best[0].weight[0, 0].item()
    told = json.loads((tmp_path / "one" / "training.json").read_text())["metrics"]
    assert told == {"first weight": found.metrics["first weight"], "share": None}

    class Wrong(Measured):
        def metrics(self, model):
            return {"accuracy": "high"}

    seen = Seen()
    with pytest.raises(TaskError, match="must return names with numbers"):
        trained(plan, Wrong(), tmp_path / "two", seen)


def test_what_a_task_raises_is_one_line_that_says_where(sample, plan, tmp_path):
    class Raises(sample):
        def loss(self, model, batch):
            raise LookupError("no such label")

    with pytest.raises(TaskError, match="training sample raised LookupError: no such label"):
        trained(plan, Raises(), tmp_path)


def test_two_trainings_into_one_folder_are_refused(sample, plan, tmp_path):
    with ModelFolder(tmp_path).claimed(), pytest.raises(TaskError, match="another process"):
        trained(plan, sample(), tmp_path)


def test_checkpoints_take_a_small_share_of_the_time(sample, plan, tmp_path, monkeypatch):
    """They are kept at measurements, and between them only after `CHECKPOINT_SECONDS`."""
    kept = []
    monkeypatch.setattr(full.checkpoint, "save", lambda *arguments: kept.append(arguments))
    trained(plan, sample(), tmp_path)
    assert len(kept) == 9
