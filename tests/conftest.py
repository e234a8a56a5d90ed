"""What every test can rely on."""

from __future__ import annotations

import signal

import pytest

HEARD = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGTERM: signal.SIG_DFL,
}


@pytest.fixture(scope="session", autouse=True)
def _signals_are_heard():
    """In the background, or under nohup, tests and all processes that they start would be deaf to some."""
    for number, handler in HEARD.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
