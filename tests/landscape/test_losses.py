"""The loss on a plane, against a loss that can be written down; whose paths, and which frame."""

from __future__ import annotations

import math

import pytest
import torch

from surefoot.landscape.finalists import finalists
from surefoot.landscape.losses import extent, measure
from surefoot.landscape.survey import survey
from surefoot.study.question import Question
from surefoot.study.records import RunRecord, StudyRecord
from surefoot.study.run import Candidate, Phase, Point, Status

PATHS = [
    torch.tensor([[0, 0], [1, 0.2], [2, 0.1]], dtype=torch.float64),
    torch.tensor([[0, 0], [0.5, 1]], dtype=torch.float64),
]


class Bowl:
    """Off the plane the loss is lower by one; at x > 2 it is not finite."""

    loss = statistics = ""

    def losses(self, atlas, places, told):
        self.places = places
        found = []
        for place in places:
            x, y = place.at or PATHS[place.path][place.index].tolist()
            found.append(math.inf if x > 2 else x**2 + y**2 - (place.at is None))
        told(len(found))
        return found


@pytest.fixture
def evaluator():
    return Bowl()


def test_every_loss_is_at_its_place(evaluator):
    told = []
    losses = measure(evaluator, None, PATHS, (0, 1), 5, lambda *news: told.append(news))
    assert losses.own == [[-1, pytest.approx(0.04), pytest.approx(3.01)], [-1, pytest.approx(0.25)]]
    assert losses.projected == [[0, pytest.approx(1.04), pytest.approx(4.01)], [0, pytest.approx(1.25)]]
    for y, row in zip(losses.y, losses.grid, strict=True):
        for x, value in zip(losses.x, row, strict=True):
            assert value == (math.inf if x > 2 else pytest.approx(x**2 + y**2))
    assert told == [(35, 35)]


def test_a_point_of_the_grid_goes_with_the_snapshot_whose_projection_is_nearest(evaluator):
    measure(evaluator, None, PATHS, (0, 1), 5)
    for place in evaluator.places[10:]:
        x, y = place.at
        distance = {
            (path, index): math.dist((x, y), point.tolist())
            for path, points in enumerate(PATHS)
            for index, point in enumerate(points)
        }
        assert distance[place.path, place.index] == pytest.approx(min(distance.values()))


def test_the_frame_has_room_around_the_paths_and_is_not_narrow():
    x, y = extent(PATHS, 11)
    assert (x[0], x[-1]) == pytest.approx((-0.3, 2.3))
    assert (y[0], y[-1]) == pytest.approx((0.5 - 0.78, 0.5 + 0.78))  # 0.6 of the other side
    assert len(x) == len(y) == 11
    x, y = extent([torch.zeros(3, 2)], 3)
    assert x[0] < x[1] < x[2]
    assert y[0] < y[1] < y[2]


def run(optimizer, seed=5, status=Status.COMPLETED, value=0.5, progress=1.0, phase=Phase.CONFIRM):
    points = (Point(progress, 1.0, value),) if status != Status.FAILED else ()
    return RunRecord(Candidate(optimizer, {"lr": 0.1}), seed, phase, status, points)


def study(*runs):
    return StudyRecord(Question("line", study="small"), None, {}, "", None, runs, ())


def test_finalists_are_those_of_the_first_seed_that_came_to_an_end():
    found = finalists(
        study(
            run("Adam", phase=Phase.SCREEN, seed=0), run("Adam"), run("SGD", status=Status.FAILED),
            run("Adam", seed=6),
            run("Lion", status=Status.DIVERGED, value=math.nan, progress=0.1),
            run("RandomSearch", phase=Phase.FLOOR),
            run("NAdam", progress=0.4), run("Rprop", status=Status.RUNNING),
        )
    )  # fmt: skip
    assert [f.candidate.optimizer for f in found] == ["Adam", "Lion", "NAdam"]
    assert {f.seed for f in found} == {5}
    assert found[0].value == 0.5
    assert math.isnan(found[1].value)
    assert found[2].value is None  # it ended at a target


def test_only_optimizers_that_were_confirmed_can_be_asked_for():
    several = study(run("Adam"), run("mine.py:Sophia"))
    assert [f.candidate.optimizer for f in finalists(several, ["sophia"])] == ["mine.py:Sophia"]
    with pytest.raises(ValueError, match="study 'small' has confirmed no sofia; did you mean 'Sophia'"):
        finalists(several, ["sofia"])


def test_without_a_finalist_there_is_nothing_to_survey(tmp_path):
    with pytest.raises(ValueError, match="study 'small' has no finalists yet"):
        survey(study(run("Adam", phase=Phase.SCREEN)), tmp_path)
