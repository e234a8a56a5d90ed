"""Only what Surefoot has made is removed, one by one, and no link is followed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from surefoot.engines.local.job import run_job
from surefoot.study.run import Candidate, Job, Schedule
from surefoot.training.own_files import (
    MARK,
    NotOursError,
    make_run_folder,
    remove_own_folder,
    remove_run_folder,
    remove_trunks,
    remove_unfinished,
    temporary_folder,
)
from tests.listing import listing

RUN, TRUNK = f"run-{'a' * 16}", f"trunk-{'b' * 16}.pt"
CANDIDATE = Candidate("Adam", {"lr": 0.01}, Schedule("script", 0.0, 0.0))


@pytest.fixture
def precious(tmp_path):
    """A folder that nobody may touch, and what to find in the folder above all the time."""
    folder = tmp_path / "precious"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / TRUNK).write_text("precious")
    (folder / "thesis.tex").write_text("precious")
    return folder


@pytest.fixture
def trunks(tmp_path):
    """A study's folder as a study leaves it."""
    folder = tmp_path / "trunks"
    make_run_folder(folder / RUN)
    (folder / RUN / "checkpoint" / "step-1").mkdir(parents=True)
    (folder / RUN / "checkpoint" / "step-1" / "weights").write_text("1")
    (folder / RUN / "reports.jsonl").write_text("")
    for name in (TRUNK, f".{TRUNK}-x1y2_z"):
        (folder / name).write_text("")
    return folder


def test_what_a_study_leaves_is_removed_with_its_folder(trunks, precious, tmp_path):
    before = listing(precious)
    remove_trunks(trunks)
    assert not trunks.exists()
    remove_trunks(trunks)  # it is not there
    assert listing(precious) == before
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_what_others_have_put_there_stays(trunks):
    others = [
        "notes.txt",
        "trunk.pt",
        f"trunk-{'B' * 16}.pt",
        f"{TRUNK}.bak",
        "run-1/x",
        f"run-{'c' * 16}/x",
        "src/a.py",
    ]
    for name in others:
        (trunks / name).parent.mkdir(exist_ok=True)
        (trunks / name).write_text("precious")
    remove_trunks(trunks)
    assert sorted(name for name, (_, content) in listing(trunks).items() if content == b"precious") == sorted(
        others
    )
    assert not (trunks / RUN).exists()
    assert not (trunks / TRUNK).exists()


def test_a_link_is_removed_or_left_but_never_followed(trunks, precious, tmp_path):
    before = listing(precious)
    inside = trunks / RUN / "checkpoint"
    (inside / "file").symlink_to(precious / "thesis.tex")
    (inside / "folder").symlink_to(precious)
    (inside / "up").symlink_to("../../..")
    (trunks / f"trunk-{'d' * 16}.pt").symlink_to(precious / "thesis.tex")
    (trunks / f"run-{'d' * 16}").symlink_to(precious)
    (precious / MARK).write_text(f"run-{'d' * 16}\n")
    remove_trunks(trunks)
    assert [path.name for path in trunks.iterdir()] == [f"run-{'d' * 16}"]
    (precious / MARK).unlink()
    assert listing(precious) == before
    (tmp_path / "link").symlink_to(precious)
    for remove in (remove_trunks, remove_run_folder, remove_own_folder, remove_unfinished):
        remove(tmp_path / "link")
        assert listing(precious) == before
        assert (tmp_path / "link").is_symlink()


def test_a_study_s_folder_that_is_a_link_stays_as_it_is(trunks, tmp_path):
    (tmp_path / "link").symlink_to(trunks)
    before = listing(tmp_path)
    remove_trunks(tmp_path / "link")
    remove_unfinished(tmp_path / "link")
    assert listing(tmp_path) == before


@pytest.mark.parametrize("mark", ["", "run-ffffffffffffffff\n", "link", "pipe", "folder", None])
def test_a_run_s_folder_without_its_mark_is_not_removed(mark, tmp_path):
    folder = tmp_path / RUN
    folder.mkdir()
    (folder / "precious").write_text("precious")
    if mark == "link":
        (tmp_path / "mark").write_text(f"{RUN}\n")
        (folder / MARK).symlink_to(tmp_path / "mark")
    elif mark == "pipe":
        os.mkfifo(folder / MARK)
    elif mark == "folder":
        (folder / MARK).mkdir()
    elif mark is not None:
        (folder / MARK).write_text(mark)
    before = listing(tmp_path)
    remove_run_folder(folder)
    with pytest.raises(NotOursError, match="Surefoot has not made it"):
        make_run_folder(folder)
    remove_trunks(tmp_path)
    assert listing(tmp_path) == before


def test_a_run_s_folder_is_made_once_and_also_after_a_kill(tmp_path):
    folder = tmp_path / "new" / RUN
    make_run_folder(folder)
    make_run_folder(folder)
    assert (folder / MARK).read_text() == f"{RUN}\n"
    (folder / MARK).write_text("")  # killed while it was written
    make_run_folder(folder)
    remove_run_folder(folder)
    assert not folder.exists()


@pytest.mark.parametrize("kind", ["file", "link", "dangling"])
def test_what_has_the_name_of_a_run_s_folder_is_refused(kind, tmp_path, precious):
    folder = tmp_path / RUN
    if kind == "file":
        folder.write_text("precious")
    else:
        folder.symlink_to(precious if kind == "link" else "nowhere")
    before = listing(tmp_path)
    with pytest.raises((NotOursError, OSError)):
        make_run_folder(folder)
    assert listing(tmp_path) == before


def test_a_run_whose_folder_is_somebody_else_s_fails_in_one_line(tmp_path):
    job = Job(1, "own", CANDIDATE, 3, 1.0, str(tmp_path), command=(sys.executable, "-c", "1"), steps=4.0)
    assert run_job(job, None, print).cause == "report"  # it has reported nothing
    (folder,) = tmp_path.glob("run-*")
    remove_run_folder(folder)
    folder.mkdir()
    (folder / "precious").write_text("precious")
    before = listing(tmp_path)
    finished = run_job(job, None, print)
    assert (finished.status, finished.cause) == ("failed", "raised")
    assert finished.message.endswith("Surefoot has not made it: remove it, or rename it")
    assert listing(tmp_path) == before


def test_a_script_s_hostile_checkpoints_end_with_its_run(tmp_path, precious, monkeypatch):
    """It may make links, pipes and deep folders in the folder that it is given."""
    before = listing(precious)
    text = (
        "import os, surefoot.run\n"
        "os.chdir(surefoot.run.checkpoint_dir)\n"
        f"os.symlink({str(precious)!r}, 'link'); os.symlink({str(precious / 'thesis.tex')!r}, 'file')\n"
        "os.mkfifo('pipe'); os.makedirs('a/' * 50); os.symlink('..', 'a/up'); os.mkdir('dark', 0o000)\n"
    )
    job = Job(
        1, "own", CANDIDATE, 3, 1.0, str(tmp_path / "trunks"), command=(sys.executable, "-c", text), steps=4.0
    )
    assert run_job(job, None, print).cause == "report"
    (checkpoint,) = (tmp_path / "trunks").glob("run-*/checkpoint")
    assert len(list(checkpoint.iterdir())) == 5
    remove_trunks(tmp_path / "trunks")
    if os.geteuid() == 0:  # others cannot look into the dark folder, and it stays
        assert not (tmp_path / "trunks").exists()
    assert listing(precious) == before


def test_a_temporary_folder_goes_with_its_files_and_what_links_lead_to_stays(precious):
    before = listing(precious)
    with temporary_folder("surefoot-test-") as folder:
        (folder / "a" / "b").mkdir(parents=True)
        (folder / "a" / "link").symlink_to(precious)
    assert not folder.exists()
    assert listing(precious) == before


def test_the_deepest_folders_stay_rather_than_break_the_removal(tmp_path):
    folder = tmp_path / "deep"
    Path(folder, *["a"] * 120).mkdir(parents=True)
    remove_own_folder(folder)
    assert folder.exists()
