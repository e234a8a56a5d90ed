"""What jobs give in an engine, when as many go on at a time as it has slots."""

from __future__ import annotations

import time

from surefoot.engines.base import Engine
from surefoot.study.run import Finished, Job, Report, Restarted

LIMIT = 240.0  # seconds; a busy machine may need long to start a process of torch, or of Ray


def gather(engine: Engine, *jobs: Job) -> dict[int, tuple[list[float | str], Finished]]:
    """Run the jobs, as many at a time as there are slots: values and end by id."""
    waiting, running = list(jobs), set()
    values: dict[int, list[float | str]] = {job.id: [] for job in jobs}
    ends: dict[int, Finished] = {}
    limit = time.monotonic() + LIMIT
    while waiting or running:
        assert time.monotonic() < limit
        while waiting and len(running) < engine.slots:
            running.add(waiting[0].id)
            engine.start(waiting.pop(0))
        for event in engine.events(timeout=5):
            if isinstance(event, Report):
                values[event.job].append(event.point.value)
            elif isinstance(event, Restarted):
                values[event.job].append("restarted")
            else:
                assert event.job not in ends
                ends[event.job] = event
                running.remove(event.job)
    return {job.id: (values[job.id], ends[job.id]) for job in jobs}
