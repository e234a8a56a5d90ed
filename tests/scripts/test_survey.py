"""A script that records its path, and tells its loss when it is started once more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from surefoot.engines.local.job import run_job
from surefoot.scripts.protocol import ScriptRun
from surefoot.scripts.recorder import ScriptRecorder
from surefoot.scripts.survey import IDENTITY, ORDER, measure, survey_script
from surefoot.study.run import Candidate, Job, Schedule
from surefoot.tasks import TaskError
from surefoot.training import checkpoint, snapshots
from surefoot.training.revisit import Place

OWN = str(Path(__file__).parent / "recorded_script.py")
ADAM = Candidate("Adam", {"lr": 0.01}, Schedule("script", 0.0, 0.0))


def command(behaviour):
    return (sys.executable, OWN, behaviour)


def record(folder, behaviour, **changes):
    """Run the script: how it ended, its values, and the file of its snapshots with its identity."""
    options = {"checkpoints": str(folder), "snapshots": str(folder / "kept"), "steps": 4.0, **changes}
    job = Job(1, "own", ADAM, 3, 1.0, command=command(behaviour), **options)
    reports = []
    ended = run_job(job, lambda reference: None, reports.append)
    run = snapshots.identity(job.task, job.command, job.candidate, job.seed)
    values = [report.point.value for report in reports]
    return ended, values, (str(snapshots.path_of(folder / "kept", run)), run)


def loss_at(weights):
    """Of the script's model, without the script."""
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).eval()
    nn.utils.vector_to_parameters(weights, model.parameters())
    inputs = torch.linspace(-1, 1, 60).reshape(20, 3)
    return nn.functional.mse_loss(model(inputs), inputs.sum(1, keepdim=True)).item()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    ended, values, file = record(tmp_path_factory.mktemp("recorded"), "plain")
    assert ended.status == "completed", ended.message
    return file, snapshots.load(Path(file[0]), file[1]), values


@pytest.mark.slow
def test_the_path_of_a_script_is_recorded_from_first_to_last_step(recorded):
    _, taken, values = recorded
    assert taken.evaluations == (0, 4, 8, 12, 16, 20)
    torch.manual_seed(3)
    first = nn.Linear(3, 4)
    assert torch.equal(taken.points[0][:12], first.weight.detach().flatten())
    assert loss_at(taken.points[-1]) == pytest.approx(values[-1], rel=1e-5)


@pytest.mark.slow
def test_recording_changes_nothing_of_a_run(recorded, tmp_path):
    _, values, _ = record(tmp_path, "silent")
    assert values == recorded[2]
    assert not (tmp_path / "kept").exists()


def test_a_script_tells_its_loss_at_snapshots_and_on_the_plane(recorded):
    file, taken, _ = recorded
    axes = (torch.ones(21), torch.arange(21.0))
    places = [Place(0, 0), Place(0, 5), Place(0, 2, (0.1, -0.05)), Place(0, 0, (1e30, 0.0))]
    told = []
    found = survey_script(command("plain"), ADAM, 3, [file], axes, places, told.append)
    at = taken.points[0] + 0.1 * axes[0] - 0.05 * axes[1]
    expected = [loss_at(w) for w in (taken.points[0], taken.points[5], at)]
    assert found.losses[:3] == pytest.approx(expected, rel=1e-4)
    assert found.losses[3] != found.losses[3]  # not finite
    assert told == [4]
    assert not found.norms


@pytest.mark.slow
def test_batch_normalisation_has_the_statistics_of_the_nearest_snapshot(tmp_path):
    _, _, file = record(tmp_path, "norm")
    taken = snapshots.load(Path(file[0]), file[1])
    axes = (torch.zeros(taken.points.shape[1]), torch.zeros(taken.points.shape[1]))
    places = [Place(0, 0), Place(0, 0, (0.0, 0.0)), Place(0, len(taken.points) - 1, (0.0, 0.0))]
    found = survey_script(command("norm"), ADAM, 3, [file], axes, places)
    assert found.norms
    assert found.losses[0] == found.losses[1] != found.losses[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("silent", "to draw its landscape, call surefoot.run.record(model, loss) before the training begins"),
        (
            "text",
            "surefoot.errors.InvalidTypeError: surefoot.run.record(model, loss): loss() must return "
            "a number, not str",
        ),
    ],
)
def test_a_script_that_cannot_tell_its_loss_is_told_so_in_one_line(recorded, behaviour, reason):
    axes = (torch.ones(21), torch.ones(21))
    with pytest.raises(TaskError) as caught:
        survey_script(command(behaviour), ADAM, 3, [recorded[0]], axes, [Place(0, 0)])
    assert str(caught.value) == f"recorded_script.py could not tell its loss: {reason}"


def test_commands_that_are_no_script_are_told(recorded):
    axes = (torch.ones(21), torch.ones(21))
    for words, reason in {
        ("no-such-command",): "there is no command 'no-such-command'",
        ("true",): r"true could not tell its loss: it never calls surefoot\.run\.record\(model, loss\)",
    }.items():
        with pytest.raises(TaskError, match=reason):
            survey_script(words, ADAM, 3, [recorded[0]], axes, [Place(0, 0)])


def test_snapshots_that_are_gone_or_of_another_model_are_told(recorded, tmp_path):
    def ordered(file):
        order = {"files": [list(file)], "axes": [torch.ones(21), torch.ones(21)], "places": [[0, 0]]}
        checkpoint.save(tmp_path / ORDER, IDENTITY, order)
        return tmp_path

    with pytest.raises(RuntimeError, match="the snapshots of this landscape cannot be read any more"):
        measure(ordered((str(tmp_path / "none"), "x")), nn.Linear(2, 1), lambda: 0.0, print)
    with pytest.raises(ValueError, match="the model has other parameters than when its snapshots were taken"):
        measure(ordered(recorded[0]), nn.Linear(2, 1), lambda: 0.0, print)


class RefusedError(Exception):
    pass


@pytest.fixture
def recorder(tmp_path):
    def refuse(kind, message):
        raise RefusedError(f"{kind.__name__}: {message}")

    run = ScriptRun(ADAM, 3, 1.0, "/folder", "/s", (str(tmp_path / "file.pt"), "run"))
    return ScriptRecorder(run, print, refuse)


def test_calls_that_make_no_sense_are_refused(recorder):
    model = nn.Linear(2, 1)
    with pytest.raises(RefusedError, match=r"InvalidTypeError: .* the model must be a module, not generator"):
        recorder.record(model.parameters(), float, 9)
    with pytest.raises(RefusedError, match=r"InvalidInputError: .* at least 3 snapshots make a path, not 2"):
        recorder.record(model, float, 2)
    optimizer = torch.optim.SGD(model.parameters())
    recorder.watch(optimizer)
    for _ in range(3):
        optimizer.step()
    with pytest.raises(RefusedError, match=r"NotPossibleError: .* before the first step, not after 3"):
        recorder.record(model, float, 9)


def test_the_line_may_stand_before_the_optimizer(recorder, tmp_path):
    model = nn.Linear(2, 1)
    recorder.record(model, float, 9)
    optimizer = torch.optim.SGD(model.parameters())
    recorder.watch(optimizer)
    for _ in range(3):
        model.weight.grad = torch.ones(1, 2)
        optimizer.step()
    recorder.reported()
    recorder.close()
    assert snapshots.load(tmp_path / "file.pt", "run").evaluations == (0, 1, 2, 3)


@pytest.mark.slow
def test_snapshots_that_cannot_be_written_cost_nothing_else(tmp_path):
    (tmp_path / "file").write_text("no folder")
    ended, _, _ = record(tmp_path, "plain", snapshots=str(tmp_path / "file" / "kept"))
    assert ended.status == "completed"


def test_without_a_study_the_line_does_nothing():
    ended = subprocess.run(command("plain"), capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_what_a_script_is_told_of_snapshots_survives_the_environment():
    told = ScriptRun(ADAM, 3, 1.0, "/folder", "/s", ("/file.pt", "run 'x'"), "/survey")
    assert ScriptRun.of_text(told.to_text()) == told
