"""Opens the database behind a URL: looks before it touches, then sets up connections and tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, inspect, make_url, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from surefoot.evidence import schema
from surefoot.evidence.errors import StoreError

_HEADER = b"SQLite format 3\0"
_PRAGMAS = (
    "busy_timeout = 30000",  # first, so that switching to WAL waits its turn too
    "journal_mode = WAL",  # readers never wait for the writer, nor it for them
    "synchronous = FULL",  # a commit survives a power cut, not only a killed process
    "foreign_keys = ON",
)


def open_database(address: str | URL) -> Engine:
    """Return an engine for `address`, with the tables in place.

    Connections from `engine.execution_options(writes=True)` take the write lock when they begin: in
    SQLite a transaction which first reads and then writes fails at once if another process wrote in between.

    Raises:
        StoreError: the database cannot be opened, is damaged, belongs to another program or was
            written by a newer Surefoot. A SQLite file is then left as it was.
    """
    with clear_errors("store URL"):
        url = make_url(address)
    with clear_errors(where(url)):
        file = _sqlite_file(url)
        if file is not None:
            _look(file, where(url))
            file.parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url)
        if engine.dialect.name == "sqlite":
            _configure_sqlite(engine)
        try:
            _create_tables(engine)
        except BaseException:
            engine.dispose()
            raise
        return engine


def where(url: URL) -> str:
    """Return how messages name the store; a password is not shown."""
    return f"store {url.render_as_string(hide_password=True)}"


@contextmanager
def clear_errors(place: str) -> Iterator[None]:
    """Turn what a database driver raises into a `StoreError` of one line."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError, ImportError) as error:
        cause = getattr(error, "orig", None) or error
        message = str(cause) or type(cause).__name__
        raise StoreError(f"{place}: {message.splitlines()[0]}") from error


def _sqlite_file(url: URL) -> Path | None:
    """Return the file of a SQLite URL; None for other databases, for memory and for `file:` URIs."""
    name = url.database or ":memory:"
    if url.get_backend_name() != "sqlite" or name == ":memory:" or name.startswith("file:"):
        return None
    return Path(name)


def _look(file: Path, place: str) -> None:
    """Refuse a file which is not a sound store of a known version, through a read-only connection."""
    if not file.exists():
        return
    with file.open("rb") as stream:
        header = stream.read(len(_HEADER))
    if not header:
        return
    if header != _HEADER:  # SQLite itself takes a file of one byte for empty, and would overwrite it
        raise StoreError(f"{place}: the file is not a SQLite database")
    address = f"{file.resolve().as_uri()}?mode=ro"
    engine = create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=NullPool
    )
    with engine.connect() as db:
        damage = db.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        if damage != "ok":
            raise StoreError(f"{place}: the file is damaged ({' '.join(damage.split())})")
        if not _has_tables(db, place) and inspect(db).get_table_names():
            raise StoreError(f"{place}: the file is a database of another program")


def _has_tables(db: Connection, place: str) -> bool:
    """Whether the store's tables exist; raises `StoreError` where a newer Surefoot made them."""
    if not inspect(db).has_table(schema.versions.name):
        return False
    version = db.execute(select(schema.versions.c.version)).scalar_one()
    if version > schema.VERSION:
        raise StoreError(
            f"{place}: written by a newer Surefoot (schema {version}, this one knows {schema.VERSION}); "
            "update surefoot or use another store"
        )
    return True


def _create_tables(engine: Engine) -> None:
    """Create tables and version row in one transaction, so that a kill leaves all of them or none."""
    with engine.execution_options(writes=True).begin() as db:
        if not _has_tables(db, where(engine.url)):
            schema.metadata.create_all(db)
            db.execute(schema.versions.insert().values(version=schema.VERSION))


def _configure_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        # By itself sqlite3 begins no transaction for reads and for CREATE TABLE; here `begin` does.
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(db: Connection) -> None:
        db.exec_driver_sql("BEGIN IMMEDIATE" if db.get_execution_options().get("writes") else "BEGIN")
