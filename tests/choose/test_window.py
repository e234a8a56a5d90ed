"""The flat window of learning rates and the share of blow-ups."""

from __future__ import annotations

import math

import pytest

from surefoot.choose.window import blow_up_share, flat_window


def test_the_flat_window_is_contiguous_around_the_best() -> None:
    lrs = [1.0, 1e-4, 1e-3, 1e-2, 1e-1, 1e-2]
    values = [0.11, 0.12, 0.30, 0.10, 0.11, 0.9]
    assert flat_window(lrs, values, band=0.02) == (1e-2, 1.0)
    assert flat_window([1.0, *lrs[1:]], [math.nan, *values[1:]], band=0.02) == (1e-2, 1e-1)
    assert flat_window(lrs, values, band=0.0) == (1e-2, 1e-2)


def test_the_blow_up_share_counts_diverged_runs() -> None:
    assert blow_up_share([False, True, True, False]) == 0.5
    assert math.isnan(blow_up_share([]))


@pytest.mark.parametrize("values", [[math.nan, math.nan], []])
def test_no_result_has_no_window(values: list[float]) -> None:
    with pytest.raises(ValueError, match="no learning rate"):
        flat_window([0.1, 1.0][: len(values)], values, band=1.0)
