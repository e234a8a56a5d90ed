"""Optimizers run one by one give the same animation, to the bit, whatever was kept from before."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surefoot.lab import animation_cache
from surefoot.lab.animation_cache import animation_of
from surefoot.lab.answers import Refused
from surefoot.surfaces.animation import animate
from surefoot.surfaces.pictures.document import document
from surefoot.surfaces.recipe import OptimizerSpec, Recipe

OPTIMIZERS = (
    OptimizerSpec("Adam"), OptimizerSpec("Adam", {"lr": 0.5}), OptimizerSpec("Muon", {"lr": 0.1}),
    OptimizerSpec("RandomSearch"), OptimizerSpec("LBFGS"), OptimizerSpec("SGD", {"lr": 100.0}),
)  # fmt: skip


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.sampled_from(OPTIMIZERS), min_size=1, max_size=4),
    st.sampled_from(["default", "same-lr"]),
    st.sampled_from([None, 0.5]),
    st.integers(0, 1),
)
def test_it_is_the_animation_itself(specs, tuning, noise, seed):
    recipe = Recipe("beale", tuple(specs), tuning=tuning, noise=noise, seed=seed, steps=5)
    found = animation_of(recipe, False, lambda: False)
    assert document(found) == document(animate(recipe, strips=False))
    assert found.recipe == recipe


@pytest.mark.parametrize(("tuning", "strips"), [("tuned", False), ("default", True)])
def test_strips_are_the_animation_s_own_too(tuning, strips):
    recipe = Recipe("beale", (OPTIMIZERS[1], OPTIMIZERS[3]), tuning=tuning, steps=3)
    assert document(animation_of(recipe, strips, lambda: False)) == document(animate(recipe, strips=strips))


def test_only_who_has_changed_runs_again(monkeypatch):
    ran = []

    def counted(recipe, **more):
        ran.extend(recipe.optimizers)
        return animate(recipe, **more)

    monkeypatch.setattr(animation_cache, "animate", counted)
    recipe = Recipe("saddle", OPTIMIZERS[:3], steps=3, seed=123)
    animation_of(recipe, False, lambda: False)
    changed = OptimizerSpec("Adam", {"lr": 0.25})
    animation_of(replace(recipe, optimizers=(OPTIMIZERS[0], changed, OPTIMIZERS[2])), False, lambda: False)
    assert ran == [*OPTIMIZERS[:3], changed]
    animation_of(replace(recipe, seed=124), False, lambda: False)
    assert ran[4:] == [*OPTIMIZERS[:3]]


def test_half_an_animation_is_not_kept():
    recipe = Recipe("beale", OPTIMIZERS[:1], steps=7, seed=55)
    with pytest.raises(Refused, match="lower the steps"):
        animation_of(recipe, False, lambda: True)
    assert document(animation_of(recipe, False, lambda: False)) == document(animate(recipe, strips=False))


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(animation_cache, "MOST_KEPT", 3)
    monkeypatch.setattr(animation_cache, "_kept", type(animation_cache._kept)())
    for seed in range(6):
        animation_of(Recipe("beale", OPTIMIZERS[:1], steps=2, seed=seed), False, lambda: False)
    assert len(animation_cache._kept) == 3
