"""Frames on the pipes between job queue and workers: lengths, a head of JSON, bytes. Nothing is unpickled.

write_frame(stream, {"work": "animate"}, b"")
head, body = read_frame(stream)           # None at the end of the stream
"""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

LENGTHS = struct.Struct(">IQ")
"""Of the head and of the body."""

Head = dict[str, Any]


def frame(head: Head, body: bytes = b"") -> bytes:
    """What goes over the pipe."""
    text = json.dumps(head).encode()
    return LENGTHS.pack(len(text), len(body)) + text + body


def write_frame(stream: BinaryIO, head: Head, body: bytes = b"") -> None:
    """Write one and see that it leaves."""
    stream.write(frame(head, body))
    stream.flush()


def read_frame(stream: BinaryIO) -> tuple[Head, bytes] | None:
    """The next one; None at the end of the stream."""
    lengths = stream.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    head, body = LENGTHS.unpack(lengths)
    return json.loads(stream.read(head)), stream.read(body)
