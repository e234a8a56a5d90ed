"""One writer for each study, on both kinds of store: told who it is, free when it is gone, readers free."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from surefoot.store import Store, StoreError
from surefoot.study.decisions import Paused

HOLD = """
import sys
import time
from surefoot.store import Store
with Store.at(sys.argv[1]) as store, store.claimed(sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held(url: str, study: str) -> Iterator[subprocess.Popen[str]]:
    """By another process, until the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, url, study], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_writer_is_refused_and_told_who_the_first_is(store: Store, url: str) -> None:
    with held(url, "mine") as process:
        told = rf"process {process.pid} on \S+ is writing study 'mine'"
        with pytest.raises(StoreError, match=told), store.claimed("mine"):
            pass
        with store.claimed("other"):
            assert store.studies() == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_holder_that_is_gone_holds_nothing(store: Store, url: str, how: signal.Signals) -> None:
    with held(url, "mine") as process:
        process.send_signal(how)
        process.wait()
        with store.claimed("mine"):
            pass


def test_it_is_free_after_the_block_and_after_an_error(store: Store, url: str) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), store.claimed("mine"):
            raise ZeroDivisionError
    with Store.at(url) as another, another.claimed("mine"):
        pass


def test_of_many_who_ask_at_once_one_has_it(store: Store, url: str) -> None:
    ask = HOLD.replace("sys.stdin.read()", "__import__('time').sleep(2)")
    asking = [
        subprocess.Popen(
            [sys.executable, "-c", ask, url, "mine"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    told = [process.communicate()[0] for process in asking]
    assert told.count("held\n") >= 1
    refused = [process for process in asking if process.returncode]
    assert len(refused) + told.count("held\n") == 6


@pytest.mark.real
def test_a_dropped_session_claims_again_before_it_writes(postgresql, cluster, begin) -> None:
    with Store.at(postgresql) as store, store.claimed("mine"):
        log = begin(store, "mine")
        cluster.drop_connections()
        log.decide(Paused("a word"), 1.0)
        told = pytest.raises(StoreError, match="is writing study 'mine'")
        with Store.at(postgresql) as other, told, other.claimed("mine"):
            pass


@pytest.mark.real
def test_one_that_lost_its_claim_to_another_writes_no_more(postgresql, cluster, begin) -> None:
    with Store.at(postgresql) as store, store.claimed("mine"):
        log = begin(store, "mine")
        cluster.drop_connections()
        with held(postgresql, "mine"), pytest.raises(StoreError, match=r"process \d+ on"):
            log.decide(Paused("a word"), 1.0)
        assert not store.study("mine").decisions


def test_nothing_is_left_beside_the_file(tmp_path) -> None:
    with Store.at(tmp_path / "evidence.db") as store, store.claimed("mine"):
        assert (tmp_path / "evidence.db-mine.lock").read_text().startswith(f"process {os.getpid()} on ")
    assert {path.name for path in tmp_path.iterdir()} == {"evidence.db"}


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    (tmp_path / "evidence.db-mine.lock").symlink_to(tmp_path / "thesis.tex")
    refused = pytest.raises(StoreError, match=r"evidence\.db-mine\.lock")
    with Store.at(tmp_path / "evidence.db") as store, refused, store.claimed("mine"):
        pass
    assert (tmp_path / "thesis.tex").read_text() == "precious"


@pytest.mark.slow
def test_the_second_of_two_commands_is_refused_in_a_line_and_disturbs_nothing(tmp_path) -> None:
    def choose(runs: int) -> list[str]:
        options = (
            f"digits --runs {runs} --workers 1 --study mine --optimizers sgd,adam --quiet --store evidence.db"
        )
        return [sys.executable, "-m", "surefoot", "choose", *options.split()]

    with subprocess.Popen(choose(300), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as first:
        while not (tmp_path / "evidence.db-mine.lock").exists():
            assert first.poll() is None, "it ended before it claimed the study"
            time.sleep(0.01)
        second = subprocess.run(choose(300), cwd=tmp_path, capture_output=True, text=True, check=False)
        assert first.poll() is None
        first.send_signal(signal.SIGINT)
        first.communicate()
    assert (second.returncode, second.stdout) == (2, "")
    assert f"process {first.pid}" in second.stderr
    assert len(second.stderr.splitlines()) == 1
    assert first.returncode == 130
    assert not (tmp_path / "evidence.db-mine.lock").exists()
