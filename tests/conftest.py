"""What every test can rely on, and which of them the quick lane leaves out.

`make test` runs what is marked neither `slow` nor `real`; `make test-all` runs the rest, too.  Whatever uses
a fixture of `REAL` is `real`; other tests say so themselves.
"""

from __future__ import annotations

import signal

import pytest

HEARD = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGTERM: signal.SIG_DFL,
}

REAL = {"browser", "cluster"}
"""Fixtures that start a real Chromium, PostgreSQL or Ray."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark what uses a real server or browser, before the lane is selected by its marks."""
    for item in items:
        if REAL & set(item.fixturenames):
            item.add_marker("real")


@pytest.fixture(scope="session", autouse=True)
def _signals_are_heard():
    """In the background, or under nohup, tests and all processes that they start would be deaf to some."""
    for number, handler in HEARD.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
