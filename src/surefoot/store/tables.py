"""Recognises what a database holds, and creates or migrates the store's tables in it.

A database holds none of the tables, a store of a known version, one of a newer version or of one that was
never released, or tables of another program that happen to have our names.  The last three are refused.  The
version is the one row of `surefoot_schema`; each script in `migrations/versions` leads from one version to
the next.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, select

from surefoot.store import schema
from surefoot.store.errors import StoreError

MIGRATIONS = Path(__file__).parent / "migrations"
"""Folder of the Alembic scripts: one for each version, which leads there from the one before."""


def stored_version(db: Connection, place: str) -> int | None:
    """Return the version of the store's tables; None where there are none.

    Args:
        db: a connection; nothing is written.
        place: how messages name the store.

    Raises:
        StoreError: a newer Surefoot wrote the store, or one that was not released, or the tables are
            another program's.
    """
    names = set(schema.metadata.tables)
    found = names & set(inspect(db).get_table_names())
    if not found:
        return None
    version = _version(db) if schema.versions.name in found else None
    if version is None:
        raise StoreError(f"{place}: {', '.join(sorted(found))} there belong to another program")
    if version > schema.VERSION:
        raise StoreError(
            f"{place}: written by a newer Surefoot (schema {version}, this one knows {schema.VERSION}); "
            "update surefoot or use another store"
        )
    if version == schema.VERSION and (missing := names - found):
        raise StoreError(f"{place}: damaged, it has no table {', '.join(sorted(missing))}")
    if version == schema.VERSION and (lacking := _missing_columns(db)):
        raise StoreError(
            f"{place}: written by an earlier, unreleased Surefoot ({lacking}), which this one does not read; "
            "name another store, or move this one away"
        )
    return version


def create_or_migrate(db: Connection, place: str) -> None:
    """Bring the tables to `schema.VERSION`, all in the transaction of `db`: a kill leaves the old or the new.

    Of several processes which do this at once, all but the first wait and then find it done.

    Raises:
        StoreError: as `stored_version`; or columns are missing after the migration.
    """
    if db.dialect.name == "postgresql":  # SQLite lets one writer in at a time by itself
        db.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('surefoot_schema'))")
    version = stored_version(db, place)
    if version is None:
        schema.metadata.create_all(db, checkfirst=False)
        db.execute(schema.versions.insert().values(version=schema.VERSION))
    elif version < schema.VERSION:
        migrate(db, version)
        if missing := _missing_columns(db):
            raise StoreError(f"{place}: damaged, {missing}")


def migrate(db: Connection, version: int | None) -> None:
    """Run the scripts after `version`, in the transaction of `db`; None starts from an empty database."""
    # Alembic takes a fifth of a second to import, and hardly any opening needs it.
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    base = "base" if version is None else str(version)
    steps = list(ScriptDirectory(str(MIGRATIONS)).iterate_revisions("head", base))
    with Operations.context(MigrationContext.configure(db)):
        for step in reversed(steps):
            step.module.upgrade()
            db.execute(schema.versions.update().values(version=int(step.revision)))


def _version(db: Connection) -> int | None:
    """The version in `surefoot_schema`; None if that is no table of ours."""
    if [column["name"] for column in inspect(db).get_columns(schema.versions.name)] != ["version"]:
        return None
    match db.scalars(select(schema.versions.c.version)).all():
        case [int(version)] if version > 0:
            return version
    return None


def _missing_columns(db: Connection) -> str:
    """The first table that lacks columns of today's, and which, in words; empty where none does."""
    names = list(schema.metadata.tables)
    found = {
        name: {column["name"] for column in columns}
        for (_, name), columns in inspect(db).get_multi_columns(filter_names=names).items()
    }
    for table in schema.metadata.sorted_tables:
        if missing := set(table.columns.keys()) - found.get(table.name, set()):
            return f"{table.name} has no column {', '.join(sorted(missing))}"
    return ""
