"""`surefoot advise` as a person uses it: an answer at once, as words and as JSON."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from surefoot.cli import main, surefoot
from surefoot.cli.advise import advise  # noqa: F401  adds the command
from surefoot.search.space import prior_results as experience


def advised(*words):
    return CliRunner().invoke(surefoot, ["advise", *words], catch_exceptions=False)


@pytest.mark.parametrize("task", ["digits", "line", "tabular", "text"])
def test_advice_on_a_built_in_task(task, tmp_path):
    file = tmp_path / "advice.json"
    done = advised(task, "--json", str(file))
    document = json.loads(file.read_text())
    assert done.exit_code == 0
    assert document["task"] == task
    assert len(document["advice"]) == 3
    assert {ruled["optimizer"] for ruled in document["ruled_out"]} >= {"SparseAdam"}
    assert task not in [one["task"] for one in document["similar"]]
    for one in document["advice"]:
        assert one["label"] in done.output
        assert one["reason"] in done.output
    assert document["advice"][0]["snippet"] in done.output
    assert "not a measurement" in done.output
    assert done.output.rstrip().endswith(f"To measure: surefoot choose {task}")


def test_a_task_of_one_s_own(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from surefoot.tasks.gallery.line import Line\n\n\n"
        "class Mine(Line):\n    name = 'mine'\n\n\nTASK = Mine()\n"
    )
    reference = f"{tmp_path}/mine.py:TASK"
    shown = advised(reference).output
    assert "1.00  line: mostly" not in shown  # half of two parameters are no main role
    assert "1.00  line: about as many parameters, about as many steps" in shown
    assert f"To measure: surefoot choose {reference}" in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["digitss"], "did you mean 'digits'"),
        (["digits", "--json", "/nowhere/advice.json"], "does not exist"),
        (["digits", "--data", "."], "takes no --data"),
    ],
)
def test_bad_input_is_one_line(words, message, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["advise", *words])
    shown = capsys.readouterr().err
    assert ended.value.code == 2
    assert message in shown
    assert shown.count("\n") == 1


def test_damaged_data_are_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "experience.json").write_text('{"format": 0}')
    monkeypatch.setattr(experience.resources, "files", lambda package: tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["advise", "line"])
    assert ended.value.code == 2
    assert (
        capsys.readouterr().err == "error: experience.json: format 0 is not the one that is read here (1)\n"
    )
