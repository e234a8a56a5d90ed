from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from surefoot.evidence import Store, StudyLog

SETTINGS = {"budget": 60.0, "optimizers": ["Adam", "SGD"], "seed": 0}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "evidence.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.at(path) as store:
        yield store


@pytest.fixture
def begin() -> Callable[..., StudyLog]:
    """Begin, or go on with, a study of the same settings."""

    def begin(store: Store, name: str = "digits", **settings: object) -> StudyLog:
        return store.begin(name, "digits", {**SETTINGS, **settings}, look={}, environment={})

    return begin
