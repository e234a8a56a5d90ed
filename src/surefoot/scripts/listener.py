"""The socket at which a worker hears the processes of one script.

with Listener() as listener:
    listener.serve(take, seconds=0.05)  # take: from a message to its answer, or to None
"""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from surefoot.scripts.protocol import line
from surefoot.training.own_files import remove_own_folder

Take = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]


class Listener:
    """The socket at which the processes of one script are heard."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="surefoot-")
        self.path = str(Path(self._folder) / "run")
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(self.path)
        self._socket.listen()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._heard: dict[socket.socket, bytes] = {}  # what has come of a line that has no end yet

    def serve(self, take: Take, seconds: float) -> None:
        """Hand every message that comes to `take`, and send its answer; returns once none has come."""
        while ready := self._selector.select(seconds):
            seconds = 0.0
            for key, _ in ready:
                connection: Any = key.fileobj
                if connection is self._socket:
                    accepted, _ = self._socket.accept()
                    self._heard[accepted] = b""
                    self._selector.register(accepted, selectors.EVENT_READ)
                else:
                    self._hear(connection, take)

    def _hear(self, connection: socket.socket, take: Take) -> None:
        try:
            found = connection.recv(1 << 16)
        except OSError:
            found = b""
        if not found:
            self._selector.unregister(connection)
            del self._heard[connection]
            connection.close()
            return
        *lines, self._heard[connection] = (self._heard[connection] + found).split(b"\n")
        for text in lines:
            if (answer := take(json.loads(text))) is not None:
                with contextlib.suppress(OSError):  # it has died meanwhile
                    connection.sendall(line(answer))

    def close(self) -> None:
        """May be called twice."""
        for connection in self._heard:
            connection.close()
        self._heard.clear()
        self._socket.close()
        self._selector.close()
        remove_own_folder(self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
