"""SIGTERM and SIGHUP end a command as Ctrl-C does, with an exit status of their own.

with heeding_termination():
    work()  # raises Terminated, a KeyboardInterrupt
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_INTERRUPTED = 130
"""As shells have it: 128 and the number of SIGINT."""


class Terminated(KeyboardInterrupt):
    """Somebody has asked this process to end.

    Attributes:
        number: the signal's.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextmanager
def heeding_termination() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise `Terminated` within the block, in the main thread.

    One that is ignored stays so: `nohup` has a command live on without its terminal.
    """
    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is not signal.SIG_IGN]
    if threading.current_thread() is not threading.main_thread():
        numbers = []  # only the main thread may set handlers
    before = {number: signal.signal(number, _terminate) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_status(interruption: BaseException) -> int:
    """128 and the signal's number, as shells have it: Ctrl-C 130, SIGTERM 143, SIGHUP 129."""
    cause: BaseException | None = interruption
    while cause is not None:
        if isinstance(cause, Terminated):
            return 128 + cause.number
        cause = cause.__cause__
    return EXIT_INTERRUPTED


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated(number)
