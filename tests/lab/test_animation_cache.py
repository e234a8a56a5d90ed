"""Racers raced one by one are the race: to the bit, whatever was kept from before."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surefoot.lab import race_cache as racing
from surefoot.lab.answers import Refused
from surefoot.lab.race_cache import race_of
from surefoot.surfaces.pictures.document import document
from surefoot.surfaces.race import run_race
from surefoot.surfaces.recipe import Racer, Recipe

RACERS = (
    Racer("Adam"), Racer("Adam", {"lr": 0.5}), Racer("Muon", {"lr": 0.1}), Racer("RandomSearch"),
    Racer("LBFGS"), Racer("SGD", {"lr": 100.0}),
)  # fmt: skip


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.sampled_from(RACERS), min_size=1, max_size=4),
    st.sampled_from(["default", "same-lr"]),
    st.sampled_from([None, 0.5]),
    st.integers(0, 1),
)
def test_it_is_the_race_itself(racers, tuning, noise, seed):
    recipe = Recipe("beale", tuple(racers), tuning=tuning, noise=noise, seed=seed, steps=5)
    found = race_of(recipe, False, lambda: False)
    assert document(found) == document(run_race(recipe, strips=False))
    assert found.recipe == recipe


@pytest.mark.parametrize(("tuning", "strips"), [("tuned", False), ("default", True)])
def test_strips_are_the_race_s_own_too(tuning, strips):
    recipe = Recipe("beale", (RACERS[1], RACERS[3]), tuning=tuning, steps=3)
    assert document(race_of(recipe, strips, lambda: False)) == document(run_race(recipe, strips=strips))


def test_only_who_has_changed_runs_again(monkeypatch):
    ran = []

    def counted(recipe, **more):
        ran.extend(recipe.racers)
        return run_race(recipe, **more)

    monkeypatch.setattr(racing, "run_race", counted)
    recipe = Recipe("saddle", RACERS[:3], steps=3, seed=123)
    race_of(recipe, False, lambda: False)
    changed = Racer("Adam", {"lr": 0.25})
    race_of(replace(recipe, racers=(RACERS[0], changed, RACERS[2])), False, lambda: False)
    assert ran == [*RACERS[:3], changed]
    race_of(replace(recipe, seed=124), False, lambda: False)
    assert ran[4:] == [*RACERS[:3]]


def test_half_a_race_is_not_kept():
    recipe = Recipe("beale", RACERS[:1], steps=7, seed=55)
    with pytest.raises(Refused, match="lower the steps"):
        race_of(recipe, False, lambda: True)
    assert document(race_of(recipe, False, lambda: False)) == document(run_race(recipe, strips=False))


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(racing, "MOST_KEPT", 3)
    monkeypatch.setattr(racing, "_kept", type(racing._kept)())
    for seed in range(6):
        race_of(Recipe("beale", RACERS[:1], steps=2, seed=seed), False, lambda: False)
    assert len(racing._kept) == 3
