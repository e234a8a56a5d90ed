"""The landscape of a script: made again where nothing was kept, and measured by the script itself."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from surefoot.landscape.survey import survey
from surefoot.study.profile import TaskProfile
from surefoot.study.question import Question
from surefoot.study.records import RunRecord, StudyRecord
from surefoot.study.run import Candidate, Phase, Point, Schedule
from surefoot.tasks import TaskError

OWN = str(Path(__file__).parent.parent / "scripts" / "recorded_script.py")


def study(behaviour, value=0.25, optimizers=("Adam", "SGD")):
    """As a study of the script leaves it."""
    schedule = Schedule("script", 0.0, 0.0)
    runs = [
        RunRecord(
            Candidate(name, {"lr": 0.01}, schedule), 3, Phase.CONFIRM, "completed", (Point(1.0, 1.0, value),)
        )
        for name in optimizers
    ]
    command = (sys.executable, OWN, behaviour)
    return StudyRecord(
        Question(" ".join(command), study="own", script=command),
        TaskProfile("own", 4.0, "reported value"), {}, "", None, tuple(runs), (),
    )  # fmt: skip


@pytest.fixture(scope="module")
def surveyed(tmp_path_factory):
    folder, told = tmp_path_factory.mktemp("own") / "kept", []
    return survey(study("plain"), folder, size=5, progress=lambda *news: told.append(news)), folder, told


@pytest.mark.slow
def test_the_script_trains_again_and_tells_its_loss(surveyed):
    document, folder, told = surveyed
    assert (document["source"], document["unit"]) == ("trained again", "steps")
    assert document["loss"] == "the script's own loss"
    assert len(list(folder.iterdir())) == 2
    assert {what for what, _, _ in told} == {
        "train Adam again", "train SGD again", "measure the loss on the plane",
    }  # fmt: skip
    for path in document["paths"]:
        assert (path["evaluations"][0], path["evaluations"][-1]) == (0, 20)
        assert path["loss"][0] == path["plane_loss"][0]
        assert all(value is not None for value in path["loss"])
    losses = {path["loss"][0] for path in document["paths"]}
    assert len(losses) == 1  # one start
    assert all(len(row) == 5 for row in document["grid"]["loss"])


@pytest.mark.slow
def test_an_end_that_differs_from_the_study_s_is_told(surveyed):
    document, _, _ = surveyed
    assert len(document["notes"]) == 2
    assert "Adam: trained again it ends at" in document["notes"][0]
    assert "where the study recorded 0.25" in document["notes"][0]


def test_a_script_without_the_line_is_told_which(tmp_path):
    with pytest.raises(
        TaskError, match=r"left no snapshots in .*: write surefoot\.run\.record\(model, loss\)"
    ):
        survey(study("silent", optimizers=("Adam",)), tmp_path / "kept")
