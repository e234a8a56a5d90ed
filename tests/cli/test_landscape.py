"""`surefoot landscape` on a study that was really made, and what it says where it cannot."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from PIL import Image

from surefoot.cli import main, surefoot
from surefoot.store import Store


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a finished study of the line."""
    folder = tmp_path_factory.mktemp("made")
    words = ["choose", "line", "--optimizers", "adam,sgd", "--runs", "14", "--study", "line",
             "--store", str(folder / "evidence.db"), "--checkpoints", str(folder / "trunks")]  # fmt: skip
    assert CliRunner().invoke(surefoot, words, catch_exceptions=False).exit_code == 0
    return folder


def test_it_draws_keeps_and_tells(made):
    place = ["--store", str(made / "evidence.db"), "--checkpoints", str(made / "trunks")]
    picture, report = made / "l.png", made / "l.html"
    words = ["landscape", "line", "--size", "7", "-o", str(picture), "-o", str(report), *place]
    done = CliRunner().invoke(surefoot, words, catch_exceptions=False)
    assert done.exit_code == 0
    assert "random walk" in done.output
    with Image.open(picture) as drawn:
        assert drawn.width > 800
    assert "random walk" in report.read_text(encoding="utf8")
    with Store.at(made / "evidence.db") as evidence:
        document = evidence.study("line").documents["landscape"]
    assert [len(row) for row in document["grid"]["loss"]] == [7] * 7


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["lin"], "the nearest is 'line'"),
        (["line", "--optimizers", "adm"], "adm"),
        (["line", "-o", "l.gif"], "must end in one of"),
        (["line", "--size", "2"], "--size"),
    ],
)
def test_bad_input_is_one_clear_line_and_status_2(made, words, hint, capsys):
    with pytest.raises(SystemExit) as end:
        main(["landscape", *words, "--store", str(made / "evidence.db")])
    error = capsys.readouterr().err.strip()
    assert end.value.code == 2
    assert hint in error
    assert error.count("\n") == 0
