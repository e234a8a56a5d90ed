"""`surefoot check` as a person uses it; and what its page shows, run as it stands."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import surefoot.cli.check  # noqa: F401  adds the command
from surefoot import cli

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "own-task.md").read_text(encoding="utf8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.S)


def needs(package):
    """Without importing it: Keras looks for its backend then, which only the code under test names."""
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


def check(capsys, *words):
    """Exit status, and what was printed."""
    status = 0
    try:
        cli.main(["check", *words])
    except SystemExit as ended:
        status = ended.code
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_a_healthy_task_ends_with_0_and_a_summary(capsys):
    status, printed, _ = check(capsys, "line", "--workers", "2")
    assert status == 0
    assert "wrong" not in printed
    assert re.search(r"model +ok +2 parameters \(float32\)", printed)
    assert re.search(r"batches +ok +float32 32×1, float32 32×1; 300 of 300 looked at", printed)
    assert re.search(r"a step +ok +\d\S* .s on one core; a training has 300 steps", printed)
    assert re.search(r"validation +ok +\d\S* before any training; \S+ .s for 256 rows", printed)
    assert re.search(r"measure +ok +mean squared error on held-out points, lower is better", printed)
    assert re.search(r"13 trainings +ok +about .* with 2 at once", printed)


@pytest.fixture
def page_file(tmp_path):
    """The page's blocks, as the file of one reader who has not got Keras."""
    path = tmp_path / "wine.py"
    path.write_text("\n".join(block for block in BLOCKS[:4] if "keras" not in block))
    return path


def test_the_page_s_tasks_are_healthy_and_its_mistakes_are_told_as_shown(capsys, page_file):
    needs("sklearn")
    assert check(capsys, f"{page_file}:task")[0] == 0
    status, printed, _ = check(capsys, f"{page_file}:mistaken")
    assert status == 2
    wrong = [line for line in printed.splitlines() if line.startswith("wrong  ")]
    shown = [line for line in PAGE.splitlines() if line.startswith("wrong  wine")]
    assert len(shown) == 3

    def plain(line):  # numbers change with torch's version
        return re.sub(r"\d+\.\d+", "#", line)

    assert list(map(plain, wrong)) == list(map(plain, shown))


@pytest.mark.slow
@pytest.mark.parametrize("keras", [False, pytest.param(True, marks=pytest.mark.real)])
def test_the_page_s_code_runs_as_it_stands(keras, tmp_path):
    needs("keras" if keras else "sklearn")
    code = "\n".join(block for block in BLOCKS if keras or "keras" not in block)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["own_task", pytest.param("keras_task", marks=pytest.mark.real)])
def test_the_examples_are_ready(name, capsys):
    needs("keras" if name == "keras_task" else "sklearn")
    status, printed, _ = check(capsys, f"{ROOT}/examples/{name}.py:task")
    assert status == 0, printed
    assert not re.search("^(wrong|note) ", printed, re.M)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["digitz"], "did you mean 'digits'"),
        (["images"], "images needs your data: --data DIR"),
        (["line", "--data", "."], "line takes no --data"),
        (["images", "--data", "no_such_folder"], "no_such_folder"),
    ],
)
def test_what_cannot_be_checked_is_told_in_one_line(words, message, capsys):
    status, printed, errors = check(capsys, *words)
    assert (status, printed) == (2, "")
    assert message in errors
    assert errors.count("\n") == 1


def test_own_images_are_surveyed_and_a_broken_one_is_wrong_and_told_once(capsys, tmp_path):
    from PIL import Image

    for label, colour in (("dark", 30), ("light", 220)):
        (tmp_path / label).mkdir()
        for number in range(12):
            shade = colour + number
            Image.new("RGB", (16, 16), (shade, shade, shade)).save(tmp_path / label / f"{number}.png")
    (tmp_path / "dark" / "broken.png").write_text("no image")
    status, printed, _ = check(capsys, "images?size=32", "--data", str(tmp_path))
    assert status == 2
    assert printed.count("broken.png") == 1
    assert printed.startswith("wrong  images: ")
