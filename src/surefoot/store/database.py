"""Connections to the database behind a URL, and transactions which survive the loss of one.

    database = open_database("postgresql://me@host/evidence")
    database.write(lambda db: db.execute(...))  # made again on a new connection until it is committed

Opening looks before it touches: a SQLite file which is not a store is refused and left as it was.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, inspect, make_url
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from surefoot.store import schema
from surefoot.store.claim import Session
from surefoot.store.errors import StoreError
from surefoot.store.tables import create_or_migrate, stored_version

PATIENCE = 60.0
"""Seconds to wait for a database that does not answer, or a file that another process has locked."""

GO_ON = "nothing recorded is lost, and the same command goes on"

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds between attempts to connect again; each is twice the last

_WORTH_TELLING = 1.0
"""Seconds of waiting after which whoever looks on is told why nothing happens."""

_HEADER = b"SQLite format 3\0"
_PRAGMAS = (
    "journal_mode = WAL",  # readers never wait for the writer, nor it for them
    "synchronous = FULL",  # a commit survives a power cut, not only a killed process
    "foreign_keys = ON",
)

# Without these a server that vanished would be waited for until TCP gives up, after a quarter of an hour.
_POSTGRESQL = {
    "application_name": "surefoot",
    "connect_timeout": "10",
    "keepalives_idle": "20",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}

_HARMLESS = ("sslmode", "host", "port", "connect_timeout", "application_name", "target_session_attrs")
"""Options of a URL whose values messages may show."""

_TRANSIENT = ("08", "40", "57P", "53300", "23505")
"""What begins the SQLSTATE of errors which pass: connection, deadlock, shutdown, too many clients, and a row
that another process has written at the same moment."""

Result = TypeVar("Result")
_log = logging.getLogger(__name__)


class Database:
    """Transactions on one database.

    `read` and `write` call their argument with a connection inside a transaction, commit, and return its
    result.  Where a server drops the connection they connect again and repeat the whole call, for at most
    `patience` seconds; so it must give the same when it is repeated, also where the commit had succeeded
    and only its confirmation was lost.

    Args:
        engine: with the tables in place.
        patience: seconds.

    Attributes:
        place: how messages name the store; without a password.
        dialect: "sqlite" or "postgresql".
        file: SQLite's; None for other databases and in memory.
    """

    def __init__(self, engine: Engine, patience: float) -> None:
        self.place = where(engine.url)
        self.dialect = engine.dialect.name
        self.file = _sqlite_file(engine.url)
        self._claims: list[Session] = []
        self._reader = engine
        self._writer = _writer(engine)
        self._patience = patience

    def read(self, work: Callable[[Connection], Result]) -> Result:
        """Return what `work` reads, all of it as of one moment.

        Raises:
            StoreError: the database failed, or did not come back in time.
        """
        return self._repeat(self._reader, work)

    def write(self, work: Callable[[Connection], Result]) -> Result:
        """Return what `work` returns, once what it has written is committed.

        Raises:
            StoreError: the database failed, or did not come back in time; nothing was written.
        """

        def claimed_work(db: Connection) -> Result:
            for session in self._claims:
                session.hold()
            return work(db)

        return self._repeat(self._writer, claimed_work)

    @contextmanager
    def session(self, study: str) -> Iterator[None]:
        """Claim a study in PostgreSQL, for the block; every write sees first that the claim holds still.

        Raises:
            StoreError: another process has it, or the database failed.
        """
        with clear_errors(self.place):
            session = Session(self._reader, study, self.place)
        self._claims.append(session)
        try:
            yield
        finally:
            self._claims.remove(session)
            session.close()

    def close(self) -> None:
        """Close all connections."""
        self._reader.dispose()

    def _repeat(self, engine: Engine, work: Callable[[Connection], Result]) -> Result:
        def attempt() -> Result:
            with clear_errors(self.place), engine.begin() as db:
                return work(db)

        return _patiently(attempt, self._patience, lambda error: _passes(error) or _is_unreachable(error))


def open_database(address: str | URL, patience: float = PATIENCE) -> Database:
    """Return the database at `address`, with the tables in place.

    Args:
        address: a URL with `sqlite://` or `postgresql://`.
        patience: seconds to wait for a lock or for a lost connection; a server which does not answer now is
            an error at once.

    Raises:
        StoreError: the database cannot be opened, is damaged, belongs to another program or was
            written by a newer Surefoot, or by one that was not released. It is then left as it was.
    """
    with clear_errors("store URL"):
        url = with_driver(read_url(address))
        if url.get_backend_name() not in ("sqlite", "postgresql"):
            raise StoreError(
                f"{where(url)}: not a store; write sqlite:///FILE or postgresql://USER@HOST/NAME"
            )
    # A server that was never there is not waited for.  SQLite's own waiting for a lock leaves out the moment
    # in which another process turns WAL on.
    engine = _patiently(lambda: _opened(url, patience), patience, _passes)
    return Database(engine, patience)


def read_url(address: str | URL) -> URL:
    """Return the address as a URL.

    Raises:
        StoreError: it has no such form.
        SQLAlchemyError: as `make_url`.
    """
    if not str(address).strip():
        raise StoreError(
            "the store's address is empty: is a variable not set? Write sqlite:///FILE, or leave it out"
        )
    try:
        url = make_url(address)
    except ValueError:  # of a port that is not a number; its message quotes what may be a password
        raise StoreError("store URL: its port is not a number") from None
    if url.get_backend_name() == "sqlite" and url.query and not (url.database or "").startswith("file:"):
        options = ", ".join(sorted(url.query))
        raise StoreError(
            f"{where(url)}: SQLite takes no options here ({options}); "
            "give a path that holds '?' without sqlite:///"
        )
    return url


def with_driver(url: URL) -> URL:
    """Return the URL with psycopg 3 for PostgreSQL, unless it names a driver itself."""
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _opened(url: URL, patience: float) -> Engine:
    """Look, connect, and see to the tables."""
    with clear_errors(where(url)):
        file = _sqlite_file(url)
        if file is not None:
            _look(file, where(url))
            file.parent.mkdir(parents=True, exist_ok=True)
        engine = _engine(url, patience)
        try:
            _prepare(engine)
        except BaseException:
            engine.dispose()
            raise
        return engine


def shown(url: URL) -> str:
    """Return the URL as people write it, without the password and whatever else an option may hide."""
    hidden = {name: value if name in _HARMLESS else "***" for name, value in url.query.items()}
    return url.set(drivername=url.get_backend_name(), query=hidden).render_as_string(hide_password=True)


def where(url: URL) -> str:
    """Return how messages name the store."""
    return f"store {shown(url)}"


@contextmanager
def clear_errors(place: str) -> Iterator[None]:
    """Turn what a database driver raises into a `StoreError` of one line."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError, ImportError) as error:
        raise StoreError(f"{place}: {_in_words(getattr(error, 'orig', None) or error)}") from error


def _in_words(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name == "psycopg":
        return "PostgreSQL needs a driver: pip install 'surefoot[postgresql]'"
    message = (str(error) or type(error).__name__).splitlines()[0]
    if "disk is full" in message or "disk I/O error" in message or _state(error) == "53100":
        return f"{message}; {GO_ON} when there is room"
    return message


def _patiently(attempt: Callable[[], Result], patience: float, will_pass: Callable[[Any], bool]) -> Result:
    """Return what `attempt` returns, after as many as it takes and `patience` allows.

    Args:
        attempt: raises `StoreError` where it fails.
        patience: seconds.
        will_pass: whether another attempt may succeed, from the cause of that error.
    """
    began, pause, told = time.monotonic(), _FIRST_PAUSE, False
    while True:
        try:
            return attempt()
        except StoreError as error:
            if not will_pass(error.__cause__):
                raise
            waited = time.monotonic() - began
            if waited >= patience:
                raise StoreError(f"{error}; tried for {patience:g} seconds; {GO_ON}") from error
            if not told and waited > _WORTH_TELLING:
                _log.warning("%s; trying again for up to %g seconds", error, patience)
                told = True
        time.sleep(min(pause, patience - waited))
        pause = min(2 * pause, _LONGEST_PAUSE)


def _passes(error: object) -> bool:
    """Whether PostgreSQL dropped the connection, or another process was in the way: it may go well now."""
    driver = getattr(error, "orig", None) or error  # what a new connection is configured with is not wrapped
    dropped = isinstance(error, DBAPIError) and error.connection_invalidated
    locked = getattr(driver, "sqlite_errorname", "").startswith("SQLITE_BUSY")
    return dropped or locked or _state(driver).startswith(_TRANSIENT)


def _is_unreachable(error: object) -> bool:
    """Whether there was no connection to PostgreSQL at all; its errors then have no state."""
    return isinstance(error, OperationalError) and getattr(error.orig, "sqlstate", "") is None


def _state(error: object) -> str:
    """The SQLSTATE of an error of PostgreSQL; empty where there is none."""
    return getattr(error, "sqlstate", None) or ""


def _engine(url: URL, patience: float) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url)
        _configure_sqlite(engine, patience)
        return engine
    # It warns of every part of a lost connection; `_patiently` says once what matters.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    defaults = {name: value for name, value in _POSTGRESQL.items() if name not in url.query}
    return create_engine(url, connect_args=defaults)


def _writer(engine: Engine) -> Engine:
    """The engine whose transactions take SQLite's write lock when they begin.

    One that first reads and then writes would fail at once if another process wrote in between.
    """
    return engine.execution_options(writes=True)


def _prepare(engine: Engine) -> None:
    place = where(engine.url)
    with engine.begin() as db:
        if stored_version(db, place) == schema.VERSION:
            return
    with _writer(engine).begin() as db:
        create_or_migrate(db, place)


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
        tables = inspect(db).get_table_names()  # first: another process may be making ours at this moment
        if stored_version(db, place) is None and tables:
            raise StoreError(f"{place}: the file is a database of another program")


def _configure_sqlite(engine: Engine, patience: float) -> None:
    # The timeout comes first, so that switching to WAL waits its turn too.
    pragmas = (f"busy_timeout = {round(patience * 1000)}", *_PRAGMAS)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        # By itself sqlite3 begins no transaction for reads and for CREATE TABLE; here `begin` does.
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(db: Connection) -> None:
        db.exec_driver_sql("BEGIN IMMEDIATE" if db.get_execution_options().get("writes") else "BEGIN")
