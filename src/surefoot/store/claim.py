"""One writer for each study: a claim that ends with the process, and says who holds it.

    with claimed(database, "digits-1f2e"):
        …                                    # StoreError if another process writes this study

Beside a SQLite file it is a lock on a file, in PostgreSQL an advisory lock of a session of its own: both are
free as soon as the holder is gone, however it went.  Readers ask for nothing.  Where a server has dropped the
session, the claim is made again before anything more is written.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from surefoot.store.errors import StoreError

if TYPE_CHECKING:
    from surefoot.store.database import Database

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_LOCKLESS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
"""Of file systems that know no locks."""

_NAME = text("SELECT set_config('application_name', :name, false)")
_TRY = text(
    "SELECT pg_try_advisory_lock(hashtext('surefoot study'), hashtext(current_schema() || ' ' || :name))"
)
_HOLDER = text(
    "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.granted "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND l.classid = (hashtext('surefoot study')::bigint & 4294967295)::oid "
    "AND l.objid = (hashtext(current_schema() || ' ' || :name)::bigint & 4294967295)::oid"
)

_log = logging.getLogger(__name__)


@contextmanager
def claimed(database: Database, study: str) -> Iterator[None]:
    """Be the only one who writes the study, until the end of the block.

    Raises:
        StoreError: another process does; the message names it.
    """
    if database.dialect == "postgresql":
        with database.session(study):
            yield
    elif database.file is None:  # in memory: nobody else sees it
        yield
    else:
        with _beside_file(database.file, study, database.place):
            yield


def _refused(place: str, study: str, holder: str) -> StoreError:
    who = holder or "another process"
    return StoreError(
        f"{place}: {who} is writing study {study!r} at this moment; wait for it, or use another --study name"
    )


def _here() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


# ---------------------------------------------------------------- SQLite


@contextmanager
def _beside_file(file: Path, study: str, place: str) -> Iterator[None]:
    path = file.with_name(f"{file.name}-{study}.lock")
    try:
        opened = _locked(path)
    except OSError as error:
        if error.errno not in _LOCKLESS:
            raise StoreError(f"{place}: {path.name}: {error.strerror}") from error
        _log.warning("%s: its file system knows no locks: give no second command for study %r", place, study)
        yield
        return
    if opened is None:
        raise _refused(place, study, _read(path))
    try:
        os.truncate(opened, 0)
        os.pwrite(opened, _here().encode(), 0)
        yield
    finally:
        with suppress(OSError):
            path.unlink()  # before the lock goes: nobody can have it by then
        os.close(opened)


def _locked(path: Path) -> int | None:
    """An open file with the lock; None where another process has it."""
    while True:
        opened = os.open(path, _FLAGS, 0o644)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(opened, path):
                return opened
        except BlockingIOError:
            os.close(opened)
            return None
        except OSError:
            os.close(opened)
            raise
        os.close(opened)  # removed by its holder after we had opened it: that lock says nothing


def _is_at(opened: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(opened), path.lstat())
    except FileNotFoundError:
        return False


def _read(path: Path) -> str:
    try:
        return " ".join(path.read_text(errors="replace")[:200].split())
    except OSError:
        return ""


# ---------------------------------------------------------------- PostgreSQL


class Session:
    """A connection that holds the claim for as long as it lives.

    Args:
        engine: of the database.
        study: name.
        place: how messages name the store.
    """

    def __init__(self, engine: Engine, study: str, place: str) -> None:
        self._engine, self._study, self._place = engine, study, place
        self._db: Connection | None = None
        self._take()

    def hold(self) -> None:
        """See that the claim is ours still, before something is written.

        Raises:
            StoreError: the server had dropped it, and another process has it by now.
            SQLAlchemyError: there is no connection.
        """
        if self._db is not None:
            try:
                self._db.execute(text("SELECT 1"))
            except SQLAlchemyError:
                self.close()
        if self._db is None:
            self._take()

    def _take(self) -> None:
        db = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        db.execute(_NAME, {"name": f"surefoot {_here()}"[:63]})
        if not db.execute(_TRY, {"name": self._study}).scalar_one():
            names = [str(name) for (name,) in db.execute(_HOLDER, {"name": self._study})]
            _end(db)
            raise _refused(self._place, self._study, (names or [""])[0].removeprefix("surefoot "))
        self._db = db

    def close(self) -> None:
        """Give the claim back."""
        db, self._db = self._db, None
        if db is not None:
            _end(db)


def _end(db: Connection) -> None:
    """Close it for good, and not back into a pool, where its locks would live on."""
    with suppress(SQLAlchemyError):
        db.invalidate()
    with suppress(SQLAlchemyError):
        db.close()
