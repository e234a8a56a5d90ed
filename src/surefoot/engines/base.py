"""An engine runs jobs somewhere: it starts them, streams their events and stops them.  No policy inside."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from surefoot.study.run import Finished, Job, Report, Restarted

Event = Report | Restarted | Finished


@runtime_checkable
class WarmsUp(Protocol):
    """An engine whose workers can start before the first job."""

    def warm_up(self, task: str) -> None:
        """Start all workers and let them load the task; returns at once."""
        ...


@runtime_checkable
class Engine(Protocol):
    """What `choose` needs of an engine.

    Attributes:
        slots: how many jobs can run at once.
    """

    slots: int

    def start(self, job: Job) -> None:
        """Begin a job without waiting for it.

        Raises:
            RuntimeError: every slot is taken, or the engine is closed.
        """
        ...

    def events(self, timeout: float | None = None) -> list[Event]:
        """What has happened since the last call; each job ends in exactly one `Finished`.

        Waits until something happens, or for `timeout` seconds; does not wait where no job is running.
        """
        ...

    def stop(self, job_id: int) -> None:
        """End a job soon; its `Finished` still comes, "stopped" unless it ended otherwise before."""
        ...

    def close(self) -> None:
        """End everything at once, without further events.  May be called twice."""
        ...
