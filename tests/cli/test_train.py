"""`surefoot train` and `surefoot predict` as a person uses them."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import surefoot.cli.predict
import surefoot.cli.train
from surefoot.cli.main import main
from surefoot.report.report import write_report
from surefoot.search.space.single import named, recommended, words
from surefoot.search.training_log import TrainingLog
from surefoot.store import Store, StoreError
from surefoot.store.log import StudyLog
from surefoot.study.format import number as as_told
from surefoot.study.question import Question, TrainingPlan
from surefoot.study.run import Candidate, Schedule
from surefoot.tasks import load_task
from surefoot.training.full.model_folder import ModelFolder
from surefoot.training.full.train import train_fully
from surefoot.training.loop import train as run_of_a_study
from tests.answers import small_answer

TASKS = '''
import os, signal
from pathlib import Path
import torch
from torch import nn

class Sample:
    name, steps, measure, labels = "sample", 60, "validation loss", ("low", "high")

    def model(self):
        return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.1), nn.Linear(8, 1))

    def batches(self, seed):
        generator = torch.Generator().manual_seed(seed)
        while True:
            x = torch.randn(16, 4, generator=generator)
            yield x, x.sum(1, keepdim=True).sin()

    def loss(self, model, batch):
        return nn.functional.mse_loss(model(batch[0]), batch[1])

    def validate(self, model):
        x = torch.linspace(-1, 1, 64).reshape(16, 4)
        return self.loss(model, (x, x.sum(1, keepdim=True).sin())).item()

    def metrics(self, model):
        return {"error": self.validate(model) ** 0.5}

    def predict(self, model, source, out):
        assert not model.training and not torch.is_grad_enabled()
        Path(out).write_text("written")
        return [f"{self.validate(model)!r} of {source.read_text()}", "\\x1b[31mred"]

class Interrupted(Sample):
    """Somebody presses Ctrl-C during step 33, once."""
    def batches(self, seed):
        for count, batch in enumerate(super().batches(seed), 1):
            if count == 33 and not os.path.exists("pressed"):
                Path("pressed").touch()
                os.kill(os.getpid(), getattr(signal, os.environ.get("PRESSED", "SIGINT")))
            yield batch

class Looked(Sample):
    """Its features are looked up: the gradient is sparse."""
    def model(self): return nn.Sequential(nn.Embedding(9, 1, sparse=True), nn.Flatten(0))
    def batches(self, seed):
        while True: yield torch.arange(9), torch.arange(9.0)
    def validate(self, model): return self.loss(model, next(self.batches(0))).item()
    def metrics(self, model): return {}

class Mute(Sample):
    predict = None

class Renamed(Sample):
    labels = ("high", "low")

class Wider(Sample):
    labels = ()
    def model(self): return nn.Sequential(nn.Linear(4, 9), nn.Tanh(), nn.Dropout(0.1), nn.Linear(9, 1))
'''

ADAM = ("--optimizer", "adam", "--set", "lr=0.01")


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "tasks_to_train.py").write_text(TASKS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(capsys):
    """(exit status, standard output, standard error) of a command."""

    def call(*arguments):
        status = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            status = int(end.code or 0)
        told = capsys.readouterr()
        return status, told.out, told.err

    return call


def train(call, *arguments, task="Sample", out="model"):
    return call("train", f"tasks_to_train.py:{task}", "--out", out, *arguments)


def only_study(store=".surefoot/evidence.db"):
    with Store.at(store) as evidence:
        (summary,) = evidence.studies()
        return evidence.study(summary.name)


def values(points):
    return [(point.progress, point.value) for point in points]


def test_trains_tells_and_leaves_a_model_and_a_study(here, call):
    status, out, err = train(call, *ADAM)
    assert status == 0, err
    told = json.loads((here / "model" / "training.json").read_text())
    reached = as_told(told["curve"][-1][2])
    assert out.startswith(f"Trained with Adam lr=0.01: validation loss {reached} after 60")
    assert "error: " in out
    assert len(err.splitlines()) == 20
    assert "step 60 of 60: training loss" in err.splitlines()[-1]
    assert "\x1b" not in out + err
    assert json.loads((here / "model" / "task.json").read_text())["labels"] == ["low", "high"]
    study = only_study()
    (run,) = study.runs
    assert study.finished
    assert study.answer.verdict == "trained"
    assert study.name.startswith("tasks_to_train-py-Sample-train-")
    assert (run.optimizer, run.status, run.seed) == ("Adam", "completed", 0)
    assert [[p.progress, p.value] for p in run.points] == [[p, v] for p, _, v in told["curve"]]
    write_report(study, here / "report.html")
    assert "after 60 steps" in (here / "report.html").read_text()
    assert "trained" in call("list", "studies")[1]


def test_the_same_command_changes_nothing_once_it_is_done(here, call):
    train(call, *ADAM)
    files = {path: path.read_bytes() for path in (here / "model").iterdir()}
    study = only_study()
    status, out, err = train(call, *ADAM)
    assert (status, err) == (0, "")
    assert "Trained with Adam" in out
    assert {path: path.read_bytes() for path in (here / "model").iterdir()} == files
    assert repr(only_study()) == repr(study)  # nan is not equal to itself


@pytest.mark.parametrize(("pressed", "expected"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_ends_it_with_the_command_that_goes_on(here, call, monkeypatch, pressed, expected):
    monkeypatch.setenv("PRESSED", pressed)
    status, out, err = train(call, *ADAM, task="Interrupted")
    assert (status, out) == (expected, "")
    assert "Interrupted at step 33 of 60; nothing is lost" in err
    command = err.splitlines()[-1].partition("To go on: surefoot ")[2].replace("'", "").split()
    assert not only_study().finished
    assert len(only_study().runs[0].points) == 11
    status, out, err = call(*command)
    assert status == 0, err
    assert "going on at step 33 of 60" in err
    train(call, *ADAM, out="straight")
    for name in ("model.safetensors", "last.safetensors"):
        assert (here / "model" / name).read_bytes() == (here / "straight" / name).read_bytes()
    with Store.at(".surefoot/evidence.db") as evidence:
        broken, straight = (evidence.study(summary.name) for summary in evidence.studies())
    assert values(broken.runs[0].points) == values(straight.runs[0].points)
    assert len(broken.runs) == 1


def answered(task, candidate, **asked):
    """A finished study that recommends this candidate."""
    with Store.at(".surefoot/evidence.db") as store:
        log = store.begin(Question(task, study="chosen", command="surefoot choose x", **asked), None, {})
        yield log
        log.finish(small_answer(candidate))
    yield None


def test_a_study_s_recommendation_is_used_exactly(here, call):
    task = "tasks_to_train.py:Sample"
    settings = {"lr": 0.02, "betas": (0.8, 0.99), "weight_decay": 0.1, "weight_decay_on": "matrices"}
    candidate = Candidate("AdamW", settings, Schedule("trunk", 0.2, 0.2))
    study = answered(task, candidate)
    next(study)
    status, _, err = train(call, "--study", "chosen")
    assert status == 2
    assert "has no answer yet; to go on with it: surefoot choose x" in err
    next(study)
    status, _, err = train(call, "--study", "chosen", "--seed", "7")
    assert status == 0, err
    confirmed = run_of_a_study(load_task(task), candidate, 7, 1.0).point.value
    assert json.loads((here / "model" / "training.json").read_text())["curve"][-1][2] == confirmed
    with Store.at(".surefoot/evidence.db") as store:
        assert recommended(store.study("chosen"), task).key == candidate.key
        made = [s.name for s in store.studies() if s.name != "chosen"]
    assert made[0].startswith("chosen-train-")
    status, _, err = train(call, "--study", "chosen", task="Wider", out="wider")
    assert status == 2
    assert "of the task 'tasks_to_train.py:Sample'" in err
    assert "--optimizer AdamW --set betas=(0.8,0.99) --set lr=0.02 --set weight_decay=0.1 --set" in err


def test_the_words_of_a_candidate_name_it_again():
    for candidate in (
        named("adamw", ["lr=3e-4", "betas=0.9,0.95", "weight_decay_on=matrices", "warmup=0.1"], "cosine"),
        named("sgd", ["momentum=0.9", "nesterov=True"], "constant"),
        named("adafactor", [], "trunk"),
    ):
        found = words(candidate)
        sets = [word for word, option in zip(found[1:], found, strict=False) if option == "--set"]
        assert named(found[1], sets, found[-1]).key == candidate.key


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "either --study NAME or --optimizer NAME"),
        (("--study", "x", *ADAM), "either --study NAME or --optimizer NAME"),
        (("--study", "x", "--set", "lr=1"), "a study has chosen its own"),
        (("--study", "nothing"), "no study 'nothing'"),
        (("--optimizer", "adamm"), "did you mean 'Adam'"),
        ((*ADAM, "--set", "betta=1"), "no setting 'betta'; did you mean 'betas'"),
        (("--optimizer", "adam", "--set", "lr=0.1,0.2"), "one value of it"),
        (("--optimizer", "adam", "--set", "lr=0.1..0.2"), "one value of it"),
        (("--optimizer", "adam", "--set", "sgd.lr=0.1"), "the optimizer is Adam, not 'sgd'"),
        (("--optimizer", "adam", "--set", "lr=-1"), "must be above 0"),
        (("--optimizer", "sgd", "--set", "nesterov=True"), "refuses it"),
        ((*ADAM, "--data", "nowhere"), "data"),
        ((*ADAM, "--steps", "0"), "--steps"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_is_one_line(here, call, arguments, reason):
    status, out, err = train(call, *arguments)
    assert (status, out) == (2, "")
    assert reason in err
    assert len(err.splitlines()) == 1
    assert not (here / "model").exists()


def test_a_decay_that_cannot_be_is_named_with_the_way_out(here, call):
    status, _, err = train(call, "--optimizer", "adamw", task="Looked")
    assert status == 2
    assert "not compatible with sparse gradients" in err
    assert err.endswith("; add --set weight_decay=0\n")
    told = train(call, "--optimizer", "adamw", "--set", "weight_decay=0", task="Looked")
    assert told[0] == 0, told


def test_a_folder_that_holds_something_else_is_refused(here, call):
    train(call, *ADAM)
    status, _, err = train(call, "--optimizer", "adam", "--set", "lr=0.02", "--seed", "1")
    assert status == 2
    assert "model holds another training: seed is 0, asked for 1; lr is 0.01, asked for 0.02" in err
    command = err.partition("overwrite that one: surefoot ")[2].replace("'", "").split()
    assert command[-1] == "--overwrite"
    assert call(*command)[0] == 0
    assert json.loads((here / "model" / "training.json").read_text())["plan"]["seed"] == 1
    (here / "photos").mkdir()
    (here / "photos" / "cat.png").touch()
    status, _, err = train(call, *ADAM, out="photos")
    assert status == 2
    assert "photos is no model's folder: it holds cat.png" in err
    (here / "file").touch()
    assert train(call, *ADAM, out="file")[0] == 2


def test_a_lost_training_ends_with_status_3_and_says_when(here, call):
    status, out, err = train(call, "--optimizer", "sgd", "--set", "lr=1e6", "--schedule", "constant")
    assert (status, out) == (3, "")
    assert "SGD lr=1e6 diverged at step 2 of 60: the training loss rose from" in err
    assert "No model is kept" in err
    study = only_study()
    assert (study.answer.verdict, study.runs[0].status) == ("diverged", "diverged")
    assert math.isnan(study.runs[0].points[-1].value)
    write_report(study, here / "report.html")


def test_a_store_that_fails_for_a_while_has_the_whole_curve_at_the_end(here, monkeypatch):
    task = load_task("tasks_to_train.py:Sample")
    plan = TrainingPlan("tasks_to_train.py:Sample", Candidate("Adam", {"lr": 0.01}), seed=0, steps=60)
    whole = StudyLog.add_point
    troubles = []

    def fails(self, run, point):
        if 0.3 < point.progress < 0.6:
            raise StoreError("the disk is full")
        whole(self, run, point)

    with Store.at("evidence.db") as store, ModelFolder("model").claimed():
        log = TrainingLog.begin(store, plan, task, None, "surefoot train")
        measured = log.measured

        def watched(*told):
            measured(*told)
            troubles.append(log.trouble)

        monkeypatch.setattr(log, "measured", watched)
        monkeypatch.setattr(StudyLog, "add_point", fails)
        result = train_fully(plan, task, ModelFolder("model"), log)
        monkeypatch.setattr(StudyLog, "add_point", whole)
        log.finish(result)
        log.finish(replace(result, status="stopped"))  # which is no end
    assert [bool(trouble) for trouble in troubles] == [0.3 < p.progress < 0.6 for p in result.curve]
    study = only_study("evidence.db")
    assert values(study.runs[0].points) == values(result.curve)
    assert study.answer.verdict == "trained"


def test_tensorboard_shows_the_numbers_once_though_it_was_interrupted(here, call):
    reading = pytest.importorskip("tensorboardX")
    proto = reading.proto.event_pb2
    assert train(call, *ADAM, "--tensorboard", task="Interrupted")[0] == 130
    assert train(call, *ADAM, "--tensorboard", task="Interrupted")[0] == 0
    seen = []
    for file in sorted((here / "model" / "tensorboard").iterdir(), key=lambda path: int(path.suffix[1:])):
        for event in records(file, proto):
            if event.HasField("session_log"):
                seen = [entry for entry in seen if entry[1] < event.step]  # as TensorBoard does
            seen += [(value.tag, event.step, value.simple_value) for value in event.summary.value]
    measured = [entry for entry in seen if entry[0] == "validation/validation_loss"]
    curve = json.loads((here / "model" / "training.json").read_text())["curve"]
    assert [step for _, step, _ in measured] == [round(60 * progress) for progress, *_ in curve]
    assert [value for *_, value in measured] == pytest.approx([value for *_, value in curve])
    assert [step for tag, step, _ in seen if tag == "training/loss"] == list(range(1, 60))


def records(file, proto):
    """The events in a file of TensorBoard's: a length, its checksum, an event, its checksum."""
    data = file.read_bytes()
    while data:
        length = int.from_bytes(data[:8], "little")
        yield proto.Event.FromString(data[12 : 12 + length])
        data = data[16 + length :]


@pytest.fixture
def model(here, call):
    train(call, *ADAM)
    (here / "question.txt").write_text("the question")
    return here / "model"


def predict(call, *arguments, task="tasks_to_train.py:Sample", source="question.txt"):
    return call("predict", task, "--model", "model", "--input", source, "--out", "answer.txt", *arguments)


def test_predicts_with_the_best_or_the_last_weights(here, call, model):
    told = json.loads((model / "training.json").read_text())["values"]
    status, out, err = predict(call)
    assert (status, (here / "answer.txt").read_text()) == (0, "written"), err
    assert out.splitlines()[0] == f"{told['best']['value']!r} of the question"
    assert "\x1b" not in out
    assert "With the best weights" in err
    assert predict(call, "--last")[1].startswith(f"{told['last']['value']!r} of")
    other = here / "elsewhere"
    other.mkdir()
    (other / "tasks_to_train.py").write_text(TASKS)
    assert predict(call, task="elsewhere/tasks_to_train.py:Sample")[0] == 0, "another way to the same file"


@pytest.mark.parametrize(
    ("task", "arguments", "reason"),
    [
        ("digits", (), "trained on the task 'tasks_to_train.py:Sample', not 'digits'"),
        ("digits", ("--force",), "is of another model"),
        ("tasks_to_train.py:Mute", ("--force",), "has no predict; give it one: def predict("),
        ("tasks_to_train.py:Wider", ("--force",), "has shape (8, 4), not (9, 4)"),
        ("tasks_to_train.py:Smaple", ("--force",), "did you mean 'Sample'"),
        ("tasks_to_train.py:Sample", ("--input", "nowhere.txt"), "nowhere.txt"),
        ("tasks_to_train.py:Sample", ("--model", "elsewhere"), "elsewhere"),
        ("tasks_to_train.py:Sample", ("--model", "."), "is no model's folder: it holds no task.json"),
        ("tasks_to_train.py:Sample", ("--out", "missing/answer.txt"), "predict() raised FileNotFoundError"),
    ],
    ids=range(9),
)
def test_what_cannot_be_predicted_is_one_line(here, call, model, task, arguments, reason):
    status, out, err = predict(call, *arguments, task=task)
    assert (status, out) == (2, "")
    assert reason in err
    assert len(err.splitlines()) == 1


def test_classes_that_have_changed_are_refused(here, call, model):
    file = here / "tasks_to_train.py"
    file.write_text(TASKS.replace('("low", "high")', '("high", "low")'))
    renamed = here / "sub" / "tasks_to_train.py"
    renamed.parent.mkdir()
    renamed.write_text(file.read_text())
    status, _, err = predict(call, task="sub/tasks_to_train.py:Sample")
    assert status == 2
    assert "trained for the classes low, high, and the task has high, low" in err
    assert predict(call, "--force", task="sub/tasks_to_train.py:Sample")[0] == 0


def test_digits_are_read_from_a_picture(here, call):
    assert call("train", "digits", "--out", "model", "--optimizer", "adamw", "--set", "lr=3e-3")[0] == 0
    images, labels = load_task("digits")._data[1]
    (here / "in").mkdir()
    for number in range(20):
        ink = 255 - (images[number, 0] * 255).byte().numpy()
        page = Image.new("L", (140, 120), 255)
        page.paste(Image.fromarray(ink).resize((80, 80), Image.Resampling.BICUBIC), (30, 20))
        page.save(here / "in" / f"{number:02}.png")
    status, out, err = call("predict", "digits", "--model", "model", "--input", "in", "--out", "read.json")
    assert status == 0, err
    read = [line.split(": ")[1][0] for line in out.splitlines()[:20]]
    assert sum(a == str(b) for a, b in zip(read, labels.tolist(), strict=False)) >= 16
    assert len(json.loads((here / "read.json").read_text())) == 20
    (here / "no.png").write_text("no image")
    status, _, err = call("predict", "digits", "--model", "model", "--input", "no.png", "--out", "x.json")
    assert status == 2
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("command", ["train", "predict"])
def test_help_has_examples(command):
    told = CliRunner().invoke(surefoot.cli.train.surefoot, [command, "--help"]).output
    assert f"surefoot {command} digits" in told


def test_threads_are_as_they_were(here, call):
    before = torch.get_num_threads()
    assert train(call, *ADAM, "--threads", str(min(2, os.cpu_count() or 1)))[0] == 0
    assert torch.get_num_threads() == before
