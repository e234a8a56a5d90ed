"""A model's folder: what goes in comes out, and a stranger's folder gives one clear error."""

from __future__ import annotations

import json
import os
import pickle
import struct

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from surefoot.study.question import TrainingPlan
from surefoot.study.run import Candidate
from surefoot.tasks import load_task
from surefoot.training.full.model_folder import FolderError, ModelFolder, storable
from surefoot.training.full.plan import standing
from surefoot.training.full.train import Follower, train_fully
from surefoot.training.loop import validate

ABOUT = {"task": "digits", "name": "digits", "labels": ["0"], "measure": "loss", "surefoot": "1"}


@pytest.fixture
def folder(tmp_path):
    """With the weights of a small model."""
    found = ModelFolder(tmp_path / "model")
    with found.claimed():
        found.write_weights(nn.Linear(3, 2), "last", {"value": 0.5})
        found.name_last_best()
        found.write_json("task.json", ABOUT)
    return found


def same(one, other):
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert tensor.dtype == other[name].dtype
        assert torch.equal(tensor, other[name]), name


@pytest.mark.parametrize("name", ["digits", "tabular", "text"])
def test_a_trained_model_comes_back_bit_for_bit(name, tmp_path):
    task, folder = load_task(name), ModelFolder(tmp_path)
    with folder.claimed():
        plan = TrainingPlan(name, Candidate("Adam", {"lr": 1e-2}), seed=1, steps=12, validations=2)
        result = train_fully(plan, task, folder, Follower())
    model = task.model()
    assert folder.read_weights(model, "last") == {"progress": 1.0, "value": result.last.value}
    assert validate(task, model) == result.last.value
    same(load_file(tmp_path / "last.safetensors"), dict(model.state_dict()))
    about = folder.about()
    assert (about.task, about.name, about.measure) == (name, name, task.measure)
    assert about.labels == tuple(getattr(task, "labels", ()))
    assert standing(folder).metrics.keys() == ({"accuracy"} if name == "digits" else set())


class Mixed(nn.Module):
    """Tied parameters, buffers of several types, a view of a larger tensor, one without elements."""

    def __init__(self):
        super().__init__()
        self.one = nn.Embedding(5, 4)
        self.other = nn.Linear(4, 5, bias=False)
        self.other.weight = self.one.weight
        self.short = nn.Parameter(torch.randn(3, 4, dtype=torch.bfloat16).t())
        self.register_buffer("counted", torch.tensor(7))
        self.register_buffer("flags", torch.tensor([True, False]))
        self.register_buffer("part", torch.randn(8)[2:5])
        self.register_buffer("empty", torch.zeros(0, 3))
        self.register_buffer("passing", torch.randn(3), persistent=False)


def test_tied_parameters_are_kept_once_and_stay_tied(tmp_path):
    folder, model, fresh = ModelFolder(tmp_path), Mixed(), Mixed()
    with folder.claimed():
        folder.write_weights(model, "best", {})
    names = set(load_file(tmp_path / "model.safetensors"))
    assert names == {"one.weight", "short", "counted", "flags", "part", "empty"}
    folder.read_weights(fresh, "best")
    same(dict(model.state_dict()), dict(fresh.state_dict()))
    assert fresh.other.weight is fresh.one.weight


def test_what_safetensors_cannot_hold_is_refused_by_name():
    class Extra(nn.Linear):
        def get_extra_state(self):
            return {"anything": object()}

    with pytest.raises(FolderError, match=r"_extra_state.*no tensor, but a dict"):
        storable(Extra(1, 1))
    with pytest.raises(FolderError, match=r"'weight'.*complex128"):
        storable(nn.Linear(1, 1, dtype=torch.complex128))


def test_whoever_reads_while_it_is_written_sees_a_whole_file(folder, monkeypatch):
    before = folder.read_weights(nn.Linear(3, 2), "best")
    (folder.path / ".surefoot-part-1").mkdir()
    (folder.path / ".surefoot-part-1" / "last.safetensors").write_bytes(b"of a writer that was killed")
    monkeypatch.setattr(os, "replace", lambda *paths: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match="No space left"):
        folder.write_weights(nn.Linear(3, 2), "best", {"value": 0.1})
    assert folder.read_weights(nn.Linear(3, 2), "best") == before == {"value": 0.5}
    with folder.claimed():
        assert not list(folder.path.glob(".*part*"))


def test_weights_of_another_model_are_refused_and_change_nothing(folder):
    model = nn.Linear(3, 3)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for other, reason in [
        (model, r"shape \(2,\), not \(3,\)|shape \(2, 3\), not \(3, 3\)"),
        (nn.Linear(3, 2, bias=False), "it has beyond that bias"),
        (nn.Sequential(nn.Linear(3, 2)), "it lacks 0.bias, 0.weight; it has beyond that bias, weight"),
        (nn.Linear(3, 2).double(), "is of type F32, not F64"),
    ]:
        with pytest.raises(FolderError, match=reason):
            folder.read_weights(other, "best")
    same(dict(model.state_dict()), before)


HUGE = struct.pack("<Q", 2**62) + b"{}"
VAST = json.dumps({"weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 2**50]}}).encode()


class Trap:
    def __reduce__(self):
        return os.mkdir, ("unpickled",)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 4,
        HUGE,
        struct.pack("<Q", len(VAST)) + VAST,
        pickle.dumps(Trap()),
        b"PK\x03\x04" + b"\0" * 64,
    ],
    ids=["empty", "short", "huge header", "vast tensor", "pickle", "zip"],
)
def test_a_stranger_s_weights_are_one_clear_error(folder, content, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (folder.path / "model.safetensors").unlink()
    (folder.path / "model.safetensors").write_bytes(content)
    with pytest.raises(FolderError, match="damaged or no safetensors file") as told:
        folder.read_weights(nn.Linear(3, 2), "best")
    assert len(str(told.value).splitlines()) == 1
    assert not (tmp_path / "unpickled").exists()


def test_a_vast_shape_costs_nothing(folder):
    """Told from the header, before room is made for it."""
    own = nn.Linear(3, 2).state_dict()
    save_file({"bias": own["bias"], "weight": torch.zeros(1000, 3)}, folder.path / "model.safetensors")
    with pytest.raises(FolderError, match=r"weight has shape \(1000, 3\), not \(2, 3\)"):
        folder.read_weights(nn.Linear(3, 2), "best")


def test_what_is_no_file_is_not_waited_for(folder):
    for name in ("model.safetensors", "task.json"):
        (folder.path / name).unlink()
        os.mkfifo(folder.path / name)
    with pytest.raises(FolderError, match="no best weights"):
        folder.read_weights(nn.Linear(3, 2), "best")
    with pytest.raises(FolderError, match=r"holds no task\.json"):
        folder.about()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("[1]", "expected a JSON object, not list"),
        ("[" * 10**6, "not JSON"),
        ('{"x": ' + "9" * 10_000 + "}", "not JSON"),
        (json.dumps({**ABOUT, "labels": "cat"}), "a list labels"),
        (json.dumps({**ABOUT, "labels": [1]}), "a list labels"),
        (json.dumps({**ABOUT, "task": None}), "expected texts task"),
        ("{}", "expected texts task"),
        (" " * (16 * 2**20 + 1), "too large"),
    ],
    ids=range(9),
)
def test_a_stranger_s_task_json_is_one_clear_error(folder, text, reason):
    (folder.path / "task.json").write_text(text)
    with pytest.raises(FolderError, match=reason) as told:
        folder.about()
    assert len(str(told.value).splitlines()) == 1


@pytest.mark.parametrize(
    "change",
    [{"curve": 3}, {"curve": [["x", 1, 2]]}, {"metrics": [1]}, {"evaluations": "many"}, {"curve": [[1, 2]]}],
    ids=str,
)
def test_a_changed_training_json_is_one_clear_error(folder, change):
    whole = {
        "status": "completed", "evaluations": 1, "message": "", "metrics": {}, "curve": [],
        "seconds_per_step": None, "state_bytes": 0,
    }  # fmt: skip
    folder.write_json("training.json", whole)
    assert standing(folder).status == "completed"
    folder.write_json("training.json", whole | change)
    with pytest.raises(FolderError, match="not as it was written"):
        standing(folder)


def test_metadata_that_is_no_measurement_is_not_believed(folder):
    tensors = dict(nn.Linear(3, 2).state_dict())
    for text in ("[]", "[" * 10**5, '{"value": "low"}', '{"value": 1' + "0" * 400 + "}"):
        save_file(tensors, folder.path / "model.safetensors", metadata={"measured": text})
        assert folder.read_weights(nn.Linear(3, 2), "best") == {}


def test_clearing_leaves_what_others_have_put_there(folder):
    (folder.path / "notes.txt").write_text("mine")
    assert folder.foreign == ["notes.txt"]
    with folder.claimed():
        folder.clear()
    assert {p.name for p in folder.path.iterdir()} == {"notes.txt", ".lock"}
