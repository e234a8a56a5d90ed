"""What is not a sound store of a known version is refused in one line and left as it was."""

import sqlite3
from pathlib import Path

import pytest

from surefoot.evidence import PointRecord, Store, StoreError


def assert_refused(path: Path, reason: str) -> None:
    before = path.read_bytes()
    with pytest.raises(StoreError, match=reason) as caught:
        Store.at(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


@pytest.fixture
def filled(path, begin) -> Path:
    """Return a store of some dozen pages, closed."""
    with Store.at(path) as store:
        log = begin(store)
        for seed in range(40):
            run = log.start_run("Adam", {"lr": 0.1}, {"note": "x" * 500}, seed, "screen")
            log.add_point(run, PointRecord(0.5, 1.0, 2.0))
    return path


@pytest.mark.parametrize("data", [b"x", b"SQLite format 3\0", b"task,optimizer\n" * 1000, bytes(4096)])
def test_not_a_database(path, data):
    path.write_bytes(data)
    assert_refused(path, "not a SQLite database|file is not a database")


def test_cut_off(filled):
    data = filled.read_bytes()
    filled.write_bytes(data[: len(data) // 2])
    assert_refused(filled, "damaged|malformed")


def test_overwritten_inside(filled):
    data = bytearray(filled.read_bytes())
    for page in range(2, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    filled.write_bytes(data)
    assert_refused(filled, "damaged|malformed")


def test_newer(filled):
    with sqlite3.connect(filled) as db:
        db.execute("UPDATE surefoot_schema SET version = 99")
    db.close()
    assert_refused(filled, r"written by a newer Surefoot \(schema 99, this one knows 2\)")


def test_another_program(path):
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE trials (id INTEGER)")
    db.close()
    assert_refused(path, "another program")


def test_a_folder(tmp_path):
    with pytest.raises(StoreError, match="Is a directory"):
        Store.at(tmp_path)


def test_a_parent_which_is_a_file(path):
    path.write_text("")
    with pytest.raises(StoreError, match=r"File exists|Not a directory"):
        Store.at(path / "evidence.db")


@pytest.mark.parametrize("url", ["nonsense://here", "://", "postgresql://me:secret@localhost:1/none"])
def test_a_url_that_leads_nowhere(url):
    with pytest.raises(StoreError) as caught:
        Store.at(url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["deep/er/evidence.db", "what? 100%20 é.db"])
def test_a_new_file_in_a_new_folder(tmp_path, begin, name):
    for _ in range(2):
        with Store.at(tmp_path / name) as store:
            begin(store)
    assert (tmp_path / name).is_file()
    with Store.at(f"sqlite:///{tmp_path}/by-url.db") as store:
        assert store.studies() == []


def test_an_empty_file_is_a_new_store(path):
    path.touch()
    with Store.at(path) as store:
        assert store.studies() == []


def test_a_read_only_store_can_be_shown_but_not_written(filled, begin):
    with Store(f"sqlite:///file:{filled}?mode=ro&uri=true") as store:
        assert len(store.study("digits").runs) == 40
        with pytest.raises(StoreError, match="readonly database"):
            begin(store, "another")


def test_a_store_cannot_be_made_where_nothing_may_be_written(path):
    path.touch()
    with pytest.raises(StoreError, match="readonly database"):
        Store(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert path.read_bytes() == b""
