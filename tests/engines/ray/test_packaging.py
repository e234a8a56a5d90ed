"""What is copied for the machines of a cluster, and what files are called there."""

from __future__ import annotations

import pytest

pytest.importorskip("pathspec")

from surefoot.engines.ray import packaging as shipping
from surefoot.engines.ray.packaging import pack
from surefoot.study.run import Candidate, Job


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The current folder, with what projects have lying around, beside another one."""
    write(tmp_path / "project", "my_task.py", "data/train.csv", "parts/optim.py", ".gitignore")
    write(tmp_path / "project", ".git/HEAD", ".venv/bin/python", "env/pyvenv.cfg", "env/lib.py")
    write(tmp_path / "project", "parts/__pycache__/optim.pyc", ".mypy_cache/x", ".surefoot/evidence.db")
    write(tmp_path / "other", "their_task.py", "beside.py")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def write(folder, *names, text="x"):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def files(folder):
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def test_the_current_folder_goes_without_what_no_run_needs(project, tmp_path):
    pack(["digits", "package.module:task"], tmp_path / "shipped")
    assert files(tmp_path / "shipped") == {"my_task.py", "data/train.csv", "parts/optim.py"}


def test_a_project_says_what_stays_at_home(project, tmp_path):
    write(project, ".rayignore", text="data/\n*.ckpt\n")
    write(project, "parts/last.ckpt")
    pack([], tmp_path / "shipped")
    assert files(tmp_path / "shipped") == {"my_task.py", "parts/optim.py", ".rayignore"}


def test_references_lead_to_the_copies(project, tmp_path):
    inside, absolute = "my_task.py:task", f"{project}/parts/optim.py:Mine"
    outside, relative = f"{tmp_path}/other/their_task.py:task", "../other/beside.py:Mine"
    shipment = pack([inside, absolute, outside, relative, "digits"], tmp_path / "shipped")
    assert shipment.references == {
        inside: inside,
        absolute: "parts/optim.py:Mine",
        outside: "surefoot-outside/0/their_task.py:task",
        relative: "surefoot-outside/0/beside.py:Mine",
    }
    for reference in shipment.references.values():
        assert (tmp_path / "shipped" / reference.partition(":")[0]).is_file()

    job = Job(0, outside, Candidate(absolute, {"lr": 1.0}), 0, 1.0)
    there = shipment.address(job)
    assert there.task == "surefoot-outside/0/their_task.py:task"
    assert there.candidate == Candidate("parts/optim.py:Mine", {"lr": 1.0})
    plain = Job(0, "digits", Candidate("Adam", {}), 0, 1.0)
    assert shipment.address(plain) == plain
    with pytest.raises(ValueError, match=r"late\.py:task was not named"):
        shipment.address(Job(0, "late.py:task", Candidate("Adam", {}), 0, 1.0))


def test_too_much_is_refused_with_what_is_large(project, tmp_path, monkeypatch):
    monkeypatch.setattr(shipping, "LIMIT_BYTES", 2**20)
    write(project, "data/a", "data/b", text="x" * 2**20)
    with pytest.raises(ValueError, match=r"more than the 1 MB .* data/ \(2.1 MB\).*\.rayignore"):
        pack([], tmp_path / "shipped")
    monkeypatch.setattr(shipping, "LIMIT_BYTES", 2**30)
    monkeypatch.setattr(shipping, "MOST_FILES", 3)
    with pytest.raises(ValueError, match="3 files"):
        pack([], tmp_path / "shipped")
    assert not (tmp_path / "shipped").exists()
