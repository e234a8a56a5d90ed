"""What workers do with studies: they read the store, and never write to it or create it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from surefoot.evidence.errors import StoreError, UnknownStudy
from surefoot.evidence.store import Store
from surefoot.show.lab.answers import Answer, Refused, as_json

Arguments = Mapping[str, Any]
Stopped = Callable[[], bool]

PATIENCE = 3.0
"""Seconds to wait for a database that does not answer: somebody looks on."""


def studies(arguments: Arguments, stopped: Stopped) -> Answer:
    """The list of studies; empty where there is no store yet."""
    with opened(arguments["store"]) as store:
        return as_json({"studies": [asdict(summary) for summary in store.studies()] if store else []})


@contextmanager
def opened(place: str | None) -> Iterator[Store | None]:
    """The store at a place; None where there is none yet."""
    if place is None or not _exists(place):
        yield None
        return
    try:
        with Store.at(place, PATIENCE) as store:
            yield store
    except UnknownStudy as error:
        raise Refused(404, str(error)) from None
    except StoreError as error:
        raise Refused(503, str(error), 5) from None


def _exists(place: str) -> bool:
    path = place.removeprefix("sqlite:///") if place.startswith("sqlite:///") else place
    return ("://" in path) or (Path(path).is_file() and Path(path).stat().st_size > 0)


JOBS: Mapping[str, Callable[[Arguments, Stopped], Answer]] = {"studies": studies}
"""By the names that the desk uses."""
