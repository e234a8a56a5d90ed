"""A store of an earlier version is migrated in place, whole or not at all, and loses nothing."""

from __future__ import annotations

import math
import signal
import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, make_url

from surefoot.store import Store, StoreError, schema
from surefoot.store.tables import MIGRATIONS, migrate
from surefoot.study.records import DecisionRecord, PointRecord
from tests.answers import small_answer
from tests.store.released import write_version_1, write_version_2


@pytest.fixture
def engine(url):
    driver = "postgresql+psycopg" if url.startswith("postgresql") else "sqlite"
    engine = create_engine(make_url(url).set(drivername=driver))
    yield engine
    engine.dispose()


@pytest.fixture
def tell(engine):
    """Return one value that a statement yields."""

    def tell(statement):
        with engine.connect() as db:
            return db.exec_driver_sql(statement).scalar_one()

    return tell


def differences(engine):
    with engine.connect() as db:
        options = {"compare_type": True, "compare_server_default": True}
        return compare_metadata(MigrationContext.configure(db, opts=options), schema.metadata)


def test_a_store_of_version_1_is_migrated_and_loses_nothing(url, engine, tell):
    write_version_1(url)
    assert differences(engine), "there is something to migrate"
    for _ in range(2):
        with Store.at(url) as store:
            (summary,) = store.studies()
            study = store.study("digits")
    assert (summary.verdict, summary.runs) == ("tie", 2)
    assert (study.task, study.created) == ("digits", "2026-11-01T12:00:00+00:00")
    assert math.isnan(study.settings["margin"])
    assert (study.look, study.environment, study.answer) == ({"steps": 200}, {"cpus": 2}, small_answer())
    adam, sgd = study.runs
    assert (adam.optimizer, adam.hyperparameters) == ("Adam", {"betas": [0.9, 0.999], "lr": 0.001})
    assert adam.points[0] == PointRecord(0.1, 1.5, 0.25)
    assert math.isnan(adam.points[1].value)
    assert (sgd.status, sgd.message, sgd.cause) == ("failed", "the café is closed", "")
    assert math.isnan(sgd.seconds_per_step)
    assert study.decisions == (DecisionRecord(0, 2.5, "promoted", "Adam goes on.", {"rung": 0.1}),)
    assert tell("SELECT version FROM surefoot_schema") == schema.VERSION
    assert differences(engine) == []


def test_a_store_of_version_2_is_migrated_and_takes_documents(url, engine, tell):
    write_version_2(url)
    with Store.at(url) as store:
        assert store.study("digits").documents == {}
        assert store.study("digits").runs[1].cause == "memory"
        store.keep("digits", "landscape", {"explained": [0.5, 0.25]})
        assert store.study("digits").documents == {"landscape": {"explained": [0.5, 0.25]}}
    assert tell("SELECT version FROM surefoot_schema") == schema.VERSION
    assert differences(engine) == []


def test_a_store_of_today_that_lacks_a_table_is_damaged(url, engine):
    with Store.at(url):
        pass
    with engine.begin() as db:
        db.exec_driver_sql("DROP TABLE surefoot_documents")
    with pytest.raises(StoreError, match="damaged, it has no table surefoot_documents"):
        Store.at(url)


def test_a_study_begun_with_version_1_goes_on(url):
    write_version_1(url)
    with Store.at(url) as store:
        log = store.begin("digits", "digits", {"margin": math.nan, "seed": 0}, {}, {})
        known = log.start_run("Adam", {"lr": 0.001, "betas": [0.9, 0.999]}, {"kind": "trunk"}, 0, "screen")
        log.add_point(known, PointRecord(0.5, 7.0, 0.2))
        new = log.start_run("Lion", {}, {"kind": "trunk"}, 0, "screen")
        log.end_run(new, "failed", "gone", math.nan, 0, cause="memory")
        runs = store.study("digits").runs
    assert [(run.optimizer, len(run.points), run.cause) for run in runs] == [
        ("Adam", 3, ""),
        ("SGD", 0, ""),
        ("Lion", 0, "memory"),
    ]


def test_the_scripts_turn_nothing_into_the_tables_of_today(engine):
    with engine.begin() as db:
        migrate(db, None)
    assert differences(engine) == []


def test_a_new_store_has_the_tables_of_the_last_script(url, engine, tell):
    with Store.at(url):
        assert differences(engine) == []
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [str(schema.VERSION)]
    assert tell("SELECT version FROM surefoot_schema") == schema.VERSION


KILLED = """
import os, signal, sys
from sqlalchemy import Engine, event
from surefoot.store import Store

left = int(sys.argv[2])

@event.listens_for(Engine, "before_cursor_execute")
def execute(db, cursor, statement, *others):
    global left
    if statement.lstrip().startswith(("ALTER", "CREATE", "UPDATE")):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

@event.listens_for(Engine, "commit")
def commit(db):
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

Store.at(sys.argv[1])
"""


@pytest.mark.slow
def test_a_kill_in_mid_migration_leaves_the_old_version_whole(url, tell):
    write_version_1(url)
    for statements in (1, 3, 4):  # before a version is noted; before all of it is committed
        killed = subprocess.run([sys.executable, "-c", KILLED, url, str(statements)])
        assert killed.returncode == -signal.SIGKILL
        assert tell("SELECT version FROM surefoot_schema") == 1
        assert tell("SELECT count(*) FROM surefoot_points") == 2
    with Store.at(url) as store:
        assert len(store.study("digits").runs) == 2
    assert tell("SELECT version FROM surefoot_schema") == schema.VERSION


def test_a_store_whose_tables_are_not_as_they_should_be_is_not_migrated(url, engine, tell):
    write_version_1(url)
    with engine.begin() as db:
        db.exec_driver_sql("ALTER TABLE surefoot_points DROP COLUMN seconds")
    with pytest.raises(StoreError, match="damaged, surefoot_points has no column seconds"):
        Store.at(url)
    assert tell("SELECT version FROM surefoot_schema") == 1


def test_alembic_is_imported_only_to_migrate(path):
    listing = f"""
import sys
from surefoot.store import Store
with Store.at({str(path)!r}) as store:
    store.studies()
print({{"alembic", "optuna", "psycopg"}} & set(sys.modules))
"""
    told = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    assert told.stdout == "set()\n"
