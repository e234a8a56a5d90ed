from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from surefoot.store import Store, StudyLog
from surefoot.study.question import Question
from tests.store.cluster import Cluster, binaries

QUESTION = Question("digits", ("Adam", "SGD"), budget_seconds=60.0)
NUMBERS = itertools.count()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "evidence.db"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """PostgreSQL, started once in each test process that needs it; in CI it must be there."""
    if binaries() is None and not os.environ.get("CI"):
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    cluster = Cluster()
    yield cluster
    cluster.stop()


@pytest.fixture
def schema(cluster: Cluster) -> Iterator[str]:
    """Return the name of a new, empty PostgreSQL schema: as good as a database, and much cheaper."""
    name = f"test_{next(NUMBERS)}"
    cluster.sql(f"CREATE SCHEMA {name}")
    yield name
    cluster.sql(f"DROP SCHEMA {name} CASCADE")


@pytest.fixture
def postgresql(cluster: Cluster, schema: str) -> str:
    """Return the URL of a new, empty PostgreSQL schema."""
    return cluster.url(schema)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a new, empty database; a test that asks for it runs once on each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('path')}"
    return str(request.getfixturevalue("postgresql"))


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.at(url) as store:
        yield store


@pytest.fixture
def begin() -> Callable[..., StudyLog]:
    """Begin, or go on with, a study of the same question."""

    def begin(store: Store, name: str = "digits", **asked: Any) -> StudyLog:
        return store.begin(replace(QUESTION, study=name, **asked), profile=None, environment={})

    return begin
