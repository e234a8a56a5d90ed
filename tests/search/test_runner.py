"""What the runner writes down when, with an engine that follows a script."""

from __future__ import annotations

import functools
import math

import pytest

from surefoot.report.live import RaceDisplay
from surefoot.search import runner as runner_module
from surefoot.search.deadline import Deadline
from surefoot.search.pace import Pace
from surefoot.search.runner import FIRST_RUNS, NoRunSucceededError, Runner
from surefoot.store import Store
from surefoot.study.question import Question
from surefoot.study.requests import Batch, Reading, RunRequest
from surefoot.study.run import Candidate, Cause, Finished, Phase, Point, Report, Restarted, Status

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
        self.script.append(Finished(job.id, Status.COMPLETED, "", 1e-3, 8))

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
            log = store.begin(Question("small", study="mine"), None, {})
            engine = Scripted(log)
            runner = Runner("small", engine, log, tmp_path, display, str, 100.0)
            request = RunRequest(Candidate("Adam", {"lr": 0.1}), 0, progress, Phase.CONFIRM)
            runner.drive(Batch([request]), Reading(MARKS))
            assert [point.progress for point in log.record().runs[0].points] == [*MARKS, progress]
            return engine.recorded

    return run


def test_points_of_a_run_to_its_end_are_committed_together(recorded):
    assert recorded(1.0) == [[], [], [], []]


def test_points_are_recorded_at_once_where_the_run_leaves_a_trunk_behind_them(recorded):
    assert recorded(0.75) == [[], [0.25], [0.25, 0.5], [0.25, 0.5]]


class Failing:
    """Every job fails, each as the next of these causes says."""

    slots = 2

    def __init__(self, causes):
        self.causes = list(causes)
        self.ends = []

    def start(self, job):
        cause = self.causes.pop(0)
        status = Status.FAILED if cause else Status.DIVERGED
        self.ends.append(Finished(job.id, status, f"{cause} for a reason", cause=Cause(cause)))

    def events(self, timeout=None):
        ends, self.ends = self.ends, []
        return ends


def begun(tmp_path, engine, runs=20):
    """How many of these runs are begun, of a study that goes on if it is there."""
    with Store.at(tmp_path / "evidence.db") as store, RaceDisplay(live=False) as display:
        log = store.begin(Question("small", study="mine"), None, {})
        decide = functools.partial(log.decide, seconds=0.0)
        runner = Runner("small", engine, log, tmp_path, display, str, 100.0, decide)
        requests = [
            RunRequest(Candidate("Adam", {"lr": 0.1}), seed, 1.0, Phase.CONFIRM) for seed in range(runs)
        ]
        before = len(engine.causes)
        try:
            runner.drive(Batch(requests), Reading())
        finally:
            engine.begun = before - len(engine.causes)


def test_a_study_whose_first_runs_all_fail_alike_is_given_up(tmp_path):
    engine = Failing(["crashed"] * 40)
    with pytest.raises(NoRunSucceededError, match=r"first 6 runs all failed \(crashed\).*for a reason"):
        begun(tmp_path, engine)
    assert engine.begun <= FIRST_RUNS + engine.slots
    with pytest.raises(NoRunSucceededError):
        begun(tmp_path, engine)
    assert engine.begun > 0, "the same command tries anew what may be repaired"


@pytest.mark.parametrize("causes", [["crashed"] * 5 + [""], ["crashed", "timeout"] * 3])
def test_a_study_whose_first_runs_fail_in_different_ways_goes_on_and_tries_none_again(tmp_path, causes):
    engine = Failing(causes + ["crashed"] * 40)
    begun(tmp_path, engine)
    assert engine.begun == 20
    begun(tmp_path, engine)
    assert engine.begun == 0


def test_a_run_that_is_started_again_is_recorded_once(tmp_path):
    class Restarting(Scripted):
        def start(self, job):
            again = Restarted(job.id, "the worker process was killed by SIGKILL\nlast words")
            points = [Report(job.id, Point(mark, mark, 1.0)) for mark in (*MARKS, 1.0)]
            self.script = [points[0], again, *points, Finished(job.id, Status.COMPLETED)]

    with Store.at(tmp_path / "evidence.db") as store, RaceDisplay(live=False) as display:
        log = store.begin(Question("small", study="mine"), None, {})
        decide = functools.partial(log.decide, seconds=0.0)
        runner = Runner("small", Restarting(log), log, tmp_path, display, str, 100.0, decide)
        runner.drive(
            Batch([RunRequest(Candidate("Adam", {"lr": 0.1}), 0, 1.0, Phase.CONFIRM)]), Reading(MARKS)
        )
        (run,), (decision,) = log.record().runs, log.record().decisions
        assert [point.progress for point in run.points] == [*MARKS, 1.0]
        assert runner.records()[0].points == run.points
        assert decision.text.endswith("is started again: the worker process was killed by SIGKILL.")


def test_a_run_killed_between_its_last_point_and_its_end_is_made_again(tmp_path):
    class Killed(Scripted):
        def events(self, timeout=None):
            if isinstance(self.script[0], Finished):
                raise KeyboardInterrupt
            return super().events(timeout)

    with Store.at(tmp_path / "evidence.db") as store, RaceDisplay(live=False) as display:
        log = store.begin(Question("small", study="mine"), None, {})
        request = RunRequest(Candidate("Adam", {"lr": 0.1}), 0, 0.75, Phase.SCREEN)
        runner = Runner("small", Killed(log), log, tmp_path, display, str, 100.0)
        with pytest.raises(KeyboardInterrupt):
            runner.drive(Batch([request]), Reading())
        assert [point.progress for point in log.record().runs[0].points] == [0.75]
        for _ in range(2):
            engine = Scripted(log)
            Runner("small", engine, log, tmp_path, display, str, 100.0).drive(Batch([request]), Reading())
        (run,) = log.record().runs
        assert (run.status, run.state_bytes, len(run.points)) == (Status.COMPLETED, 8, 1)
        assert engine.recorded == [], "once it has ended it is not made again"


class Timed:
    """Runs take as long as they are told, by a clock that is a number."""

    slots = 1

    def __init__(self, seconds):
        self.seconds, self.now, self.job, self.stopped = list(seconds), 0.0, None, []

    def start(self, job):
        self.job = job, self.now + self.seconds.pop(0)

    def events(self, timeout=None):
        job, end = self.job
        if job.id in self.stopped:
            return [Finished(job.id, Status.STOPPED)]
        self.now = min(end, self.now + timeout)
        if self.now < end:
            return []
        point = Point(job.progress, 1.0, 1.0)
        return [Report(job.id, point), Finished(job.id, Status.COMPLETED, "", 1.0, 8)]

    def stop(self, job_id):
        self.stopped.append(job_id)


@pytest.fixture
def driven(tmp_path, monkeypatch):
    """Full trainings that take so many seconds each, until a deadline: when it ended, and what was done."""
    monkeypatch.setattr(runner_module, "COMMIT_SECONDS", 0.0)

    def drive(seconds, end, expected=10.0, soft=math.inf):
        engine = Timed(seconds)
        monkeypatch.setattr(runner_module.time, "monotonic", lambda: engine.now)
        deadline = Deadline(end, lambda: engine.now)
        with Store.at(tmp_path / "evidence.db") as store, RaceDisplay(live=False) as display:
            log = store.begin(Question("small", study="mine"), None, {})
            more = {"deadline": deadline, "pace": Pace(expected, overhead=0.0)}
            runner = Runner("small", engine, log, tmp_path, display, str, 1.0, **more)
            candidates = [Candidate("Adam", {"lr": 0.1 * number}) for number in range(1, 1 + len(seconds))]
            told = []
            policy = Batch([RunRequest(candidate, 0, 1.0, Phase.SCREEN) for candidate in candidates])
            policy.tell = lambda request, value: told.append(request)
            done = runner.drive(policy, Reading(), Deadline(min(soft, end), lambda: engine.now))
            return engine.now, done, len(told), [run.status for run in log.record().runs]

    return drive


def test_no_run_is_started_that_cannot_end_in_time(driven):
    now, done, told, statuses = driven([10.0] * 5, end=35.0)
    assert (now, done, told) == (30.0, False, 3)
    assert statuses == [Status.COMPLETED] * 3


def test_what_runs_take_is_learnt(driven):
    """They were expected to take a second each, and take ten."""
    now, done, told, _ = driven([10.0] * 5, end=35.0, expected=1.0)
    assert (now, done, told) == (30.0, False, 3)


def test_a_run_that_is_slower_than_all_before_is_stopped_at_the_end_and_told_nobody(driven):
    now, done, told, statuses = driven([10.0, 100.0], end=35.0)
    assert (now, done, told) == (35.0, False, 1)
    assert statuses == [Status.COMPLETED, Status.STOPPED]


def test_a_run_may_end_after_the_time_of_its_phase_but_none_begins_then(driven):
    now, done, told, _ = driven([10.0, 14.0, 10.0], end=100.0, soft=21.0)
    assert (now, done, told) == (24.0, False, 2)


def test_everything_is_done_where_there_is_time(driven):
    assert driven([10.0] * 3, end=31.0)[1:3] == (True, 3)


@pytest.mark.parametrize("total", [0.3, 1.0, 2.5])
def test_without_a_clock_no_more_is_spent_than_there_is(tmp_path, total):
    with Store.at(tmp_path / "evidence.db") as store, RaceDisplay(live=False) as display:
        log = store.begin(Question("small", study="mine"), None, {})
        runner = Runner("small", Scripted(log), log, tmp_path, display, str, total)
        requests = [
            RunRequest(Candidate("Adam", {"lr": 0.1}), seed, 0.25, Phase.SCREEN) for seed in range(20)
        ]
        assert not runner.drive(Batch(requests), Reading())
        assert total - 0.25 < runner.spent <= total
