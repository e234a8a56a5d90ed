"""The database goes away, is locked or is full: it is waited for, and nothing written is lost or doubled."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event

from surefoot.store import Store, StoreError
from surefoot.study.decisions import Piloted
from surefoot.study.question import Question
from surefoot.study.run import Candidate, Phase, Point, Status

RUNS = 60
POINTS = 10


def write_runs(log, first=0, count=RUNS, pause=0.0):
    """Every second run in one transaction, the others with a commit for each write."""
    for number in range(first, first + count):
        if number % 2:
            with log.at_once():
                write_run(log, number)
        else:
            write_run(log, number)
        time.sleep(pause)


def write_run(log, number):
    run = log.start_run(Candidate("Adam", {"lr": number}), 0, Phase.SCREEN)
    for place in range(1, POINTS + 1):
        log.add_point(run, Point(place / POINTS, place, number))
    log.decide(Piloted(f"Number {number} goes on."), 1.0)
    log.end_run(run, Status.COMPLETED, "", 0.1, 8)


def assert_whole(study, count=RUNS):
    assert [run.candidate.hyperparameters["lr"] for run in study.runs] == list(range(count))
    assert {run.status for run in study.runs} == {Status.COMPLETED}
    assert all(len(run.points) == POINTS for run in study.runs)
    assert [d.number for d in study.decisions] == list(range(count))
    assert [d.text for d in study.decisions] == [f"Number {number} goes on." for number in range(count)]


class TestPostgreSQL:
    def test_connections_dropped_at_random_moments(self, postgresql, cluster, begin):
        chance, dropped, done = random.Random(0), [], threading.Event()

        def drop():
            while not done.is_set() and len(dropped) < 30:  # on a busy machine writing gets nowhere otherwise
                time.sleep(chance.uniform(0, 0.15))
                cluster.drop_connections()
                dropped.append(True)

        thread = threading.Thread(target=drop)
        with Store.at(postgresql) as store:
            log = begin(store)
            thread.start()
            try:
                write_runs(log)
                while len(dropped) < 10:
                    assert_whole(log.record())
            finally:
                done.set()
                thread.join()
            assert_whole(log.record())

    def test_a_connection_dropped_before_each_statement(self, postgresql, cluster, begin):
        with Store.at(postgresql) as store:
            log = begin(store)
            for number in range(8):  # a transaction begins, makes five statements, and commits
                with dropping(cluster, before=number), log.at_once():
                    write_run(log, number)
            assert_whole(log.record(), count=8)

    def test_a_commit_whose_confirmation_is_lost(self, postgresql, cluster, begin):
        with Store.at(postgresql) as store:
            log = begin(store)
            for number in range(3):
                with losing_the_confirmation(cluster) as lost, log.at_once():
                    write_run(log, number)
                assert lost
            assert_whole(log.record(), count=3)
            assert_whole(begin(store).record(), count=3)

    def test_a_server_that_crashes_and_comes_back(self, postgresql, cluster, begin):
        with Store.at(postgresql) as store:
            log = begin(store)
            write_runs(log, count=10)
            writer = threading.Thread(target=write_runs, args=(log, 10, RUNS - 10, 0.01))
            writer.start()
            cluster.halt()
            time.sleep(0.5)
            cluster.start()
            writer.join()
            assert_whole(log.record())

    def test_a_server_that_stays_away_is_told_of_and_what_was_written_waits(
        self, postgresql, cluster, begin, caplog
    ):
        with Store.at(postgresql, patience=2) as store:
            log = begin(store)
            cluster.halt()
            try:
                with pytest.raises(StoreError) as caught, log.at_once():
                    write_run(log, 0)
            finally:
                cluster.start()
            assert str(caught.value).endswith(
                "tried for 2 seconds; nothing recorded is lost, and the same command goes on"
            )
            assert "\n" not in str(caught.value)
            assert "trying again for up to 2 seconds" in caplog.text
            write_run(log, 1)
            assert_whole(log.record(), count=2)


@contextmanager
def dropping(cluster, before):
    """Drop all connections before the statement of this number."""
    left = before

    def count(*_):
        nonlocal left
        left -= 1
        if left == -1:
            cluster.drop_connections()

    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Engine, "commit", count)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", count)
        event.remove(Engine, "commit", count)


@contextmanager
def losing_the_confirmation(cluster):
    """Commit once behind SQLAlchemy's back, then drop the connection before it learns of that."""
    lost = []

    def commit(db):
        if not lost:
            lost.append(True)
            db.connection.dbapi_connection.commit()
            cluster.drop_connections()
            db.exec_driver_sql("SELECT 1")

    event.listen(Engine, "commit", commit)
    try:
        yield lost
    finally:
        event.remove(Engine, "commit", commit)


@contextmanager
def locked(path):
    """As another program would have it that writes for long."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield other
    finally:
        other.close()


class TestSQLite:
    def test_a_file_that_is_locked_for_a_while(self, path, begin):
        with Store.at(path) as store:
            log = begin(store)
            with locked(path) as other:
                release = threading.Timer(1.0, other.rollback)
                release.start()
                write_runs(log)
                release.join()
            assert_whole(log.record())

    def test_a_file_that_stays_locked_is_told_of_and_what_was_written_waits(self, path, begin):
        with Store.at(path, patience=0.3) as store:
            log = begin(store)
            with locked(path), pytest.raises(StoreError) as caught, log.at_once():
                write_run(log, 0)
            told = "database is locked; tried for 0.3 seconds; nothing recorded is lost, and the same command"
            assert f"{told} goes on" in str(caught.value)
            write_run(log, 1)
            assert_whole(log.record(), count=2)

    def test_a_full_disk(self, path):
        size = 400_000
        written = write_until_full(path, f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))")
        assert written >= 10
        assert_goes_on(path, written)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
    def test_a_small_disk(self, tmp_path):
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", tmp_path])
        if mounted.returncode:
            pytest.skip("no disk can be mounted here")
        try:
            written = write_until_full(tmp_path / "evidence.db")
            assert written >= 10
            subprocess.run(["mount", "-o", "remount,size=40m", tmp_path], check=True)
            assert_goes_on(tmp_path / "evidence.db", written)
        finally:
            subprocess.run(["umount", tmp_path], check=True)


FILLING = """
import resource, signal, sys
from surefoot.store import Store, StoreError
from surefoot.study.decisions import Piloted
from surefoot.study.question import Question
from surefoot.study.run import Candidate, Phase, Point, Status

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Store.at(sys.argv[1]) as store:
    log = store.begin(Question("digits", study="digits"), None, {})
    written = 0
    exec(sys.argv[2])
    try:
        while written < 10_000:
            with log.at_once():
                run = log.start_run(Candidate("Adam", {"lr": written}), 0, Phase.SCREEN)
                for place in range(1, 11):
                    log.add_point(run, Point(place / 10, place, written))
                log.decide(Piloted(f"Number {written} goes on."), 1.0)
                log.end_run(run, Status.COMPLETED, "", 0.1, 8)
            written += 1
    except StoreError as error:
        print(written, error, sep="\\n")
"""


def write_until_full(path, limit=""):
    """How many runs were written before the disk was full; that it is told in one clear line is checked."""
    command = [sys.executable, "-c", FILLING, str(path), limit]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(told) == 2
    assert told[1].endswith("; nothing recorded is lost, and the same command goes on when there is room")
    assert "disk" in told[1]
    return int(told[0])


def assert_goes_on(path, written):
    with Store.at(path) as store:
        assert_whole(store.study("digits"), count=written)
        log = store.begin(Question("digits", study="digits"), None, {})
        write_runs(log, first=written, count=20)
        assert_whole(log.record(), count=written + 20)
