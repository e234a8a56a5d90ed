"""The command line as a person uses it: real processes, exit statuses, interruption, files."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from surefoot import cli, optim
from surefoot.cli.parameters import SizeType
from surefoot.store import write_table

OWN = Path(__file__).parent / "search" / "own_task.py"
CHOOSE = ["choose", f"{OWN}:small", "--optimizers", "adam,sgd", "--runs", "24"]


def command(*words):
    return [sys.executable, "-m", "surefoot", *words]


def run(*words, folder):
    return subprocess.run(command(*words), cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def chosen(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chosen")
    done = run(*CHOOSE, "--json", "answer.json", "--report", "answer.html", folder=folder)
    return folder, done


def test_choose_answers_and_writes_what_was_asked_for(chosen):
    folder, done = chosen
    assert done.returncode == 0, done.stderr
    assert "optimizer = optim." in done.stdout
    assert "\x1b" not in done.stdout
    answer = json.loads((folder / "answer.json").read_text())
    assert {
        "study", "task", "verdict", "recommendation", "baseline", "effect", "p_best", "expected_regret",
        "candidates", "runs", "seconds",
    } <= answer.keys()  # fmt: skip
    assert answer["recommendation"].keys() == {"optimizer", "hyperparameters", "schedule", "snippet"}
    html = (folder / "answer.html").read_text()
    assert answer["recommendation"]["optimizer"] in html
    assert "<svg" in html


def test_the_json_is_what_the_schema_promises(chosen):
    folder, _ = chosen
    schema = json.loads((Path(__file__).parent.parent / "docs" / "answer.schema.json").read_text("utf8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads((folder / "answer.json").read_text("utf8")))


def test_the_printed_snippet_runs_as_pasted(chosen):
    import torch

    folder, done = chosen
    answer = json.loads((folder / "answer.json").read_text())
    snippet = answer["recommendation"]["snippet"]
    assert snippet in done.stdout
    names = {"model": torch.nn.Linear(2, 1)}
    exec(snippet, names)
    assert isinstance(names["optimizer"], optim.OPTIMIZERS[answer["recommendation"]["optimizer"]])


def test_a_finished_study_is_shown_again_and_listed_and_reported(chosen):
    folder, first = chosen
    answer = json.loads((folder / "answer.json").read_text())
    again = run(*CHOOSE, folder=folder)
    assert again.returncode == 0
    assert "show a finished study again" in again.stderr
    assert first.stdout.split("Use ")[-1].split("Report")[0] == again.stdout.split("Use ")[-1]
    listed = run("list", "studies", folder=folder)
    assert answer["study"][:10] in listed.stdout
    reported = run("report", answer["study"], "-o", "again.html", folder=folder)
    assert reported.returncode == 0
    assert (folder / "again.html").stat().st_size > 10_000
    unknown = run("report", answer["study"][:-1], "-o", "x.html", folder=folder)
    assert unknown.returncode == 2
    assert answer["study"] in unknown.stderr


def heed_interrupts():
    """A shell starts what runs in the background deaf to Ctrl-C, and so would be the tests' programs."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
def test_ctrl_c_leaves_a_study_that_the_printed_command_resumes(tmp_path):
    process = subprocess.Popen(
        command(*CHOOSE), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, preexec_fn=heed_interrupts,
    )  # fmt: skip
    for line in process.stderr:
        if "results" in line:
            break
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "So far, from screening on one seed" in errors
    assert "not a result" in errors
    resume = re.search(r"To go on: surefoot (.*)", errors)
    assert resume, errors
    import shlex

    done = run(*shlex.split(resume[1]), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "optimizer = optim." in done.stdout


@pytest.mark.slow
def test_sigkill_leaves_no_orphans_and_nothing_recorded_is_lost(tmp_path):
    process = subprocess.Popen(command(*CHOOSE), cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "results" in line:
            break
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True
    )
    process.kill()
    process.wait()
    end = time.monotonic() + 20
    alive = [int(pid) for pid in children.stdout.split()]
    assert alive
    while alive and time.monotonic() < end:
        alive = [pid for pid in alive if Path(f"/proc/{pid}/stat").exists() and not _is_zombie(pid)]
        time.sleep(0.1)
    assert not alive
    listed = run("list", "studies", folder=tmp_path)
    assert "unfinished" in listed.stdout
    assert run(*CHOOSE, folder=tmp_path).returncode == 0


def _is_zombie(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.slow
def test_a_task_that_always_fails_ends_with_status_3(tmp_path):
    done = run("choose", f"{OWN}:failing", "--optimizers", "adam", "--runs", "12", folder=tmp_path)
    assert done.returncode == 3
    assert "the disk with the data is gone" in done.stderr
    assert 'Traceback (most recent call last):\n  File "/' not in done.stderr.split("surefoot:")[0]


BAD = [
    (["chose", "digits"], "did you mean 'choose'"),
    (["choose", "digitz"], "digits"),
    (["choose", "digits", "--optimizers", "adm"], "did you mean 'Adam'"),
    (["choose", "digits", "--baseline", "sdg"], "did you mean"),
    (["choose", "digits", "--budget", "soon"], "90s, 5m or 1.5h"),
    (["choose", "digits", "--budgt", "5m"], "--budget"),
    (["choose", "digits", "--run-memory", "4"], "500m, 4g or 4GiB"),
    (["choose", "digits", "--gpus", "some"], "how many (2), which (0,1) or all"),
    (["choose", "digits", "--gpus", "64"], "--gpus 64"),
    (["choose", "digits", "--schedule", "linear"], "cosine"),
    (["choose", "digits", "--runs", "0"], "above 0"),
    (["choose", "digits", "--runs", "-3"], "above 0"),
    (["choose", "digits", "--runs", "nan"], "finite"),
    (["choose", "digits", "--runs", "1e9"], "more than 1,000,000"),
    (["choose", "digits", "--budget", "nan"], "90s, 5m or 1.5h"),
    (["choose", "digits", "--budget", "0"], "90s, 5m or 1.5h"),
    (["choose", "digits", "--budget", "99999h"], "more than a year"),
    (["choose", "line", "--runs", "0.001"], "less than one step"),
    (["choose", "--runs", "0.3", "--", sys.executable], "run once to its end"),
    (["choose", "digits", "--goal", "fastest", "--schedule", "cosine"], "--schedule constant"),
    (["choose", "digits", "--goal", "quickest"], "fastest"),
    (["choose", "digits", "--target", "0.1"], "--goal fastest"),
    (["choose", "digits", "--study", "a b"], "letters, digits"),
    (["choose", "digits", "--report", "missing/folder/x.html"], "does not exist"),
    (["choose", "nowhere.py:task"], "nowhere.py"),
    (["choose", "digits", "--optimizers", "sparse_adam"], "needs sparse gradients"),
    (["choose"], "say what to train"),
    (["choose", "--"], "after -- comes the command"),
    (["choose", "digits", "--", "python", "train.py"], "not both"),
    (["choose", "--", "pyton", "train.py"], "no command 'pyton'"),
    (["choose", "--schedule", "cosine", "--", sys.executable], "keeps its own schedule"),
    (["choose", "python", "train.py"], "-- python train.py"),
    (["choose", "train.py"], "-- python train.py"),
    (["explain", "rmspropp"], "did you mean 'RMSprop'"),
    (["list", "optimisers"], "optimizers"),
    (["report", "nothing", "-o", "x.html"], "nothing"),
]


@pytest.mark.parametrize(
    ("words", "hint"), BAD, ids=lambda v: "-".join(v)[:40] if isinstance(v, list) else ""
)
def test_bad_input_is_one_clear_line_and_status_2(words, hint, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        cli.main(words)
    said = capsys.readouterr().err.strip().splitlines()
    error = "\n".join(line for line in said if line != "Phase: look")  # which has seen it
    assert end.value.code == 2
    assert hint in error
    assert error.startswith("error: ")
    assert error.count("\n") == 0


@pytest.mark.parametrize(
    ("text", "size"),
    [("500m", 500 << 20), ("4g", 4 << 30), ("4GiB", 4 << 30), ("1.5GB", 3 << 29), ("2K", 2048)],
)
def test_sizes_are_counted_in_powers_of_1024(text, size):
    assert SizeType().convert(text, None, None) == size


@pytest.mark.parametrize("name", sorted(optim.OPTIMIZERS))
def test_explain_shows_the_whole_card(name):
    shown = CliRunner().invoke(cli.surefoot, ["explain", name.lower()]).output
    facts = optim.OPTIMIZERS[name].facts()
    assert facts.equation.split("\n")[0][:20] in shown
    for hyperparameter in facts.hyperparameters:
        assert hyperparameter.name in shown
    for heading in ("good at", "bad at", "paper", "per parameter"):
        assert heading in shown


def test_lists_and_help():
    runner = CliRunner()
    assert "Adadelta" in runner.invoke(cli.surefoot, ["list", "optimizers"]).output
    assert "digits" in runner.invoke(cli.surefoot, ["list", "tasks"]).output
    for words in ([], ["choose"], ["list"], ["explain"], ["report"]):
        shown = runner.invoke(cli.surefoot, [*words, "--help"])
        assert shown.exit_code == 0
        assert "surefoot " in shown.output


def test_replay_scores_a_table_and_writes_json(tmp_path):
    rows = [
        ("bowl", "adam", {"lr": 10 ** (-4 + step / 10)}, 0, progress, progress, value + 1 / progress)
        for step in range(20)
        for value in [1 + (step - 9) ** 2]
        for progress in (0.1, 0.5, 1.0)
    ]
    write_table(tmp_path / "bowl.csv.gz", rows, {"score": "final"})
    words = ["--budgets", "1,4", "--orders", "3", "--workers", "1", "--json", "scores.json"]
    done = run("replay", "bowl.csv.gz", *words, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "successive halving" in done.stdout
    assert "learning-rate priors: adam as in live studies\n" in done.stdout
    scores = json.loads((tmp_path / "scores.json").read_text())["scores"]
    assert scores.keys() == {"1", "4"}
    assert scores["4"] < 0.1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.csv"], "none.csv"),
        (["bad.csv"], "bad.csv is no curve table: it has no column task"),
        (["bad.csv", "--budgets", "1,x"], "write for example 1,2,3,5,8"),
    ],
)
def test_replay_refuses_what_it_cannot_read(tmp_path, words, message):
    (tmp_path / "bad.csv").write_text("a,b\n")
    done = run("replay", *words, folder=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
