"""The tables of the store, and how values which databases treat differently are kept without loss.

    surefoot_schema      one row: the version of these tables
    surefoot_studies     one row a study, with its question, profile, environment and answer
      surefoot_runs      one row a run: candidate, seed, phase, and how it ended
        surefoot_points  the learning curves
      surefoot_decisions what the study decided, numbered from 0
      surefoot_documents what was made of a study later, such as its landscape: one of each kind

The names carry a prefix because a PostgreSQL database is often shared with other programs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

VERSION = 1
"""Version of the tables below, which is the newest in `migrations/versions`.  A store with a higher one was
written by a newer Surefoot."""

_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def to_json(value: Any) -> str:
    """Return canonical JSON: equal values give equal text.

    JSON has no nan or infinity, so these become `{"$float": "nan"}`, `"inf"` or `"-inf"`, which
    `from_json` turns back. Tuples come back as lists, and keys as strings.

    Raises:
        TypeError: for a value which JSON cannot hold, such as a tensor or a set.
    """
    return json.dumps(_tagged(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def from_json(document: str) -> Any:
    """Return the value which `to_json` wrote."""
    return json.loads(document, object_hook=_untagged)


def to_line(value: str) -> str:
    r"""Return the text as every database takes it: NUL and lone surrogates as `\x00` and `\ud800`."""
    return value.replace("\0", r"\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def _tagged(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": str(float(value))}
    if isinstance(value, Mapping):
        return {key: _tagged(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_tagged(item) for item in value]
    return value


def _untagged(value: dict[str, Any]) -> Any:
    if value.keys() == {"$float"} and isinstance(value["$float"], str):
        return _NOT_FINITE.get(value["$float"], value)
    return value


class Json(TypeDecorator[Any]):
    """Canonical JSON as text, so that equal values can be found by comparing text; None is NULL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: D102
        return None if value is None else to_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: D102
        return None if value is None else from_json(value)


class Number(TypeDecorator[float]):
    """A double in which NULL means nan, as SQLite would silently have it; infinities are kept as they are."""

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:  # noqa: D102
        return None if value is None or math.isnan(value) else float(value)

    def process_result_value(self, value: float | None, dialect: Dialect) -> float:  # noqa: D102
        return math.nan if value is None else value


class SingleLine(TypeDecorator[str]):
    """Text as `to_line` writes it.

    What it replaces occurs in what a crashed run leaves on its error stream, which must not stop the study.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: D102
        return None if value is None else to_line(value)


def insert(table: Table, dialect: str) -> sqlite.Insert:
    """Return an INSERT into `table` that can say what happens on a conflict; both dialects say it alike."""
    return cast(sqlite.Insert, {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[dialect](table))


metadata = MetaData()

versions = Table("surefoot_schema", metadata, Column("version", Integer, primary_key=True))

studies = Table(
    "surefoot_studies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", SingleLine, nullable=False, unique=True),
    Column("task", SingleLine, nullable=False),
    Column("created", SingleLine, nullable=False),
    Column("question", Json, nullable=False),
    Column("profile", Json),
    Column("environment", Json, nullable=False),
    Column("answer", Json),
)

runs = Table(
    "surefoot_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study", ForeignKey(studies.c.id), nullable=False),
    Column("optimizer", SingleLine, nullable=False),
    Column("hyperparameters", Json, nullable=False),
    Column("schedule", Json, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("phase", SingleLine, nullable=False),
    Column("status", SingleLine, nullable=False),
    Column("message", SingleLine, nullable=False),
    Column("seconds_per_step", Number),
    Column("state_bytes", BigInteger, nullable=False),
    Column("cause", SingleLine, nullable=False, server_default=text("''")),
    UniqueConstraint("study", "phase", "seed", "optimizer", "hyperparameters", "schedule"),
)

points = Table(
    "surefoot_points",
    metadata,
    Column("run", ForeignKey(runs.c.id), primary_key=True),
    Column("progress", Double, primary_key=True),
    Column("seconds", Number),
    Column("value", Number),
)

decisions = Table(
    "surefoot_decisions",
    metadata,
    Column("study", ForeignKey(studies.c.id), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("seconds", Number),
    Column("kind", SingleLine, nullable=False),
    Column("text", SingleLine, nullable=False),
    Column("details", Json, nullable=False),
)

documents = Table(
    "surefoot_documents",
    metadata,
    Column("study", ForeignKey(studies.c.id), primary_key=True),
    Column("kind", SingleLine, primary_key=True),
    Column("created", SingleLine, nullable=False),
    Column("content", Json, nullable=False),
)
