"""What the store is asked: the list of studies, and one study whole."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, Select, Text, func, select, type_coerce

from surefoot.naming import closest
from surefoot.store.errors import StoreError, UnknownStudy
from surefoot.store.schema import decisions, documents, from_json, points, runs, studies
from surefoot.study.answer import Answer, Verdict
from surefoot.study.codec import DocumentError, decode
from surefoot.study.decisions import decision_of
from surefoot.study.profile import TaskProfile
from surefoot.study.question import Asked, decode_question
from surefoot.study.records import DecisionRecord, RunRecord, StudyRecord, StudySummary
from surefoot.study.run import Candidate, Cause, Phase, Point, Status

_ROWS_AT_ONCE = 10_000
"""A large study is read in pieces, so that it is not in memory twice."""


def read_summaries(db: Connection) -> list[StudySummary]:
    """What a list of studies shows, in order of creation."""
    count = func.count(runs.c.id).label("runs")
    columns = studies.c.name, studies.c.task, studies.c.created, studies.c.answer
    query = select(*columns, count).outerjoin(runs).group_by(studies.c.id).order_by(studies.c.id)
    return [
        StudySummary(
            name=row.name,
            task=row.task,
            created=row.created,
            finished=row.answer is not None,
            runs=row.runs,
            verdict=_verdict(row.answer),
        )
        for row in db.execute(query)
    ]


def read_study(db: Connection, name: str, place: str) -> StudyRecord:
    """Everything known about a study; runs in the order in which they were started.

    Args:
        db: a connection.
        name: the study's.
        place: how messages name the store.

    Raises:
        UnknownStudy: there is none of this name.
        StoreError: its question, answer, profile or a candidate is not one that this version reads.
    """
    study = find_study(db, name, place)
    try:
        return StudyRecord(
            question=read_question(study, place),
            profile=None if study.profile is None else decode(TaskProfile, study.profile),
            environment=study.environment,
            created=study.created,
            answer=None if study.answer is None else Answer.from_document(study.answer),
            decisions=_decisions(db, study.id),
            runs=_runs(db, study.id),
            documents=_documents(db, study.id),
        )
    except DocumentError as error:
        raise StoreError(f"study {name!r} in {place} cannot be read: {error}") from error


def read_question(study: Row[Any], place: str) -> Asked:
    """What a study was asked.

    Args:
        study: its row.
        place: how messages name the store.

    Raises:
        StoreError: it is no question that this version reads.
    """
    try:
        return replace(decode_question(study.question), study=study.name)
    except DocumentError as error:
        raise StoreError(f"study {study.name!r} in {place} cannot be read: {error}") from error


def _verdict(document: Any) -> str | None:
    """Of an answer in a list, which one that cannot be read must not hide."""
    found = document.get("verdict") if isinstance(document, Mapping) else None
    return found if found in set(Verdict) else None


def find_study(db: Connection, name: str, place: str) -> Row[Any]:
    """The row of the study of this name.

    Raises:
        UnknownStudy: there is none.
    """
    study = db.execute(select(studies).where(studies.c.name == name)).one_or_none()
    if study is None:
        raise UnknownStudy(f"{place}: no study {name!r}; {_nearest(db, name)}")
    return study


def read_state(db: Connection, name: str, place: str) -> str:
    """A short text that is another whenever the study has gone on; much cheaper than to read it.

    Args, Raises: as `read_study`.
    """
    study = find_study(db, name, place)
    mine, kept = runs.c.study == study.id, documents.c.study == study.id
    statuses = select(runs.c.status, func.count()).where(mine).group_by(runs.c.status)
    length = func.length(type_coerce(documents.c.content, Text))
    parts = (
        statuses.order_by(runs.c.status),
        select(func.count()).select_from(points).where(points.c.run.in_(select(runs.c.id).where(mine))),
        select(func.count()).where(decisions.c.study == study.id),
        select(documents.c.kind, documents.c.created, length).where(kept).order_by(documents.c.kind),
    )
    found = [[tuple(row) for row in db.execute(part)] for part in parts]
    return hashlib.sha256(repr((study.id, study.created, study.answer, found)).encode()).hexdigest()[:24]


def _nearest(db: Connection, name: str) -> str:
    nearest = closest(name, db.scalars(select(studies.c.name)).all(), cutoff=0.0)
    return f"the nearest is {nearest!r}" if nearest is not None else "it holds no study yet"


def _decisions(db: Connection, study: int) -> tuple[DecisionRecord, ...]:
    query = select(decisions).where(decisions.c.study == study).order_by(decisions.c.number)
    return tuple(
        DecisionRecord(row.number, row.seconds, decision_of(row.kind, row.text, row.details))
        for row in _in_pieces(db, query)
    )


def _documents(db: Connection, study: int) -> dict[str, Any]:
    query = select(documents.c.kind, documents.c.content).where(documents.c.study == study)
    return {row.kind: row.content for row in db.execute(query.order_by(documents.c.kind))}


def _runs(db: Connection, study: int) -> tuple[RunRecord, ...]:
    curves, candidate_of = _curves(db, study), functools.cache(_candidate)
    settings = [
        type_coerce(column, Text).label(column.name) for column in (runs.c.hyperparameters, runs.c.schedule)
    ]
    others = [column for column in runs.c if column.name not in ("hyperparameters", "schedule")]
    query = select(*others, *settings).where(runs.c.study == study).order_by(runs.c.id)
    return tuple(
        RunRecord(
            candidate=candidate_of(row.optimizer, row.hyperparameters, row.schedule),
            seed=row.seed,
            phase=decode(Phase, row.phase),
            status=decode(Status, row.status),
            points=curves.get(row.id, ()),
            message=row.message,
            seconds_per_step=row.seconds_per_step,
            state_bytes=row.state_bytes,
            cause=decode(Cause, row.cause),
        )
        for row in _in_pieces(db, query)
    )


def _curves(db: Connection, study: int) -> Mapping[int, tuple[Point, ...]]:
    query = select(points).join(runs).where(runs.c.study == study).order_by(points.c.run, points.c.progress)
    return {
        run: tuple(Point(row.progress, row.seconds, row.value) for row in rows)
        for run, rows in groupby(_in_pieces(db, query), key=lambda row: row.run)
    }


def _in_pieces(db: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    yield from db.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE})


def _candidate(optimizer: str, hyperparameters: str, schedule: str) -> Candidate:
    """Of columns as text, so that the runs of one candidate can share it."""
    parts = {"hyperparameters": from_json(hyperparameters), "schedule": from_json(schedule)}
    return decode(Candidate, {"optimizer": optimizer, **parts})
