"""The evidence store: `Store` reads any study, `StudyLog` writes one.

    with Store.at("evidence.db") as store:
        log = store.begin("digits", "digits", settings={"seed": 0}, look={}, environment=environment())
        run = log.start_run("Adam", {"lr": 1e-3}, {"kind": "trunk"}, seed=0, phase="screen")
        log.add_point(run, PointRecord(progress=0.1, seconds=2.5, value=0.7))
        log.end_run(run, "completed", "", seconds_per_step=1e-3, state_bytes=4096)
        log.finish({"verdict": "tie"})
        store.study("digits").finished  # True

Every call which writes has committed when it returns: what it wrote survives a kill; only inside
`with log.at_once():` it is committed at the end of the block. All of them may be repeated with the same
arguments without effect, so a study is resumed by simply going on.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import URL, Connection, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from surefoot.evidence.database import clear_errors, open_database, where
from surefoot.evidence.errors import StoreError, UnknownStudy
from surefoot.evidence.records import DecisionRecord, PointRecord, RunRecord, StudyRecord, StudySummary
from surefoot.evidence.schema import decisions, from_json, points, runs, studies, to_json

# Points are what is written most: one statement each, made once.
_NEW_POINT = {
    "sqlite": sqlite.insert(points).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(points).on_conflict_do_nothing(),
}


class Store:
    """Studies behind a database URL, created if it does not exist.

    Many processes may read a store while others write to it, each its own study.

    Args:
        url: `sqlite:///evidence.db`, `sqlite:////absolute/path.db` or `postgresql://user@host/name`.

    Raises:
        StoreError: by the constructor if the database cannot be opened, is damaged, belongs to another
            program or was written by a newer Surefoot (a SQLite file is then left as it was), and by
            every method if the database fails.
    """

    def __init__(self, url: str | URL) -> None:
        self._engine = open_database(url)
        self._writer = self._engine.execution_options(writes=True)
        self._open: Connection | None = None  # the transaction of `StudyLog.at_once`
        self._where = where(self._engine.url)

    @classmethod
    def at(cls, place: str | Path) -> Self:
        """Open the store at a database URL or at the path of a SQLite file."""
        if isinstance(place, str) and "://" in place:
            return cls(place)
        return cls(URL.create("sqlite", database=str(place)))

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def studies(self) -> list[StudySummary]:
        """Return what a list of studies shows, in order of creation."""
        count = func.count(runs.c.id).label("runs")
        columns = studies.c.name, studies.c.task, studies.c.created, studies.c.answer
        query = select(*columns, count).outerjoin(runs).group_by(studies.c.id).order_by(studies.c.id)
        with self._reading() as db:
            return [
                StudySummary(
                    name=row.name,
                    task=row.task,
                    created=row.created,
                    finished=row.answer is not None,
                    runs=row.runs,
                    verdict=(row.answer or {}).get("verdict"),
                )
                for row in db.execute(query)
            ]

    def study(self, name: str) -> StudyRecord:
        """Return everything known about a study, finished or not, as of one moment.

        Runs come in the order in which they were started.

        Raises:
            UnknownStudy: there is none of this name.
        """
        with self._reading() as db:
            study = db.execute(select(studies).where(studies.c.name == name)).one_or_none()
            if study is None:
                raise UnknownStudy(self._unknown(name, db.scalars(select(studies.c.name)).all()))
            return StudyRecord(
                name=study.name,
                task=study.task,
                settings=study.settings,
                look=study.look,
                environment=study.environment,
                created=study.created,
                answer=study.answer,
                decisions=_decisions(db, study.id),
                runs=_runs(db, study.id),
            )

    def begin(
        self,
        name: str,
        task: str,
        settings: Mapping[str, Any],
        look: Mapping[str, Any],
        environment: Mapping[str, Any],
    ) -> StudyLog:
        """Create a study, or open the one of this name to go on with it.

        A study which exists keeps its own `look` and `environment`.

        Raises:
            StoreError: a study of this name exists with another task or other settings; the message
                names those which differ, with both values.
        """
        start = {"task": task, "settings": settings, "look": look, "environment": environment}
        created = datetime.now(UTC).isoformat(timespec="seconds")
        with self._writing() as db:
            (study,) = _insert_once(db, studies, {"name": name}, created=created, **start)
            stored = db.execute(select(studies).where(studies.c.id == study)).one()
        differences = _differences(
            {**stored.settings, "task": stored.task}, {**from_json(to_json(settings)), "task": task}
        )
        if differences:
            raise StoreError(
                f"{self._where}: study {name!r} exists with other settings: {', '.join(differences)}"
            )
        return StudyLog(self, name, study)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with clear_errors(self._where), self._engine.begin() as db:
            yield db

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with clear_errors(self._where):
            if self._open is not None:
                yield self._open
                return
            with self._writer.begin() as db:
                yield db

    def _unknown(self, name: str, existing: Sequence[str]) -> str:
        nearest = difflib.get_close_matches(name, existing, n=1, cutoff=0.0)
        hint = f"the nearest is {nearest[0]!r}" if nearest else "it holds no study yet"
        return f"{self._where}: no study {name!r}; {hint}"


class StudyLog:
    """Writes down one study as it happens; made by `Store.begin`. A study has one log at a time.

    Raises:
        StoreError: by every method if the database fails, or a value is not one which JSON can hold.
    """

    def __init__(self, store: Store, name: str, study: int) -> None:
        self._store = store
        self._name = name
        self._study = study

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Commit what is written in this block together, at its end; also where it ends in an exception.

        A commit waits for the disk, for milliseconds: do with it what others need not wait for. Blocks may
        not be nested, and nothing is read from the store within one.
        """
        failure: BaseException | None = None
        with self._store._writing() as db:
            self._store._open = db
            try:
                yield
            except BaseException as error:  # what was written before it, Ctrl-C too, is true nevertheless
                failure = error
            finally:
                self._store._open = None
        if failure is not None:
            raise failure

    def record(self) -> StudyRecord:
        """Return everything known so far."""
        return self._store.study(self._name)

    def set_look(self, look: Mapping[str, Any]) -> None:
        """Keep what the Look phase measured, in place of what was there."""
        self._update(look=look)

    def start_run(
        self,
        optimizer: str,
        hyperparameters: Mapping[str, Any],
        schedule: Mapping[str, Any],
        seed: int,
        phase: str,
    ) -> int:
        """Return the id of the run of this candidate, seed and phase; one that is known stays as it is."""
        identity = {
            "study": self._study,
            "optimizer": optimizer,
            "hyperparameters": hyperparameters,
            "schedule": schedule,
            "seed": seed,
            "phase": phase,
        }
        with self._store._writing() as db:
            (run,) = _insert_once(db, runs, identity, status="running", message="", state_bytes=0)
        return int(run)

    def add_point(self, run: int, point: PointRecord) -> None:
        """Add a point to a run's curve; of several with the same progress the first is kept."""
        with self._store._writing() as db:
            db.execute(_NEW_POINT[db.dialect.name], {"run": run, **asdict(point)})

    def end_run(
        self,
        run: int,
        status: str,
        message: str,
        seconds_per_step: float,
        state_bytes: int,
        cause: str = "",
    ) -> None:
        """Write down how a run ended; a run which was taken further may end again.

        Args:
            run: the run's id, from `start_run`.
            status: one of `RunRecord.status`.
            message: why it failed or diverged, else empty.
            seconds_per_step: nan where it is not known.
            state_bytes: bytes of optimizer state.
            cause: one of `RunRecord.cause`.
        """
        end = {
            "status": status,
            "message": message,
            "seconds_per_step": seconds_per_step,
            "state_bytes": state_bytes,
            "cause": cause,
        }
        with self._store._writing() as db:
            changed = db.execute(runs.update().where(runs.c.id == run).values(end)).rowcount
        if not changed:
            raise StoreError(f"{self._store._where}: no run {run}")

    def decide(self, kind: str, text: str, details: Mapping[str, Any], seconds: float) -> None:
        """Append a decision with the next number, unless the same kind, text and details are there already.

        Args:
            kind: one of `DecisionRecord.kind`.
            text: one sentence for the user.
            details: the numbers behind it.
            seconds: since the study began; a repeated decision keeps its first time.
        """
        identity = {"study": self._study, "kind": kind, "text": text, "details": details}
        count = select(func.count()).select_from(decisions).where(decisions.c.study == self._study)
        with self._store._writing() as db:
            number = db.execute(count).scalar_one()
            _insert_once(db, decisions, identity, number=number, seconds=seconds)

    def finish(self, answer: Mapping[str, Any]) -> None:
        """Keep the answer (the `--json` document); the study is then finished."""
        self._update(answer=answer)

    def _update(self, **values: Any) -> None:
        with self._store._writing() as db:
            db.execute(studies.update().where(studies.c.id == self._study).values(values))


def _insert_once(db: Connection, table: Table, identity: Mapping[str, Any], **others: Any) -> tuple[Any, ...]:
    """Return the primary key of the row with these values of `identity`, inserted if there is none."""
    same = (table.c[column] == value for column, value in identity.items())
    known = db.execute(select(*table.primary_key).where(*same)).first()
    if known is not None:
        return tuple(known)
    key = db.execute(table.insert().values({**identity, **others})).inserted_primary_key
    return tuple(key or ())


def _decisions(db: Connection, study: int) -> tuple[DecisionRecord, ...]:
    query = select(decisions).where(decisions.c.study == study).order_by(decisions.c.number)
    return tuple(
        DecisionRecord(row.number, row.seconds, row.kind, row.text, row.details) for row in db.execute(query)
    )


def _runs(db: Connection, study: int) -> tuple[RunRecord, ...]:
    curves = _curves(db, study)
    return tuple(
        RunRecord(
            optimizer=row.optimizer,
            hyperparameters=row.hyperparameters,
            schedule=row.schedule,
            seed=row.seed,
            phase=row.phase,
            status=row.status,
            points=tuple(curves[row.id]),
            message=row.message,
            seconds_per_step=row.seconds_per_step,
            state_bytes=row.state_bytes,
            cause=row.cause,
        )
        for row in db.execute(select(runs).where(runs.c.study == study).order_by(runs.c.id))
    )


def _curves(db: Connection, study: int) -> Mapping[int, list[PointRecord]]:
    curves: defaultdict[int, list[PointRecord]] = defaultdict(list)
    query = select(points).join(runs).where(runs.c.study == study).order_by(points.c.run, points.c.progress)
    for row in db.execute(query):
        curves[row.run].append(PointRecord(row.progress, row.seconds, row.value))
    return curves


def _differences(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """Name each key whose values differ, with both; compared as JSON, so that nan equals nan."""
    return [
        f"{key} is {_shown(stored, key)}, asked for {_shown(asked, key)}"
        for key in sorted(stored.keys() | asked.keys())
        if _shown(stored, key) != _shown(asked, key)
    ]


def _shown(settings: Mapping[str, Any], key: str) -> str:
    return to_json(settings[key]) if key in settings else "not set"
