"""A store which one process writes, others read, and somebody kills."""

import itertools
import os
import signal
import subprocess
import sys
import threading

import pytest

from surefoot.store import Store
from surefoot.study.decisions import Piloted
from surefoot.study.run import Candidate, Phase, Point, Status

WRITER = """
import sys
from surefoot.store import Store
from surefoot.study.decisions import Piloted
from surefoot.study.question import Question
from surefoot.study.run import Candidate, Phase, Point, Status

log = Store.at(sys.argv[1]).begin(Question("digits", study="killed"), None, {})
run = log.start_run(Candidate("Adam", {}), 0, Phase.SCREEN)
first = len(log.record().runs[0].points)
for number in range(first, 1_000_000):
    log.add_point(run, Point(float(number), 0.0, float("nan") if number % 2 else 1.0))
    log.decide(Piloted(f"decision {number}"), 0.0)
    print(number, flush=True)
"""


def write_until_killed(url, acknowledgements):
    """Return the last point which the writer said it had written before SIGKILL."""
    command = [sys.executable, "-c", WRITER, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        for _ in range(acknowledgements):
            writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)
        *_, last = writer.stdout.read().splitlines() or [None]
    assert writer.returncode == -signal.SIGKILL
    return last


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_by_a_kill(url):
    points = 0
    for acknowledgements in (20, 1, 33):
        last = write_until_killed(url, acknowledgements)
        with Store.at(url) as store:
            study = store.study("killed")
        (run,) = study.runs
        assert run.status == Status.RUNNING
        assert [point.progress for point in run.points] == list(range(len(run.points))), "no gap"
        assert len(run.points) >= points + acknowledgements
        assert last is None or len(run.points) > int(last)
        assert len(run.points) - len(study.decisions) in range(4), "a kill falls between the two at most"
        assert [decision.number for decision in study.decisions] == list(range(len(study.decisions)))
        points = len(run.points)


def test_readers_see_a_growing_study_while_it_is_written(url, begin):
    written = threading.Event()
    seen = []

    def read():
        with Store.at(url) as reader:
            while not written.is_set():
                seen.append([point.progress for point in reader.study("digits").runs[0].points])

    with Store.at(url) as store:
        log = begin(store)
        run = log.start_run(Candidate("Adam", {}), 0, Phase.SCREEN)
        thread = threading.Thread(target=read)
        thread.start()
        for number in itertools.count():
            log.add_point(run, Point(float(number), 0.0, 0.0))
            if (len(seen) >= 10 and seen[-1] != seen[0]) or not thread.is_alive():
                break
        written.set()
        thread.join()
    assert len(seen) >= 10
    assert all(curve == list(range(len(curve))) for curve in seen)
    assert sorted(map(len, seen)) == list(map(len, seen))


def test_two_studies_are_written_to_one_store_at_once(url, begin):
    def write(name):
        with Store.at(url) as store:
            log = begin(store, name)
            for seed in range(40):
                log.start_run(Candidate("Adam", {}), seed, Phase.SCREEN)
                log.decide(Piloted(f"seed {seed}"), 0.0)

    threads = [threading.Thread(target=write, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Store.at(url) as store:
        assert [summary.runs for summary in store.studies()] == [40, 40]
        assert [len(store.study(name).decisions) for name in ("one", "two")] == [40, 40]


def test_a_command_given_twice_at_once_writes_its_study_once(url, begin):
    def write():
        with Store.at(url) as store:
            log = begin(store)
            for number in range(40):
                with log.at_once():
                    run = log.start_run(Candidate("Adam", {"lr": number}), 0, Phase.SCREEN)
                    log.add_point(run, Point(1.0, 0.0, float(number)))
                    log.decide(Piloted(f"Number {number} goes on."), 0.0)

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Store.at(url) as store:
        study = store.study("digits")
    assert [run.candidate.hyperparameters["lr"] for run in study.runs] == list(range(40))
    assert [run.points[0].value for run in study.runs] == list(range(40))
    assert [d.number for d in study.decisions] == list(range(40))
    assert len({d.text for d in study.decisions}) == 40


OPENER = """
import sys
from surefoot.store import Store
from surefoot.study.decisions import Piloted
from surefoot.study.question import Question

print("ready", flush=True)
sys.stdin.readline()
with Store.at(sys.argv[1]) as store:
    store.begin(Question("digits", study=sys.argv[2]), None, {}).decide(Piloted("Seen."), 0.0)
"""


def test_a_new_store_is_opened_by_several_at_once(url):
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    openers = [
        subprocess.Popen([sys.executable, "-c", OPENER, url, name], text=True, **streams) for name in "abcd"
    ]
    for opener in openers:
        assert opener.stdout.readline() == "ready\n"
    for opener in openers:
        opener.stdin.write("go\n")
        opener.stdin.flush()
    assert [opener.communicate()[1] for opener in openers] == [""] * 4
    with Store.at(url) as store:
        assert sorted(summary.name for summary in store.studies()) == list("abcd")
        assert all(len(store.study(name).decisions) == 1 for name in "abcd")
