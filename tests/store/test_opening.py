"""What is not a sound store of a known version is refused in one line and left as it was."""

import sqlite3
import sys
from pathlib import Path

import pytest

from surefoot.store import Store, StoreError
from surefoot.study.run import Candidate, Phase, Point


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
            run = log.start_run(Candidate("Adam", {"lr": 0.1, "note": "x" * 500}), seed, Phase.SCREEN)
            log.add_point(run, Point(0.5, 1.0, 2.0))
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
    assert_refused(filled, r"written by a newer Surefoot \(schema 99, this one knows 1\)")


@pytest.mark.parametrize(
    "change",
    ["RENAME COLUMN question TO settings", "DROP COLUMN profile"],
)
def test_of_an_earlier_version_that_was_never_released(filled, change):
    with sqlite3.connect(filled) as db:
        db.execute(f"ALTER TABLE surefoot_studies {change}")
    db.close()
    assert_refused(filled, "written by an earlier, unreleased Surefoot .*; name another store, or move")


def test_another_program(path):
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE trials (id INTEGER)")
    db.close()
    assert_refused(path, "another program")


def test_another_programs_table_of_our_name(path):
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE surefoot_schema (version INTEGER, name TEXT)")
    db.close()
    assert_refused(path, "surefoot_schema there belong to another program")


def test_a_lost_table(filled):
    with sqlite3.connect(filled) as db:
        db.execute("DROP TABLE surefoot_points")
    db.close()
    assert_refused(filled, "damaged, it has no table surefoot_points")


class TestPostgreSQL:
    """A database is shared with other programs; what is not ours is not touched."""

    @pytest.fixture
    def assert_refused(self, cluster, postgresql, schema):
        """Run SQL in a database, then see that it is refused as a store, and not changed by that."""

        def assert_refused(sql: str, reason: str) -> None:
            cluster.sql(sql, schema)
            before = cluster.dump(schema)
            with pytest.raises(StoreError, match=reason) as caught:
                Store.at(postgresql)
            assert str(caught.value).startswith("store postgresql://surefoot@127.0.0.1:")
            assert "\n" not in str(caught.value)
            assert cluster.dump(schema) == before

        return assert_refused

    def test_newer(self, postgresql, assert_refused):
        Store.at(postgresql).close()
        assert_refused(
            "UPDATE surefoot_schema SET version = 99", r"newer Surefoot \(schema 99, this one knows"
        )

    @pytest.mark.parametrize("columns", ["version TEXT", "version INTEGER", "version INTEGER, name TEXT"])
    def test_another_programs_table_of_our_name(self, assert_refused, columns):
        assert_refused(f"CREATE TABLE surefoot_schema ({columns})", "surefoot_schema there belong to another")

    def test_other_tables_of_our_names(self, assert_refused):
        assert_refused(
            "CREATE TABLE surefoot_runs (id INTEGER); INSERT INTO surefoot_runs VALUES (7)",
            "surefoot_runs there belong to another program",
        )

    def test_of_an_earlier_version_that_was_never_released(self, postgresql, assert_refused):
        Store.at(postgresql).close()
        assert_refused(
            "ALTER TABLE surefoot_studies RENAME COLUMN question TO settings",
            "unreleased Surefoot .surefoot_studies has no column question",
        )

    def test_a_lost_table(self, postgresql, assert_refused):
        Store.at(postgresql).close()
        assert_refused("DROP TABLE surefoot_points", "damaged, it has no table surefoot_points")

    def test_tables_of_other_programs_do_not_matter(self, cluster, postgresql, schema, begin):
        cluster.sql("CREATE TABLE trials (id INTEGER)", schema)
        with Store.at(postgresql) as store:
            begin(store)
        with Store.at(postgresql.replace("postgresql://", "postgresql+psycopg://")) as store:
            assert len(store.studies()) == 1

    def test_a_user_who_may_not_make_tables(self, cluster, postgresql, schema):
        cluster.sql(f"CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA {schema} TO reader")
        with pytest.raises(StoreError, match="permission denied"):
            Store.at(postgresql.replace("surefoot@", "reader@"))

    def test_without_its_driver(self, postgresql, monkeypatch):
        monkeypatch.setitem(sys.modules, "psycopg", None)
        with pytest.raises(StoreError, match=r"needs a driver: pip install 'surefoot\[postgresql\]'$"):
            Store.at(postgresql)


def test_a_folder(tmp_path):
    with pytest.raises(StoreError, match="Is a directory"):
        Store.at(tmp_path)


def test_a_parent_which_is_a_file(path):
    path.write_text("")
    with pytest.raises(StoreError, match=r"File exists|Not a directory"):
        Store.at(path / "evidence.db")


def test_another_kind_of_database():
    with pytest.raises(StoreError, match="not a store; write sqlite:///FILE or postgresql://USER@HOST/NAME"):
        Store.at("mysql://me:secret@localhost/evidence")


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
