import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surefoot.report.style import DASHES, PALETTE, SERIES
from surefoot.surfaces.path import optimizer_names
from surefoot.surfaces.pictures.strokes import FAMILIAR, optimizer_strokes, stroke_document

NAMES = st.lists(st.sampled_from([*optimizer_names(), "Mine"]), max_size=14)


@settings(deadline=None)
@given(NAMES)
def test_no_two_optimizers_of_an_animation_look_the_same(names):
    found = optimizer_strokes(names)
    assert len(found) == len(names)
    assert len(set(found)) == len(found)


def test_optimizers_of_one_colour_differ_in_dash_and_marker():
    for one, other in itertools.combinations(optimizer_strokes(optimizer_names()), 2):
        assert one.colour != other.colour or (one.dash != other.dash and one.marker != other.marker)


@settings(deadline=None)
@given(NAMES)
def test_an_optimizer_looks_the_same_in_every_animation(names):
    own = dict(zip(optimizer_names(), optimizer_strokes(optimizer_names()), strict=True))
    for place, (name, stroke) in enumerate(zip(names, optimizer_strokes(names), strict=True)):
        if name in own and name not in names[:place]:
            assert stroke == own[name]


def test_the_familiar_ones_have_a_colour_each():
    assert set(FAMILIAR) <= set(optimizer_names())
    assert len({stroke.colour for stroke in optimizer_strokes(FAMILIAR)}) == len(SERIES)


def test_twelve_of_one_optimizer_use_every_colour_and_differ_in_dash_and_marker():
    found = optimizer_strokes(["SGD"] * 12)
    assert len({stroke.colour for stroke in found}) == len(SERIES)
    for one, other in itertools.combinations(found, 2):
        assert one.colour != other.colour or (one.dash != other.dash and one.marker != other.marker)


@pytest.mark.parametrize("stroke", optimizer_strokes([*optimizer_names(), "SGD", "SGD", "Adam"]))
def test_a_stroke_as_json(stroke):
    document = stroke_document(stroke)
    colours = {colour.name: colour.light for colour in PALETTE}
    assert colours[document["colour"]] == stroke.colour
    assert document["marker"] == stroke.marker
    dash = tuple(document["dash"])
    assert stroke.dash == ((0, dash) if dash else "-")
    assert stroke.dash in DASHES
    assert stroke.marker != "X"  # which would read as a divergence
