"""What workers do with studies: they read the store, and never write to it or create it.

    JOBS["studies"]({"store": "evidence.db"}, lambda: False)

SQLite is opened read-only, PostgreSQL with read-only transactions, whatever the user may do there.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from surefoot.lab.answers import JobResult, Refused, as_json, file_name, to_bytes
from surefoot.store.database import shown, where
from surefoot.store.errors import StoreError, UnknownStudy
from surefoot.store.store import Store
from surefoot.study.records import StudyRecord
from surefoot.study.strict_json import without_nan

Arguments = Mapping[str, Any]
Stopped = Callable[[], bool]

PATIENCE = 3.0
"""Seconds to wait for a database that does not answer: somebody looks on."""

_RECORDS = 2
"""Studies that a worker keeps in memory: the figures of one page are asked for one after the other."""

_READ_ONLY = "-c default_transaction_read_only=on"


def studies(arguments: Arguments, stopped: Stopped) -> JobResult:
    """The list of studies; empty where there is no store yet."""
    with opened(arguments["store"]) as store:
        return as_json({"studies": [asdict(summary) for summary in store.studies()] if store else []})


def state(arguments: Arguments, stopped: Stopped) -> JobResult:
    """What changes when the study goes on."""
    name = arguments["name"]
    with opened(arguments["store"]) as store:
        if store is None:
            raise Refused(404, f"no study {name!r}; there is no store yet")
        return as_json(store.state(name))


def page(arguments: Arguments, stopped: Stopped) -> JobResult:
    """One study as its page shows it."""
    from surefoot.lab.study_page import page_html

    return JobResult(page_html(_record(arguments)).encode(), "text/html; charset=utf-8")


def figures(arguments: Arguments, stopped: Stopped) -> JobResult:
    """The figures of one sort as SVG, by name: drawn together, since most of the work is the same."""
    from surefoot.lab.study_page import figures

    return as_json(figures(_record(arguments), arguments["sort"], stopped))


def report(arguments: Arguments, stopped: Stopped) -> JobResult:
    """The report, as a file."""
    from surefoot.report.report import report_html

    study = _record(arguments)
    return JobResult(report_html(study).encode(), "text/html; charset=utf-8", file_name(study.name, ".html"))


def answer(arguments: Arguments, stopped: Stopped) -> JobResult:
    """The answer, as `choose --json` writes it."""
    study = _record(arguments)
    if study.answer is None:
        raise Refused(404, f"study {study.name!r} has no answer yet")
    return JobResult(to_bytes(without_nan(study.answer.to_document())), name=file_name(study.name, ".json"))


def landscape(arguments: Arguments, stopped: Stopped) -> JobResult:
    """The landscape of the study's model, as `surefoot landscape` has kept it."""
    study = _record(arguments)
    if (found := study.documents.get("landscape")) is None:
        raise Refused(404, f"study {study.name!r} has no landscape yet: surefoot landscape draws it")
    return JobResult(to_bytes(without_nan(found)), name=file_name(f"{study.name}-landscape", ".json"))


@contextmanager
def opened(place: str | None) -> Iterator[Store | None]:
    """The store at a place, to be read; None where there is none yet.

    Raises:
        Refused: there is no such study, or the database fails.
    """
    url = None if place is None else read_only(place)
    if url is None:
        yield None
        return
    try:
        with Store(url, PATIENCE) as store:
            yield store
    except UnknownStudy as error:
        raise Refused(404, _named(str(error), url, place)) from None
    except StoreError as error:
        raise Refused(503, _named(str(error), url, place), 5) from None


def read_only(place: str) -> URL | None:
    """The URL that reads what is at a place and can do nothing else; None: there is nothing to read.

    Raises:
        Refused: it is no URL.
    """
    try:
        url = make_url(place) if "://" in place else URL.create("sqlite", database=place)
    except (ArgumentError, ValueError):  # the latter of a port that is not a number
        raise Refused(
            503, "the lab's store is no URL: write sqlite:///FILE or postgresql://USER@HOST/NAME"
        ) from None
    if url.get_backend_name() != "sqlite":
        options = " ".join(filter(None, (_text(url.query.get("options", "")), _READ_ONLY)))
        return url.update_query_dict({"options": options})
    file = Path(url.database or "")
    if not url.database or not file.is_file() or not file.stat().st_size:
        return None
    return URL.create("sqlite", database=file.resolve().as_uri(), query={"mode": "ro", "uri": "true"})


def _text(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else " ".join(value)


def _named(message: str, url: URL, place: str | None) -> str:
    """The message with the store as the user has named it, and in words that tell what to do."""
    own = shown(make_url(place)) if place and "://" in place else place
    message = message.replace(where(url), f"store {own}")
    if "read-only transaction" in message or "readonly database" in message:
        return f"store {own}: empty, or of an older Surefoot; surefoot list studies --store {own} sees to it"
    return message


def _record(arguments: Arguments) -> StudyRecord:
    """The study as of the state that was asked for, or later."""
    key = arguments["store"], arguments["name"], arguments["state"]
    kept = _kept()
    if key not in kept:
        with opened(arguments["store"]) as store:
            if store is None:
                raise Refused(404, f"no study {arguments['name']!r}; there is no store yet")
            kept[key] = store.study(arguments["name"])
        while len(kept) > _RECORDS:
            kept.popitem(last=False)
    return kept[key]


@functools.cache
def _kept() -> OrderedDict[tuple[str, str, str], StudyRecord]:
    return OrderedDict()


JOBS: Mapping[str, Callable[[Arguments, Stopped], JobResult]] = {
    "studies": studies,
    "state": state,
    "page": page,
    "figures": figures,
    "report": report,
    "answer": answer,
    "landscape": landscape,
}
"""By the names that the job queue uses."""
