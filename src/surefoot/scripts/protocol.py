"""What passes between a run of the user's script and the worker that started it, as lines of JSON.

The worker says everything about the run in one environment variable, which children inherit through shells
and launchers, and listens at a socket.  A process of the script connects there (`session.py`) and writes:

    {"kind": "built"}                                     an optimizer was made
    {"kind": "model", "model": {…}, "sparse": […]}        what is trained, at the first step of a pilot
    {"kind": "report", "step": 3, "value": 0.41, …}       answered by {"stop": false} or {"stop": true}
    {"kind": "refused", "message": "the step …"}          a call that makes no sense, which then raises
    {"kind": "surveyed", "done": 40}                      so many places of a landscape were measured

While it lives the worker keeps every connection open; where one closes, the process at its other end ends.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from surefoot.study.codec import decode, encode
from surefoot.study.run import Candidate

VARIABLE = "SUREFOOT_RUN"
"""The environment variable that holds a `ScriptRun`."""


@dataclass(frozen=True)
class ScriptRun:
    """What a script is told of the run that it makes.

    Attributes:
        candidate: what to train with.
        seed: fixes every draw of the run.
        last_step: the run ends with the first report at or beyond this step; None: at the script's own end.
        checkpoints: folder in which this run may keep what it needs to go on later.
        socket: path of the worker's socket.
        snapshots: file and identity of thin snapshots, should the script have a line that records them.
        survey: folder of an order to measure the loss at many places instead of training, as
            `script_survey.py` writes it.
    """

    candidate: Candidate
    seed: int
    last_step: float | None
    checkpoints: str
    socket: str
    snapshots: tuple[str, str] | None = None
    survey: str | None = None

    def to_text(self) -> str:
        """As the environment variable holds it."""
        return json.dumps(encode(self))

    @classmethod
    def of_text(cls, text: str) -> Self:
        """What `to_text` wrote."""
        return decode(cls, json.loads(text))


def line(message: Mapping[str, Any]) -> bytes:
    """A message as it is sent."""
    return json.dumps(message).encode() + b"\n"
