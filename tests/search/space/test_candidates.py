"""What is raced, and what is not."""

from __future__ import annotations

import pytest
import torch

from surefoot import optim
from surefoot.search import ask
from surefoot.search.race.screening import Screening
from surefoot.search.space import candidates as space
from surefoot.search.space.constraints import parse
from surefoot.study.build import build_optimizer
from surefoot.study.run import Schedule


def test_all_but_the_floor_are_raced_by_default():
    assert set(space.choose_from(None)) == set(optim.OPTIMIZERS) - {"RandomSearch"}
    assert space.choose_from(["adam", "SGD", "Adam"]) == ["Adam", "SGD"]
    with pytest.raises(ValueError, match="did you mean 'AdamW'"):
        space.choose_from(["adamw2"])


def test_a_script_s_schedule_is_not_searched_and_its_steps_have_no_closure():
    grid = space.candidates(["Adam"], Schedule("script", 0.0, 0.0))
    assert {candidate.schedule for candidate in grid} == {Schedule("script", 0.0, 0.0)}
    assert not any("warmup" in candidate.settings for candidate in grid)
    (ruled,) = space.rule_out(["Adam", "LBFGS"], (), (), in_script=True)
    assert ruled.text.startswith("LBFGS evaluates the loss several times in each step")
    assert space.rule_out(["Adam", "LBFGS"], (), ()) == []


@pytest.mark.parametrize("name", space.choose_from(None))
def test_every_candidate_of_the_grid_can_be_built(name):
    grid = space.candidates([name], Schedule())
    centre, decades = space.priors([name])[name.lower()]
    rates = sorted({c.hyperparameters["lr"] for c in grid})
    assert rates[0] <= centre / 10 ** (2 * decades)
    assert rates[-1] >= centre * 10 ** (2 * decades)
    assert len({c.key for c in grid}) == len(grid)
    for candidate in (*grid, space.baseline(name, Schedule())):
        build_optimizer(candidate, torch.nn.Linear(1, 1, bias=name != "Muon"))


def test_what_cannot_work_is_ruled_out_with_its_reason():
    names = space.choose_from(None)

    def reasons(sparse, not_matrices):
        return {r.optimizer: r.text for r in space.rule_out(names, sparse, not_matrices)}

    assert reasons([], []).keys() == {"SparseAdam"}
    assert reasons([], ["0.bias"]).keys() == {"Muon", "SparseAdam"}
    assert "0.bias" in reasons([], ["0.bias"])["Muon"]
    out = reasons(["embedding.weight"], [])
    assert out.keys() == {"Adafactor", "Muon", "SparseAdam"}
    assert "embedding.weight" in out["Adafactor"]


def test_with_sparse_gradients_nothing_decays():
    grid = space.candidates(["AdamW", "SGD"], Schedule(), sparse=True)
    assert {c.optimizer for c in grid} == {"AdamW", "SGD"}
    assert {c.hyperparameters["weight_decay"] for c in grid} == {0.0}
    assert space.baseline("AdamW", Schedule(), sparse=True) in grid
    with pytest.raises(ValueError, match="cannot decay"):
        space.candidates(["AdamW"], Schedule(), [parse("weight_decay=0.1")], sparse=True)


def test_the_first_settings_of_every_optimizer_are_its_usual_ones():
    usual = {
        "SGD": {"momentum": 0.9, "weight_decay": 0.0},
        "AdamW": {"betas": (0.9, 0.999), "weight_decay": 0.01},
    }
    for name, settings in usual.items():
        grid = space.candidates([name], Schedule())
        rates = [c.hyperparameters["lr"] for c in grid]
        line = grid[: len(set(rates))]
        assert len({c.hyperparameters["lr"] for c in line}) == len(line)
        assert all({"lr": c.hyperparameters["lr"], **settings} == c.hyperparameters for c in line)
        assert {c.schedule for c in line} == {Schedule()}


def test_which_parameters_decay_is_asked_only_where_weights_decay():
    for name in space.choose_from(None):
        for candidate in space.candidates([name], Schedule()):
            on = candidate.hyperparameters.get("weight_decay_on")
            assert on in (None, "matrices")
            assert on is None or candidate.hyperparameters["weight_decay"] > 0
    ons = {c.hyperparameters.get("weight_decay_on") for c in space.candidates(["AdamW"], Schedule())}
    assert ons == {None, "matrices"}


def test_warmup_is_searched_where_it_matters():
    def warmups(name):
        return {c.schedule.warmup for c in space.candidates([name], Schedule(kind="cosine"))}

    assert warmups("AdamW") == warmups("SGD") == set(space.WARMUPS)
    assert warmups("LBFGS") == warmups("RAdam") == {Schedule().warmup}


def test_the_baseline_is_what_a_constructor_gives():
    adamw = space.baseline("AdamW", Schedule())
    assert adamw.hyperparameters == {"lr": 1e-3, "betas": (0.9, 0.999), "weight_decay": 1e-2}
    assert adamw.key in {c.key for c in space.candidates(["AdamW"], Schedule())}
    assert space.baseline("SGD", Schedule()).hyperparameters["momentum"] == 0


def test_a_race_looks_first_at_different_kinds_of_step_at_their_usual_rates():
    names = space.choose_from(None)
    grid = space.candidates(names, Schedule())
    order = [grid[arm] for arm in first_look(Screening(grid, 1e3, 0, ignore).race, 3 * len(names))]
    assert order[:2] == [space.usual_candidate(name, grid) for name in ("AdamW", "SGD")]
    assert order[0] == space.baseline("AdamW", Schedule())
    assert list(dict.fromkeys(c.optimizer for c in order))[:3] == ["AdamW", "SGD", "Muon"]
    assert {c.optimizer for c in order[: len(names) + 8]} == set(names)  # the two show where rates lie
    assert len(order) == len({c.key for c in order}) == 3 * len(names)
    rates = [c.hyperparameters["lr"] for c in order if c.optimizer == "AdamW"]
    assert rates[2] < rates[0] < rates[1]
    own = grid[-1]
    assert grid[first_look(Screening(grid, 1e3, 0, ignore, [own]).race, 1)[0]] == own


def ignore(*decision):
    """A study that records no decision."""


def first_look(race, count):
    """The first arms that a race asks for, all with the same value."""
    arms = []
    while len(arms) < count:
        arm, progress = race.ask()
        race.tell(arm, progress, 1.0)
        arms.append(arm)
    return arms


def test_the_same_question_has_the_same_name_and_another_another():
    assert ask("digits").study == ask("digits").study
    assert ask("digits").study.startswith("digits-")
    others = [ask("digits", seed=1), ask("line"), ask("digits", ["adam"])]
    assert len({q.study for q in (*others, ask("digits"))}) == 4
    assert ask("my/task.py:task").study.startswith("task-py-task-")


def test_bad_questions_are_refused():
    with pytest.raises(ValueError, match="did you mean"):
        ask("digits", baseline="adamx")
    with pytest.raises(ValueError, match="letters, digits"):
        ask("digits", study="my study!")


@pytest.mark.parametrize(
    "more",
    [
        {}, {"optimizers": ["adam", "sgd"], "seed": 3}, {"runs": 40.0, "schedule": "cosine"},
        {"budget_seconds": 90.0, "baseline": "SGD", "margin": 0.01, "study": "mine"},
        {"sets": ("betas=(0.9,0.95),(0.9,0.99)", "adamw.lr=1e-4..1e-2"), "optimizers": ["adamw"]},
        {"optimizers": ["torch.optim:SGD", "AdamW"], "baseline": "torch.optim:SGD"},
    ],
    ids=str,
)  # fmt: skip
def test_the_command_of_a_question_asks_the_same_question(more):
    import shlex

    from surefoot.cli.choose import choose

    question = ask("digits", **more)
    words = shlex.split(question.command)[2:]
    given = choose.make_context("choose", words).params
    again = ask(
        given["task"],
        None if given["optimizers"] == "all" else given["optimizers"].split(","),
        None if given["runs"] else given["budget"].value,
        given["runs"] and given["runs"].value,
        given["schedule"],
        given["seed"],
        given["baseline"],
        given["margin"],
        given["study"],
        sets=given["sets"],
    )
    assert again == question
