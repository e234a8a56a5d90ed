"""What passes between a policy, which is pure, and the runner, which is not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from surefoot.training.run import Candidate


@dataclass(frozen=True)
class Request:
    """Train this candidate with this seed up to this progress; `phase` is "screen", "confirm" or "floor"."""

    candidate: Candidate
    seed: int
    progress: float
    phase: str


class Policy(Protocol):
    """What decides which runs are made: `ask` until it answers None and nothing is outstanding."""

    def ask(self) -> Request | None:
        """The next run, or None: wait for a result, or the end if none is outstanding."""
        ...

    def tell(self, request: Request, value: float) -> None:
        """The value reached; nan if the run diverged or failed."""
        ...


def run_key(optimizer: str, hyperparameters: Mapping[str, Any], schedule: Mapping[str, Any]) -> str:
    """`Candidate.key` of a stored run."""
    document = {"optimizer": optimizer, "hyperparameters": hyperparameters, "schedule": schedule}
    return json.dumps(document, sort_keys=True, separators=(",", ":"))
