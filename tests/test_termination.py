"""Signals that ask the command line to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from surefoot.termination import Terminated, exit_status, heeding_termination

OWN = Path(__file__).parent / "search" / "own_task.py"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_interrupts_the_block_and_the_status_tells_which(number, status):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt) as interruption, heeding_termination():
        signal.raise_signal(number)
    assert exit_status(interruption.value) == status
    assert signal.getsignal(number) == before
    wrapped = RuntimeError()
    wrapped.__cause__ = interruption.value
    assert exit_status(wrapped) == status
    assert exit_status(KeyboardInterrupt()) == 130


def test_what_is_ignored_stays_ignored_and_other_threads_set_nothing():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with heeding_termination():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    seen = []

    def elsewhere():
        with heeding_termination():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]
    assert issubclass(Terminated, KeyboardInterrupt)


@pytest.mark.slow
def test_sigterm_ends_a_study_with_what_is_known_and_how_to_go_on(tmp_path):
    words = ["choose", f"{OWN}:small", "--optimizers", "adam,sgd", "--runs", "24", "--run-memory", "3g"]
    process = subprocess.Popen(
        [sys.executable, "-m", "surefoot", *words], cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in process.stderr:
        if "results" in line:
            break
    family = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 143, errors
    assert "So far, from screening on one seed" in errors
    assert "--run-memory 3145728k" in errors
    assert len(family) >= 2
    assert psutil.wait_procs(family, timeout=20)[1] == []
