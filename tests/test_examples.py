"""Each example as a person runs it: alone, and in a small real study."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2")
COMMANDS = {
    "plain_loop.py": (sys.executable,),
    "lightning_trainer.py": (sys.executable,),
    "huggingface_trainer.py": (sys.executable,),
    "torchrun_ddp.py": TORCHRUN,
}
TASKS = {"keras_task.py", "own_task.py"}  # tested with the package, and with the page that shows it
PACKAGES = {"lightning_trainer.py": "lightning", "huggingface_trainer.py": "transformers"}
MARKS = {
    **dict.fromkeys(PACKAGES, (pytest.mark.real, pytest.mark.slow)),
    "torchrun_ddp.py": (pytest.mark.slow,),
}
NAMES = [pytest.param(name, marks=MARKS.get(name, ())) for name in COMMANDS]
ONE = ("--optimizers", "sgd", "--set", "lr=0.1", "--set", "momentum=0.9", "--set", "weight_decay=0")


def command_of(name):
    pytest.importorskip(PACKAGES.get(name, "sklearn"))
    return [*COMMANDS[name], str(EXAMPLES / name)]


# With DistributedDataParallel gloo's threads outlive `destroy_process_group`. One that asks for the GIL while
# Python ends aborts its process, after the training (pytorch/pytorch#38228, pytorch/pytorch#190489).
ABORTED_BY_TORCH_AT_EXIT = "terminate called without an active exception"
LAST_EPOCH = "epoch 6:"


def run(words, folder):
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=600)
    only_the_exit_failed = ABORTED_BY_TORCH_AT_EXIT in done.stderr and LAST_EPOCH in done.stdout
    assert done.returncode == 0 or only_the_exit_failed, done.stderr[-3000:]
    return done.stdout


def test_every_example_is_tested():
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(COMMANDS) | TASKS


@pytest.mark.parametrize("name", NAMES)
def test_an_example_trains_without_a_study(name, tmp_path):
    output = run(command_of(name), tmp_path)
    losses = [float(line.rpartition(" ")[2]) for line in output.splitlines() if "validation loss" in line]
    assert losses[-1] < 2.2  # guessing gives log 10 = 2.3, and log 17 = 2.8 of the pixels


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_chosen_for(name, tmp_path):
    study = (sys.executable, "-m", "surefoot", "choose", "--runs", "9", "--workers", "2", *ONE)
    output = run([*study, "--json", "answer.json", "--", *command_of(name)], tmp_path)
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert "your script's own schedule" in output
    assert {c["optimizer"] for c in answer["candidates"] if c["phase"] == "confirm"} == {"AdamW", "SGD"}
    assert not any(c["diverged"] for c in answer["candidates"])
    assert all(c["state_bytes"] > 0 for c in answer["candidates"])
    assert answer["effect"]["high"] < 0  # SGD with momentum trains these in far fewer epochs
