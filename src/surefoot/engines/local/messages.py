"""What a worker tells its parent: each message a line of JSON.

A run may close the pipe or write into it, by mistake.  Lines can be read without ever waiting for the rest of
one, and what is no message is seen to be none.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass

from surefoot.study.codec import decode, encode
from surefoot.study.run import Finished, Report

LONGEST = 2**20  # bytes of one message
CHUNK = 2**16


@dataclass(frozen=True)
class Ready:
    """Everything is imported, jobs can begin."""


Message = Ready | Report | Finished
KINDS: dict[str, type[Message]] = {kind.__name__: kind for kind in (Ready, Report, Finished)}


class Outbox:
    """Sends messages.

    Args:
        descriptor: the writing end.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def send(self, message: Message) -> None:
        """Send one; from one thread at a time.

        Raises:
            OSError: nobody listens any more.
        """
        left = json.dumps([type(message).__name__, encode(message)]).encode() + b"\n"
        while left:
            left = left[os.write(self._descriptor, left) :]


class Inbox:
    """Receives messages.

    Args:
        descriptor: the reading end.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._begun = b""

    def receive(self) -> Iterator[Message]:
        """The messages that have arrived, once the reading end is ready.

        Raises:
            OSError: the other end is closed.
            ValueError: what has arrived is no message.
        """
        arrived = os.read(self._descriptor, CHUNK)
        if not arrived:
            raise BrokenPipeError("the other end is closed")
        *lines, self._begun = (self._begun + arrived).split(b"\n")
        for line in lines:
            yield _message(line)
        if len(self._begun) > LONGEST:
            raise ValueError(f"no message is longer than {LONGEST} bytes")


def _message(line: bytes) -> Message:
    try:
        name, fields = json.loads(line)
        return decode(KINDS[name], fields)
    except (KeyError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"no message: {line[:100]!r}") from error
