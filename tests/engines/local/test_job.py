import dataclasses
import math

import pytest

from surefoot.engines.local.job import run_job
from surefoot.study.run import Candidate, Finished, Job, Point, Report
from surefoot.tasks import load_task
from surefoot.training import snapshots

ADAM = Candidate("Adam", {"lr": 1e-2})


@pytest.fixture
def job(tasks_file, tmp_path):
    return Job(7, f"{tasks_file}:Sample", ADAM, seed=0, progress=0.3, checkpoints=str(tmp_path / "run"))


def run(job, **changes) -> tuple[list[Report], Finished]:
    reports: list[Report] = []
    finished = run_job(dataclasses.replace(job, **changes), load_task, reports.append)
    return reports, finished


def value(job, **changes) -> float:
    (report,), finished = run(job, **changes)
    assert finished.status == "completed", finished.message
    return report.point.value


def test_one_point_and_one_end(job):
    (report,), finished = run(job)
    assert report.job == finished.job == 7
    assert report.point.progress == 0.3
    assert finished.status == "completed"
    assert finished.seconds_per_step > 0
    assert finished.state_bytes > 0


def test_a_later_job_goes_on_from_the_trunk(job, tmp_path):
    straight = value(job, progress=1.0, checkpoints=None)
    value(job)
    (trunk,) = (tmp_path / "run").iterdir()
    (report,), finished = run(job, progress=1.0)
    assert report.point.value == straight
    assert finished.status == "completed"
    assert list((tmp_path / "run").iterdir()) == [trunk]


@pytest.mark.parametrize("damage", [b"", b"not a checkpoint"])
def test_a_damaged_trunk_only_costs_time(job, tmp_path, damage):
    straight = value(job, progress=0.8, checkpoints=None)
    value(job)
    (trunk,) = (tmp_path / "run").iterdir()
    trunk.write_bytes(damage)
    assert value(job, progress=0.8) == straight


def test_runs_that_share_a_folder_keep_apart(job):
    alone = [value(job, seed=seed, progress=0.8, checkpoints=None) for seed in (0, 1)]
    for seed in (0, 1):
        value(job, seed=seed)
    assert [value(job, seed=seed, progress=0.8) for seed in (0, 1)] == alone


def test_no_folder_no_files(job, tmp_path):
    run(job, checkpoints=None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("task", ["Nan", "NanAtTheEnd"])
def test_divergence_is_a_point_and_an_end(job, tasks_file, task):
    (report,), finished = run(job, task=f"{tasks_file}:{task}")
    assert math.isnan(report.point.value)
    assert finished.status == "diverged"
    assert "became nan" in finished.message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"task": "digit"}, ["did you mean 'digits'?"]),
        ({"task": "{file}:Raises"}, ["LookupError: no such label", "sample_tasks.py", "in loss"]),
        ({"task": "{file}:Quits"}, ["SystemExit: enough"]),
        ({"task": "{file}:Ends"}, ["batches() ended after 10 batches"]),
        ({"candidate": Candidate("Adm", {})}, ["Adm", "Adam"]),
        ({"candidate": Candidate("Adam", {"betas": [0.9, 2.0]})}, ["Invalid beta parameter at index 1"]),
    ],
)
def test_failures_are_told(job, tasks_file, changes, words):
    if "task" in changes:
        changes = {"task": changes["task"].format(file=tasks_file)}
    reports, finished = run(job, **changes)
    assert reports == []
    assert finished.status == "failed"
    assert all(word in finished.message for word in words), finished.message
    assert len(finished.message.splitlines()) <= 8


def test_stopping(job, tmp_path):
    reports: list[Report] = []
    finished = run_job(job, load_task, reports.append, stopped=lambda: True)
    assert (reports, finished.status) == ([], "stopped")
    assert not (tmp_path / "run").exists()


def test_points_of_one_run_are_in_order(job):
    points: list[Point] = [run(job, progress=progress)[0][0].point for progress in (0.1, 0.3, 1.0)]
    assert [point.progress for point in points] == [0.1, 0.3, 1.0]
    assert points[0].seconds < points[1].seconds < points[2].seconds


def test_where_no_checkpoint_can_be_written_the_run_goes_on_and_says_so(job, tmp_path):
    file = tmp_path / "file"
    file.touch()
    expected = value(job, checkpoints=None)
    (report,), finished = run(job, checkpoints=str(file))
    assert (finished.status, report.point.value) == ("completed", expected)
    assert "its checkpoint could not be written" in finished.message


@pytest.mark.parametrize(
    ("task", "cause"), [("Raises", "raised"), ("RunsOutOfMemory", "memory"), ("AsksForTooMuch", "memory")]
)
def test_what_a_run_raises_tells_whether_memory_ran_out(job, tasks_file, task, cause):
    reports, finished = run(job, task=f"{tasks_file}:{task}")
    assert (reports, finished.status, finished.cause) == ([], "failed", cause)


def test_a_message_has_an_end(job, tasks_file):
    _, finished = run(job, task=f"{tasks_file}:RaisesAtLength")
    assert "ValueError" in finished.message
    assert len(finished.message) < 10_000


class TestSnapshots:
    @pytest.fixture
    def task(self, sample):
        class Recorded(sample):
            snapshots = 7

        return Recorded()

    def record(self, job, task, **changes):
        changes = {"progress": 1.0, "checkpoints": None, **changes}
        reports = []
        return run_job(dataclasses.replace(job, **changes), lambda _: task, reports.append)

    def kept(self, job, folder):
        run = snapshots.identity(job.task, (), job.candidate, job.seed)
        return snapshots.load(snapshots.path_of(folder, run), run)

    def test_are_written_where_the_job_says(self, job, task, tmp_path):
        folder = tmp_path / "snapshots"
        assert self.record(job, task, snapshots=str(folder)).message == ""
        assert self.kept(job, folder).evaluations == (0, 17, 34, 51, 68, 85, 100)

    def test_are_not_taken_unasked(self, job, task, sample, tmp_path):
        self.record(job, task)
        self.record(job, sample(), snapshots=str(tmp_path))
        self.record(job, task, snapshots=str(tmp_path), target=100.0, marks=(0.5,))
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_that_cannot_be_written_costs_the_snapshots_alone(self, job, task, tmp_path):
        (tmp_path / "file").write_text("no folder")
        finished = self.record(job, task, snapshots=str(tmp_path / "file" / "folder"))
        assert finished.status == "completed"
        assert "its snapshots could not be written" in finished.message

    def test_are_not_left_by_a_run_that_was_stopped(self, job, task, tmp_path):
        wanted = dataclasses.replace(job, snapshots=str(tmp_path / "s"), checkpoints=None)
        assert run_job(wanted, lambda _: task, print, lambda: True).status == "stopped"
        assert not (tmp_path / "s").exists()
