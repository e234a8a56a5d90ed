"""Ctrl-C between two steps: the first signal asks, a second one insists.

with stopping_gently() as signalled:
    train(…, stopped=lambda: signalled.number != 0)
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Signalled:
    """What has been asked.

    Attributes:
        number: of the first signal; 0 as long as there is none.
    """

    number: int = 0


@contextmanager
def stopping_gently() -> Iterator[Signalled]:
    """Note the first SIGINT, SIGTERM or SIGHUP within the block, in the main thread; a second interrupts it.

    One that is ignored stays so: `nohup` has a command live on without its terminal.
    """
    signalled = Signalled()
    numbers = [n for n in SIGNALS if signal.getsignal(n) is not signal.SIG_IGN]
    if threading.current_thread() is not threading.main_thread():
        numbers = []  # only the main thread may set handlers

    def note(number: int, frame: FrameType | None) -> None:
        if signalled.number:
            raise KeyboardInterrupt
        signalled.number = number

    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield signalled
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
