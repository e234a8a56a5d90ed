"""What a job ends in: an answer in bytes, or a refusal with its status and one line for people."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from surefoot.errors import SurefootError


@dataclass(frozen=True)
class JobResult:
    """What a job gave.

    Attributes:
        body: what is sent.
        media: its type.
        name: of the file, where it is a download.
    """

    body: bytes
    media: str = "application/json"
    name: str = ""


class Refused(SurefootError):  # noqa: N818 - reads as what it says
    """A request is not answered.

    Args:
        status: of HTTP.
        detail: one line: what, where, and what would do.
        retry_after: seconds after which it may go well.
    """

    def __init__(self, status: int, detail: str, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.retry_after = status, detail, retry_after


def as_json(value: Any) -> JobResult:
    """An answer in JSON; it must hold no nan."""
    return JobResult(to_bytes(value))


def to_bytes(value: Any) -> bytes:
    """Compact, strict JSON."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=False).encode()


def in_one_line(error: BaseException) -> str:
    """The first line of an error, as text that any encoding takes."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].encode("utf-8", "backslashreplace").decode()[:500]


def file_name(name: str, ending: str) -> str:
    """A name that every file system and every shell takes, whatever a study is called."""
    kept = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:80]
    return f"{kept or 'surefoot'}{ending}"
