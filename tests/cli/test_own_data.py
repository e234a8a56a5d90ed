"""`--data`: a study on the user's own folder, from bad data to an interrupted study that goes on."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from surefoot.cli import main
from surefoot.search import ask
from surefoot.tasks import load_task, with_data
from tests.tasks.own_folders import land, photos

SMALL = ["--optimizers", "adamw", "--runs", "2", "--workers", "1"]
TASK = "images?size=32&steps=4&batch=4"


def surefoot(folder, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "surefoot", *words],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
    )


@pytest.mark.slow
def test_a_study_on_a_relative_folder_is_interrupted_and_goes_on_with_the_printed_command(tmp_path):
    photos(tmp_path / "my photos & co", 3)
    begun = surefoot(tmp_path, "choose", TASK, "--data", "my photos & co", *SMALL)
    said = ""
    while "screen" not in said and (line := begun.stdout.readline()):
        said += line
    begun.send_signal(signal.SIGINT)
    said += begun.communicate(timeout=300)[0]
    assert begun.returncode == 130, said
    words = shlex.split(said.rpartition("To go on: ")[2])
    assert words[:2] == ["surefoot", "choose"]
    assert words[words.index("--data") + 1] == str(tmp_path / "my photos & co")
    again = surefoot(tmp_path, *words[1:], "--json", "answer.json")
    said, _ = again.communicate(timeout=300)
    assert again.returncode == 0, said
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert load_task(answer["task"]).labels == ("blue", "red")
    assert answer["study"] == words[words.index("--study") + 1]
    assert answer["measure"] == "validation loss"


def one_line(capsys, *words) -> str:
    with pytest.raises(SystemExit) as end:
        main(["choose", *words])
    said = capsys.readouterr().err.strip().splitlines()
    assert end.value.code == 2
    assert [line for line in said if not line.startswith("Phase: ")] == said[-1:]
    assert said[-1].startswith("error: ")
    return said[-1]


def test_bad_data_is_one_line_and_status_2(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    photos(tmp_path / "photos")
    (tmp_path / "photos" / "red" / "broken.jpg").write_bytes(b"x")
    said = one_line(capsys, "images", "--data", "photos", *SMALL)
    assert "corrupt files: 1 (red/broken.jpg: " in said
    land(tmp_path / "land")
    (tmp_path / "land" / "masks" / "0.png").unlink()
    assert "images without a mask: 1" in one_line(capsys, "segmentation", "--data", "land", *SMALL)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["images"], "images needs your data: --data DIR"),
        (["digits", "--data", "."], "digits takes no --data; only images and segmentation do"),
        (["images?data=/x", "--data", "."], "leave out --data"),
        (["images", "--data", "nowhere"], "'nowhere' does not exist"),
        (["imags", "--data", "."], "only images and segmentation do ('images' is near)"),
        (["images?siz=64", "--data", "."], "images has no option 'siz'; did you mean 'size'"),
        (["--data", ".", "--", "python", "train.py"], "--data goes with a task"),
    ],
)
def test_what_does_not_go_with_a_folder_is_one_line_and_status_2(words, hint, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert hint in one_line(capsys, *words)


def test_the_study_s_name_is_readable_and_its_command_carries_the_folder(tmp_path):
    asked = ask(with_data("images", str(tmp_path)))
    assert asked.study.startswith("images-")
    assert len(asked.study) == len("images-1f2e3d4c")
    words = shlex.split(asked.command)
    assert words[2:5] == ["images", "--data", str(tmp_path)]
    assert ask(with_data("images", str(tmp_path / "other"))).study != asked.study


def test_a_relative_folder_in_a_question_is_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ask("images?data=photos").task == f"images?data={tmp_path}/photos"


def test_the_help_shows_the_option():
    from surefoot.cli import surefoot as command

    shown = CliRunner().invoke(command, ["choose", "--help"]).output
    assert "--data DIR" in shown
