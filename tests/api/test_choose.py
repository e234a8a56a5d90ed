"""`surefoot.choose` in a script: everything made there, shipped to workers, interrupted, taken up again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import jsonschema
import pytest
import torch

import surefoot
from surefoot.study.answer import Answer, Verdict
from surefoot.study.strict_json import without_nan
from surefoot.study.user_code import TaskError

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "answer.schema.json").read_text(encoding="utf8"))

MADE = """
import sys, time
import torch, surefoot
from torch import nn

torch.manual_seed(0)
x = torch.randn(300, 4)
y = torch.tanh(x @ torch.randn(4, 1))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))

    def forward(self, x):
        return self.layers(x)

parts = dict(model=Net, loss=nn.MSELoss(), train=(x[:200], y[:200]), validation=(x[200:], y[200:]))
more = dict(runs=14, optimizers=["adam", "sgd"], workers=1, study="scripted", report="answer.html")
"""


def accuracy(model):
    return float(next(model.parameters()).mean())


ROWS = (torch.ones(8, 2), torch.ones(8, 1))
PARTS = {
    "model": lambda: torch.nn.Linear(2, 1),
    "loss": torch.nn.MSELoss(),
    "train": ROWS,
    "validation": ROWS,
    "batch_size": 4,
}
MAXIMIZED = surefoot.Task(**PARTS | {"validation": accuracy, "maximize": True})

GUARDED = (
    MADE
    + """
if __name__ == "__main__":
    answer = surefoot.choose(**parts, batch_size=50, steps=30, **more)
    print(answer.verdict, type(answer.optimizer(Net())).__name__, answer.study)
"""
)


def script(folder, text):
    (folder / "mine.py").write_text(textwrap.dedent(text))
    return [sys.executable, "mine.py"]


def run(folder, text):
    return subprocess.run(script(folder, text), cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def scripted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scripted")
    return folder, run(folder, GUARDED)


@pytest.mark.slow
def test_a_script_chooses_with_everything_defined_in_it(scripted):
    folder, done = scripted
    assert done.returncode == 0, done.stderr
    verdict, optimizer, study = done.stdout.split()[-3:]
    assert verdict in set(Verdict)
    assert optimizer in ("Adam", "SGD", "AdamW")
    assert study == "scripted"
    assert "Phase: screen" in done.stderr, "progress goes to standard error"
    assert "<svg" in (folder / "answer.html").read_text()


@pytest.mark.slow
def test_its_answer_is_read_back_and_fits_the_schema(scripted):
    folder, _ = scripted
    store = folder / ".surefoot" / "evidence.db"
    (listed,) = surefoot.studies(store)
    answer = surefoot.load("scripted", store)
    assert (listed.name, listed.verdict) == (answer.study, answer.verdict)
    document = json.loads(json.dumps(without_nan(answer.data.to_document()), allow_nan=False))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert Answer.from_document(answer.data.to_document()) == answer.data
    assert answer.data.command.startswith("surefoot.choose(task, optimizers=['Adam', 'SGD'], runs=14")
    assert answer.snippet in str(answer)


@pytest.mark.slow
def test_a_changed_task_under_the_same_name_is_refused(scripted, tmp_path):
    folder, _ = scripted
    fresh = MADE.replace("nn.Linear(4, 8)", "nn.Linear(4, 9)").replace("nn.Linear(8, 1)", "nn.Linear(9, 1)")
    again = f"""{fresh}
more |= dict(runs=15)
surefoot.choose(**parts, batch_size=50, steps=30, **more)
"""
    refused = run(folder, again)
    assert refused.returncode == 1
    assert "scripted" in refused.stderr


@pytest.mark.slow
def test_ctrl_c_ends_a_script_and_the_same_call_goes_on(tmp_path):
    """Without a guard: workers do not import the script."""
    bare = MADE + "answer = surefoot.choose(**parts, batch_size=50, steps=30, **more)\nprint(answer.study)\n"
    process = subprocess.Popen(
        script(tmp_path, bare), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    for line in process.stderr:
        if "result" in line:
            break
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "the same call goes on" in told
    begun = time.monotonic()
    unfinished = surefoot.load("scripted", tmp_path / ".surefoot" / "evidence.db")
    assert "To go on: surefoot.choose(task" in str(unfinished)
    assert unfinished.runs > 0
    done = run(tmp_path, bare)
    assert done.returncode == 0, (done.stderr, time.monotonic() - begun)
    assert done.stdout.strip() == "scripted"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give a task, or model, loss, train, validation: model, loss, train, validation missing"),
        ({"task": "digits", "steps": 3}, "a task has its own steps: give either, not both"),
        ({"task": "in-python:mine"}, "give the task itself, not its name"),
        ({"task": object()}, "is not a task: object lacks"),
        ({"task": "digit"}, "did you mean 'digits'"),
        ({"task": "digits", "budget": "soon"}, "not a duration; write for example 90s, 5m or 1.5h"),
        ({"task": "digits", "optimizers": ["adm"]}, "did you mean"),
        ({"task": "digits", "report": "nowhere/answer.html"}, "folder nowhere does not exist"),
        ({**PARTS, "maximize": True}, "validation is data, whose mean loss is the measure"),
        ({**PARTS, "validation": accuracy}, "test_choose: of 'accuracy' higher is better .*maximize=True"),
        ({"task": MAXIMIZED, "maximize": False}, r"says itself .*\(maximize=True\), and .* maximize=False"),
        ({"task": "digits", "maximize": True}, "digits: of 'validation loss' lower is better by its name"),
    ],
)
def test_what_cannot_be_asked_is_refused_at_once(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        surefoot.choose(**arguments, progress=False)


def test_a_task_that_cannot_be_sent_is_refused(tmp_path):
    import threading

    from surefoot.tasks.by_value import ship

    class Held:
        name = "held"
        lock = threading.Lock()

        def __init__(self):
            self.own = threading.Lock()

    with pytest.raises(TaskError, match="held: the task cannot be sent to worker processes: TypeError"):
        ship(Held())
