"""The Ray task that makes one run: a worker of the local engine, on whatever node Ray has picked.

So a run that crashes, hangs or prints is handled on its node as it is on one machine, and what ends the task
itself is never the run but the loss of its place. The worker stays warm between the runs of one Ray process.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import ray
from ray.exceptions import RayError

from surefoot.engines.base import Event
from surefoot.engines.local.engine import LocalEngine
from surefoot.engines.ray.archive import pack_folder, unpack_folder
from surefoot.study.run import Finished, Job
from surefoot.training.own_files import temporary_folder

GATHER_SECONDS = 0.05
"""Reports may wait for so long, to travel together: a message between nodes costs as much as many reports."""

_kept: dict[tuple[Any, ...], LocalEngine] = {}  # at most one


@dataclass(frozen=True)
class Carried:
    """A trunk that travels through Ray's object store.

    Attributes:
        packed: where it is, as `pack_folder` made it; None if the run has none yet.
    """

    packed: ray.ObjectRef[bytes] | None


def make_run(job: Job, trunk: Carried | None, limits: dict[str, Any]) -> Iterator[list[Event] | bytes]:
    """Make one run; a generator, so that its events stream while it runs.

    Args:
        job: what to do; its `checkpoints` are a folder that every node sees, unless `trunk` is given.
        trunk: the one to go on from; None where trunks do not travel.
        limits: arguments of `LocalEngine` that limit a run, such as `timeout`.

    Yields:
        Events as they come, `Finished` the last of them; then the packed trunk, where trunks travel and the
        run has left one.
    """
    engine = _engine(limits)
    if trunk is None:
        yield from _events(engine, job)
        return
    with temporary_folder("surefoot-trunk-") as folder:
        if trunk.packed is not None:
            with contextlib.suppress(RayError):  # lost with its node: the run starts again
                unpack_folder(ray.get(trunk.packed), folder)
        yield from _events(engine, replace(job, checkpoints=str(folder)))
        if any(folder.iterdir()):
            yield pack_folder(folder)


def _engine(limits: dict[str, Any]) -> LocalEngine:
    """The engine of this process; another one where Ray has lent it other GPUs since."""
    seat = (os.environ.get("CUDA_VISIBLE_DEVICES"), *sorted(limits.items()))
    if seat not in _kept:
        for engine in _kept.values():
            engine.close()
        _kept.clear()
        _kept[seat] = LocalEngine(workers=1, **limits)
    return _kept[seat]


def _events(engine: LocalEngine, job: Job) -> Iterator[list[Event]]:
    engine.start(job)
    try:
        while events := engine.events():
            end = time.monotonic() + GATHER_SECONDS
            while not isinstance(events[-1], Finished) and (left := end - time.monotonic()) > 0:
                events += engine.events(left)
            yield events
    except BaseException:  # Ray cancels a task by KeyboardInterrupt
        engine.stop(job.id)
        while engine.events():  # the next run finds the engine idle
            pass
        raise
