"""Runs by a script of the user's: rungs, checkpoints, nonsense, ends of every kind, and no orphans."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from surefoot.engines.local.job import run_job
from surefoot.scripts import runner as script
from surefoot.scripts.protocol import ScriptRun
from surefoot.scripts.runner import script_file, script_name
from surefoot.study.run import Candidate, Job, Schedule

OWN = str(Path(__file__).parent / "own_script.py")
ADAM = Candidate("Adam", {"lr": 0.01, "betas": (0.9, 0.99)}, Schedule("script", 0.0, 0.0))
STEPS = 4.0


def run(folder, behaviour, progress=1.0, steps=STEPS, command=None, stopped=lambda: False):
    """The points (progress, value) that were relayed, and the end."""
    reports = []
    command = command or (sys.executable, OWN, behaviour)
    job = Job(5, "own", ADAM, 3, progress, str(folder), command=tuple(command), steps=steps)
    finished = run_job(job, load_no_task, reports.append, stopped)
    return [(report.point.progress, report.point.value) for report in reports], finished


def load_no_task(reference):
    raise AssertionError("a script needs no task")


def kept_in(folder):
    (file,) = Path(folder).glob("run-*/checkpoint/kept.json")
    return json.loads(file.read_text())


def test_a_pilot_goes_to_the_script_s_own_end_and_describes_it(tmp_path):
    points, finished = run(tmp_path, "names", steps=0.0)
    assert [progress for progress, _ in points] == [1, 2, 3, 4]
    assert finished.status == "completed"
    assert finished.seconds_per_step > 0
    assert finished.state_bytes > 0
    model, pilot = finished.script.model, finished.script.pilot
    assert (model.parameters, model.dtypes, finished.script.sparse) == (22, ("float32",), ())
    assert model.not_matrices == ("1_bias",)
    assert {role.name for role in model.roles} == {"weight matrices", "biases"}
    assert 0 < pilot.start_seconds < pilot.seconds
    assert not pilot.continues


def test_what_a_step_cannot_do_with_sparse_gradients_is_seen_before_it_fails(tmp_path):
    decayed = Candidate("AdamW", {"lr": 0.01, "weight_decay": 0.1}, Schedule("script", 0.0, 0.0))
    command = (sys.executable, OWN, "sparse")
    finished = run_job(Job(1, "own", decayed, 3, 1.0, str(tmp_path), command=command), load_no_task, print)
    assert (finished.status, finished.cause) == ("failed", "raised")
    assert "sparse" in finished.message
    assert finished.script.sparse == ("0.weight",)


@pytest.mark.slow
@pytest.mark.parametrize("behaviour", ["continue", "again"])
def test_a_run_is_taken_further_and_no_point_is_told_with_two_values(tmp_path, behaviour):
    half = [(0.25, 1.0), (0.5, 0.5)]
    points, finished = run(tmp_path, behaviour, progress=0.4)  # the first report beyond it ends the run
    assert (points, finished.status) == (half, "completed")
    points, finished = run(tmp_path, behaviour)
    assert points[:2] == half  # told again, in case they were not recorded
    assert [progress for progress, _ in points] == [0.25, 0.5, 0.75, 1.0]
    assert finished.status == "completed"
    assert run(tmp_path, behaviour, command=["no-such-command"])[0] == []  # another command, another run
    known, finished = run(tmp_path, behaviour, progress=0.75)
    assert (known, finished.status) == (points[:3], "completed")  # without a start


def test_nonsense_raises_in_the_script_and_is_told_by_name(tmp_path):
    points, finished = run(tmp_path, "nonsense", steps=0.0)
    assert points == [(2, 0.5)]
    assert (finished.status, finished.cause) == ("failed", "report")
    assert "own_script.py: surefoot.run.report(step, value): steps must increase" in finished.message
    told = kept_in(tmp_path)
    for refusal, words in zip(
        told["refusals"],
        [
            "NotPossibleError: call surefoot.run.optimizer(model) before",
            "InvalidTypeError: surefoot.run.report(step, value): the value must be a number or a tensor",
            "not bool",
            "not Tensor of shape (2,)",
            "InvalidTypeError: surefoot.run.report(step, value): the step must be a number, not str",
            "InvalidInputError: surefoot.run.report(step, value): the step must be 0 or more, not -1",
            "steps must increase, and 1 came after 2",
        ],
        strict=True,
    ):
        assert words in refusal
    import random

    import numpy
    import torch

    from surefoot.training.random_state import seed_everything

    seed_everything(3)
    assert told["drawn"] == [torch.rand(1).item(), float(numpy.random.rand()), random.random()]
    assert told["seed"] == 3


def test_divergence_is_a_point_and_an_end(tmp_path):
    points, finished = run(tmp_path, "diverge")
    assert points[0] == (0.25, 1.0)
    assert math.isnan(points[1][1])
    assert (finished.status, finished.message) == ("diverged", "the reported value became nan at step 2")


@pytest.mark.slow
def test_a_script_that_ends_early_keeps_its_last_value(tmp_path):
    points, finished = run(tmp_path, "short")
    assert points == [(0.25, 1.0), (0.5, 0.5), (1.0, 0.5)]
    assert finished.status == "completed"


@pytest.mark.slow
def test_a_script_that_goes_on_after_its_end_is_ended_and_its_result_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(script, "STOP_SECONDS", 0.2)
    points, finished = run(tmp_path, "deaf", progress=0.5)
    assert (points[-1], finished.status) == ((0.5, 0.5), "completed")


def test_an_exception_is_told_with_its_last_lines(tmp_path):
    _, finished = run(tmp_path, "raise", steps=0.0)
    assert (finished.status, finished.cause) == ("failed", "raised")
    assert finished.message.splitlines()[0] == "own_script.py ended with exit status 1"
    assert finished.message.splitlines()[-1] == "LookupError: no such label"


@pytest.mark.parametrize(
    ("command", "cause", "words"),
    [
        (["true"], "report", "true ended without a report: call optimizer = surefoot.run.optimizer(model)"),
        (["sh", "-c", "kill -9 $$"], "crashed", "was killed by SIGKILL"),
        (["sh", "-c", "sh -c 'kill -11 $$'; exit $?"], "crashed", "was killed by SIGSEGV"),
        (["sh", "-c", "echo given up; exit 7"], "exited", "ended with exit status 7\ngiven up"),
        (["no-such-command"], "exited", "there is no command 'no-such-command'"),
    ],
)
def test_other_ends_are_told(tmp_path, command, cause, words):
    points, finished = run(tmp_path, "", command=command)
    assert (points, finished.status, finished.cause) == ([], "failed", cause)
    assert words in finished.message


def test_only_the_end_of_a_long_output_is_kept(tmp_path):
    loud = "for i in range(20000): print('loss', i, end='\\r' if i % 2 else '\\n')\nraise SystemExit(1)"
    _, finished = run(tmp_path, "", command=[sys.executable, "-c", loud])
    lines = finished.message.splitlines()
    assert lines[-1].startswith("loss 1999")
    assert len(lines) <= 10


def test_a_run_that_is_called_off_is_killed_with_its_children(tmp_path, monkeypatch):
    monkeypatch.setattr(script, "CALLED_OFF_SECONDS", 0.2)
    pid = tmp_path / "pid"
    command = ["sh", "-c", f"sleep 600 & echo $! > {pid}; wait"]
    _, finished = run(tmp_path, "", command=command, stopped=lambda: pid.exists() and pid.read_text() != "")
    assert finished.status == "stopped"
    assert ends(int(pid.read_text()))


@pytest.mark.slow
def test_no_process_of_a_script_outlives_a_killed_worker(tmp_path):
    """The shell is killed by the kernel; the script, its child, notices by itself."""
    program = f"""\
from tests.scripts.test_runner import run
run({str(tmp_path)!r}, "", command=["sh", "-c", "{sys.executable} {OWN} hang; true"])
"""
    worker = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    try:
        family = wait_for(lambda: hanging(worker.pid))
    finally:
        worker.kill()
        worker.wait()
    assert all(ends(process) for process in family)


def hanging(worker):
    """The shell and the script, once the script has connected."""
    found = psutil.Process(worker).children(recursive=True)
    scripts = [process for process in found if OWN in process.cmdline() and process.name() != "sh"]
    connected = scripts and any(c.status for c in scripts[0].net_connections("unix"))
    return [process.pid for process in found] if connected else None


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("nothing came of it")


def ends(pid, seconds=20):
    """Whether the process ends, or has; a zombie has."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    return False


def test_the_script_among_the_words_of_a_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("train.py", "config.yaml", "run.sh"):
        Path(name).touch()
    assert script_file(["python", "-u", "train.py", "--epochs", "3"]) == Path("train.py")
    assert script_file(["accelerate", "launch", "--config_file", "config.yaml", "train.py"]) == Path(
        "train.py"
    )
    assert script_file([sys.executable, "-m", "package.train"]) == Path(sys.executable)
    assert script_file(["./run.sh", "--fast"]) == Path("run.sh")
    assert script_name(["no-such", "thing"]) == "no-such thing"


def test_what_a_script_is_told_survives_the_environment():
    told = ScriptRun(Candidate("Adam", {"lr": 0.1, "eps": 1e-8}, ADAM.schedule), 3, None, "/folder", "/s")
    assert ScriptRun.of_text(told.to_text()) == told
