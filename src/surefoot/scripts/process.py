"""A command as a child that does not outlive this process, what it prints, and the end of all it started."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Self

import psutil

OUTPUT_BYTES = 16_384
OUTPUT_LINES = 8

LAUNCHER = """\
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() == int(sys.argv[1]):
    os.execvp(sys.argv[2], sys.argv[2:])
"""
"""Becomes the command, once the kernel will kill it when its parent dies (PR_SET_PDEATHSIG, Linux).

In a process of its own, since Python code between fork and exec is not safe in a parent with threads.
"""


def start(command: Sequence[str], environment: Mapping[str, str], output: int) -> subprocess.Popen[bytes]:
    """Start a command in this process's group, with its output and errors to a descriptor.

    Raises:
        OSError: there is no such command.
    """
    words = list(command)
    if sys.platform == "linux":
        words = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid()), *words]
    return subprocess.Popen(
        words, env=dict(environment), stdin=subprocess.DEVNULL, stdout=output, stderr=output
    )


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a child with all that it has started and that still belongs to it, and wait for the child."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for descendant in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                descendant.kill()
    process.kill()
    process.wait()


class Output:
    """The end of what a script prints, however much that is."""

    def __init__(self) -> None:
        self._read, self.descriptor = os.pipe()
        self._kept = b""
        self._thread = threading.Thread(target=self._collect, daemon=True, name="output")
        self._thread.start()

    def _collect(self) -> None:
        with open(self._read, "rb", buffering=0) as pipe:
            while piece := pipe.read(OUTPUT_BYTES):
                self._kept = (self._kept + piece)[-OUTPUT_BYTES:]

    def lines(self) -> list[str]:
        """What is known, without empty lines and without what a progress bar has written over."""
        self._close()
        self._thread.join(1.0)  # longer only where something that the script has started still prints
        text = self._kept.decode(errors="replace")
        parts = (whole.rpartition("\r")[2].rstrip() for whole in text.split("\n"))
        return [part for part in parts if part]

    def last_lines(self) -> list[str]:
        """The last lines; of a fatal error those where it happened."""
        lines = self.lines()
        crash = [place for place, words in enumerate(lines) if words.startswith("Fatal Python error")]
        return lines[crash[-1] :][:OUTPUT_LINES] if crash else lines[-OUTPUT_LINES:]

    def _close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
