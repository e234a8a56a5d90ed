"""A wrong engine is caught by the suite; that a right one passes is seen in tests/engines."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from surefoot.engines.local.job import run_job
from surefoot.study.run import Finished, Report
from surefoot.tasks import load_task
from surefoot.testing import engines
from surefoot.testing.engines import EngineSuite


class Inline:
    """Runs a job when it is started, and does not let anything stop it: Slow is cut short."""

    slots = 2

    def __init__(self):
        self.waiting, self.running = [], set()

    def start(self, job):
        if len(self.running) >= self.slots:
            raise RuntimeError("all slots are taken")
        self.running.add(job.id)
        if not job.task.endswith(":Slow"):
            self.waiting.append(self.made(job))

    def made(self, job):
        return run_job(job, load_task, self.waiting.append)

    def events(self, timeout=None):
        if not self.waiting and self.running and timeout:
            time.sleep(timeout)
        found, self.waiting = self.waiting, []
        self.running -= {event.job for event in found if isinstance(event, Finished)}
        return found

    def stop(self, job_id):
        if job_id in self.running:
            self.waiting.append(Finished(job_id, "stopped"))

    def close(self):
        self.running.clear()


class NoStop(Inline):
    stop = None


class Overbooked(Inline):
    def start(self, job):
        self.slots += 1
        super().start(job)
        self.slots -= 1


class OtherSeed(Inline):
    def made(self, job):
        return super().made(replace(job, seed=job.seed + 1))


class EndsTwice(Inline):
    def made(self, job):
        end = super().made(job)
        self.waiting.append(end)
        return end


class LosesPoints(Inline):
    def events(self, timeout=None):
        found = super().events(timeout)
        return [e for e in found if not isinstance(e, Report) or e.point.progress > 0.2]


class Waits(Inline):
    def events(self, timeout=None):
        if not self.running and timeout:
            time.sleep(timeout)
        return super().events(timeout)


class AllIsWell(Inline):
    def made(self, job):
        return replace(super().made(job), status="completed", cause="")


class Impatient(Inline):
    def events(self, timeout=None):
        return super().events(None)


@pytest.mark.parametrize(
    ("engine", "caught"),
    [
        (OtherSeed, "test_jobs_give_what_the_same_runs_give_here"),
        (EndsTwice, "test_jobs_give_what_the_same_runs_give_here"),
        (Overbooked, "test_more_jobs_than_slots_are_refused"),
        (LosesPoints, "test_points_come_in_order"),
        (Waits, "test_nothing_to_wait_for"),
        (Impatient, "test_a_timeout_of_events"),
        (AllIsWell, "test_a_failure_leaves_the_others_alone"),
    ],
)
def test_a_wrong_one_is_caught(engine, caught, monkeypatch):
    if engine is AllIsWell:  # `Exits` would end this process
        monkeypatch.setattr(EngineSuite, "job", without_exits(EngineSuite.job))
    with pytest.raises(AssertionError):
        getattr(EngineSuite(), caught)(engine())


def without_exits(job):
    return lambda self, task, *given, **more: job(self, "Raises" if task == "Exits" else task, *given, **more)


def test_one_that_lacks_a_member_is_caught():
    class Half:
        slots = 1

    with pytest.raises(AssertionError, match="is missing"):
        EngineSuite().test_it_is_an_engine(Half())


def test_jobs_that_never_end_are_caught(monkeypatch):
    class Silent(Inline):
        def made(self, job):
            return Report(job.id, None) and super().made(job) and []

        def events(self, timeout=None):
            return []

    monkeypatch.setattr(engines, "LIMIT", 0.2)
    with pytest.raises(AssertionError, match="do not end"):
        EngineSuite().test_jobs_give_what_the_same_runs_give_here(Silent())


@pytest.mark.parametrize(
    "test",
    [
        "test_it_is_an_engine",
        "test_jobs_give_what_the_same_runs_give_here",
        "test_points_come_in_order",
        "test_a_timeout_of_events",
        "test_nothing_to_wait_for",
        "test_more_jobs_than_slots_are_refused",
    ],
)
def test_these_are_wrong_in_nothing_else(test):
    getattr(EngineSuite(), test)(Inline())
