"""What the table says of each surface is true, in float64."""

from __future__ import annotations

import functools
import math
import re
from pathlib import Path

import pytest
import torch
from torch.func import grad, hessian, vmap

from surefoot.surfaces.catalogue import SURFACES
from surefoot.surfaces.expression import FUNCTIONS, LONGEST

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # by torch.func itself
every_surface = pytest.mark.parametrize("surface", SURFACES.values(), ids=lambda surface: surface.name)

SYMMETRIES = {
    "rastrigin": "x y x=y x=-y",
    "matyas": "x=y x=-y",
    "booth": "",
    "styblinski-tang": "x=y",
    "ackley": "x y x=y x=-y",
    "griewank": "x y",
    "monkey-saddle": "y",
    "saddle": "x y",
    "long-valley": "x y",
    "two-wells": "y",
    "plateau": "x y",
    "noisy-quadratic": "x y",
}
"""The axes in which a surface is its own image: an optimizer that starts on one never leaves it."""

MIRRORS = {
    "x": lambda p: p * torch.tensor([-1.0, 1.0]),
    "y": lambda p: p * torch.tensor([1.0, -1.0]),
    "x=y": lambda p: p.flip(-1),
    "x=-y": lambda p: -p.flip(-1),
}

PUBLISHED = {
    "beale": ((3, 0.5), 0.0),
    "rosenbrock": ((1, 1), 0.0),
    "rastrigin": ((0, 0), 0.0),
    "himmelblau": ((3, 2), 0.0),
    "booth": ((1, 3), 0.0),
    "matyas": ((0, 0), 0.0),
    "three-hump-camel": ((0, 0), 0.0),
    "six-hump-camel": ((0.0898, -0.7126), -1.0316),
    "styblinski-tang": ((-2.903534, -2.903534), -78.33233),
    "ackley": ((0, 0), 0.0),
    "goldstein-price": ((0, -1), 3.0),
    "griewank": ((0, 0), 0.0),
    "saddle": ((0, math.sqrt(2)), -1.0),
}
"""The best minimum and its value, as the literature has them."""


def points(pairs):
    return torch.tensor(pairs, dtype=torch.float64).reshape(-1, 2)


def curvatures(surface, where):
    """Eigenvalues of the Hessian at each point, the smaller first."""
    return torch.linalg.eigvalsh(vmap(hessian(lambda point: surface(*point)))(where))


def is_kink(surface, point):
    """Ackley's best minimum is the tip of a cone: there is no gradient."""
    return surface.name == "ackley" and tuple(point) == (0.0, 0.0)


def smooth(surface, pairs):
    return points([pair for pair in pairs if not is_kink(surface, pair)])


@functools.cache
def critical_points(surface):
    """All points of the domain without a gradient, by Levenberg's method from a dense grid."""
    size = 33
    slope = vmap(grad(lambda point: surface(*point)))
    bend = vmap(hessian(lambda point: surface(*point)))
    axes = [torch.linspace(low, high, size, dtype=torch.float64) for low, high in (surface.x, surface.y)]
    where = torch.cartesian_prod(*axes) + torch.tensor([1.7e-4, 3.1e-4])
    damping = torch.full((len(where), 1, 1), 1e-2, dtype=torch.float64)
    gradient, curvature = slope(where), bend(where)
    for _ in range(50):
        square = curvature @ curvature
        scale = square.diagonal(dim1=1, dim2=2).sum(1)[:, None, None]
        step = torch.linalg.solve(square + damping * scale * torch.eye(2), curvature @ gradient[..., None])
        tried = where - step[..., 0]
        there = slope(tried)
        better = there.norm(dim=1) < gradient.norm(dim=1)
        where = torch.where(better[:, None], tried, where)
        gradient = torch.where(better[:, None], there, gradient)
        curvature = bend(where)
        damping = torch.where(better[:, None, None], damping / 8, damping * 4).clamp(1e-18, 1e6)
    within = torch.tensor([surface.x, surface.y], dtype=torch.float64)
    inside = ((where >= within[:, 0]) & (where <= within[:, 1])).all(1)
    where = where[inside & (gradient.norm(dim=1) < 1e-9 * (1 + curvature.norm(dim=(1, 2))))]
    found = []
    for point in where:
        if all((point - other).norm() > 1e-4 for other in found):
            found.append(point)
    return torch.stack(found) if found else points([])


@every_surface
def test_the_gradient_is_zero_at_minima_and_saddles(surface):
    listed = smooth(surface, surface.minima + surface.saddles)
    _, gradients = surface.gradients(listed)
    # Ten decimals leave 1e-10 in the place, and that times the curvature in the gradient.
    stiffest = curvatures(surface, listed).abs().amax(1)
    assert (gradients.norm(dim=1) <= 1e-10 * (1 + stiffest)).all()


@every_surface
def test_minima_curve_upwards_and_saddles_both_ways(surface):
    if surface.minima:
        assert (curvatures(surface, smooth(surface, surface.minima)) > 0).all()
    if surface.saddles and surface.name != "monkey-saddle":
        low, high = curvatures(surface, points(surface.saddles)).unbind(1)
        assert (low < 0).all()
        assert (high > 0).all()


def test_the_monkey_saddle_is_flat_at_its_centre_and_goes_up_and_down_three_times_around():
    surface = SURFACES["monkey-saddle"]
    assert surface.minima == ()
    assert (curvatures(surface, points([(0.0, 0.0)])) == 0).all()
    angles = torch.arange(360, dtype=torch.float64).deg2rad() + 0.01
    around = surface(angles.cos() / 100, angles.sin() / 100).sign()
    assert int((around != around.roll(1)).sum()) == 6


def test_ackley_ends_in_a_cone():
    surface = SURFACES["ackley"]
    assert abs(surface.values(points([(0.0, 0.0)])).item()) < 1e-14
    angles = torch.arange(360, dtype=torch.float64).deg2rad()
    for radius in (1e-3, 1e-6):
        around = surface(angles.cos() * radius, angles.sin() * radius)
        assert (around / radius).tolist() == pytest.approx([4 / math.sqrt(2)] * 360, rel=0.02)


@every_surface
def test_every_critical_point_is_listed_or_is_a_maximum(surface):
    found = critical_points(surface)
    listed = points(surface.minima + surface.saddles)
    missed = [p for p in found if not len(listed) or (listed - p).norm(dim=1).min() > 1e-4]
    if missed:
        assert (curvatures(surface, torch.stack(missed)) < 0).all(), missed
    if surface.name != "monkey-saddle":
        # ... and the search is good enough to find every one that is listed.
        for point in smooth(surface, surface.minima + surface.saddles):
            assert (found - point).norm(dim=1).min() < 1e-6


@every_surface
def test_each_point_is_listed_once_and_lies_within_the_domain(surface):
    listed = surface.minima + surface.saddles
    assert len(set(listed)) == len(listed)
    for x, y in (*listed, surface.start):
        assert surface.x[0] < x < surface.x[1]
        assert surface.y[0] < y < surface.y[1]


@every_surface
def test_nothing_lies_below_the_best_minimum(surface):
    if surface.minima:
        lowest = surface.values(points(surface.minima)).min()
        assert surface.floor == lowest
        assert (surface.grid(301)[2] >= lowest - 1e-9).all()


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_best_minimum_is_the_published_one(name):
    surface, (place, value) = SURFACES[name], PUBLISHED[name]
    assert surface.floor == pytest.approx(value, abs=1e-4)
    assert min(math.dist(place, minimum) for minimum in surface.minima) < 1e-4
    assert surface.values(points([place])).item() == pytest.approx(value, abs=1e-4)


@every_surface
def test_the_stable_learning_rate_is_two_over_the_largest_curvature_at_the_best_minimum(surface):
    if not surface.minima or is_kink(surface, surface.minima[0]):
        assert surface.stable_lr is None
        return
    minima = points(surface.minima)
    values = surface.values(minima)
    best = minima[values <= values.min() + 1e-9]
    largest = curvatures(surface, best).max().item()
    assert surface.stable_lr == pytest.approx(2 / largest, rel=1e-8)


@pytest.mark.parametrize("name", [name for name, surface in SURFACES.items() if surface.stable_lr])
@pytest.mark.parametrize(("part", "settles"), [(0.95, True), (1.05, False)])
def test_gradient_descent_settles_below_the_stable_learning_rate_and_not_above(name, part, settles):
    surface = SURFACES[name]
    minima = points(surface.minima)
    best = minima[surface.values(minima) <= surface.values(minima).min() + 1e-9]
    curvature = curvatures(surface, best)[:, 1]
    home = best[curvature.argmax()]
    steepest = torch.linalg.eigh(hessian(lambda point: surface(*point))(home)).eigenvectors[:, 1]
    point = home + 1e-6 * steepest
    for _ in range(400):
        point = point - part * surface.stable_lr * surface.gradients(point)[1]
        if (point - home).norm() > 1e-3:
            break
    assert ((point - home).norm().item() < 1e-8) == settles


@every_surface
def test_the_start_is_no_critical_point(surface):
    value, gradient = surface.gradients(points([surface.start])[0])
    assert value.isfinite()
    assert gradient.abs().min() > 1e-3


@every_surface
def test_the_start_lies_on_no_axis_of_symmetry(surface):
    generator = torch.Generator().manual_seed(0)
    anywhere = torch.randn(50, 2, generator=generator, dtype=torch.float64)
    axes = [
        axis
        for axis, mirror in MIRRORS.items()
        if torch.allclose(surface.values(anywhere), surface.values(mirror(anywhere)), rtol=1e-9)
    ]
    assert axes == SYMMETRIES.get(surface.name, "").split()
    start = points([surface.start])[0]
    for axis in axes:
        assert (MIRRORS[axis](start) - start).norm() > 0.015


@every_surface
def test_a_surface_says_what_one_sees_and_where_it_comes_from(surface):
    assert re.fullmatch(r"[A-Z][^\n]{20,98}[.?]", surface.about)
    assert len(surface.source) > 10
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", surface.name)
    assert (surface.noise > 0) == (surface.name == "noisy-quadratic")


def rows():
    """The table of the page, as it must stand there."""
    for surface in SURFACES.values():
        stable = f"{surface.stable_lr:.4g}" if surface.stable_lr else "none"
        counts = f"{len(surface.minima)} | {len(surface.saddles)}"
        yield f"| {surface.name} | `{surface.formula}` | {surface.about} | {counts} | {stable} |"


def test_the_page_about_surfaces_shows_the_table():
    page = (Path(__file__).parents[2] / "docs" / "surfaces.md").read_text(encoding="utf8")
    shown = [line for line in page.splitlines() if line.startswith("| ")]
    assert shown[1:] == list(rows())
    assert f"{len(SURFACES)} surfaces" in page
    assert f"standard deviation {SURFACES['noisy-quadratic'].noise:g}," in page


def test_the_page_about_surfaces_names_every_word_of_a_formula():
    page = (Path(__file__).parents[2] / "docs" / "surfaces.md").read_text(encoding="utf8")
    (sentence,) = re.findall(r"functions are (.*?)\.", page, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", sentence)) == set(FUNCTIONS)
    assert f"{LONGEST} characters" in page
