"""The parent's side: programs are sent to the child, and what comes back, or does not, is a verdict."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.optim.programs.language import Program, to_json

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 20.0  # seconds for a program; a hundred times what the slow ones take
STARTING = 120.0


@dataclass(frozen=True)
class Verdict:
    """What became of a program.

    Attributes:
        verdict: "agree"; "finding"; "known", a difference that is meant; "torch", whose own side crashed or
            hung; "broken", a mistake of the machine.
        at: the number of the operation after which it ended; -1 is the constructor.
        kind: of the finding, the difference or the error that both sides raised.
        detail: more of it.
    """

    verdict: str
    at: int
    kind: str = ""
    detail: str = ""

    @property
    def agrees(self) -> bool:
        """Whether nothing needs to be looked at."""
        return self.verdict in ("agree", "known", "torch")

    def label(self, program: Program) -> str:
        """What is counted together: the symptom and the operation that showed it."""
        op = program.operations[self.at] if 0 <= self.at < len(program.operations) else None
        name = "constructor" if self.at < 0 else type(op).__name__
        for word in ("mode", "how"):
            value = getattr(op, word, None)
            name += f" {value}" if value and value != "plain" else ""
        return f"{name}: {self.kind}"


class Child:
    """A child process that judges programs, one at a time."""

    def __init__(self) -> None:
        self._answers, theirs = os.pipe()
        # Whatever was not written yet is no number by chance: memory is filled when it is taken and freed.
        environment = os.environ | {"MALLOC_PERTURB_": "165", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START.format(fd=theirs)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            pass_fds=[theirs],
        )
        os.close(theirs)
        self._rest = b""
        self._worker = self._line(STARTING)["worker"]

    def judge(self, program: Program, against: str = "surefoot", patience: float = PATIENCE) -> Verdict:
        """Run it on both sides.

        Args:
            program: to run.
            against: what is compared with torch's class: see `planted.find`.
            patience: seconds after which it hangs.
        """
        request = {"program": to_json(program), "against": against}
        assert self._process.stdin is not None
        self._process.stdin.write((json.dumps(request) + "\n").encode())
        self._process.stdin.flush()
        until, side, at = time.monotonic() + patience, "", -1
        slow = "compiled" in (getattr(o, "mode", "") for o in program.operations)
        until += 100 * slow
        hung = False
        while True:
            try:
                line = self._line(STARTING if hung else until - time.monotonic())
            except TimeoutError:
                os.kill(self._worker, signal.SIGKILL)
                hung = True
                continue
            if isinstance(line, str):
                side, at = line[0], int(line[1:])
            elif "verdict" in line:
                return Verdict(**line)
            elif "died" in line:
                self._worker = self._line(STARTING)["worker"]
                how = "hangs" if hung else f"crashes: {line['died']}"
                return Verdict("torch" if side == "t" else "finding", at, how)

    def _line(self, seconds: float) -> Any:
        until = time.monotonic() + seconds
        while b"\n" not in self._rest:
            if not select.select([self._answers], [], [], max(0.0, until - time.monotonic()))[0]:
                raise TimeoutError
            read = os.read(self._answers, 65536)
            if not read:
                raise EOFError("the child that runs programs could not start, or ended")
            self._rest += read
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        os.close(self._answers)


# Answers have a place of their own (3), whatever its number was in the parent.
_START = (
    "import os; os.dup2({fd}, 3); import faulthandler, sys; sys.path.insert(0, '.'); "
    "from tests.optim.programs import child; child.main()"
)


@contextlib.contextmanager
def child() -> Iterator[Child]:
    """A child for as long as the block takes."""
    made = Child()
    try:
        yield made
    finally:
        made.close()
