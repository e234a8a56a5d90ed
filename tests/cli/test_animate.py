"""`surefoot animate` as a person uses it: the table, every kind of file, and one clear line for bad input."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

import pytest
from click.testing import CliRunner
from PIL import Image

from surefoot.cli import main, surefoot

ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


def animate(*words):
    return CliRunner().invoke(surefoot, ["animate", *words], catch_exceptions=False)


def test_the_table_names_each_optimizer_with_its_settings_and_says_how_fair_it_was():
    shown = animate("beale", "--optimizers", "sgd,adam:lr=0.1,muon", "--steps", "20").output
    for words in ("SGD lr=0.001", "Adam lr=0.1", "Muon lr=0.001", "Same start, 20 gradient", "2×2 matrix"):
        assert words in " ".join(shown.split())


def test_who_diverges_is_named_and_comes_last():
    shown = animate("rosenbrock", "--optimizers", "sgd,adam", "--set", "sgd.lr=1", "--steps", "30").output
    assert "✕ SGD lr=1 diverged" in shown
    assert shown.index("Adam lr") < shown.index("SGD lr")


def test_every_kind_of_file_is_written(tmp_path):
    kinds = ("png", "svg", "gif", "webp", "html", "json", "py")
    files = [str(tmp_path / f"paths.{kind}") for kind in kinds]
    done = animate(
        "saddle", "--optimizers", "sgd,adam", "--steps", "12", *(w for f in files for w in ("-o", f))
    )
    assert done.exit_code == 0
    assert all(f"Written to {file}" in done.output.replace("\n", "") for file in files)
    for kind in ("png", "gif", "webp"):
        with Image.open(tmp_path / f"paths.{kind}") as picture:
            assert picture.width > 600
    assert (tmp_path / "paths.svg").read_text().startswith("<?xml")
    assert "</html>" in (tmp_path / "paths.html").read_text()


def test_the_json_holds_the_command_that_makes_it_again(tmp_path):
    first, again = tmp_path / "first.json", tmp_path / "again.json"
    animate("x^2 + 3y^2", "--optimizers", "adam,sgd", "--lr", "0.1", "--tuning", "same-lr", "--start", "-1,2",
         "--noise", "0.5", "--seed", "3", "--steps", "15", "-o", str(first))  # fmt: skip
    document = json.loads(first.read_text())
    animate(*shlex.split(document["command"])[2:], "-o", str(again))
    assert json.loads(again.read_text()) == document
    assert [path["hyperparameters"]["lr"] for path in document["paths"]] == [0.1, 0.1]


@pytest.mark.slow
def test_the_program_walks_the_same_paths(tmp_path):
    animate("beale", "--optimizers", "adam,lbfgs,muon", "--noise", "0.1", "--steps", "25",
         "-o", str(tmp_path / "paths.py"), "-o", str(tmp_path / "paths.json"))  # fmt: skip
    done = subprocess.run(
        [sys.executable, tmp_path / "paths.py"], capture_output=True, text=True, check=True, env=ONE_THREAD
    )
    for path in json.loads((tmp_path / "paths.json").read_text())["paths"]:
        assert f"{path['x'][-1]!r}" in done.stdout
        assert f"{path['y'][-1]!r}" in done.stdout


def test_all_optimizers_can_be_animated():
    shown = animate("matyas", "--optimizers", "all", "--steps", "3").output
    for name in ("AdaBelief", "SparseAdam", "LBFGS", "RandomSearch"):
        assert name in shown


BAD = [
    (["bale"], "did you mean 'beale'?"),
    (["x + "], "formula"),
    (["__import__('os')"], "formula"),
    (["beale", "--optimizers", "adm"], "did you mean 'Adam'?"),
    (["beale", "--optimizers", "adam:lrr=1"], "did you mean 'lr'?"),
    (["beale", "--set", "momentun=0.9"], "did you mean 'momentum'?"),
    (["beale", "--start", "1"], "write for example -1.5,0.5"),
    (["beale", "--start", "99,0"], "outside the domain"),
    (["beale", "--x", "2,1"], "from low to high"),
    (["beale", "-o", "paths.bmp"], "must end in one of"),
    (["beale", "-o", "no/such/folder/paths.png"], "no/such/folder"),
]


@pytest.mark.parametrize(("words", "hint"), BAD, ids=[" ".join(words)[:40] for words, _ in BAD])
def test_bad_input_is_one_clear_line_and_status_2(words, hint, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["animate", *words])
    error = capsys.readouterr().err.strip()
    assert end.value.code == 2
    assert hint in error
    assert error.startswith("error: ")
    assert error.count("\n") == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [["race"], ["race", "beale", "-o", "beale.gif"], ["race", "--help"]])
def test_a_race_is_no_command_and_animate_is_named(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(words)
    error = capsys.readouterr().err.strip()
    assert end.value.code == 2
    assert error.startswith("error: unknown command 'race'; did you mean 'surefoot animate'?")
    assert error.count("\n") == 0
    assert not list(tmp_path.iterdir())


def test_the_help_shows_the_commands_that_work():
    shown = CliRunner().invoke(surefoot, ["animate", "--help"]).output
    assert shown.count("  surefoot animate ") == 4
    assert "race" not in shown.lower()


def test_surfaces_are_listed():
    shown = CliRunner().invoke(surefoot, ["list", "surfaces"]).output
    for name in ("beale", "monkey-saddle", "noisy-quadratic"):
        assert name in shown
