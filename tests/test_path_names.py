"""No name is a path: of studies, model folders and checkpoint folders, from users and from stores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from surefoot.api.choosing import answer_question
from surefoot.cli import main
from surefoot.engines.options import EngineOptions
from surefoot.path_names import MOST_CHARACTERS, check_folder, check_path_name, is_path_name, path_name_near
from surefoot.report.live import RaceDisplay
from surefoot.search import ask, choose_optimizer
from surefoot.store import Store
from surefoot.study.question import Question
from surefoot.training.full.model_folder import FolderError, ModelFolder
from tests.answers import small_answer
from tests.listing import listing
from tests.search.inline_engine import InlineEngine

HOSTILE = [
    "..", ".", "...", "", " ", "/", "/tmp", "/dev/null", "a/../..", "../a", "a/b", "a\\b", "..\\..", "C:x",
    "~", "-x", "--force", ".hidden", "_x", "x.", "x ", "a\nb", "a\rb", "a\0b", "a\x1b[2J", "x" * 101,
    "x" * 300,
    "NUL", "nul", "con", "CON.txt", "aux.a.b", "PRN", "com1", "LPT9", "\N{TWO DOT LEADER}",
    "a\N{FRACTION SLASH}b", "\N{FULLWIDTH FULL STOP}\N{FULLWIDTH FULL STOP}", "\N{CYRILLIC SMALL LETTER A}bc",
    "\N{RIGHT-TO-LEFT OVERRIDE}x", "\ud800", "*", "a*", "$HOME", "`x`", "x;y",
]  # fmt: skip
FOLDERS = [
    "..",
    ".",
    "",
    "/",
    "a/..",
    "a/../..",
    "./.",
    "a/.hidden",
    "a/-x",
    "b\0c",
    "a/NUL",
    "x" * 300,
    "a/con.d",
]
GOOD = [
    "digits-1f2e3d4c",
    "a",
    "7",
    "my.study_2",
    "A-b.C",
    "x" * MOST_CHARACTERS,
    "console",
    "com10",
    "nul-1",
]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder of precious things, and the current one inside of it; both must stay as they are."""
    here = tmp_path / "here"
    for place in (tmp_path, here, here / "src", here / ".surefoot" / "checkpoints" / "other"):
        place.mkdir(exist_ok=True, parents=True)
        (place / "precious.txt").write_text(str(place))
        (place / f"trunk-{'0' * 16}.pt").write_text("another study's")
    monkeypatch.chdir(here)
    return tmp_path


def test_names_of_every_kind_are_told_apart():
    assert [name for name in GOOD if not is_path_name(name)] == []
    assert [name for name in HOSTILE if is_path_name(name)] == []


def test_the_nearest_name_is_always_a_valid_one():
    assert [name for name in HOSTILE if not is_path_name(path_name_near(name))] == []
    assert path_name_near("my study") == "my-study"
    assert path_name_near("../a") == "a"
    assert [path_name_near(name) for name in GOOD] == GOOD


def test_a_refusal_says_what_where_and_the_nearest_valid_name():
    with pytest.raises(ValueError, match=r"^--study '\.\.': a name begins with .*; the nearest is 'study'$"):
        check_path_name("..", "--study")
    with pytest.raises(ValueError, match=r"^--study 'x{60}…': .* at most 100 characters") as refused:
        check_path_name("x" * 9000, "--study")
    assert len(str(refused.value)) < 500
    with pytest.raises(ValueError, match=r"'a\\nb'"):  # on one line
        check_path_name("a\nb", "--study")
    with pytest.raises(ValueError, match=r"^--out 'models/\.\.': .*; the nearest is 'models/model'$"):
        check_folder("models/..", "--out")


def test_questions_have_no_hostile_names():
    for name in HOSTILE:
        with pytest.raises(ValueError, match=r"--study .*the nearest is"):
            ask("digits", ["sgd"], study=name)


def test_a_question_with_a_hostile_name_or_none_makes_no_study(home):
    before = listing(home)
    question = ask("digits", ["sgd"])
    for name in HOSTILE:
        hostile = replace(question, study=name)
        with Store.at("sqlite://") as store, pytest.raises(ValueError, match="the nearest is"):
            choose_optimizer(hostile, store, InlineEngine(), Path(), RaceDisplay(live=False))
        with Store.at("sqlite://") as store, pytest.raises(ValueError, match="the nearest is"):
            answer_question(hostile, store, "team.db", EngineOptions(), RaceDisplay(live=False))
    assert listing(home) == before


@pytest.mark.parametrize(
    "task", ["..", "../..:task", "/:x", "-", "\N{CYRILLIC SMALL LETTER A}.py", "x" * 300]
)
def test_a_study_that_is_named_after_its_task_has_a_valid_name(task):
    assert is_path_name(ask(task, ["sgd"]).study)


def test_the_command_line_refuses_before_it_writes(home, capsys):
    before = listing(home)
    for name in HOSTILE:
        for words in (
            ["--study", name],
            ["--study", name, "--checkpoints", "kept"],
            [f"--study={name}", "--engine", "ray"],
        ):
            with pytest.raises(SystemExit) as end:
                main(["choose", "line", "--optimizers", "sgd", "--runs", "14", "--store", "team.db", *words])
            error = capsys.readouterr().err.strip()
            assert end.value.code == 2, name
            assert error.startswith("error: --study")
            assert error.count("\n") == 0
    assert listing(home) == before


def test_a_hostile_name_in_a_store_does_not_become_a_path(home, capsys):
    """An older version took "..", and a store from a stranger may hold anything."""
    for place in (home, home / "here"):
        (place / "here+snapshots").mkdir()
        (place / "..+snapshots").mkdir()
    names = [name for name in HOSTILE if name and "\ud800" not in name and "\0" not in name]
    with Store.at("team.db") as store:
        for name in names:
            store.begin(Question("line", runs=14, study=name), None, {}).finish(small_answer())
    before = {place: content for place, content in listing(home).items() if "team.db" not in place}
    for name in names:
        for words in ([], ["--checkpoints", "kept"]):
            with pytest.raises(SystemExit) as end:
                main(["landscape", "--store", "team.db", *words, "--", name])
            assert end.value.code == 2
            assert "the nearest is" in capsys.readouterr().err
        with pytest.raises(SystemExit) as end:
            main(
                [
                    "choose",
                    "line",
                    "--optimizers",
                    "sgd",
                    "--runs",
                    "14",
                    "--store",
                    "team.db",
                    f"--study={name}",
                ]
            )
        assert end.value.code == 2
    assert {place: content for place, content in listing(home).items() if "team.db" not in place} == before


def test_a_folder_for_checkpoints_is_joined_with_valid_names_only():
    for engine in ("local", "ray"):
        options = EngineOptions(engine, checkpoints="kept")
        assert options.folder("mine") == Path("kept").absolute() / "mine"
        for name in HOSTILE:
            with pytest.raises(ValueError, match="the nearest is"):
                options.folder(name)


@pytest.mark.parametrize("path", FOLDERS)
def test_a_model_s_folder_has_a_valid_name(path, home):
    before = listing(home)
    with pytest.raises(FolderError, match="the nearest is"), ModelFolder(path).claimed():
        pass
    assert listing(home) == before


def test_a_model_s_folder_may_lie_anywhere(home):
    before = listing(home)
    for path in (home / "absolute", "../beside", "deep/er/model"):
        folder = ModelFolder(path)
        with folder.claimed():
            folder.clear()
            assert sorted(p.name for p in folder.path.iterdir()) == [".lock"]
    made = {"absolute", "beside", "here/deep"}
    found = {n: c for n, c in listing(home).items() if not any((n + "/").startswith(m + "/") for m in made)}
    assert found == before


def test_overwriting_a_folder_leaves_what_only_looks_like_ours(home):
    """A user's own folder "checkpoint", and files that only begin as ours do."""
    model = home / "model"
    (model / "checkpoint" / "deep").mkdir(parents=True)
    for name in (
        "checkpoint/epoch-1.pt",
        "checkpoint/deep/x",
        ".mine.part-7",
        ".task.json.part-x",
        "task.json.bak",
    ):
        (model / name).write_text("precious")
    before = listing(home)
    (model / "task.json").write_text("{}")
    (model / ".surefoot-part-77").mkdir()
    (model / ".surefoot-part-77" / "task.json").write_text("{")
    (model / "checkpoint" / f"trunk-{'1' * 16}.pt").write_text("")
    with ModelFolder(model).claimed():
        ModelFolder(model).clear()
    after = listing(home)
    assert after.pop("model/.lock")
    assert after == before


@pytest.mark.parametrize("name", [".lock", "checkpoint"])
def test_a_link_in_a_model_s_folder_is_refused(home, name):
    victim = home / "victim"
    victim.mkdir()
    (victim / f"trunk-{'2' * 16}.pt").write_text("precious")
    target = victim if name == "checkpoint" else home / "precious.txt"
    (home / "model").mkdir()
    (home / "model" / name).symlink_to(target)
    before = listing(home)
    with pytest.raises(FolderError, match="symbolic link"), ModelFolder(home / "model").claimed():
        pass
    ModelFolder(home / "model").clear_checkpoints()
    assert listing(home) == before


def test_a_study_whose_checkpoints_lie_in_a_users_folder_leaves_what_is_there(tmp_path):
    """From Python a study may be given any folder, also the current one."""
    own = tmp_path / "own"
    for name in ("thesis.tex", "src/a.py", "run-1/log", "trunk-mine.pt", "checkpoints/x"):
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / name).write_text("precious")
    before = listing(tmp_path)
    question = ask("line", ["sgd"], runs=14.0, study="mine")
    with Store.at("sqlite://") as store:
        answer = choose_optimizer(question, store, InlineEngine(), own, RaceDisplay(live=False))
    assert answer.verdict in ("win", "tie", "budget")
    assert listing(tmp_path) == before
