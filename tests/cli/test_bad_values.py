"""Values that no option takes, on any command, and what messages must not show."""

from __future__ import annotations

import subprocess
import sys

import pytest

from surefoot.store import Store, StoreError


def run(*arguments: str, cwd=None, **more) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "surefoot", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, **more)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["choose", "line", "--optimizers="], "--optimizers has an empty value"),
        (["choose", "line", "--store", ""], "--store has an empty value"),
        (["choose", "line", "--json", " "], "--json has an empty value"),
        (["choose", "line", "--report", ""], "--report has an empty value"),
        (["choose", "line", "--set", ""], "--set has an empty value"),
        (["list", "studies", "--store", ""], "--store has an empty value"),
        (["animate", "beale", "-o", "b.gif", "--noise", "nan"], "--noise nan: it must be a finite number"),
        (["animate", "beale", "-o", "b.gif", "--noise", "inf"], "--noise inf: it must be a finite number"),
        (["choose", "line", "--goal", "fastest", "--target", "inf"], "--target inf: it must be a finite"),
    ],
)
def test_empty_values_and_numbers_without_end_are_refused_in_a_line(arguments, told, tmp_path) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {told}")
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me@127.0.0.1:1/x?password=s3cret",
        "postgresql://me:s3cret@127.0.0.1:1/x",
        "postgresql://me@127.0.0.1:1/x?sslmode=disable&options=-c%20a.b%3Ds3cret",
        "postgresql://me@127.0.0.1:s3cret/x",
    ],
)
def test_no_form_of_address_shows_a_password(url: str) -> None:
    with pytest.raises(StoreError) as refused:
        Store.at(url, patience=0.1)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("url", ["sqlite:///q.db?foo=bar", "sqlite:///q.db?timeout=abc", "", "  "])
def test_addresses_with_options_that_nothing_takes_are_refused(url: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=r"takes no options|is empty"):
        Store.at(url)
    assert not list(tmp_path.iterdir())


def test_files_are_written_whatever_becomes_of_the_page(tmp_path) -> None:
    with open("/dev/full", "w") as full:
        command = (
            "choose line --runs 3 --workers 1 --optimizers sgd,adam --json a.json --report a.html --quiet"
        )
        subprocess.run(
            [sys.executable, "-m", "surefoot", *command.split()],
            stdout=full, stderr=subprocess.PIPE, cwd=tmp_path, check=False,
        )  # fmt: skip
    assert (tmp_path / "a.json").stat().st_size > 500
    assert (tmp_path / "a.html").stat().st_size > 5000


def test_what_a_message_quotes_cannot_drive_the_terminal(tmp_path) -> None:
    (tmp_path / "mine.py").write_text("raise RuntimeError('\\x1b]0;pwned\\x07\\x1b[2J')\n")
    done = run("choose", "mine.py:task", "--runs", "3", cwd=tmp_path)
    assert done.returncode == 2
    assert "pwned" in done.stderr
    assert "\x1b" not in done.stderr
    assert "\x07" not in done.stderr
