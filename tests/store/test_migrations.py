"""A store of an earlier version is migrated in place, whole or not at all, and loses nothing."""

from __future__ import annotations

import math
import shutil
import signal
import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, make_url

from surefoot.store import Store, StoreError, schema, tables
from surefoot.store.tables import MIGRATIONS, migrate
from surefoot.study.decisions import Piloted
from surefoot.study.profile import TaskProfile
from surefoot.study.question import Question
from surefoot.study.run import Candidate, Phase, Point, Status


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


PROFILE = TaskProfile("digits", 200, "validation loss")


def write_study(url):
    with Store.at(url) as store:
        log = store.begin(Question("digits", margin=math.nan, study="digits"), PROFILE, {"cpus": 2})
        adam = log.start_run(Candidate("Adam", {"lr": 0.001, "betas": [0.9, 0.999]}), 0, Phase.SCREEN)
        log.add_point(adam, Point(0.1, 1.5, 0.25))
        log.add_point(adam, Point(0.2, 3.0, math.nan))
        log.end_run(adam, Status.COMPLETED, "", 0.001, 4096)
        log.decide(Piloted("Adam goes on."), 2.5)
        return store.study("digits")


@pytest.fixture
def next_version(tmp_path, monkeypatch):
    """The folder of a version after today's, which adds a column and fills it."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "next.py").write_text(NEXT.format(next=schema.VERSION + 1, today=schema.VERSION))
    monkeypatch.setattr(tables, "MIGRATIONS", folder)
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    return folder


NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "{next}"
down_revision = "{today}"

def upgrade():
    op.add_column("surefoot_runs", sa.Column("note", sa.Text, nullable=False, server_default="none"))
    op.execute("UPDATE surefoot_runs SET note = 'older'")
"""


def test_a_store_is_migrated_to_a_later_version_and_loses_nothing(url, tell, request):
    before = write_study(url)
    today = schema.VERSION
    request.getfixturevalue("next_version")
    for _ in range(2):
        with Store.at(url) as store:
            study = store.study("digits")
            assert [summary.runs for summary in store.studies()] == [1]
    assert repr(study) == repr(before)  # nan is no equal of itself
    assert tell("SELECT note FROM surefoot_runs") == "older"
    assert tell("SELECT version FROM surefoot_schema") == today + 1


def test_a_store_of_today_that_lacks_a_table_is_damaged(url, engine):
    with Store.at(url):
        pass
    with engine.begin() as db:
        db.exec_driver_sql("DROP TABLE surefoot_documents")
    with pytest.raises(StoreError, match="damaged, it has no table surefoot_documents"):
        Store.at(url)


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
from pathlib import Path
from sqlalchemy import Engine, event
from surefoot.store import Store, schema, tables

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

tables.MIGRATIONS, schema.VERSION = Path(sys.argv[3]), schema.VERSION + 1
Store.at(sys.argv[1])
"""


@pytest.mark.slow
def test_a_kill_in_mid_migration_leaves_the_old_version_whole(url, tell, request):
    write_study(url)
    today, folder = schema.VERSION, str(request.getfixturevalue("next_version"))
    for statements in (0, 1, 2):  # before anything; before the version is noted; before it is committed
        killed = subprocess.run([sys.executable, "-c", KILLED, url, str(statements), folder])
        assert killed.returncode == -signal.SIGKILL
        assert tell("SELECT version FROM surefoot_schema") == today
        assert tell("SELECT count(*) FROM surefoot_points") == 2
    with Store.at(url) as store:
        assert len(store.study("digits").runs) == 1
    assert tell("SELECT version FROM surefoot_schema") == today + 1


def test_a_store_whose_tables_are_not_as_they_should_be_is_not_migrated(url, engine, tell, request):
    write_study(url)
    today = schema.VERSION
    with engine.begin() as db:
        db.exec_driver_sql("ALTER TABLE surefoot_points DROP COLUMN seconds")
    request.getfixturevalue("next_version")
    with pytest.raises(StoreError, match="damaged, surefoot_points has no column seconds"):
        Store.at(url)
    assert tell("SELECT version FROM surefoot_schema") == today


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
