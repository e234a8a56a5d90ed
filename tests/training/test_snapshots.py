"""A path in few snapshots: evenly spaced, first and last among them, and the run none the wiser."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from surefoot.study.run import Candidate
from surefoot.tasks import TaskError
from surefoot.training import snapshots
from surefoot.training.loop import train
from surefoot.training.snapshots import Recorder, Snapshots, Thinning, load, path_of, save
from tests.training.test_loop import CANDIDATES, assert_same, names

ADAM = Candidate("Adam", {"lr": 1e-2})


@given(st.integers(3, 60), st.lists(st.integers(1, 40), max_size=300), st.integers(0, 3000))
def test_thinning_keeps_the_first_of_each_cell_of_one_grid(most, strides, length):
    thinning, offered = Thinning(most, length), [0]
    for stride in strides:
        offered.append(offered[-1] + stride)
    taken = [at for at in offered if thinning.takes(at)]
    first: dict[int, int] = {}
    for at in offered:
        first.setdefault(at // thinning.spacing, at)
    assert thinning.kept == list(first.values())  # as if the grid had been so wide from the beginning
    assert set(thinning.kept) <= set(taken)
    assert thinning.kept[0] == 0
    assert len(thinning.kept) <= most - 1


@given(st.integers(3, 60), st.integers(1, 5000))
def test_a_series_of_known_length_fills_at_least_half_of_its_places(most, length):
    known, unknown = Thinning(most, length), Thinning(most)
    for at in range(length + 1):
        known.takes(at)
        unknown.takes(at)
    for thinning in (known, unknown):
        assert len(thinning.kept) >= min(length, (most - 1) // 2)
        gaps = {after - before for before, after in zip(thinning.kept, thinning.kept[1:], strict=False)}
        assert gaps <= {thinning.spacing}


def test_two_snapshots_are_no_path():
    with pytest.raises(ValueError, match="at least 3 snapshots make a path, not 2"):
        Thinning(2)


@pytest.mark.parametrize("candidate", CANDIDATES, ids=names)
def test_a_recorded_run_is_the_same_run(sample, candidate):
    def trunk(**options):
        kept = []
        outcome = train(sample(), candidate, 3, 0.8, keep=lambda s: kept.append(copy.deepcopy(s)), **options)
        return outcome, kept[0]

    plain, state = trunk()
    recorded, state_again = trunk(recorder=Recorder(9))
    assert recorded.point.value == plain.point.value
    for field in ("evaluations", "batches", "losses", "model", "optimizer", "draws"):
        assert_same(getattr(state, field), getattr(state_again, field), field)


def test_first_and_last_are_the_weights_before_and_after_the_training(sample):
    models = []

    class Kept(sample):
        def model(self):
            torch.manual_seed(1)
            models.append(super().model())
            return models[-1]

    recorder = Recorder(9, length=100)
    start = snapshots.flat(Kept().model().parameters())
    train(Kept(), ADAM, 0, 1.0, recorder=recorder)
    taken = recorder.taken()
    assert (taken.evaluations[0], taken.evaluations[-1]) == (0, 100)
    assert len(taken.evaluations) <= 9
    assert torch.equal(taken.points[0], start)
    assert torch.equal(taken.points[-1], snapshots.flat(models[-1].parameters()))
    assert dict(taken.layout) == {name: tuple(p.shape) for name, p in models[-1].named_parameters()}


def test_a_marked_snapshot_stays_until_the_next_is_marked():
    model = nn.Linear(2, 1)
    recorder = Recorder(4)
    recorder.begin(model)
    for at in range(1, 31):
        with torch.no_grad():
            model.weight.fill_(at)
        (recorder.mark if at in (10, 29) else recorder.see)(at)
    taken = recorder.taken()
    assert taken.evaluations == (0, 16, 29)
    assert taken.points[-1, 0] == 29


def test_what_is_not_finite_ends_the_path():
    model = nn.Linear(2, 1)
    recorder = Recorder(9)
    recorder.begin(model)
    for at in range(1, 6):
        with torch.no_grad():
            model.weight.fill_(at if at < 4 else float("inf"))
        recorder.mark(at)
    assert recorder.taken().evaluations == (0, 1, 2, 3)


def test_buffers_are_kept_where_they_have_changed():
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    model.register_buffer("constant", torch.arange(5))
    recorder = Recorder(9)
    recorder.begin(model)
    for at in range(1, 4):
        model(torch.randn(8, 3))
        recorder.see(at)
    taken = recorder.taken()
    assert set(taken.buffers[0]) == {"1.running_mean", "1.running_var", "1.num_batches_tracked", "constant"}
    assert set(taken.buffers[3]) == {"1.running_mean", "1.running_var", "1.num_batches_tracked"}
    assert [b["1.num_batches_tracked"].item() for b in taken.buffers] == [0, 1, 2, 3]


def test_complex_and_low_precision_parameters_are_kept_as_real_numbers():
    model = nn.Module()
    model.spectrum = nn.Parameter(torch.tensor([1 + 2j, 3 - 4j]))
    model.low = nn.Parameter(torch.tensor([0.5], dtype=torch.bfloat16))
    recorder = Recorder(9)
    recorder.begin(model)
    recorder.see(1)
    recorder.see(2)
    taken = recorder.taken()
    assert taken.layout == (("spectrum", (2, 2)), ("low", (1,)))
    assert taken.points[0].tolist() == [1, 2, 3, -4, 0.5]


def test_a_large_model_has_fewer_snapshots_and_a_larger_one_none():
    def recorded(most_bytes):
        model, recorder = nn.Linear(10, 10, bias=False), Recorder(20, most_bytes)
        recorder.begin(model)
        for at in range(1, 100):
            recorder.see(at)
        recorder.mark(100)
        return recorder

    assert recorded(20 * 400).trouble == ""
    fewer = recorded(5 * 400)
    assert len(fewer.taken().evaluations) <= 5
    assert fewer.trouble == "5 snapshots in place of 20: each takes 400 bytes"
    none = recorded(2 * 400)
    assert none.taken() is None
    assert none.trouble == "no snapshots: each of 400 bytes, so 3 exceed 800"


def test_memory_that_runs_out_costs_the_snapshots_alone(sample, monkeypatch):
    def full(tensors):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory\nmore")

    recorder = Recorder(9)
    plain = train(sample(), ADAM, 0, 1.0).point.value
    monkeypatch.setattr(snapshots, "flat", full)
    assert train(sample(), ADAM, 0, 1.0, recorder=recorder).point.value == plain
    assert recorder.taken() is None
    assert recorder.trouble == "no snapshots: DefaultCPUAllocator: can't allocate memory"


@pytest.fixture
def taken():
    points = torch.arange(12.0).reshape(3, 4)
    return Snapshots((0, 5, 9), points, (("w", (2, 2)),), ({"b": torch.ones(1)}, {}, {}))


def test_what_is_written_is_read_back(tmp_path, taken):
    file = path_of(tmp_path / "new", "a run")
    save(file, "a run", taken)
    found = load(file, "a run")
    assert_same(found.contents(), taken.contents())
    assert load(file, "another run") is None
    assert load(path_of(tmp_path, "none"), "none") is None


@pytest.mark.parametrize("bytes_left", [0, 100, 700])
def test_a_truncated_file_counts_as_none(tmp_path, taken, bytes_left):
    file = path_of(tmp_path, "run")
    save(file, "run", taken)
    file.write_bytes(file.read_bytes()[:bytes_left])
    assert load(file, "run") is None


@pytest.mark.parametrize("change", [{"layout": [["w", [3]]]}, {"buffers": []}, {"points": None}])
def test_a_file_of_something_else_counts_as_none(tmp_path, taken, change):
    file = path_of(tmp_path, "run")
    snapshots.checkpoint.save(file, "run", taken.contents() | change)
    assert load(file, "run") is None


def test_a_task_says_how_many(sample):
    class Asks(sample):
        snapshots = 5

    assert (snapshots.asked_for(sample()), snapshots.asked_for(Asks())) == (0, 5)
    for bad in (2, True, "49"):
        Asks.snapshots = bad
        with pytest.raises(TaskError, match="sample: snapshots must be a whole number of at least 3, not"):
            snapshots.asked_for(Asks())
