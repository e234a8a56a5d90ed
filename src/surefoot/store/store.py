"""The evidence store: `Store` reads any study, and begins those which a `StudyLog` then writes.

    with Store.at("evidence.db") as store:
        log = store.begin(Question("digits", study="digits-1"), profile=None, environment=environment())
        run = log.start_run(Candidate("Adam", {"lr": 1e-3}), seed=0, phase=Phase.SCREEN)
        log.add_point(run, Point(progress=0.1, seconds=2.5, value=0.7))
        log.end_run(run, Status.COMPLETED, "", seconds_per_step=1e-3, state_bytes=4096)
        log.finish(answer)
        store.study("digits-1").finished  # True

Every call which writes has committed when it returns: what it wrote survives a kill; only inside
`with log.at_once():` it is committed at the end of the block. All of them may be repeated with the same
arguments without effect, so a study is resumed by simply going on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import URL, Connection, Row, null, select

from surefoot.store.claim import claimed
from surefoot.store.database import PATIENCE, open_database
from surefoot.store.errors import StoreError
from surefoot.store.log import StudyLog
from surefoot.store.queries import find_study, read_question, read_state, read_study, read_summaries
from surefoot.store.schema import decisions, documents, insert, studies, to_json
from surefoot.study.codec import encode
from surefoot.study.decisions import details_of
from surefoot.study.profile import TaskProfile
from surefoot.study.question import Asked, Question, encode_question
from surefoot.study.records import DecisionRecord, StudyRecord, StudySummary

SITTINGS = "sittings"
"""The document of what a study had asked, decided and answered before it was given more budget."""


class Store:
    """Studies behind a database URL, created if it does not exist.

    Many processes may read a store while others write to it, each its own study.

    Args:
        url: `sqlite:///evidence.db`, `sqlite:////absolute/path.db` or `postgresql://user@host/name`.
        patience: seconds to wait for a file that another process has locked, or for a server that has
            dropped the connection.

    Raises:
        StoreError: by the constructor if the database cannot be opened, is damaged, belongs to another
            program or was written by a newer Surefoot or by one that was not released (it is then left as
            it was), and by every method if the database fails.
    """

    def __init__(self, url: str | URL, patience: float = PATIENCE) -> None:
        self._database = open_database(url, patience)

    @classmethod
    def at(cls, place: str | Path, patience: float = PATIENCE) -> Self:
        """Open the store at a database URL or at the path of a SQLite file."""
        if isinstance(place, str) and ("://" in place or not place.strip()):
            return cls(place, patience)
        return cls(URL.create("sqlite", database=str(place)), patience)

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def studies(self) -> list[StudySummary]:
        """Return what a list of studies shows, in order of creation."""
        return self._database.read(read_summaries)

    def study(self, name: str) -> StudyRecord:
        """Return everything known about a study, finished or not, as of one moment.

        Runs come in the order in which they were started.

        Raises:
            UnknownStudy: there is none of this name.
        """
        return self._database.read(lambda db: read_study(db, name, self._database.place))

    def keep(self, study: str, kind: str, document: Mapping[str, Any]) -> None:
        """Keep what was made of a study, such as its "landscape", in place of what was kept of this kind.

        Raises:
            UnknownStudy: there is no study of this name.
            StoreError: the document holds what JSON cannot.
        """
        try:
            to_json(document)
        except (TypeError, ValueError) as error:
            raise StoreError(f"{self._database.place}: {error}") from None
        made = {"created": _now(), "content": document}

        def replace(db: Connection) -> None:
            owner = find_study(db, study, self._database.place).id
            row = insert(documents, self._database.dialect).values(study=owner, kind=kind, **made)
            db.execute(row.on_conflict_do_update(index_elements=["study", "kind"], set_=made))

        self._database.write(replace)

    def extend(self, question: Question, begins: Sequence[DecisionRecord]) -> None:
        """Let a study go on with more budget: it asks `question` from now on, and has no answer yet.

        Its runs stay. What it had decided, and its answer, are kept as its document "sittings", a list of one
        entry for each time.

        Args:
            question: of the study of the same name.
            begins: the decisions that it then begins with.

        Raises:
            UnknownStudy: there is no study of this name.
        """
        name, place, dialect = question.study, self._database.place, self._database.dialect
        rows = [
            {
                "number": number,
                "seconds": d.seconds,
                "kind": str(d.kind),
                "text": d.text,
                "details": details_of(d.decision),
            }
            for number, d in enumerate(begins)
        ]

        def go_on(db: Connection) -> None:
            record = read_study(db, name, place)
            owner = find_study(db, name, place).id
            earlier = record.documents.get(SITTINGS, {}).get(SITTINGS, [])
            content = {SITTINGS: [*earlier, _sitting(record)]}
            made = {"created": _now(), "content": content}
            kept = insert(documents, dialect).values(study=owner, kind=SITTINGS, **made)
            db.execute(kept.on_conflict_do_update(index_elements=["study", "kind"], set_=made))
            db.execute(decisions.delete().where(decisions.c.study == owner))
            db.execute(insert(decisions, dialect), [{"study": owner, **row} for row in rows])
            asks = {"question": encode_question(question), "answer": null()}
            db.execute(studies.update().where(studies.c.id == owner).values(asks))

        self._database.write(go_on)

    def state(self, name: str) -> str:
        """Return a short text that is another whenever the study has gone on; cheaper than to read it.

        Raises:
            UnknownStudy: there is none of this name.
        """
        return self._database.read(lambda db: read_state(db, name, self._database.place))

    @contextmanager
    def claimed(self, study: str) -> Iterator[None]:
        """Be the only process that writes a study of this name, there yet or not; readers are free.

        Raises:
            StoreError: another process writes it; the message says which.
        """
        with claimed(self._database, study):
            yield

    def begin(self, question: Asked, profile: TaskProfile | None, environment: Mapping[str, Any]) -> StudyLog:
        """Create the study of a question, or open the one of this name to go on with it.

        A study which exists keeps its own `profile` and `environment`.

        Raises:
            StoreError: a study of this name exists with another question; the message names what
                differs, with both values.
        """
        name = question.study
        row = {
            "name": name,
            "task": question.task,
            "created": _now(),
            "question": encode_question(question),
            "profile": None if profile is None else encode(profile),
            "environment": environment,
        }
        create = insert(studies, self._database.dialect).values(row).on_conflict_do_nothing()

        def create_or_find(db: Connection) -> Row[Any]:
            db.execute(create)
            return db.execute(select(studies).where(studies.c.name == name)).one()

        stored = self._database.write(create_or_find)
        before = read_question(stored, self._database.place)
        if differences := _differences(before, _with_budget_of(before, question)):
            raise StoreError(
                f"{self._database.place}: study {name!r} exists with other settings: {', '.join(differences)}"
            )
        return StudyLog(self._database, name, stored.id)


def _sitting(record: StudyRecord) -> dict[str, Any]:
    """What a study had asked, decided and answered."""
    return {
        "question": encode_question(record.question),
        "answer": record.answer.to_document() if record.answer else None,
        "decisions": [
            {"seconds": d.seconds, "kind": str(d.kind), "text": d.text, "details": details_of(d.decision)}
            for d in record.decisions
        ],
    }


def _with_budget_of(stored: Asked, asked: Asked) -> Asked:
    """The question, with the budget of its study if that was given more since it was asked like this."""
    if not isinstance(stored, Question) or not isinstance(asked, Question):
        return asked
    if (stored.runs is None) != (asked.runs is None) or asked.budget not in (*stored.earlier, stored.budget):
        return asked
    return replace(
        asked,
        runs=stored.runs,
        budget_seconds=stored.budget_seconds,
        earlier=stored.earlier,
        raced=stored.raced,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _differences(stored: Asked, asked: Asked) -> list[str]:
    """Name each part that differs, with both values; the command follows from the others."""
    before, now = encode_question(stored), encode_question(asked)
    return [
        f"{key} is {_shown(before, key)}, asked for {_shown(now, key)}"
        for key in sorted((before.keys() | now.keys()) - {"command"})
        if before.get(key) != now.get(key) and _shown(before, key) != _shown(now, key)
    ]


def _shown(question: Mapping[str, Any], key: str) -> str:
    """As JSON, in which nan equals nan."""
    return to_json(question[key]) if key in question else "not set"
