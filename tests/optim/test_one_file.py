"""A new optimizer is one file: it is put through everything with no other edit anywhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SOURCE = HERE.parent.parent / "src"
ANIMATE = "animate"
"""The command that moves optimizers over a surface."""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A copy of the library with one more file in `optim/`."""
    copy = tmp_path_factory.mktemp("library")
    shutil.copytree(SOURCE / "surefoot", copy / "surefoot", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HERE / "added" / "odd.py", copy / "surefoot" / "optim")
    return copy


def python(library, *words, folder):
    """Run Python on one copy of the library; what it printed."""
    environment = os.environ | {"PYTHONPATH": str(library), "COLUMNS": "160"}
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def surefoot(library, *words, folder):
    return python(library, "-m", "surefoot", *words, folder=folder)


def test_in_the_folder_of_optimizers(library, tmp_path):
    python(library, str(HERE / "added" / "child.py"), "Odd", folder=tmp_path)


def test_as_a_file_of_the_user_s_own(tmp_path):
    own = shutil.copy(HERE / "added" / "odd.py", tmp_path / "odd.py")
    python(SOURCE, str(HERE / "added" / "child.py"), f"{own}:Odd", folder=tmp_path)


def test_it_is_listed_and_explained(library, tmp_path):
    listed = surefoot(library, "list", "optimizers", folder=tmp_path)
    assert "Odd" in listed
    assert "8 bytes in float32 +4 with anchored" in listed
    told = surefoot(library, "explain", "odd", folder=tmp_path)
    parts = "a kind of its own", "None, 'root' or 'sign'", "steps the touched rows", "path (with anchored)"
    assert [part for part in parts if part not in told] == []


def test_it_moves_over_a_surface(library, tmp_path):
    optimizers = "sgd,odd,odd:bend=sign;power=3;rates=(0.5,0.9,0.9);anchored=True"
    words = ["beale", "--optimizers", optimizers, "--steps", "20", "-o", "x.svg", "-o", "x.json"]
    surefoot(library, ANIMATE, *words, folder=tmp_path)
    assert "<svg" in (tmp_path / "x.svg").read_text(encoding="utf8")
    drawn = json.loads((tmp_path / "x.json").read_text(encoding="utf8"))
    assert [path["optimizer"] for path in drawn["paths"]] == ["SGD", "Odd", "Odd"]


@pytest.mark.slow
@pytest.mark.parametrize("own", [False, True], ids=["in-optim", "own-file"])
def test_it_is_chosen_from(library, tmp_path, own):
    shutil.copy(HERE / "added" / "odd.py", tmp_path / "odd.py")
    name = "odd.py:Odd" if own else "odd"
    words = ["line", "--optimizers", f"{name},sgd", "--set", "odd.power=3", "--runs", "14"]
    surefoot(SOURCE if own else library, "choose", *words, "--json", "a.json", folder=tmp_path)
    answer = json.loads((tmp_path / "a.json").read_text(encoding="utf8"))
    assert "Odd" in json.dumps(answer)
