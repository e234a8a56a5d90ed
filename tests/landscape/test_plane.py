"""The plane of several paths: numpy's answer, orthogonal projection, and a metric in which scales compare."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from surefoot.landscape import plane
from surefoot.landscape.plane import axes, filters, fit_plane, gram, metric, steps

LAYOUT = (("conv", (2, 3, 2)), ("bias", (4,)), ("scale", ()))
SIZE = 17


def walks(seed, lengths, size=SIZE):
    """Random paths from one start."""
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(size, generator=generator)
    moves = [torch.randn(n - 1, size, generator=generator) for n in lengths]
    return [torch.cat([start[None], start + own.cumsum(0)]) for own in moves]


def fitted(paths, layout=LAYOUT):
    scale = metric(layout, [path[-1] for path in paths])
    origin = paths[0][0]
    return fit_plane(gram(paths, origin, scale), [len(path) for path in paths]), origin, scale


def test_filters_are_rows_and_whole_vectors():
    assert filters(LAYOUT).tolist() == [0] * 6 + [1] * 6 + [2] * 4 + [3]
    assert filters(()).tolist() == []
    assert filters((("none", (0, 3)), ("one", (1,)))).tolist() == [0]


def test_the_metric_measures_each_filter_in_its_own_size():
    ends = walks(0, [2, 2])
    scale = metric(LAYOUT, [path[-1] for path in ends])
    for number in range(4):
        own = filters(LAYOUT) == number
        size = sum(path[-1][own].double().norm() for path in ends) / 2
        moved = torch.zeros(SIZE).masked_fill(own, 1.0) * size / own.sum().sqrt()  # by its own size
        assert (moved * scale).norm().item() == pytest.approx(1 / 2, rel=1e-5)


def test_a_filter_that_ends_at_zero_has_a_finite_unit():
    end = torch.ones(SIZE)
    end[:6] = 0
    assert torch.isfinite(metric(LAYOUT, [end])).all()
    assert metric(LAYOUT, [end])[0] > metric(LAYOUT, [end])[6]
    assert torch.isfinite(metric(LAYOUT, [torch.zeros(SIZE)])).all()


@settings(deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(2, 9), min_size=1, max_size=4))
def test_it_is_numpy_s_principal_axes_in_the_metric(seed, lengths):
    paths = walks(seed, lengths)
    fit, origin, scale = fitted(paths)
    rows = [((path - origin) * scale).double().numpy() for path in paths]
    rows = np.concatenate([own / np.linalg.norm(own) for own in rows])
    _, values, right = np.linalg.svd(rows, full_matrices=False)
    shares = values**2 / (values**2).sum()
    told = min(len(shares), len(fit.explained))
    assert fit.explained[:told] == pytest.approx(shares[:told], abs=1e-6)
    found = torch.stack(axes(paths, origin, scale, fit)).double() * scale
    assert (found @ found.T).numpy() == pytest.approx(np.eye(2), abs=1e-5)  # orthonormal in the metric
    if shares[0] - shares[1] > 0.05:
        assert abs(found[0].numpy() @ right[0]) == pytest.approx(1, abs=1e-4)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_what_is_left_of_a_projection_is_orthogonal_to_the_plane(seed, runs):
    paths = walks(seed, [6] * runs)
    fit, origin, scale = fitted(paths)
    pair = torch.stack(axes(paths, origin, scale, fit)).double()
    for path, places, off, distance in zip(paths, fit.coordinates, fit.off, fit.distance, strict=True):
        left = (path - origin).double() - places @ pair
        assert ((left * scale) @ (pair * scale).T).abs().max() < 1e-4
        assert (left * scale).norm(dim=1).numpy() == pytest.approx(off.numpy(), abs=1e-4)
        assert ((path - origin) * scale).norm(dim=1).numpy() == pytest.approx(distance.numpy(), abs=1e-4)
        assert (places[0].abs().max(), off[0]) == (0, 0)  # the start lies on it


def test_every_path_counts_the_same_however_far_it_went():
    generator = torch.Generator().manual_seed(0)
    ways = torch.randn(2, SIZE, generator=generator)
    along = torch.linspace(0, 1, 10)[:, None]
    paths = [torch.ones(SIZE) + along * ways[0], torch.ones(SIZE) + 0.001 * along * ways[1]]
    fit, _, _ = fitted(paths)
    assert fit.shares == pytest.approx((1, 1), abs=1e-3)
    assert fit.explained[0] + fit.explained[1] == pytest.approx(1, abs=1e-3)
    assert fit.alone[0] == pytest.approx((1, 0), abs=1e-6)


def test_planar_paths_are_on_the_plane():
    generator = torch.Generator().manual_seed(1)
    pair, mixed = torch.randn(2, 5000, generator=generator), torch.randn(3, 12, 2, generator=generator)
    mixed[:, 0] = 0
    layout = (("w", (50, 100)),)
    fit, _, _ = fitted([torch.ones(5000) + mixture @ pair for mixture in mixed], layout)
    assert fit.explained[:2] == pytest.approx((fit.explained[0], 1 - fit.explained[0]))
    for off, distance in zip(fit.off, fit.distance, strict=True):
        assert float((off / (distance + 1e-9)).max()) < 1e-4


def test_a_path_along_a_line_gets_a_second_axis_nevertheless():
    paths = [torch.ones(SIZE) + torch.arange(4.0)[:, None] * torch.linspace(1, 2, SIZE)]
    fit, origin, scale = fitted(paths)
    assert fit.explained[0] == pytest.approx(1)
    pair = torch.stack(axes(paths, origin, scale, fit)).double() * scale
    assert (pair @ pair.T).numpy() == pytest.approx(np.eye(2), abs=1e-5)
    assert fit.coordinates[0][:, 1].abs().max() == 0


def test_paths_that_do_not_move_have_no_distance():
    fit, origin, scale = fitted([torch.ones(3, SIZE)])
    assert fit.distance[0].tolist() == fit.off[0].tolist() == [0, 0, 0]
    assert fit.shares == (0,)
    assert all(torch.isfinite(axis).all() for axis in axes([torch.ones(3, SIZE)], origin, scale, fit))


def test_pieces_make_no_difference(monkeypatch):
    paths = walks(5, [7, 8])
    whole, origin, scale = fitted(paths)
    first = axes(paths, origin, scale, whole)[0]
    monkeypatch.setattr(plane, "PIECE", 4)
    pieces, _, _ = fitted(paths)
    assert pieces.explained == pytest.approx(whole.explained)
    assert torch.allclose(axes(paths, origin, scale, pieces)[0], first, atol=1e-5)


def test_steps_are_the_distances_between_points():
    paths = walks(6, [5, 3])
    _, origin, scale = fitted(paths)
    found = steps(gram(paths, origin, scale), [5, 3])
    for own, path in zip(found, paths, strict=True):
        assert own.tolist() == pytest.approx((path.diff(dim=0) * scale).norm(dim=1).tolist(), rel=1e-4)


def rescaled(path, factor):
    """The same network: the first layer of a ReLU pair times a factor, the second divided by it."""
    return torch.cat([path[:, :40] * factor, path[:, 40:] / factor], dim=1)


def test_rescaling_a_pair_of_relu_layers_does_not_change_the_picture():
    """In the plain metric the enlarged layer is all there is to see; in ours nothing changes."""
    layout = (("in", (8, 5)), ("out", (5, 8)))
    paths = walks(7, [12, 12], 80)
    plain = torch.ones(80)
    shares = {}
    for factor in (1.0, 30.0):
        own = [rescaled(path, factor) for path in paths]
        fit, _, _ = fitted(own, layout)
        shares["ours", factor] = fit
        shares["plain", factor] = fit_plane(gram(own, own[0][0], plain), [12, 12])
    for before, after in zip(shares["ours", 1.0].coordinates, shares["ours", 30.0].coordinates, strict=True):
        assert torch.allclose(before, after, rtol=1e-3, atol=1e-4)
    changed = shares["plain", 30.0].coordinates[0] / 30 - shares["plain", 1.0].coordinates[0]
    assert changed.abs().max() > 0.1 * shares["plain", 1.0].coordinates[0].abs().max()
    assert math.isclose(shares["ours", 1.0].explained[0], shares["ours", 30.0].explained[0], rel_tol=1e-4)
