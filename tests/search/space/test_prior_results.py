"""What is known of other tasks orders optimizers by what is alike, and is nothing where nothing is known."""

from __future__ import annotations

import copy
import json
import math
import random
from dataclasses import replace
from importlib import resources

import pytest

from surefoot import optim
from surefoot.search.space import prior_results as module
from surefoot.search.space.prior_results import (
    Experience,
    ExperienceError,
    KnownTask,
    Showing,
    load_experience,
    race_order,
    read_experience,
    usual_order,
)
from surefoot.search.space.task_features import TaskFeatures

IMAGES = TaskFeatures(100_000, 1000, {"convolution kernels": 0.9, "weight matrices": 0.1}, batch_norm=True)
IDS = TaskFeatures(5_000_000, 1000, {"embeddings": 0.9, "weight matrices": 0.1}, sparse=True)
NAMES = ["Adagrad", "AdamW", "Lion", "SGD"]


def known(name, features, *best_first):
    """A task on which these optimizers came in one after the other."""
    return KnownTask(name, features, {o: Showing(0.5 * place, 0.1) for place, o in enumerate(best_first)})


BOTH = Experience(
    (
        *(known(f"images {n}", IMAGES, "SGD", "AdamW", "Lion", "Adagrad") for n in range(4)),
        *(known(f"ids {n}", IDS, "Adagrad", "Lion", "AdamW", "SGD") for n in range(4)),
    )
)


def order(experience, features, names=NAMES):
    return [expected.optimizer for expected in experience.ranking(features, names)]


def test_a_task_gets_the_winner_of_those_like_it():
    assert order(BOTH, replace(IMAGES, parameters=150_000))[0] == "SGD"
    assert order(BOTH, replace(IDS, steps=1500))[0] == "Adagrad"


def test_without_evidence_the_usual_order_is_left():
    assert order(Experience(), IMAGES) == usual_order(NAMES) == ["AdamW", "SGD", "Lion", "Adagrad"]
    for expected in Experience().ranking(IMAGES, NAMES):
        assert (expected.evidence, expected.offset) == (0, 0)


def test_little_in_common_moves_nothing():
    far = TaskFeatures(10, 10, {"other": 1.0}, full_batch=True)
    assert order(BOTH, far) == usual_order(NAMES)
    one = Experience((known("ids", IDS, "Adagrad", "Lion", "SGD", "AdamW"),))
    assert order(one, replace(IDS, sparse=False, roles={"weight matrices": 1.0})) == usual_order(NAMES)


def test_more_evidence_weighs_more():
    def expected(count):
        seen = Experience(tuple(known(f"ids {n}", IDS, "Adagrad", "AdamW") for n in range(count)))
        return {e.optimizer: e for e in seen.ranking(IDS, NAMES)}

    regrets = [expected(count)["Adagrad"].regret for count in (0, 1, 4, 100)]
    assert regrets == sorted(regrets, reverse=True)
    assert regrets[-1] < 0.05
    assert expected(100)["AdamW"].regret == pytest.approx(0.5, abs=0.02)
    assert expected(3)["Adagrad"].evidence == pytest.approx(3)
    assert expected(3)["Lion"].evidence == 0
    assert expected(100)["Adagrad"].offset == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_names_and_tasks_changes_nothing(seed):
    source = random.Random(seed)
    names, tasks = source.sample(NAMES, 4), tuple(source.sample(BOTH.tasks, len(BOTH.tasks)))
    assert Experience(tasks).ranking(IMAGES, names) == BOTH.ranking(IMAGES, NAMES)
    assert order(Experience(), IMAGES, names) == order(Experience(), IMAGES)


def test_a_race_leaves_the_usual_order_for_much_evidence_only():
    def raced(count):
        seen = Experience(
            tuple(known(f"ids {n}", IDS, "Adagrad", "Lion", "SGD", "AdamW") for n in range(count))
        )
        return [expected.optimizer for expected in race_order(seen.ranking(IDS, NAMES))]

    assert raced(0) == raced(1) == usual_order(NAMES)
    first = usual_order(NAMES)[0]
    assert raced(2)[:2] == [first, "Adagrad"]
    assert raced(9) == [first, *(name for name in ("Adagrad", "Lion", "SGD", "AdamW") if name != first)]
    assert race_order([]) == []


def test_a_rate_that_is_not_known_counts_as_the_usual_one():
    seen = Experience((KnownTask("a", IMAGES, {"SGD": Showing(0.0), "AdamW": Showing(1.0, 0.9)}),))
    offsets = {e.optimizer: e.offset for e in seen.ranking(IMAGES, NAMES)}
    assert offsets["SGD"] == 0
    assert 0 < offsets["AdamW"] < 0.9


def test_a_task_is_no_evidence_for_itself():
    assert [task.name for task in BOTH.besides("ids 0").tasks] == [
        task.name for task in BOTH.tasks if task.name != "ids 0"
    ]


# -------------------------------------------------------------------- the data

GOOD = {
    "format": 1,
    "tasks": [
        {
            "name": "images",
            "winner": "SGD lr=0.1",
            "traits": {
                "parameters": 1000,
                "steps": 50,
                "roles": {"weight matrices": 1.0},
                "batch_norm": False,
                "sparse": False,
                "full_batch": True,
            },
            "optimizers": {
                "SGD": {"regret": 0.0, "offset": 0.5, "confirmed": True},
                "LBFGS": {"regret": 1.5, "offset": None, "confirmed": False},
            },
        }
    ],
}


def changed(*path, to):
    document = copy.deepcopy(GOOD)
    place = document
    for key in path[:-1]:
        place = place[key]
    if to is KeyError:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return document


def test_a_good_document_is_read():
    (task,) = read_experience(GOOD).tasks
    assert (task.name, task.winner, task.features.full_batch) == ("images", "SGD lr=0.1", True)
    assert task.showings["SGD"] == Showing(0.0, 0.5, True)
    assert math.isnan(task.showings["LBFGS"].offset)


SGD = ("tasks", 0, "optimizers", "SGD")


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "text",
        {},
        {"format": 1},
        changed("format", to=0),
        changed("format", to="9" * 10_000),
        changed("tasks", to=None),
        changed("tasks", to=[GOOD["tasks"][0]] * 2),
        changed("tasks", 0, to=7),
        changed("tasks", 0, "traits", to=KeyError),
        changed("tasks", 0, "traits", "roles", to=[1]),
        changed("tasks", 0, "traits", "parameters", to=0),
        changed("tasks", 0, "traits", "steps", to=math.inf),
        changed("tasks", 0, "traits", "sparse", to="no"),
        changed("tasks", 0, "name", to="\x1b[31mred\n"),
        changed("tasks", 0, "winner", to="x" * 1000),
        changed(*SGD, "regret", to=math.nan),
        changed(*SGD, "regret", to=-1),
        changed(*SGD, "regret", to=True),
        changed(*SGD, "offset", to="0.1"),
        changed(*SGD, "offset", to=1e300),
        changed(*SGD, "confirmed", to=KeyError),
        changed(*SGD, to=None),
    ],
    ids=lambda document: repr(document)[:60],
)
def test_what_is_damaged_or_old_is_refused_in_one_line(document):
    with pytest.raises(ExperienceError) as refused:
        read_experience(document)
    assert "experience.json" in str(refused.value)
    assert len(str(refused.value)) < 200
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"format": 2, "tasks": []}', "\udcff"])
def test_a_damaged_file_is_refused_in_one_line(text, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "experience.json").write_bytes(text.encode("utf8", "surrogateescape"))
    monkeypatch.setattr(module.resources, "files", lambda package: tmp_path)
    with pytest.raises(ExperienceError, match=r"^experience\.json[^\n]*$"):
        load_experience()


def test_the_package_s_own_data_are_read_and_name_what_exists():
    found = load_experience()
    assert found.tasks
    for task in found.tasks:
        assert set(task.showings) <= set(optim.OPTIMIZERS)
        assert min(showing.regret for showing in task.showings.values()) == 0
        assert task.winner


def test_the_results_page_is_in_step_with_the_data():
    from benchmarks.results_page import PAGE, PICTURE, page

    text = (
        resources.files("surefoot.search.space").joinpath("data/experience.json").read_text(encoding="utf8")
    )
    document = json.loads(text)
    assert PAGE.read_text(encoding="utf8") == page(document), "python benchmarks/results_page.py"
    picture = PICTURE.read_text(encoding="utf8")
    for task in document["tasks"]:
        assert f"`{task['name']}`" in page(document)
        assert f">{task['name']}<" in picture
