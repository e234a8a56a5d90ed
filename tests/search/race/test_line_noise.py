"""The noise of single runs, from lines of values: found where there is some, and none where there is none."""

from __future__ import annotations

import math
import random

import pytest

from surefoot.search.race.line_noise import Line, line_noise

PLACES = [-3 + step / 3 for step in range(7)]


def lines(noise: float, seed: int) -> list[Line]:
    """Four bowls in log lr."""
    draw = random.Random(seed)
    return [
        {x: level + 0.3 * (x + 2) ** 2 + draw.gauss(0, noise) for x in PLACES}
        for level in (0.0, 0.5, 1.0, 2.0)
    ]


@pytest.mark.parametrize("noise", [0.03, 0.1])
def test_the_noise_is_found(noise: float) -> None:
    found = [line_noise(lines(noise, seed)) for seed in range(30)]
    assert 0.6 * noise < sum(found) / len(found) < 1.3 * noise


def test_there_is_hardly_any_where_all_is_smooth() -> None:
    assert line_noise(lines(0.0, 0)) < 0.03


@pytest.mark.parametrize("scale", [0.01, 3.0])
def test_units_do_not_matter(scale: float) -> None:
    told = lines(0.1, 1)
    other = [{x: 5 + scale * value for x, value in line.items()} for line in told]
    assert line_noise(other) == pytest.approx(scale * line_noise(told), rel=1e-3)


def test_too_few_values_say_nothing() -> None:
    assert math.isnan(line_noise([{-3.0: 0.3, -2.0: 0.2}, {-1.0: 0.5}, {}]))
