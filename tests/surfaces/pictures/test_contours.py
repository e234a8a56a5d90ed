import json
import math

import numpy as np
import pytest
import torch

from surefoot.surfaces.pictures.contours import SHADES, contour_document
from surefoot.surfaces.pictures.levels import height_scale
from surefoot.surfaces.surface import Surface
from surefoot.surfaces.surfaces import SURFACES, find_surface

FORMULAS = (
    "log(x)",
    "1/x",
    "sign(x)",
    "1e300*x^2",
    "exp(exp(x)) + y",
    "1e308*sign(x) + 1e308*y",
    "1e-30*(x + y)",
    "sqrt(x*y - 3)",
    "tan(x)*tan(y)",
    "5 + 0*x",
    "x^2 + 1e-300*y",
    "abs(x)^0.1",
)
NARROW = Surface("narrow", "x^2 + y^2", (-1e-3, 1e-3), (1e6, 1e6 + 1), (0.0, 1e6))


NOWHERE = Surface("nowhere", "log(-1 - x^2)", (-4.0, 4.0), (-4.0, 4.0), (0.0, 0.0))
ALL = (*SURFACES.values(), *map(find_surface, FORMULAS), NOWHERE, NARROW)


@pytest.mark.parametrize("surface", ALL, ids=lambda surface: surface.name)
def test_the_document_is_small_valid_and_true(surface):
    document = contour_document(surface)
    text = json.dumps(document, allow_nan=False)
    assert len(text) < 150_000
    shades = document["shade"]["values"]
    assert len(shades) == SHADES**2 == document["shade"]["size"] ** 2
    assert all(shade is None or 0 <= shade <= 1 for shade in shades)
    assert document["low"] <= document["high"]
    levels = [level["value"] for level in document["levels"]]
    assert levels == sorted(levels)
    room = [1e-3 * (high - low) for low, high in (surface.x, surface.y)]
    for level in document["levels"]:
        assert level["lines"]
        for line in level["lines"]:
            points = np.array(line).reshape(-1, 2)
            assert len(points) > 1
            for column, (low, high) in enumerate((surface.x, surface.y)):
                assert (points[:, column] >= low - room[column]).all()
                assert (points[:, column] <= high + room[column]).all()


@pytest.mark.parametrize("surface", SURFACES.values(), ids=lambda surface: surface.name)
def test_lines_lie_at_their_values(surface):
    """Compared as shades, since a hundredth of the picture may be a decade of the height."""
    scale = height_scale(surface)
    found = []
    for level in contour_document(surface)["levels"]:
        points = torch.tensor([p for line in level["lines"] for p in line], dtype=torch.float64).reshape(
            -1, 2
        )
        there = scale.shade(surface.values(points).numpy())
        found.append(np.abs(there - scale.shade(np.array([level["value"]]))))
    assert np.quantile(np.concatenate(found), 0.95) < 0.02


@pytest.mark.parametrize("name", ["beale", "rosenbrock", "goldstein-price", "himmelblau"])
def test_levels_show_the_deep_and_the_high(name):
    surface = SURFACES[name]
    document = contour_document(surface)
    heights = [level["value"] - surface.floor for level in document["levels"]]
    assert len(heights) >= 12
    assert min(heights) < 1e-3 * max(heights)


def test_a_surface_without_structure_has_no_lines():
    document = contour_document(find_surface("5 + 0*x"))
    assert document["levels"] == []
    assert set(document["shade"]["values"]) == {0.0}


def test_where_the_surface_has_no_value_there_is_no_shade():
    rows = np.array(contour_document(find_surface("log(x)"))["shade"]["values"], dtype=object)
    rows = rows.reshape(SHADES, SHADES)
    assert all(shade is None for shade in rows[:, : SHADES // 2].flatten())
    assert all(shade is not None for shade in rows[:, SHADES // 2 + 1 :].flatten())


def test_a_pole_does_not_flatten_the_picture():
    scale = height_scale(find_surface("1/x"))
    assert scale.floor > -1e3
    assert math.isclose(scale.value(float(scale.shade(np.array([2.0]))[0])), 2.0)


@pytest.mark.parametrize("surface", SURFACES.values(), ids=lambda surface: surface.name)
def test_shades_and_values_are_inverse(surface):
    scale = height_scale(surface)
    shades = np.linspace(0.0, 1.0, 11)
    values = np.array([scale.value(shade) for shade in shades])
    assert scale.shade(values) == pytest.approx(shades, abs=1e-6)
