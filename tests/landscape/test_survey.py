"""A whole survey of a small study: numbers that can be checked, the same paths again, and clear refusals."""

from __future__ import annotations

import json
import math
import textwrap
from dataclasses import replace

import pytest
import torch

from surefoot.api.displays import Silence
from surefoot.landscape.finalists import finalists
from surefoot.landscape.survey import survey
from surefoot.search import ask, choose_optimizer
from surefoot.store import Store
from surefoot.study.question import Question
from surefoot.study.run import Candidate, Phase, Point, Status
from surefoot.tasks import load_task
from surefoot.training import snapshots
from surefoot.training.snapshots import real_parameters, snapshots_folder
from tests.search.inline_engine import InlineEngine

TASK = """
import torch
from torch import nn

class Task:
    name, steps, measure = "small", 40, "validation loss"
    LINE

    def model(self):
        return nn.Sequential(nn.Linear(4, 6), NORMnn.ReLU(), nn.Dropout(0.1), nn.Linear(6, 1))

    def batches(self, seed):
        generator = torch.Generator().manual_seed(seed)
        while True:
            x = torch.randn(16, 4, generator=generator)
            yield x, x.sum(1, keepdim=True).sin()

    def loss(self, model, batch):
        return nn.functional.mse_loss(model(batch[0]), batch[1])

    def validate(self, model):
        generator = torch.Generator().manual_seed(5)
        x = torch.randn(64, 4, generator=generator)
        return self.loss(model, (x, x.sum(1, keepdim=True).sin())).item()
"""


def write_task(folder, line="", norm=""):
    file = folder / "small_task.py"
    text = textwrap.dedent(TASK).replace("LINE", line or "pass").replace("NORM", norm)
    file.write_text(text)
    return f"{file}:Task"


def choose(folder, line="", norm="", optimizers=("adam", "sgd")):
    """A finished study, with its folder of snapshots."""
    reference = write_task(folder, line, norm)
    question = ask(reference, optimizers, None, runs=12, study="small")
    with Store.at(folder / "evidence.db") as store:
        choose_optimizer(question, store, InlineEngine(), folder / "checkpoints" / "small", Silence())
        return store.study("small"), snapshots_folder(folder / "checkpoints" / "small")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A study whose task has the one line; its survey."""
    study, folder = choose(tmp_path_factory.mktemp("recorded"), line="snapshots = 9")
    return study, folder, survey(study, folder, size=5, batches=3)


@pytest.fixture(scope="module")
def normed(tmp_path_factory):
    """The same with batch normalisation and without the line."""
    study, folder = choose(tmp_path_factory.mktemp("normed"), norm="nn.BatchNorm1d(6), ")
    return study, folder, survey(study, folder, size=5, batches=3, most=9)


def model_at(study, weights):
    """The task and its model with these weights, for a look without the code that is tested."""
    task = load_task(study.task)
    model = task.model().eval()
    begin = 0
    with torch.no_grad():
        for p in real_parameters(model).values():
            p.copy_(weights[begin : begin + p.numel()].view_as(p))
            begin += p.numel()
    return task, model


def loss_at(study, weights, batches=3):
    task, model = model_at(study, weights)
    data = task.batches(finalists(study)[0].seed)
    with torch.no_grad():
        return sum(task.loss(model, next(data)).item() for _ in range(batches)) / batches


def kept(study, folder):
    found = []
    for finalist in finalists(study):
        run = snapshots.identity(study.task, (), finalist.candidate, finalist.seed)
        found.append(snapshots.load(snapshots.path_of(folder, run), run))
    return found


def test_the_finalists_are_recorded_while_the_study_runs(recorded):
    study, folder, document = recorded
    assert document["source"] == "kept"
    assert len(list(folder.iterdir())) == len(document["paths"]) == len(finalists(study)) >= 2
    for path in document["paths"]:
        assert (path["evaluations"][0], path["evaluations"][-1]) == (0, 40)
        assert len(path["evaluations"]) <= 9
    assert document["notes"] == []
    assert not (folder.parent / "small").exists()  # the checkpoints are gone, the snapshots are not


def test_paths_end_where_the_study_measured(recorded):
    _, _, document = recorded
    for path in document["paths"]:
        assert path["value"] == path["recorded"] == pytest.approx(path["value"])


def test_losses_are_those_of_the_weights(recorded):
    study, folder, document = recorded
    for path, taken in zip(document["paths"], kept(study, folder), strict=True):
        for index in (0, 3, -1):
            assert path["loss"][index] == pytest.approx(loss_at(study, taken.points[index]), rel=1e-4)


def test_plane_and_grid_are_those_of_the_weights_there(recorded):
    """The axes are found again from the coordinates: least squares over the snapshots of all paths."""
    study, folder, document = recorded
    paths = kept(study, folder)
    start = paths[0].points[0]
    from surefoot.landscape.plane import axes, fit_plane, gram, metric

    points = [path.points for path in paths]
    scale = metric(paths[0].layout, [path[-1] for path in points])
    fit = fit_plane(gram(points, start, scale), list(map(len, points)))
    first, second = axes(points, start, scale, fit)
    for path, places in zip(document["paths"], fit.coordinates, strict=True):
        assert path["x"] == pytest.approx(places[:, 0].tolist(), abs=1e-5)
        at = start + float(places[-1][0]) * first + float(places[-1][1]) * second
        assert path["plane_loss"][-1] == pytest.approx(loss_at(study, at), rel=1e-3)
    grid = document["grid"]
    for row in (0, 2, 4):
        for column in (0, 3):
            at = start + grid["x"][column] * first + grid["y"][row] * second
            assert grid["loss"][row][column] == pytest.approx(loss_at(study, at), rel=1e-3)


def test_at_the_start_nothing_is_hidden(recorded, normed):
    for _, _, document in (recorded, normed):
        for path in document["paths"]:
            assert path["x"][0] == path["y"][0] == path["off"][0] == path["distance"][0] == 0
            assert path["plane_loss"][0] == pytest.approx(path["loss"][0], rel=1e-5)


def test_distances_shares_and_control_fit_together(recorded):
    _, _, document = recorded
    for path in document["paths"]:
        for x, y, off, distance in zip(path["x"], path["y"], path["off"], path["distance"], strict=True):
            assert math.hypot(x, y, off) == pytest.approx(distance, abs=1e-4)
        squares = sum(d**2 for d in path["distance"])
        on_plane = sum(x**2 + y**2 for x, y in zip(path["x"], path["y"], strict=True))
        assert path["share"] == pytest.approx(on_plane / squares, rel=1e-3)
        assert sum(path["alone"]) >= path["share"] - 1e-4
    shares = [path["share"] for path in document["paths"]]
    assert sum(document["explained"][:2]) == pytest.approx(sum(shares) / len(shares), rel=1e-4)
    assert document["explained"] == sorted(document["explained"], reverse=True)
    for path, walk in zip(document["paths"], document["control"]["paths"], strict=True):
        assert len(walk["x"]) == len(path["x"])


def test_without_the_line_the_finalists_are_trained_again_and_then_kept(normed, recorded):
    study, folder, document = normed
    assert document["source"] == "trained again"
    assert document["notes"] == []  # each ends where the study's own run did
    again = survey(study, folder, size=5, batches=3, most=9)
    assert again == document | {"source": "kept"}


def test_training_again_gives_the_very_same_paths(recorded, tmp_path):
    study, _, document = recorded
    told = []
    again = survey(study, tmp_path, size=5, batches=3, most=9, progress=lambda *news: told.append(news))
    assert again == document | {"source": "trained again"}
    assert {what for what, _, _ in told} > {"train Adam again", "measure the loss on the plane"}
    assert all(0 <= done <= total for _, done, total in told)


def test_batch_normalisation_is_given_statistics_of_every_point(normed):
    study, folder, document = normed
    assert document["statistics"] == "computed anew at every point, from the same batches"
    taken = kept(study, folder)[0]
    task, model = model_at(study, taken.points[-1])
    data = task.batches(finalists(study)[0].seed)
    batches = [next(data) for _ in range(3)]
    model[1].momentum = None
    model[1].train()
    for batch in batches:
        task.loss(model, batch)
    model.eval()
    with torch.no_grad():
        expected = sum(task.loss(model, batch).item() for batch in batches) / 3
    assert document["paths"][0]["loss"][-1] == pytest.approx(expected, rel=1e-4)
    assert all(value is not None for row in document["grid"]["loss"] for value in row)


def test_the_document_is_small_json_and_survives_the_store(recorded, tmp_path):
    study, _, document = recorded
    assert len(json.dumps(document, allow_nan=False)) < 50_000
    with Store.at(tmp_path / "other.db") as store:
        store.begin(Question(study.task, study="small"), None, {})
        store.keep("small", "landscape", document)
        assert store.study("small").documents["landscape"] == document


def test_random_draws_go_on_as_if_nothing_had_happened(recorded):
    study, folder, _ = recorded
    torch.manual_seed(7)
    survey(study, folder, size=5, batches=3)
    drawn = torch.rand(1)
    torch.manual_seed(7)
    assert torch.equal(drawn, torch.rand(1))


def test_some_optimizers_alone(recorded):
    study, folder, _ = recorded
    document = survey(study, folder, size=5, batches=2, optimizers=["ADAM"])
    assert {path["optimizer"] for path in document["paths"]} == {"Adam"}
    with pytest.raises(ValueError, match="study 'small' has confirmed no sdg; did you mean 'SGD'"):
        survey(study, folder, optimizers=["sdg"])


def diverging(study, optimizer, **hyperparameters):
    """The study with one more finalist, which diverged."""
    run = next(run for run in study.runs if run.phase == Phase.CONFIRM)
    points = (Point(0.1, 0.1, math.nan),)
    candidate = Candidate(optimizer, hyperparameters)
    lost = replace(run, candidate=candidate, status=Status.DIVERGED, points=points)
    return replace(study, runs=(*study.runs, lost))


def test_a_path_that_diverged_is_drawn_as_far_as_it_went_and_spoils_no_frame(recorded, tmp_path):
    study, _, _ = recorded
    wild = diverging(study, "Lion", lr=5.0)
    found = survey(wild, tmp_path, size=5, batches=3, most=9)
    assert [path["status"] for path in found["paths"]].count(Status.DIVERGED) == 1
    assert "Lion diverged on this seed; its path is drawn as far as it was finite." in found["notes"]
    far = max(map(abs, found["paths"][-1]["x"]))
    frame = found["grid"]["x"]
    assert far > frame[-1] - frame[0]
    json.dumps(found, allow_nan=False)


def test_a_path_that_diverged_at_once_is_left_out(recorded, tmp_path):
    study, _, document = recorded
    found = survey(diverging(study, "SGD", lr=1e12), tmp_path, size=5, batches=3, most=9)
    assert found["paths"] == document["paths"]
    assert found["notes"] == ["SGD diverged on this seed before there was a path to draw; it is left out."]


def test_a_truncated_file_is_made_again(recorded, tmp_path):
    study, folder, document = recorded
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / file.name).write_bytes(file.read_bytes()[:300])
    again = survey(study, tmp_path, size=5, batches=3, most=9)
    assert again == document | {"source": "both"}


def test_a_folder_that_cannot_be_written_costs_only_the_keeping(recorded, tmp_path):
    study, _, document = recorded
    (tmp_path / "file").write_text("no folder")
    again = survey(study, tmp_path / "file", size=5, batches=3, most=9)
    assert again["paths"] == document["paths"]
    assert all("snapshots could not be kept" in note for note in again["notes"])


def test_a_study_without_finalists_is_told_so(recorded, tmp_path):
    study, folder, _ = recorded
    with Store.at(tmp_path / "new.db") as store:
        store.begin(Question(study.task, study="new"), None, {})
        with pytest.raises(ValueError, match="study 'new' has no finalists yet"):
            survey(store.study("new"), folder)


def test_a_task_that_has_changed_is_refused(tmp_path):
    study, folder = choose(tmp_path, line="snapshots = 9", optimizers=("adam",))
    write_task(tmp_path, line="snapshots = 9", norm="nn.BatchNorm1d(6), ")
    with pytest.raises(ValueError, match=r"the task '.*' has changed since study 'small'"):
        survey(study, folder)
