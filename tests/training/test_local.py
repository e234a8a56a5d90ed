"""Real worker processes, real crashes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from surefoot.training.engine import Engine
from surefoot.training.local import LocalEngine
from surefoot.training.loop import train
from surefoot.training.run import Candidate, Finished, Job, Report

ADAM = Candidate("Adam", {"lr": 1e-2})
LIMIT = 120.0  # seconds; a loaded machine may need long to start a worker

reads_proc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@pytest.fixture(scope="module")
def engine():
    with LocalEngine(workers=2) as engine:
        engine.warm_up("line")
        engine.warm_up("no such task")  # for a job to report
        yield engine


@pytest.fixture
def job(tasks_file):
    def job(task: str, id: int = 0, progress: float = 0.2, seed: int = 0) -> Job:
        return Job(id, f"{tasks_file}:{task}", ADAM, seed, progress)

    return job


def gather(engine: LocalEngine, *jobs: Job) -> dict[int, tuple[list[float], Finished]]:
    """Run the jobs, as many at a time as there are slots: values and end by id."""
    waiting, running = list(jobs), set()
    values: dict[int, list[float]] = {job.id: [] for job in jobs}
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
            else:
                assert event.job not in ends
                ends[event.job] = event
                running.remove(event.job)
    return {job.id: (values[job.id], ends[job.id]) for job in jobs}


def test_it_is_an_engine(engine):
    assert isinstance(engine, Engine)
    assert engine.slots == 2
    with pytest.raises(ValueError, match="at least 1"):
        LocalEngine(workers=0)


def test_jobs_give_what_the_same_runs_give_here(engine, job, sample):
    results = gather(engine, *(job("Sample", id=seed, seed=seed) for seed in range(5)))
    for seed, (values, end) in results.items():
        assert end.status == "completed", end.message
        assert values == [train(sample(), ADAM, seed, 0.2).point.value]


def test_workers_stay_and_have_one_thread_each(engine, job):
    first = gather(engine, *(job("Process", id=n) for n in range(4)))
    processes = {values[0] for values, _ in first.values()}
    assert len(processes) <= 2
    assert os.getpid() not in processes
    ((values, _),) = gather(engine, job("Threads")).values()
    assert values == [11.0]


def test_nothing_to_wait_for(engine):
    begin = time.monotonic()
    assert engine.events() == []
    assert engine.events(timeout=10) == []
    assert time.monotonic() - begin < 1


def test_more_jobs_than_slots_are_refused(engine, job):
    engine.start(job("Slow", id=1))
    engine.start(job("Slow", id=2))
    with pytest.raises(RuntimeError, match="all 2 slots are taken"):
        engine.start(job("Slow", id=3))
    engine.stop(1)
    engine.stop(2)
    engine.stop(99)
    ends = []
    while found := engine.events(timeout=30):
        ends += found
    assert {(end.job, end.status) for end in ends} == {(1, "stopped"), (2, "stopped")}


def test_a_timeout_of_events(engine, job):
    engine.start(job("Slow"))
    begin = time.monotonic()
    assert engine.events(timeout=0.3) == []
    assert 0.3 <= time.monotonic() - begin < 2
    engine.stop(0)
    (end,) = engine.events()
    assert end.status == "stopped"


def test_failures_of_every_kind_leave_the_others_alone(engine, job):
    jobs = [job("Segfault", id=0), job("Slow", id=1, progress=2e-4), job("Exits", id=2), job("Raises", id=3)]
    jobs += [job("Killed", id=4), job("Sample", id=5), job("Nan", id=6), job("Sample", id=7)]
    results = gather(engine, *jobs)
    ends = {id: end for id, (_, end) in results.items()}
    assert {id: end.status for id, end in ends.items()} == {
        0: "failed",
        1: "completed",
        2: "failed",
        3: "failed",
        4: "failed",
        5: "completed",
        6: "diverged",
        7: "completed",
    }
    causes = ["crashed", "", "exited", "raised", "crashed", "", "", ""]
    assert [ends[id].cause for id in range(8)] == causes
    assert "killed by SIGSEGV" in ends[0].message
    assert "in loss" in ends[0].message  # where in the user's file
    assert "exit status 7" in ends[2].message
    assert "the disk is on fire" in ends[2].message
    assert "LookupError: no such label" in ends[3].message
    assert "killed by SIGKILL" in ends[4].message
    assert "the training loss became nan" in ends[6].message
    assert [len(values) for values, _ in results.values()] == [0, 1, 0, 0, 0, 1, 1, 1]


@reads_proc
def test_a_worker_that_dies_while_idle_is_replaced(engine, job):
    os.kill(max(workers_of(os.getpid())), signal.SIGKILL)
    results = gather(engine, *(job("Sample", id=n) for n in range(4)))
    # It may have been sent a job before its death was seen.
    assert sorted(end.status for _, end in results.values())[:3] == ["completed"] * 3


@reads_proc
def test_jobs_that_hang(job):
    engine, before = LocalEngine(workers=1, timeout=2.0), workers_of(os.getpid())
    ((_, end),) = gather(engine, job("Hangs")).values()
    assert (end.status, end.cause) == ("failed", "timeout")
    assert "no result within 2 seconds" in end.message
    ((values, end),) = gather(engine, job("Sample")).values()
    assert (end.status, len(values)) == ("completed", 1), "the next worker takes jobs"

    engine.start(job("Hangs", id=1))
    engine.stop(1)
    (end,) = engine.events()
    assert (end.job, end.status, end.message) == (1, "stopped", "")

    engine.start(job("Hangs", id=2))
    worker = the_new_worker(before)
    engine.close()
    engine.close()
    assert not alive(worker)
    with pytest.raises(RuntimeError, match="closed"):
        engine.start(job("Sample"))


# Without a guard for its main part: a worker that imported it would start workers without end.
SCRIPT = """
import sys, time
from surefoot.training.local import LocalEngine
from surefoot.training.run import Candidate, Job
file, tasks = sys.argv[1], sys.argv[2:]
engine = LocalEngine(workers=len(tasks))
for number, task in enumerate(tasks):
    engine.start(Job(number, f"{file}:{task}", Candidate("Adam", {}), 0, 0.1))
time.sleep(float("inf") if "Hangs" in tasks else 0)
while events := engine.events():
    print(events, flush=True)
"""


@pytest.fixture
def script(tmp_path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def test_it_works_from_a_script_that_ends_without_closing(script, tasks_file):
    done = subprocess.run(
        [sys.executable, script, tasks_file, "Sample"], capture_output=True, text=True, timeout=LIMIT
    )
    assert done.returncode == 0, done.stderr
    assert "status='completed'" in done.stdout
    assert done.stderr == ""


@reads_proc
def test_a_parent_that_is_killed_leaves_no_orphan(script, tasks_file):
    parent = subprocess.Popen([sys.executable, script, tasks_file, "Hangs"])
    (worker,) = until(lambda: workers_of(parent.pid))
    until(lambda: threads(worker) > 1)  # it listens
    time.sleep(1)  # and works
    parent.kill()
    parent.wait()
    assert until(lambda: not alive(worker))


def until(condition):
    limit = time.monotonic() + LIMIT
    while not (result := condition()):
        assert time.monotonic() < limit
        time.sleep(0.05)
    return result


def workers_of(process: int) -> set[int]:
    tasks = Path(f"/proc/{process}/task")
    children = [int(c) for task in tasks.iterdir() for c in (task / "children").read_text().split()]
    return {c for c in children if b"surefoot.training.worker" in Path(f"/proc/{c}/cmdline").read_bytes()}


def the_new_worker(before: set[int]) -> int:
    """The one worker that was not there before; the kernel's list may lag while another child ends."""
    limit = time.monotonic() + LIMIT
    while len(new := workers_of(os.getpid()) - before) != 1:
        assert time.monotonic() < limit
        time.sleep(0.05)
    return new.pop()


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def threads(process: int) -> int:
    return len(list(Path(f"/proc/{process}/task").iterdir()))
