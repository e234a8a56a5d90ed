"""What the runner writes down when, with an engine that follows a script."""

from __future__ import annotations

import pytest

from surefoot.choose import runner as runner_module
from surefoot.choose.request import Batch, Reading, Request
from surefoot.choose.runner import Runner
from surefoot.evidence import Store
from surefoot.show.live import RaceDisplay
from surefoot.training.run import Candidate, Finished, Point, Report

MARKS = (0.25, 0.5)


class Scripted:
    """One event a call, and for each call the progresses that were recorded before it."""

    slots = 1

    def __init__(self, log):
        self.log = log
        self.script = []
        self.recorded = []

    def start(self, job):
        progresses = [*(mark for mark in job.marks if mark < job.progress), job.progress]
        self.script += [Report(job.id, Point(progress, progress, 1.0)) for progress in progresses]
        self.script.append(Finished(job.id, "completed", "", 1e-3, 8))

    def events(self, timeout=None):
        self.recorded.append([point.progress for run in self.log.record().runs for point in run.points])
        return [self.script.pop(0)]

    def stop(self, job_id):
        raise AssertionError("nobody stops anything here")


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """What was recorded before each look at the engine, in a run to this progress."""
    monkeypatch.setattr(runner_module, "GATHER_SECONDS", 60.0)  # however slow this machine is

    def run(progress):
        with Store.at(tmp_path / "evidence.db") as store, RaceDisplay(live=False) as display:
            log = store.begin("mine", "small", {}, {}, {})
            engine = Scripted(log)
            runner = Runner("small", engine, log, tmp_path, display, str, 1.0)
            request = Request(Candidate("Adam", {"lr": 0.1}), 0, progress, "confirm")
            runner.drive(Batch([request]), Reading(MARKS))
            assert [point.progress for point in log.record().runs[0].points] == [*MARKS, progress]
            return engine.recorded

    return run


def test_points_of_a_run_to_its_end_are_committed_together(recorded):
    assert recorded(1.0) == [[], [], [], []]


def test_points_are_recorded_at_once_where_the_run_leaves_a_trunk_behind_them(recorded):
    assert recorded(0.75) == [[], [0.25], [0.25, 0.5], [0.25, 0.5]]
