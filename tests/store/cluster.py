"""A private PostgreSQL cluster in a temporary folder: real, unprivileged, and gone with the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

SETTINGS = {
    "fsync": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "40",
    "shared_buffers": "16MB",
    "autovacuum": "off",
}


def binaries() -> Path | None:
    """The folder of `initdb` and `postgres`: on the path, or where Debian keeps its newest version."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(versions, key=lambda path: float(path.parts[-3]), default=None)
    return newest.parent if newest else None


class Cluster:
    """One server with its own folder, user, Unix socket and port; `stop` removes all of it."""

    def __init__(self) -> None:
        found = binaries()
        assert found is not None, "PostgreSQL is not installed: apt-get install postgresql"
        self._binaries = found
        self._folder = Path(tempfile.mkdtemp(prefix="surefoot-postgresql-"))
        self._user = _unprivileged()
        if self._user:
            shutil.chown(self._folder, self._user, pwd.getpwnam(self._user).pw_gid)
        self._server: subprocess.Popen[bytes] | None = None
        self.port = 0
        try:
            options = ["--username=surefoot", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
            self._run("initdb", f"--pgdata={self._data}", *options)
            self.start()
        except BaseException:
            self.stop()
            raise

    def url(self, schema: str = "public") -> str:
        """The address of the database, with the schema that its tables are in."""
        return f"postgresql://surefoot@127.0.0.1:{self.port}/postgres?options=-csearch_path%3D{schema}"

    def sql(self, statement: str, schema: str = "public") -> str:
        """What `psql` prints for a statement, without headings."""
        options = ["--no-psqlrc", "--tuples-only", "--no-align", "--quiet", "--set=ON_ERROR_STOP=1"]
        return self._run("psql", *options, self.url(schema), f"--command={statement}")

    def dump(self, schema: str) -> str:
        """All that a schema holds, as SQL."""
        lines = self._run("pg_dump", f"--schema={schema}", self.url()).splitlines()
        return "\n".join(line for line in lines if not line.startswith("\\"))  # a random word in newer ones

    def drop_connections(self) -> None:
        """Terminate every client but the one that says so."""
        clients = "backend_type = 'client backend' AND pid <> pg_backend_pid()"
        self.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {clients}")

    def start(self) -> None:
        """Start the server; the first time on any free port, then always on the same."""
        for _ in range(10):
            port = self.port or _free_port()
            if self._started_on(port):
                self.port = port
                return
        raise RuntimeError(f"PostgreSQL does not start:\n{self._log.read_text()}")

    def halt(self) -> None:
        """Stop the server at once, as a crash would; the data stay."""
        if self._server and self._server.poll() is None:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(timeout=60)

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        self.halt()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def _started_on(self, port: int) -> bool:
        """Whether the server accepts connections; another program may have taken the port meanwhile."""
        settings = {**SETTINGS, "port": str(port), "unix_socket_directories": str(self._folder)}
        command = [self._binaries / "postgres", "-D", self._data]
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(command, stdout=log, stderr=log, **self._as_user())
        end = time.monotonic() + 60
        while self._server.poll() is None and time.monotonic() < end:
            with suppress(subprocess.CalledProcessError):
                self._run("pg_isready", f"--host={self._folder}", f"--port={port}")
                return True
            time.sleep(0.05)
        self.halt()
        return False

    def _run(self, program: str, *arguments: str) -> str:
        command = [self._binaries / program, *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True, **self._as_user())
        return done.stdout.strip()

    def _as_user(self) -> dict[str, object]:
        options: dict[str, object] = {"cwd": self._folder, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C"}}
        if self._user:  # PostgreSQL refuses to run as root
            options |= {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid, "extra_groups": []}
        return options


def _unprivileged() -> str | None:
    """Whom to run the server as; None where the tests do not run as root."""
    if os.geteuid() != 0:
        return None
    names = {user.pw_name for user in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
