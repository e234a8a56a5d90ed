"""Tests of an engine of your own, which a pytest fixture named `engine` makes:

class TestMine(EngineSuite):
    @pytest.fixture(scope="class")
    def engine(self):
        with MyEngine() as engine:
            yield engine
"""

from __future__ import annotations

import time
from typing import Any, ClassVar

from surefoot.engines.base import Engine
from surefoot.study.direction import Direction
from surefoot.study.run import Candidate, Finished, Job, Report, Restarted
from surefoot.testing import sample_tasks
from surefoot.training.loop import train

LIMIT = 240.0  # seconds; a busy machine may need long to start a process of torch, or of Ray

Results = dict[int, tuple[list[float | str], Finished]]


def gather(engine: Engine, *jobs: Job) -> Results:
    """Run the jobs, as many at a time as there are slots: values and end by id."""
    waiting = list(jobs)
    running: set[int] = set()
    values: dict[int, list[float | str]] = {job.id: [] for job in jobs}
    ends: dict[int, Finished] = {}
    limit = time.monotonic() + LIMIT
    while waiting or running:
        assert time.monotonic() < limit, f"jobs {sorted(running)} do not end"
        while waiting and len(running) < engine.slots:
            running.add(waiting[0].id)
            engine.start(waiting.pop(0))
        for event in engine.events(timeout=5):
            if isinstance(event, Report):
                values[event.job].append(event.point.value)
            elif isinstance(event, Restarted):
                values[event.job].append("restarted")
            else:
                assert event.job not in ends, f"job {event.job} ended twice"
                ends[event.job] = event
                running.remove(event.job)
    return {job.id: (values[job.id], ends[job.id]) for job in jobs}


class EngineSuite:
    """What every engine is held to.

    Attributes:
        tasks: file or module of the tasks that its jobs run, with those of `sample_tasks` among them.
        candidate: what they are trained with.
    """

    tasks: ClassVar[str] = "surefoot.testing.sample_tasks"
    candidate: ClassVar[Candidate] = Candidate("Adam", {"lr": 1e-2})

    def job(self, task: str, id: int = 0, progress: float = 0.2, seed: int = 0, **more: Any) -> Job:
        """An order to run one of the sample tasks."""
        return Job(id, f"{self.tasks}:{task}", self.candidate, seed, progress, **more)

    def test_it_is_an_engine(self, engine: Engine) -> None:
        """It has an engine's members, and room for a job."""
        assert isinstance(engine, Engine), "a member of surefoot.engines.base.Engine is missing"
        assert engine.slots >= 1

    def test_jobs_give_what_the_same_runs_give_here(self, engine: Engine) -> None:
        """Five seeds, more than there may be slots: the values are this process's, bit for bit."""
        results = gather(engine, *(self.job("Sample", id=seed, seed=seed) for seed in range(5)))
        for seed, (values, end) in results.items():
            assert end.status == "completed", end.message
            expected = self._here(seed, 0.2)
            assert values == [expected], f"seed {seed} gives {values}, and {expected} here"

    def test_nothing_to_wait_for(self, engine: Engine) -> None:
        """Where no job is running, events are not waited for."""
        begin = time.monotonic()
        assert engine.events() == []
        assert engine.events(timeout=10) == []
        assert time.monotonic() - begin < 5, "it waited, though no job was running"

    def test_a_timeout_of_events(self, engine: Engine) -> None:
        """Where nothing happens in time, there are no events; a job that is stopped ends."""
        engine.start(self.job("Slow"))
        begin = time.monotonic()
        assert engine.events(timeout=0.3) == []
        assert time.monotonic() - begin >= 0.3, "it did not wait"
        engine.stop(0)
        assert self._ends(engine) == {0: "stopped"}

    def test_more_jobs_than_slots_are_refused(self, engine: Engine) -> None:
        """The others go on, and end when they are stopped; to stop what is unknown is no error."""
        count = engine.slots
        for id in range(count):
            engine.start(self.job("Slow", id=id))
        try:
            engine.start(self.job("Slow", id=count))
        except RuntimeError:
            refused = True
        else:
            refused = False
        for id in (*range(count), 99):
            engine.stop(id)
        ends = self._ends(engine)
        assert refused, f"it took {count + 1} jobs, and has {count} slots"
        assert ends == dict.fromkeys(range(count), "stopped")

    def test_points_come_in_order(self, engine: Engine) -> None:
        """What a job measures on the way comes before its end, and is what a run here measures."""
        job = self.job("Sample", progress=0.5, marks=(0.1, 0.3))
        ((values, end),) = gather(engine, job).values()
        assert end.status == "completed", end.message
        assert len(values) == 3, f"{len(values)} points of a job that measures at 0.1, 0.3 and 0.5"
        assert values[-1] == self._here(0, 0.5)

    def test_a_job_ends_at_its_target(self, engine: Engine) -> None:
        """At the first mark that is as good as it, whichever way is better."""
        marks: dict[str, Any] = {"progress": 0.5, "marks": (0.1, 0.3)}
        ((values, _),) = gather(engine, self.job("Sample", **marks)).values()
        here = list(map(float, values))
        for direction in Direction:
            target = here[1]
            first = next(i for i, value in enumerate(here) if direction.behind(value, target) <= 0)
            job = self.job("Sample", **marks, target=target, direction=direction)
            ((seen, end),) = gather(engine, job).values()
            assert end.status == "completed", end.message
            assert seen == values[: first + 1], f"{direction}: {seen} of {values}, up to {target}"

    def test_a_failure_leaves_the_others_alone(self, engine: Engine) -> None:
        """One that raises, one that ends its process, one that diverges: each is told as what it was."""
        tasks = ("Raises", "Sample", "Exits", "Nan", "Sample")
        results = gather(engine, *(self.job(task, id=id) for id, task in enumerate(tasks)))
        ends = [end for _, end in results.values()]
        found = [(end.status, end.cause) for end in ends]
        completed = ("completed", "")
        assert found == [("failed", "raised"), completed, ("failed", "exited"), ("diverged", ""), completed]
        assert "LookupError: no such label" in ends[0].message
        assert "the disk is on fire" in ends[2].message

    def _here(self, seed: int, progress: float) -> float:
        """What a run comes to in this process."""
        point = train(sample_tasks.Sample(), self.candidate, seed, progress).point
        assert point is not None
        return point.value

    @staticmethod
    def _ends(engine: Engine) -> dict[int, str]:
        """How the jobs that are running end."""
        ends: dict[int, str] = {}
        limit = time.monotonic() + LIMIT
        while found := engine.events(timeout=30):
            assert time.monotonic() < limit, "events without end"
            ends.update({event.job: event.status for event in found if isinstance(event, Finished)})
        return ends
