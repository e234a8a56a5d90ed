"""Real worker processes, real crashes."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from surefoot.engines.local import worker_process
from surefoot.engines.local.engine import LocalEngine
from surefoot.study.run import Candidate, Job
from surefoot.testing.engines import LIMIT, EngineSuite, gather

ADAM = Candidate("Adam", {"lr": 1e-2})

reads_proc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@pytest.fixture(scope="module")
def engine():
    with LocalEngine(workers=2, memory=2**30) as engine:
        engine.warm_up("line")
        engine.warm_up("no such task")  # for a job to report
        yield engine


@pytest.fixture
def job(tasks_file):
    def job(task: str, id: int = 0, progress: float = 0.2, seed: int = 0) -> Job:
        return Job(id, f"{tasks_file}:{task}", ADAM, seed, progress)

    return job


class TestAsAnyEngine(EngineSuite):
    @pytest.fixture(autouse=True)
    def own_tasks(self, tasks_file):
        type(self).tasks = str(tasks_file)


def test_it_has_a_slot_for_each_worker(engine):
    assert engine.slots == 2
    with pytest.raises(ValueError, match="at least 1"):
        LocalEngine(workers=0)


def test_workers_stay_and_have_one_thread_each(engine, job):
    first = gather(engine, *(job("Process", id=n) for n in range(4)))
    processes = {values[0] for values, _ in first.values()}
    assert len(processes) <= 2
    assert os.getpid() not in processes
    ((values, _),) = gather(engine, job("Threads")).values()
    assert values == [11.0]


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
    assert [len(values) for values, _ in results.values()] == [0, 1, 0, 0, 2, 1, 1, 1]
    assert results[4][0] == ["restarted"] * 2, "one that may have been killed from outside, but not for ever"


LOST = {  # task: cause, what the message says
    "Aborts": ("crashed", "killed by SIGABRT\nabout to abort\nFile"),
    "Overflows": ("crashed", "killed by SIGSEGV"),
    "ClosesItsPipe": ("crashed", "the pipe to the worker process was closed"),
    "WritesIntoItsPipe": ("crashed", "the pipe to the worker process was closed or written to by the run"),
    "AsksForTooMuch": ("memory", "can't allocate memory"),
    "RunsOutOfMemory": ("memory", "MemoryError: no room"),
}


@pytest.mark.slow
def test_every_loss_is_told_as_what_it_was(engine, job):
    results = gather(engine, *(job(task, id=number) for number, task in enumerate(LOST)))
    for (values, end), (cause, words) in zip(results.values(), LOST.values(), strict=True):
        assert (end.status, end.cause, values) == ("failed", cause, [])
        assert words in end.message


@pytest.mark.slow
@reads_proc
def test_a_run_may_take_so_much_memory_and_what_it_starts_counts(engine, job):
    results = gather(engine, job("Takes", id=0), job("ChildTakes", id=1), job("Sample", id=2))
    for number in (0, 1):
        _, end = results[number]
        assert (end.status, end.cause) == ("failed", "memory")
        assert re.fullmatch(r"it took \d+m, and its limit is 1024m", end.message)
    assert results[2][1].status == "completed"


def limited_cgroup() -> Path | None:
    """A control group of processes whose memory the kernel limits; None without the rights to make one."""
    for root, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        folder = Path(root) / f"surefoot-test-{os.getpid()}"
        with contextlib.suppress(OSError):
            folder.mkdir()
            (folder / limit).write_text(str(2**29))
            return folder
        with contextlib.suppress(OSError):
            folder.rmdir()
    return None


@pytest.fixture
def small_cgroup(monkeypatch):
    if (folder := limited_cgroup()) is None:
        pytest.skip("may not limit the memory of a control group here")
    monkeypatch.setenv("SMALL_CGROUP", str(folder))
    yield
    until(lambda: not (folder / "cgroup.procs").read_text())
    folder.rmdir()


@pytest.mark.slow
def test_a_run_that_the_system_kills_for_lack_of_memory_is_told_as_that(small_cgroup, job):
    with LocalEngine(workers=1) as engine:
        ((values, end),) = gather(engine, job("TakesWhatTheSystemHas")).values()
    assert (end.status, end.cause, values) == ("failed", "memory", [])
    assert "the system ran out of memory and killed the worker process (SIGKILL)" in end.message


def test_a_limit_below_what_a_worker_takes_is_refused_with_what_it_needs(job):
    with LocalEngine(workers=1, memory=50 * 2**20) as engine:
        engine.start(job("Sample"))
        with pytest.raises(
            ValueError, match=r"50m, but its worker process takes \d+m .* allow \d+m at least"
        ):
            engine.events()


def test_what_a_run_prints_does_not_fill_the_disk(engine, job, monkeypatch):
    monkeypatch.setattr(worker_process, "OUTPUT_BYTES", 2**20)
    ((_, end),) = gather(engine, job("Prints")).values()
    assert end.status == "completed"
    for worker in engine._workers:
        assert os.fstat(worker.output.fileno()).st_size <= 2**20


@reads_proc
def test_a_lost_run_takes_with_it_what_it_has_started(engine, job, tasks_file):
    gather(engine, job("LeavesProcesses"))
    left = Path(f"{tasks_file}.left")
    assert len(left.read_text().split()) == 2
    assert not any(map(alive, map(int, left.read_text().split())))
    left.unlink()


def test_a_worker_that_is_killed_from_outside_costs_its_run_nothing(engine, job):
    ((values, end),) = gather(engine, job("KilledOnce")).values()
    ((expected, _),) = gather(engine, job("Sample")).values()
    assert (end.status, values) == ("completed", ["restarted", *expected])


@pytest.mark.slow
@reads_proc
def test_crashes_leave_nothing_behind(job, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with LocalEngine(workers=2) as engine:
        gather(engine, job("Sample"))
        before = belongings(tmp_path)
        gather(engine, *(job("Segfault", id=number) for number in range(4)), job("Sample", id=9))
        assert until(lambda: belongings(tmp_path) == before)


def belongings(folder: Path) -> tuple[int, int, int]:
    """File descriptors, children (zombies too) and temporary files of this process."""
    me = psutil.Process()
    return me.num_fds(), len(me.children()), len(list(folder.iterdir()))


@pytest.mark.slow
def test_each_worker_has_a_gpu_of_its_own_as_far_as_they_go(job):
    with LocalEngine(workers=3, gpus=("3", "5")) as engine:
        results = gather(engine, *(job("Gpu", id=number) for number in range(3)))
        assert sorted(values[0] for values, _ in results.values()) == [3.0, 3.0, 5.0]
        os.kill(engine._workers[1].process.pid, signal.SIGKILL)
        results = gather(engine, *(job("Gpu", id=number) for number in range(3)))
        assert sorted(values[-1] for values, _ in results.values()) == [3.0, 3.0, 5.0], "of its slot"
    assert LocalEngine(gpus=("0", "1", "2")).slots == 3


@reads_proc
def test_a_worker_that_dies_while_idle_is_replaced(engine, job):
    os.kill(max(workers_of(os.getpid())), signal.SIGKILL)
    results = gather(engine, *(job("Sample", id=n) for n in range(4)))
    # It may have been sent a job before its death was seen.
    assert sorted(end.status for _, end in results.values())[:3] == ["completed"] * 3


@pytest.mark.slow
@reads_proc
def test_jobs_that_hang(job, tmp_path):
    engine, before = LocalEngine(workers=1, timeout=2.0), workers_of(os.getpid())
    ((_, end),) = gather(engine, job("Hangs")).values()
    assert (end.status, end.cause) == ("failed", "timeout")
    assert "no result within 2 seconds" in end.message
    assert "in loss" in end.message, "it says where"
    ((values, end),) = gather(engine, job("Sample")).values()
    assert (end.status, len(values)) == ("completed", 1), "the next worker takes jobs"
    file = Path(tmp_path / "hangs.py")
    file.write_text("import time\ntime.sleep(1000)")
    hangs = [job("HangsInC", id=0), job("HangsAtTheEnd", id=1), Job(2, f"{file}:Never", ADAM, 0, 1.0)]
    for (_, end), where in zip(
        gather(engine, *hangs).values(), ["loss", "validate", "<module>"], strict=True
    ):
        assert (end.status, end.cause) == ("failed", "timeout")
        assert f"in {where}" in end.message

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
from surefoot.engines.local.engine import LocalEngine
from surefoot.study.run import Candidate, Job
file, tasks = sys.argv[1], sys.argv[2:]
engine = LocalEngine(workers=len(tasks))
for number, task in enumerate(tasks):
    engine.start(Job(number, f"{file}:{task}", Candidate("Adam", {}), 0, 0.1))
time.sleep(1000 if "Hangs" in tasks else 0)
while events := engine.events():
    print(events, flush=True)
"""


@pytest.fixture
def script(tmp_path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


@pytest.mark.slow
def test_it_works_from_a_script_that_ends_without_closing(script, tasks_file):
    done = subprocess.run(
        [sys.executable, script, tasks_file, "Sample"], capture_output=True, text=True, timeout=LIMIT
    )
    assert done.returncode == 0, done.stderr
    assert "'completed'" in done.stdout
    assert done.stderr == ""


@pytest.mark.slow
@reads_proc
@pytest.mark.parametrize("seconds", [0.0, 0.3, 1.0])
def test_a_parent_that_is_killed_while_workers_start_leaves_no_orphan(script, tasks_file, seconds):
    parent = subprocess.Popen([sys.executable, script, tasks_file, "Hangs", "Hangs"])
    until(lambda: workers_of(parent.pid))
    time.sleep(seconds)
    family = psutil.Process(parent.pid).children(recursive=True)
    parent.kill()
    parent.wait()
    assert until(lambda: not any(map(alive, (process.pid for process in family))))


@pytest.mark.slow
@reads_proc
def test_a_parent_that_is_killed_leaves_no_orphan_in_c_code_nor_what_it_has_started(script, tasks_file):
    left = Path(f"{tasks_file}.left")
    Path(f"{tasks_file}.waits").touch()
    parent = subprocess.Popen([sys.executable, script, tasks_file, "LeavesProcesses", "Hangs"])
    children = until(lambda: left.exists() and left.read_text().split())
    family = psutil.Process(parent.pid).children(recursive=True)
    assert {int(child) for child in children} <= {process.pid for process in family}
    time.sleep(1)  # in C code, with the lock of the interpreter held
    parent.kill()
    parent.wait()
    assert until(lambda: not any(map(alive, (process.pid for process in family))))
    Path(f"{tasks_file}.waits").unlink()


def until(condition):
    limit = time.monotonic() + LIMIT
    while not (result := condition()):
        assert time.monotonic() < limit
        time.sleep(0.05)
    return result


def workers_of(process: int) -> set[int]:
    with contextlib.suppress(psutil.Error):
        return {child.pid for child in psutil.Process(process).children() if is_worker(child)}
    return set()


def is_worker(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return any("surefoot.engines.local.worker" in word for word in process.cmdline())
    return False


def the_new_worker(before: set[int]) -> int:
    """The one worker that was not there before."""
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
