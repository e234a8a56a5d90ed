"""Writes down one study as it happens: every write is committed when its call returns.

    log = store.begin(Question("digits", study="digits-1"), profile=None, environment=environment())
    with log.at_once():  # or committed together, at the end of a block
        run = log.start_run(Candidate("Adam", {"lr": 1e-3}), seed=0, phase=Phase.SCREEN)
        log.add_point(run, Point(progress=0.1, seconds=2.5, value=0.7))

Writes wait in memory as plain values and become rows in one transaction.  Making that transaction twice
changes nothing, so one whose connection dropped is simply made again.
"""

from __future__ import annotations

import hashlib
from collections import ChainMap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BindParameter, Connection, Text, bindparam, func, literal, select, type_coerce

from surefoot.store.database import Database
from surefoot.store.errors import StoreError
from surefoot.store.queries import read_study
from surefoot.store.schema import decisions, insert, points, runs, studies, to_json, to_line
from surefoot.study.answer import Answer
from surefoot.study.codec import encode
from surefoot.study.decisions import Decision, details_of, kind_of
from surefoot.study.profile import TaskProfile
from surefoot.study.records import StudyRecord
from surefoot.study.run import Candidate, Cause, Phase, Point, Status

Row = dict[str, Any]

_IDENTITY = ("study", "phase", "seed", "optimizer", "hyperparameters", "schedule")
"""What makes two runs the same."""


class StudyLog:
    """Writes one study; made by `Store.begin`. A study has one log at a time.

    Every write may be repeated with the same arguments without effect.

    Raises:
        StoreError: by every method if the database fails, or a value is not one which the store can hold.
            What had been written stays in memory, and goes with the next write.
    """

    def __init__(self, database: Database, name: str, study: int) -> None:
        self._database = database
        self._name = name
        self._study = study
        self._statements = _Statements(database.dialect)
        self._together = False
        self._waiting = _Writes()
        self._runs: dict[bytes, int] = {}  # by fingerprint: the number under which the caller knows a run
        self._ids: dict[int, int] = {}  # by that number: the run's key in the database
        self._decided: set[bytes] = set()  # fingerprints of the decisions in the database

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Commit what is written in this block together, at its end; also where it ends in an exception.

        A commit waits for the disk, for milliseconds: do with it what others need not wait for. Blocks may
        not be nested, and the study is not read within one.
        """
        self._together = True
        try:
            yield
        finally:  # what was written before an exception, Ctrl-C too, is true nevertheless
            self._together = False
            self._commit()

    def record(self) -> StudyRecord:
        """Return everything known so far."""
        return self._database.read(lambda db: read_study(db, self._name, self._database.place))

    def set_profile(self, profile: TaskProfile) -> None:
        """Keep what is known of the task, in place of what was there."""
        self._update("profile", encode(profile))

    def start_run(self, candidate: Candidate, seed: int, phase: Phase) -> int:
        """Return this log's number for the run of this candidate, seed and phase.

        A run which is in the store already stays as it is.
        """
        row: Row = {
            "study": self._study,
            "phase": phase.value,
            "seed": self._whole(seed),
            "optimizer": to_line(candidate.optimizer),
            "hyperparameters": self._json(candidate.hyperparameters),
            "schedule": self._json(encode(candidate.schedule)),
        }
        key = _fingerprint(*row.values())
        if key not in self._runs:
            run = len(self._runs) + 1
            self._waiting.runs[run] = row | {"status": Status.RUNNING.value, "message": "", "state_bytes": 0}
            self._runs[key] = run
        self._written()
        return self._runs[key]

    def add_point(self, run: int, point: Point) -> None:
        """Add a point to a run's curve; of several with the same progress the first is kept."""
        self._waiting.points.append((self._known(run), point))
        self._written()

    def end_run(
        self,
        run: int,
        status: Status,
        message: str,
        seconds_per_step: float,
        state_bytes: int,
        cause: Cause = Cause.NONE,
    ) -> None:
        """Write down how a run ended; a run which was taken further may end again.

        Args:
            run: the run's number, from `start_run`.
            status: how it stands now.
            message: why it failed or diverged, else empty.
            seconds_per_step: nan where it is not known.
            state_bytes: bytes of optimizer state.
            cause: of a failed run.
        """
        end = {
            "status": status.value,
            "message": message,
            "seconds_per_step": seconds_per_step,
            "state_bytes": self._whole(state_bytes),
            "cause": cause.value,
        }
        self._waiting.ends.append((self._known(run), end))
        self._written()

    def decide(self, decision: Decision, seconds: float) -> None:
        """Append a decision with the next number, unless an equal one is there already.

        Args:
            decision: what was decided.
            seconds: since the study began; a repeated decision keeps its first time.
        """
        kind, details = str(kind_of(decision)), self._json(details_of(decision))
        row = {"kind": kind, "text": to_line(decision.text), "details": details}
        self._waiting.decisions.setdefault(_fingerprint(*row.values()), row | {"seconds": seconds})
        self._written()

    def finish(self, answer: Answer) -> None:
        """Keep the answer's document; the study is then finished."""
        self._update("answer", answer.to_document())

    def _update(self, column: str, value: Mapping[str, Any]) -> None:
        self._waiting.study[column] = self._json(value)
        self._written()

    def _written(self) -> None:
        if not self._together:
            self._commit()

    def _commit(self) -> None:
        """Write what waits; it waits on where that fails."""
        if self._waiting.empty:
            return
        ids, decided = self._database.write(self._transaction)
        self._ids |= ids
        self._decided |= decided
        self._waiting = _Writes()

    def _transaction(self, db: Connection) -> tuple[dict[int, int], set[bytes]]:
        """Make rows of all that waits; returns the keys of new runs and the fingerprints of new decisions."""
        statements, waiting = self._statements, self._waiting
        ids = {run: db.execute(statements.start_run, row).scalar_one() for run, row in waiting.runs.items()}
        known = ChainMap(ids, self._ids)
        if waiting.points:
            rows = [
                {"run": known[run], "progress": p.progress, "seconds": p.seconds, "value": p.value}
                for run, p in waiting.points
            ]
            db.execute(statements.add_point, rows)
        if waiting.ends:
            db.execute(statements.end_run, [{"id_of_run": known[run], **end} for run, end in waiting.ends])
        if decided := self._new_decisions(db):
            db.execute(statements.decide, list(decided.values()))
        if waiting.study:
            values = {column: literal(text, Text) for column, text in waiting.study.items()}
            db.execute(studies.update().where(studies.c.id == self._study).values(values))
        return ids, set(decided)

    def _new_decisions(self, db: Connection) -> dict[bytes, Row]:
        """Those that wait and are not in the store yet, by fingerprint and numbered on."""
        if not self._waiting.decisions:
            return {}
        last = db.scalar(select(func.max(decisions.c.number)).where(decisions.c.study == self._study))
        count = 0 if last is None else last + 1
        if count != len(self._decided):  # written by an earlier log, or by a commit that nobody confirmed
            self._decided = self._stored_decisions(db)
        new = {key: row for key, row in self._waiting.decisions.items() if key not in self._decided}
        return {
            key: {"study": self._study, "number": count + place, **row}
            for place, (key, row) in enumerate(new.items())
        }

    def _stored_decisions(self, db: Connection) -> set[bytes]:
        details = type_coerce(decisions.c.details, Text)
        query = select(decisions.c.kind, decisions.c.text, details).where(decisions.c.study == self._study)
        return {_fingerprint(*row) for row in db.execute(query)}

    def _known(self, run: int) -> int:
        if not 0 < run <= len(self._runs):
            raise StoreError(f"{self._database.place}: no run {run}")
        return run

    def _json(self, value: Mapping[str, Any]) -> str:
        try:
            return to_json(value)
        except (TypeError, ValueError) as error:
            raise StoreError(f"{self._database.place}: {error}") from None

    def _whole(self, value: int) -> int:
        if not -(2**63) <= value < 2**63:
            raise StoreError(f"{self._database.place}: {value} is too large for a whole number of 64 bits")
        return value


@dataclass
class _Writes:
    """What waits to be committed; runs by the log's numbers, JSON as text."""

    runs: dict[int, Row] = field(default_factory=dict)
    points: list[tuple[int, Point]] = field(default_factory=list)
    ends: list[tuple[int, Row]] = field(default_factory=list)
    decisions: dict[bytes, Row] = field(default_factory=dict)  # by fingerprint
    study: dict[str, str] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return not (self.runs or self.points or self.ends or self.decisions or self.study)


class _Statements:
    """What is written most, made once for each dialect; JSON comes as text."""

    def __init__(self, dialect: str) -> None:
        start = insert(runs, dialect).values(
            hyperparameters=_text("hyperparameters"), schedule=_text("schedule")
        )
        # A run that is there is "updated" to what it is, since only so its id is returned.
        self.start_run = start.on_conflict_do_update(
            index_elements=_IDENTITY, set_={"seed": start.excluded.seed}
        ).returning(runs.c.id)
        self.add_point = insert(points, dialect).on_conflict_do_nothing()
        self.end_run = runs.update().where(runs.c.id == bindparam("id_of_run"))
        self.decide = insert(decisions, dialect).values(details=_text("details"))


def _text(name: str) -> BindParameter[str]:
    return bindparam(name, type_=Text)


def _fingerprint(*parts: object) -> bytes:
    """Equal for equal values, and small: a study may hold a hundred thousand."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).digest()
