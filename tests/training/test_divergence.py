import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.training.divergence import MULTIPLE, Trend


def trend(losses):
    result = Trend.of(losses[0])
    for loss in losses[1:]:
        result = result.after(loss)
    return result


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_is_the_end(loss):
    assert "training loss became" in trend([1.0, loss]).blown_up
    assert trend([loss]).blown_up


def test_a_steady_rise_is_the_end_and_is_told_in_numbers():
    message = trend([2.0 * 1.3**k for k in range(40)]).blown_up
    assert "rose from 2.00 to" in message
    assert f"{MULTIPLE:g} times" in message


def test_a_spike_or_a_plateau_at_chance_is_not():
    assert not trend([2.3] * 10 + [50.0] + [2.3] * 10).blown_up
    assert not trend([2.3] + [9.0] * 500).blown_up


def test_a_loss_that_starts_below_zero():
    assert not trend([-5.0] + [-20.0] * 50).blown_up
    assert not trend([-5.0] + [5.0] * 50).blown_up
    assert trend([-5.0] + [100.0] * 50).blown_up


@given(st.lists(st.floats(0, 1), min_size=1), st.floats(1, 100))
def test_losses_below_the_start_never_diverge_in_any_unit(shares, start):
    assert not trend([start, *(start * share for share in shares)]).blown_up
