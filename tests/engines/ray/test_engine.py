"""A real Ray cluster on this machine: a head without room for runs, and two nodes for them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest

pytest.importorskip("ray")

from surefoot.engines.local.engine import LocalEngine
from surefoot.engines.ray.engine import RayEngine
from surefoot.report.live import RaceDisplay
from surefoot.scripts.process import kill
from surefoot.search import ask, choose_optimizer
from surefoot.store import Store
from surefoot.study.run import Candidate, Finished, Job, Report
from surefoot.testing.engines import LIMIT, EngineSuite, gather
from surefoot.training.loop import train
from tests.search.own_task import small
from tests.search.test_study import steady

pytestmark = pytest.mark.real

ADAM = Candidate("Adam", {"lr": 1e-2})
OWN = Path(__file__).parents[2] / "search" / "own_task.py"
OPTIMIZERS = OWN.parent / "own_optimizer.py"
MEMORY = 80 * 2**20
numbers = count()


def add_node(cluster):
    """Nodes of one machine unpack what is shipped into one folder, unless each is given its own."""
    own = f"shipped-to-{next(numbers)}"
    cluster.add_node(num_cpus=1, object_store_memory=MEMORY, runtime_env_dir_name=own)


def lose_node(cluster):
    """A machine that goes takes all its processes along; Ray alone would leave them some moments more."""
    node = next(iter(cluster.worker_nodes))
    (raylet,) = node.all_processes["raylet"]
    kill(raylet.process)
    cluster.remove_node(node, allow_graceful=False)


@pytest.fixture(scope="module")
def cluster():
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    cluster.add_node(num_cpus=0, object_store_memory=MEMORY, include_dashboard=False)
    add_node(cluster)
    add_node(cluster)
    yield cluster
    cluster.shutdown()


# The value of `Calls` is how many steps were made since the run was begun or gone on with; `Waits` stands
# after twenty steps until the test opens the gate; `Unplugs` kills the process that Ray has started.
MORE_TASKS = """
sample = Sample()

class Calls(Sample):
    def model(self):
        self.calls = 0
        return super().model()
    def loss(self, model, batch):
        self.calls += 1
        return super().loss(model, batch)
    def validate(self, model): return float(self.calls)

class Waits(Calls):
    def loss(self, model, batch):
        while self.calls == 20 and not os.path.exists(GATE): time.sleep(0.01)
        return super().loss(model, batch)

class Unplugs(Sample):
    def loss(self, model, batch):
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory, tasks_file):
    """The current folder of this module's tests, with a file of tasks in it."""
    folder = tmp_path_factory.mktemp("project")
    gate = f"GATE = {str(folder / 'gate')!r}\n"
    (folder / "own_tasks.py").write_text(tasks_file.read_text() + gate + MORE_TASKS)
    before = Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


@pytest.fixture(scope="module")
def engine(cluster, project):
    references = [*(f"own_tasks.py:{name}" for name in TASKS), f"{OWN}:small", f"{OPTIMIZERS}:Signs"]
    before = signal.signal(signal.SIGTERM, mine)
    with RayEngine(cluster.address, references, timeout=20.0) as engine:
        assert signal.getsignal(signal.SIGTERM) is mine, "Ray would have it"
        yield engine
    signal.signal(signal.SIGTERM, before)


def mine(*_):
    """What this process does on SIGTERM."""


TASKS = ("Sample", "Slow", "Nan", "Segfault", "Exits", "Raises", "Hangs", "Calls", "Waits", "Unplugs")


def job(task: str, id: int = 0, progress: float = 0.2, seed: int = 0, **more) -> Job:
    return Job(id, f"own_tasks.py:{task}", ADAM, seed, progress, **more)


class TestAsAnyEngine(EngineSuite):
    tasks = "own_tasks.py"


def test_it_has_a_slot_for_each_processor(engine):
    assert engine.slots == 2, "one for each processor of the nodes"
    assert not engine.started
    assert engine.events() == engine.events(timeout=60) == []


def test_task_and_optimizer_of_another_folder_are_shipped_too(engine):
    candidate = Candidate(f"{OPTIMIZERS}:Signs", {"lr": 0.01})
    ((values, end),) = gather(engine, Job(0, f"{OWN}:small", candidate, 3, 1.0)).values()
    assert end.status == "completed", end.message
    assert values == [train(small, candidate, 3, 1.0).point.value]


def test_a_file_that_was_not_named_is_refused(engine):
    with pytest.raises(ValueError, match=r"own_task\.py:words was not named"):
        engine.start(Job(0, f"{OWN}:words", ADAM, 0, 1.0))


def test_reports_come_while_the_run_goes_on_and_stop_ends_it(engine):
    engine.start(job("Slow", id=1, marks=(1e-5,), progress=1e-3))
    engine.start(job("Slow", id=2))
    with pytest.raises(RuntimeError, match="all 2 slots are taken"):
        engine.start(job("Slow", id=3))
    first = until(lambda: engine.events(timeout=1))
    assert [(event.job, event.point.progress) for event in first] == [(1, 1e-5)]
    engine.stop(1)
    engine.stop(2)
    engine.stop(99)
    ends = []
    while found := engine.events(timeout=30):
        ends += found
    assert {(end.job, end.status) for end in ends} == {(1, "stopped"), (2, "stopped")}
    ((_, end),) = gather(engine, job("Sample")).values()
    assert end.status == "completed"


def test_a_run_goes_on_along_its_trunk_wherever_that_lies(engine):
    half, whole = (job("Calls", id=n, progress=p, checkpoints="x") for n, p in enumerate((0.5, 1.0)))
    ((values, _),) = gather(engine, half).values()
    assert values == [50.0]
    ((values, _),) = gather(engine, whole).values()
    assert values == [60.0], "40 of 100 steps lie on the trunk"
    ((values, _),) = gather(engine, whole).values()
    assert values == [100.0], "a trunk is of no use once the run is at its end"


def test_failures_of_every_kind_are_told_apart_and_leave_the_others_alone(engine):
    tasks = ("Hangs", "Segfault", "Exits", "Raises", "Unplugs", "Sample")
    results = gather(engine, *(job(task, id=n) for n, task in enumerate(tasks)))
    ends = [end for _, end in results.values()]
    assert [end.cause for end in ends] == ["timeout", "crashed", "exited", "raised", "crashed", ""]
    assert "no result within 20 seconds" in ends[0].message
    assert "in loss" in ends[1].message
    assert "the disk is on fire" in ends[2].message
    assert "LookupError: no such label" in ends[3].message
    assert "lost 3 times" in ends[4].message
    assert ends[5].status == "completed"


@pytest.fixture
def two_nodes(cluster, engine):
    """The cluster, to lose a node of; afterwards there are two again."""
    yield cluster
    while len(cluster.worker_nodes) < 2:
        add_node(cluster)
    until(lambda: (time.sleep(0.1), engine.events(0.1), engine.slots == 2)[2])


def test_runs_of_a_lost_node_are_made_again_on_another(engine, two_nodes, project):
    runs = [job("Waits", id=n, progress=0.4, marks=(0.1,), seed=n) for n in range(2)]
    for run in runs:
        engine.start(run)
    events = []
    until(lambda: events.extend(engine.events(1)) or {event.job for event in events} == {0, 1})
    assert len(events) == 2, "both are on their way, none has ended"
    lose_node(two_nodes)
    (project / "gate").touch()
    until(lambda: events.extend(engine.events(1)) or sum(isinstance(e, Finished) for e in events) == 2)
    until(lambda: (engine.events(0.1), engine.slots == 1)[1])
    assert all(event.status == "completed" for event in events if isinstance(event, Finished))
    points = [(e.job, e.point.progress, e.point.value) for e in events if isinstance(e, Report)]
    assert len(points) == 5, "the first point of one run came twice"
    assert len(set(points)) == 4, "and was the same"


class Unplugging(RaceDisplay):
    """Has a node killed when so many results have come."""

    def __init__(self, cluster, after):
        super().__init__(live=False)
        self.cluster = cluster
        self.left = after

    def result(self, *result):
        super().result(*result)
        self.left -= 1
        if self.left == 0:
            lose_node(self.cluster)


def answer_and_points(folder, engine, display):
    """The steady parts of an answer, and all points of the study, without their seconds."""
    question = ask(f"{OWN}:small", ["adam", "sgd"], runs=24, study="mine", margin=1e-9)
    with Store.at(folder / "evidence.db") as store:
        answer = choose_optimizer(question, store, engine, folder / "checkpoints", display)
        runs = store.study("mine").runs
    points = {
        (run.candidate.key, run.seed, run.phase, run.status): [
            (point.progress, point.value) for point in run.points
        ]
        for run in runs
    }
    return steady(answer), points


def test_a_study_that_loses_a_node_ends_as_on_one_machine(engine, two_nodes, tmp_path):
    with LocalEngine(workers=2) as local:
        expected = answer_and_points(tmp_path / "local", local, RaceDisplay(live=False))
    found = answer_and_points(tmp_path / "ray", engine, Unplugging(two_nodes, after=20))
    assert len(two_nodes.worker_nodes) == 1
    assert found == expected


def choose(*options, prelude="", **variables):
    """The command line, in a process of its own."""
    program = f"{prelude}\nfrom surefoot.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, "choose", "own_tasks.py:sample", "--engine", "ray", *options],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        env=os.environ | variables,
    )


def test_the_command_line_finds_the_cluster_and_says_what_does_not_fit_there(cluster, project):
    done = choose("--run-cpus", "64", RAY_ADDRESS=cluster.address)
    assert done.returncode == 2
    assert "no node of the cluster has the 64 CPU that a run asks for, the largest has 1 CPU" in done.stderr
    assert done.stdout == ""


def test_without_the_package_the_command_line_says_how_to_install_it(project):
    done = choose(prelude="import sys; sys.modules['ray'] = None")
    assert done.returncode == 2
    assert "pip install 'surefoot[ray]'" in done.stderr


def until(condition):
    limit = time.monotonic() + LIMIT
    while not (result := condition()):
        assert time.monotonic() < limit
    return result
