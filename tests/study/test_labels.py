"""Names of candidates: short, and different where candidates differ."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from surefoot.search.space import candidates as space
from surefoot.study.labels import candidate_label, label
from surefoot.study.run import Candidate, Schedule


def test_what_a_constructor_does_by_itself_is_not_said():
    usual = {"lr": 0.002, "betas": (0.9, 0.999), "weight_decay": 0.0}
    assert candidate_label(Candidate("Adam", usual)) == "Adam lr=0.002"
    assert candidate_label(Candidate("Adam", usual, Schedule(warmup=0.2))) == "Adam lr=0.002 warmup=0.2"
    assert label("SGD", {"momentum": 0.9, "lr": 0.1}) == "SGD lr=0.1 momentum=0.9"
    assert label("SGD", {"momentum": 0.0, "lr": 0.1}) == "SGD lr=0.1"
    assert label("Adam", {"betas": [0.9, 0.999], "lr": 1e-3}) == "Adam lr=0.001"  # as JSON has it


def test_one_s_own_class_goes_by_its_name_and_an_unknown_one_shows_everything():
    assert label("torch.optim:NAdam", {"lr": 0.002, "momentum_decay": 4e-3}) == "NAdam lr=0.002"
    assert label("Shampoo", {"block": 128, "lr": 0.1}) == "Shampoo lr=0.1 block=128"


def test_candidates_of_the_grid_have_different_names():
    grid = space.candidates(space.choose_from(None), Schedule())
    assert len({candidate_label(candidate) for candidate in grid}) == len(grid)


@given(st.floats(1e-9, 1e3), st.floats(1e-9, 1e3))
def test_different_rates_have_different_names(one, other):
    assert (label("SGD", {"lr": one}) == label("SGD", {"lr": other})) == (one == other)
