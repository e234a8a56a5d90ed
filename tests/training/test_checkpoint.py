import os
import resource

import pytest
import torch

from surefoot.training import checkpoint
from surefoot.training.own_files import remove_unfinished

CONTENTS = {"evaluations": 3, "trend": (1.0, 0.5, 0.25), "model": {"w": torch.arange(3.0)}, "none": None}


@pytest.fixture
def path(tmp_path):
    path = checkpoint.path_of(str(tmp_path / "new" / "folder"), "run")
    checkpoint.save(path, "run", CONTENTS)
    return path


def test_what_was_saved_is_loaded(path):
    loaded = checkpoint.load(path, "run")
    assert torch.equal(loaded["model"].pop("w"), torch.arange(3.0))
    assert loaded == CONTENTS | {"model": {}}


def test_one_folder_holds_many_runs(tmp_path):
    assert checkpoint.path_of(str(tmp_path), "a") != checkpoint.path_of(str(tmp_path), "b")


def test_another_runs_checkpoint_counts_as_none(path):
    assert checkpoint.load(path, "another run") is None


def test_a_missing_one_counts_as_none(tmp_path):
    assert checkpoint.load(tmp_path / "no.pt", "run") is None


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"x" * len(b)])
def test_a_damaged_one_counts_as_none(path, damage):
    path.write_bytes(damage(path.read_bytes()))
    assert checkpoint.load(path, "run") is None


def test_nothing_is_unpickled(path, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    torch.save({"run": "run", "contents": {"model": Trap()}}, path)
    assert checkpoint.load(path, "run") is None
    assert not (tmp_path / "sprung").exists()


def test_a_write_that_fails_leaves_the_old_one_and_no_litter(path):
    with pytest.raises(Exception, match="pickle"):
        checkpoint.save(path, "run", {"model": lambda: None})
    assert checkpoint.load(path, "run") is not None
    assert os.listdir(path.parent) == [path.name]


def test_a_disk_that_is_full_is_told_as_such(path):
    """Also where torch's own writer meets it, which raises an error of its own in its place."""
    large = {"model": {"w": torch.zeros(10**6)}}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, hard))
    try:
        with pytest.raises(OSError, match=r"File too large|unexpected pos"):
            checkpoint.save(path, "run", large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert checkpoint.load(path, "run") is not None
    assert os.listdir(path.parent) == [path.name]


def test_what_killed_writers_have_left_is_removed_and_nothing_else(path):
    left = path.parent / f".{path.name}-x1y2"
    left.touch()
    remove_unfinished(path.parent)
    assert os.listdir(path.parent) == [path.name]
    remove_unfinished(path.parent / "none")
