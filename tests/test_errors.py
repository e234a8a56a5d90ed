"""Which errors are meant for people, and what the command line makes of these and of all others."""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys

import pytest

import surefoot
from surefoot import cli
from surefoot.errors import FileError, InvalidInputError, accessing
from surefoot.formula import FormulaError

NEEDS_EXTRA = ("surefoot.lab", "surefoot.engines.ray")
STARTS = ("surefoot.__main__", "surefoot.run")
"""Modules that do something when they are imported: run the command line, join a study."""

NOT_FOR_PEOPLE = {
    "surefoot.search.study.Interrupted": "a KeyboardInterrupt, with what is known so far",
    "surefoot.termination.Terminated": "a KeyboardInterrupt, by another signal",
    "surefoot.scripts.session.Stopped": "a SystemExit, which ends a script whose run is over",
    "surefoot.search.pilot.TimeIsUpError": "ends a pilot at the end of the budget; the study then answers",
    "surefoot.lab.worker_pool.Ended": "tells the lab's own event loop that a worker process is gone",
}


def exception_classes():
    """Every exception class that is defined in a module of Surefoot, by its full name."""
    found = {}
    for module in pkgutil.walk_packages(surefoot.__path__, "surefoot."):
        if module.name in STARTS or "migrations.versions" in module.name:
            continue
        try:
            names = vars(importlib.import_module(module.name))
        except ModuleNotFoundError:
            if not module.name.startswith(NEEDS_EXTRA):
                raise
            continue
        for thing in names.values():
            if isinstance(thing, type) and issubclass(thing, BaseException):
                found[f"{thing.__module__}.{thing.__qualname__}"] = thing
    return {name: kind for name, kind in found.items() if name.startswith("surefoot.")}


def test_every_exception_class_derives_from_surefoot_error():
    classes = exception_classes()
    assert len(classes) > 20
    others = {name for name, kind in classes.items() if not issubclass(kind, surefoot.SurefootError)}
    assert others <= NOT_FOR_PEOPLE.keys()


def test_no_two_exception_classes_have_one_name():
    names = [name.rpartition(".")[2] for name in exception_classes()]
    assert sorted(names) == sorted(set(names))


def test_they_are_caught_by_the_built_in_classes_too():
    for builtin, kind in ((ValueError, InvalidInputError), (OSError, FileError), (TypeError, FormulaError)):
        assert issubclass(kind, builtin)


def test_errors_are_imported_without_torch():
    program = "import sys, surefoot; surefoot.SurefootError; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_an_error_of_a_file_names_it_and_why(tmp_path):
    missing, odd = tmp_path / "missing" / "a.json", tmp_path / "odd.json"
    odd.write_bytes(b"\xff\xfe")
    with pytest.raises(FileError) as told, accessing("write", missing):
        missing.write_text("{}")
    assert str(told.value) == f"cannot write {missing}: No such file or directory"
    assert isinstance(told.value.__cause__, FileNotFoundError)
    with (
        pytest.raises(InvalidInputError, match=r"^cannot read .*odd\.json: not UTF-8 text"),
        accessing("read", odd),
    ):
        odd.read_text(encoding="utf8")


def test_an_error_for_people_passes_through_as_it_is():
    refused = FileError("the folder is taken")
    with pytest.raises(FileError) as told, accessing("write", "anything"):
        raise refused
    assert told.value is refused


SLIP = """
import surefoot.search.question.asking as asking

def domain_error(*_, **__):
    raise ValueError("math domain error")

asking.space.candidates = domain_error
"""


def test_a_defect_of_ours_keeps_its_traceback_and_ends_with_status_1(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(SLIP)
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-m", "surefoot", "choose", "digits"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):\n")
    assert done.stderr.endswith("ValueError: math domain error\n")
    assert "asking.py" in done.stderr
    assert "error: math" not in done.stderr


@pytest.mark.parametrize("kind", [ValueError, TypeError, OSError, RuntimeError, ArithmeticError])
def test_no_built_in_error_is_taken_for_bad_input(kind, monkeypatch):
    def slip(*_, **__):
        raise kind("math domain error")

    monkeypatch.setattr("surefoot.search.ask", slip)
    with pytest.raises(kind, match="math domain error"):
        cli.main(["choose", "digits"])


def refusal(words, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(words)
    error = capsys.readouterr().err.strip()
    assert end.value.code == 2, error
    assert error.startswith("error: ")
    assert error.count("\n") == 0
    return error


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (None, "cannot read mine.json: Permission denied"),
        (b"\xff\xfe[]", "cannot read mine.json: not UTF-8 text"),
        (b"[1,", "mine.json: Expecting value"),
        (b"[" * 100_000, "mine.json: "),
        (b'[{"optimizer": "adm"}]', "mine.json, candidate 1: unknown optimizer 'adm'; did you mean 'Adam'?"),
        (b'[{"optimizer": "adam", "hyperparameters": {"lr": -1}}]', "lr of Adam must be above 0, not -1"),
        (b'[{"optimizer": "adam", "schedule": "cosine"}]', "schedule must be names with values"),
        (b'[{"optimizer": "nowhere.py:Mine"}]', "there is no file 'nowhere.py'"),
    ],
)
def test_a_file_of_candidates_that_cannot_be_used(content, hint, here, capsys):
    file = here / "mine.json"
    file.write_bytes(content or b"[]")
    if content is None:
        file.chmod(0)
        if os.access(file, os.R_OK):
            pytest.skip("root may read every file")
    assert hint in refusal(["choose", "digits", "--candidates", "mine.json"], capsys)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["choose", "digits", "--margin", "nan"], "--margin nan: it must be a finite number"),
        (["choose", "digits", "--runs", "inf"], "--runs inf: it must be a finite number"),
        (["choose", "digits", "--set", "lr=1e-3..1e400"], "a range goes from a number above 0"),
        (["choose", "digits", "--set", "lr={[]:1}"], "no number, word or (number, number)"),
        (["choose", "digits", "--set", "adam.lr=-1"], "must be above 0"),
        (
            ["train", "digits", "--optimizer", "sgd", "--set", "nesterov=true", "--out", "model"],
            "Nesterov momentum",
        ),
        (["choose", "digits", "--ray-address", "x:1"], "--ray-address goes with --engine ray only"),
        (["choose", "digits", "--store", "postgresql://host:port/name"], "store URL"),
        (["choose", "digits", "--store", "mysql://host/name"], "not a store"),
        (["train", "digits", "--optimizer", "adam", "--set", "lr=1,2", "--out", "model"], "one value of it"),
        (["train", "digits", "--optimizer", "adam", "--out", ".."], "the nearest is"),
        (
            ["train", "digits", "--optimizer", "adam", "--out", "file/model"],
            "cannot use the folder file/model",
        ),
        (["advise", "digits", "--json", "folder"], "is a directory"),
        (["animate", "beale", "--optimizers", "sgd:nesterov=True"], "Nesterov momentum requires"),
        (["animate", "beale", "--optimizers", "adam", "--set", "lr=nan"], "'nan' is no number"),
        (["animate", "beale", "--optimizers", "adam", "--tuning", "same-lr", "--lr", "-1"], "learning rate"),
        (["animate", "beale", "--optimizers", "adam", "--steps", "2", "-o", "file/a.png"], "file"),
        (
            ["animate", "beale", "--optimizers", "adam", "--steps", "2", "-o", "a.svg", "-o", "link.svg"],
            "link.svg",
        ),
        (
            ["animate", "beale", "--optimizers", "adam", "--steps", "2", "-o", "link.gif"],
            "cannot write link.gif",
        ),
        (
            ["animate", "beale", "--optimizers", "adam", "--steps", "2", "-o", "link.json"],
            "cannot write link.json",
        ),
        (["replay", "file"], "file is no curve table"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_bad_input_is_one_line_and_status_2(words, hint, here, capsys):
    (here / "file").write_text("text")
    (here / "folder").mkdir()
    for ending in ("svg", "gif", "json"):  # a link to a place that does not exist cannot be written
        (here / f"link.{ending}").symlink_to(here / "missing" / "place")
    assert hint in refusal(words, capsys)
