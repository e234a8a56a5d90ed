"""A real lab over a store with two studies, and a real browser that must not talk to anybody else.

`page` and `phone` fail a test in which the page asked another host for anything, or complained in its
console; what a test has provoked itself it takes out of `complaints`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from surefoot.store.store import Store
from surefoot.study.decisions import Piloted, Promoted, RuledOut, Stopped
from surefoot.study.records import StudyRecord
from surefoot.study.run import Phase, Status
from tests.report.sample_study import sample_study

PATIENCE = 120_000
"""Milliseconds for what takes a fraction of a second once the workers have loaded torch."""

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
FINISHED, UNFINISHED = "digits-2026-11-24", "still-running"
SERVE = """
import sys
from surefoot.lab.options import QueueLimits
from surefoot.lab.serve import serve
patient = QueueLimits(animation_seconds=120, picture_seconds=120, study_seconds=120, queue_seconds=120)
serve(port=0, store=sys.argv[1], limits=patient, announce=lambda line: print(line, flush=True))
"""


@dataclass(frozen=True)
class Lab:
    """A lab that is being served.

    Attributes:
        url: without a slash at its end.
        store: the SQLite file.
        process: the server.
        finished, unfinished: names of the studies in it.
    """

    url: str
    store: Path
    process: subprocess.Popen[str]
    finished: str = FINISHED
    unfinished: str = UNFINISHED


@pytest.fixture(scope="package")
def lab() -> Iterator[Lab]:
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "evidence.db"
        fill(store, sample_study(), unfinished())
        with serving(store) as found:
            yield found


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    # Not for the whole session: while Playwright is open, no test of this process could run an event loop.
    executable = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if executable is None:
        no_browser = f"none of {', '.join(CHROMIUM)} is installed"
        if os.environ.get("CI") == "true":
            pytest.fail(no_browser)
        pytest.skip(no_browser)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the page wrote to its console as errors, and exceptions that nobody caught."""
    return []


@pytest.fixture
def page(browser: Any, lab: Lab, complaints: list[str]) -> Iterator[Any]:
    """A page of the lab at the width of a desk."""
    yield from opened(browser, lab, complaints, viewport={"width": 1280, "height": 860})


@pytest.fixture
def phone(browser: Any, lab: Lab, complaints: list[str]) -> Iterator[Any]:
    """A page of the lab on a phone that is touched."""
    viewport = {"width": 390, "height": 844}
    yield from opened(
        browser, lab, complaints, viewport=viewport, has_touch=True, is_mobile=True, device_scale_factor=2
    )


def opened(browser: Any, lab: Lab, complaints: list[str], **settings: Any) -> Iterator[Any]:
    """A page in a context of its own; requests to other origins are blocked, and fail the test at its end."""
    outside: list[str] = []
    own = urlsplit(lab.url).netloc

    def pass_or_block(route: Any) -> None:
        if urlsplit(route.request.url).netloc == own:
            route.continue_()
        else:
            outside.append(route.request.url)
            route.abort()

    context = browser.new_context(base_url=lab.url, service_workers="block", **settings)
    context.set_default_timeout(PATIENCE)
    context.route("**/*", pass_or_block)
    page = context.new_page()
    page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("websocket", lambda socket: outside.append(socket.url))
    yield page
    context.close()
    assert outside == []
    assert complaints == []


class serving:  # noqa: N801 - a context manager
    """A lab over a store, on a free port, in a process of its own."""

    def __init__(self, store: Path) -> None:
        self._store = store

    def __enter__(self) -> Lab:
        command = [sys.executable, "-P", "-c", SERVE, str(self._store)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("Surefoot lab: http"), line
        return Lab(line.split()[2].rstrip("/"), self._store, self._process)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=30)


def unfinished() -> StudyRecord:
    """A study in mid-race: no answer, and a run that goes on."""
    study = sample_study(finished=False, seed=1)
    screened = tuple(run for run in study.runs if run.phase == Phase.SCREEN)
    going_on = replace(screened[-1], seed=7, status=Status.RUNNING, points=screened[0].points[:1], message="")
    early = (Piloted, RuledOut, Promoted, Stopped)
    race = tuple(d for d in study.decisions if isinstance(d.decision, early))
    return replace(
        study, question=replace(study.question, study=UNFINISHED), runs=(*screened, going_on), decisions=race
    )


def fill(store: Path, *studies: StudyRecord) -> None:
    """Write studies as `choose` does."""
    with Store.at(store) as opened_store:
        for study in studies:
            log = opened_store.begin(study.question, study.profile, study.environment)
            with log.at_once():
                for run in study.runs:
                    number = log.start_run(run.candidate, run.seed, run.phase)
                    for point in run.points:
                        log.add_point(number, point)
                    if run.status != "running":
                        log.end_run(
                            number, run.status, run.message, run.seconds_per_step, run.state_bytes, run.cause
                        )
                for record in study.decisions:
                    log.decide(record.decision, record.seconds)
                if study.answer is not None:
                    log.finish(study.answer)
