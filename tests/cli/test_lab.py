"""`surefoot lab`: its link, its quiet end, and what it says where it cannot start."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from surefoot.cli import main

LAB = [sys.executable, "-u", "-m", "surefoot", "lab"]


def started(*words, folder):
    """The process and the link that it prints."""
    process = subprocess.Popen(
        [*LAB, *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    line = process.stdout.readline()
    return process, re.search(r"http://\S+", line)[0]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_it_answers_until_it_is_told_to_end(tmp_path, number, status):
    process, link = started("--port", "0", folder=tmp_path)
    with urllib.request.urlopen(f"{link}api/health", timeout=30) as answer:
        assert answer.status == 200
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == status
    assert "Traceback" not in errors
    assert not list(tmp_path.iterdir()), "looking at a store must not create it"


def test_others_are_let_in_with_a_token_only(tmp_path):
    process, link = started("--host", "0.0.0.0", "--port", "0", folder=tmp_path)
    try:
        port, token = re.search(r":(\d+)/\?token=([\w-]{20,})", link).groups()
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api/surfaces", timeout=30)
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/surfaces", headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert b"beale" in answer.read()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def test_a_taken_port_is_told_in_one_line(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit) as end:
        main(["lab", "--port", str(taken.getsockname()[1])])
    assert end.value.code == 2
    error = capsys.readouterr().err.strip()
    assert "port" in error
    assert error.count("\n") == 0


def test_a_short_token_is_refused(capsys):
    with pytest.raises(SystemExit) as end:
        main(["lab", "--token", "abc", "--port", "0"])
    assert end.value.code == 2
    assert "token" in capsys.readouterr().err
