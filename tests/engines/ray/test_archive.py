"""Checkpoints as an archive: files come back, and an archive from elsewhere cannot write elsewhere."""

from __future__ import annotations

import io
import os
import socket
import tarfile

import pytest

from surefoot.engines.ray.archive import ArchiveError, pack_folder, unpack_folder
from tests.listing import listing


def archive(*entries):
    """Bytes of an archive of entries: a name, and changes to a plain file's header."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as made:
        for name, changes in entries:
            entry = tarfile.TarInfo(name)
            for attribute, value in changes.items():
                setattr(entry, attribute, value)
            made.addfile(entry, io.BytesIO(b"x" * entry.size))
    return packed.getvalue()


def test_folders_and_files_come_back_with_time_and_mode(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    (here / "run-1" / "checkpoint" / "empty").mkdir(parents=True)
    (here / "run-1" / "run.sh").write_text("exit")
    (here / "run-1" / "run.sh").chmod(0o755)
    (here / "weights.pt").write_bytes(os.urandom(100_000))
    os.utime(here / "weights.pt", (1_700_000_000.25, 1_700_000_000.25))
    there.mkdir()
    unpack_folder(pack_folder(here), there)
    assert listing(there) == listing(here)
    assert (there / "weights.pt").stat().st_mtime == 1_700_000_000.25


def test_links_travel_as_files_or_not_at_all(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    (tmp_path / "outside").write_text("secret")
    (here / "step-5.ckpt").write_text("5")
    (here / "last.ckpt").symlink_to("step-5.ckpt")
    os.link(here / "step-5.ckpt", here / "same.ckpt")
    (here / "outside").symlink_to(tmp_path / "outside")
    (here / "dangling").symlink_to("nowhere")
    (here / "up").symlink_to("..")
    os.mkfifo(here / "pipe")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(here / "socket"))
    unpack_folder(pack_folder(here), there)
    assert {path.name: path.read_text() for path in there.iterdir()} == {
        "step-5.ckpt": "5", "last.ckpt": "5", "same.ckpt": "5"
    }  # fmt: skip
    assert not any(path.is_symlink() for path in there.iterdir())


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([("../out", {})], "leads out"),
        ([("a/../../out", {})], "leads out"),
        ([("..", {"type": tarfile.DIRTYPE})], "leads out"),
        ([("/tmp/surefoot-out", {})], "leads out"),
        ([("link", {"type": tarfile.SYMTYPE, "linkname": ".."}), ("link/out", {})], "neither a file"),
        ([("link", {"type": tarfile.LNKTYPE, "linkname": "../victim"})], "neither a file"),
        ([("null", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3})], "neither a file"),
        ([("disk", {"type": tarfile.BLKTYPE})], "neither a file"),
        ([("pipe", {"type": tarfile.FIFOTYPE})], "neither a file"),
        ([("twice", {}), ("twice", {"size": 1})], "twice"),
    ],
)
def test_an_archive_that_is_not_ours_is_refused_by_name(entries, words, tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    (tmp_path / "victim").write_text("precious")
    before = listing(tmp_path)
    with pytest.raises(ArchiveError, match=words) as refused:
        unpack_folder(archive(*entries), there)
    assert repr(entries[-1][0])[1:-1].split("/")[0] in str(refused.value)
    assert {name: content for name, content in listing(tmp_path).items() if name != "there/twice"} == before


def test_modes_from_an_archive_give_nobody_more(tmp_path):
    unpack_folder(archive(("x", {"mode": 0o6777})), tmp_path)
    assert (tmp_path / "x").stat().st_mode & 0o7777 == 0o755


def test_what_is_no_archive_is_said_so(tmp_path):
    with pytest.raises(tarfile.TarError):
        unpack_folder(b"no archive", tmp_path)
