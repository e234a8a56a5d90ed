"""The server as a process: its one line, its port, its end, and that nothing outlives it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from surefoot.lab import serve as served
from surefoot.lab.options import DEFAULT_PORT
from surefoot.lab.serve import CannotServe, link_of, serve
from tests.lab.asking import ask
from tests.lab.conftest import serving

ENOUGH = 60.0
"""Seconds for what takes a fraction of one."""


def started(store, family=2):
    """A lab whose workers are processes already."""
    lab = store.__enter__()
    process = psutil.Process(lab.process.pid)
    deadline = time.monotonic() + ENOUGH
    while len(process.children()) < family and time.monotonic() < deadline:
        time.sleep(0.01)
    children = process.children(recursive=True)
    assert len(children) >= family
    return lab, children


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_outlives_the_server(tmp_path, number):
    lab, children = started(serving(tmp_path / "evidence.db"))
    os.kill(lab.process.pid, number)
    lab.process.communicate(timeout=ENOUGH)
    _, alive = psutil.wait_procs(children, timeout=ENOUGH)
    assert alive == []


def test_ctrl_c_ends_it_without_noise_and_with_status_0(tmp_path):
    command = [
        sys.executable,
        "-P",
        "-c",
        "from surefoot.lab.serve import serve; raise SystemExit(serve(port=0))",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    assert re.fullmatch(r"Surefoot lab: http://127\.0\.0\.1:\d+/  \(Ctrl-C ends it\)\n", line)
    assert ask(line.split()[2], "/api/health").json["status"] == "ok"
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=ENOUGH)
    assert (process.returncode, out, errors) == (0, "", "")


def test_a_taken_port_is_told(free_port):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port))
        taken.listen()
        with pytest.raises(CannotServe, match=f"port {free_port} of 127.0.0.1 is taken"):
            serve(port=free_port)


def test_the_default_port_gives_way_to_the_next_free_one(monkeypatch, free_port):
    monkeypatch.setattr(served, "DEFAULT_PORT", free_port)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port))
        taken.listen()
        with served._bind("127.0.0.1", None) as found:
            assert free_port < found.getsockname()[1] <= free_port + served.PORTS_TRIED


def test_the_default_port_is_the_documented_one():
    assert DEFAULT_PORT == 8642


@pytest.fixture
def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.7"])
def test_an_address_that_is_not_ours_is_told_in_a_line(host):
    with pytest.raises(CannotServe, match=re.escape(host)) as caught:
        serve(host=host, port=0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("token", ["short", "x" * 300, "with spaces in the token", "é" * 20])
def test_a_weak_or_odd_token_is_refused(token):
    with pytest.raises(CannotServe, match="16 to 200 characters"):
        serve(token=token, port=0)


def test_others_need_a_token_which_is_made_or_taken_from_the_environment(monkeypatch):
    monkeypatch.delenv(served.TOKEN_VARIABLE, raising=False)
    assert served._token("127.0.0.1", None) is None
    made = {served._token("0.0.0.0", None) for _ in range(20)}
    assert len(made) == 20
    assert all(len(token) >= 32 for token in made)
    monkeypatch.setenv(served.TOKEN_VARIABLE, "from-the-environment")
    assert served._token("0.0.0.0", None) == "from-the-environment"
    assert served._token("0.0.0.0", "given-on-the-command-line") == "given-on-the-command-line"


def test_the_link_is_one_that_can_be_opened():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        assert link_of(bound, "127.0.0.1", None) == f"http://127.0.0.1:{port}/"
        assert link_of(bound, "::1", "token") == f"http://[::1]:{port}/?token=token"
        assert link_of(bound, "0.0.0.0", None) == f"http://{socket.gethostname()}:{port}/"
