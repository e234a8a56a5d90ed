"""How a lab is set up, and its limits: they hold on the server, whatever a page sends."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from surefoot.errors import InvalidInputError

DEFAULT_PORT = 8642

MOST_OPTIMIZERS = 12
MOST_STEPS = 2000
LONGEST_FORMULA = 400
LONGEST_NAME = 200
"""Characters of a study's or an optimizer's name."""

LARGEST = 1e6
"""The largest coordinate, and learning rate, that a page may ask for."""

SMALLEST_WIDTH = 1e-6
"""The narrowest domain: below it, coordinates run out of digits."""

MOST_BODY_BYTES = 64 * 1024


@dataclass(frozen=True)
class QueueLimits:
    """What the job queue does at most.

    Attributes:
        workers: processes that work.
        waiting: jobs in the queue; one more is refused with 503.
        waiting_per_client: of one client; one more is refused with 429.
        animation_seconds, picture_seconds, study_seconds: for one job of each sort.
        grace_seconds: how long after its time a worker may still answer before it is killed.
        queue_seconds: how long a job may wait for its turn.
        cache_bytes: of answers that are kept.
        connections: at once; one more is refused with 503.
    """

    workers: int = 2
    waiting: int = 64
    waiting_per_client: int = 8
    animation_seconds: float = 30.0
    picture_seconds: float = 60.0
    study_seconds: float = 60.0
    grace_seconds: float = 5.0
    queue_seconds: float = 60.0
    cache_bytes: int = 64 * 2**20
    connections: int = 512


@dataclass(frozen=True)
class LabOptions:
    """How a lab is set up.

    Attributes:
        store: URL of the evidence store, or the path of a SQLite file; None: the lab shows no studies.
        token: who does not know it is let in nowhere; None: only programs on this machine are, by the
            address that the server is bound to.
        host: the address that the server is bound to.
        limits: what it does at most.

    Raises:
        InvalidInputError: the address can be reached from other machines and there is no token.
    """

    store: str | None = None
    token: str | None = None
    host: str = "127.0.0.1"
    limits: QueueLimits = field(default_factory=QueueLimits)

    def __post_init__(self) -> None:
        if not self.token and not is_loopback(self.host):
            raise InvalidInputError(
                f"address {self.host} can be reached from other machines: it needs a token"
            )


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach this address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
