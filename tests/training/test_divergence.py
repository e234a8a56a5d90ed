import math
from dataclasses import replace

import pytest
import torch
from benchmarks.divergence import absurd, ending, sensible
from benchmarks.divergence_tasks import PLAIN, REPORTED
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from surefoot.study.run import Status
from surefoot.training.divergence import GROWN, OPENING, RUNAWAY, SMALL, Matrices, Trend
from surefoot.training.loop import train

WEIGHTS = (0.1, 0.1, 0.1)
"""Sizes of three weight matrices at the start."""


def told(losses, sizes=WEIGHTS, first=WEIGHTS):
    """The first message that these losses bring, with weights that stay at, or follow, these sizes."""
    result = None
    for step, loss in enumerate(losses):
        result = result.after(loss) if result else Trend.of(first, loss)
        if result.asks_for_sizes:
            result = result.with_sizes(sizes(step) if callable(sizes) else sizes)
        if result.blown_up:
            return result.blown_up
    return ""


HUGE = (100.0, 100.0, 100.0)
MUCH_LARGER = tuple(GROWN * 1.5 * size for size in WEIGHTS)


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_is_the_end(loss):
    assert "training loss became" in told([1.0, loss])
    assert told([loss])


def test_a_rise_with_growing_weights_is_the_end_and_is_told_in_numbers():
    message = told([2.0 * 1.2**k for k in range(60)], MUCH_LARGER)
    assert "rose from" in message
    assert "weights have become 30.0 times as large" in message


def test_a_rise_of_any_size_without_growing_weights_is_not():
    assert not told([2.0 * 1.2**k for k in range(400)])
    assert not told([0.0, *(1e-9 * 1.5**k for k in range(90))], tuple(5 * size for size in WEIGHTS))


def test_growing_weights_with_a_falling_loss_are_not():
    assert not told([2.0 / (k + 1) for k in range(1000)], HUGE)
    assert not told([2e5] * 10 + [1e4] * 1000, HUGE)
    assert not told([-1.0 - 0.1 * k for k in range(1000)], HUGE)


def test_weights_that_have_run_away_while_the_loss_goes_nowhere_are_the_end():
    assert "has not fallen" in told([0.1 * (-1) ** k for k in range(200)], HUGE)
    assert RUNAWAY * max(WEIGHTS) < min(HUGE)


@pytest.mark.parametrize("start", [0.0, 1e-9, -5.0, 2.3])
def test_a_start_of_any_sign_or_none_is_judged_alike(start):
    assert not told([start] * 20 + [start + 1e4] * 100)
    assert told([start] * 20 + [start + 1e4] * 100, MUCH_LARGER)


def test_one_bad_batch_is_forgiven_even_with_large_weights():
    assert not told([2.3] * 15 + [60.0] + [2.3] * 30, MUCH_LARGER)


def test_an_explosion_among_the_first_batches_does_not_set_the_scale():
    assert told([2.3, 2.2, 2.4, *(2.3 * 4.0**k for k in range(7)), *[1e4] * 30], MUCH_LARGER)


def test_an_explosion_is_seen_before_the_scale_is_known_if_the_weights_run_away():
    assert "rose from 2.30" in told([2.3, 1e9, 1e9], HUGE)
    assert not told([2.3, 1e9, 1e9], MUCH_LARGER)
    assert not told([0.0, 1e-3, 1e-2, 0.1, 1.0], MUCH_LARGER)


def test_one_matrix_that_grows_among_others_is_not_a_model_that_runs_away():
    assert not told([0.0] * 10 + [10.0] * 100, (0.1, 0.1, 1e6))
    assert told([0.0] * 10 + [10.0] * 100, (0.1, 1e6, 1e6))


def test_weights_without_a_size_of_their_own_cannot_be_judged_but_by_losses_that_are_no_number():
    for first in ((), (0.3,), (0.0, 0.0), (1e-3, 1e-3, 0.1)):
        assert not told([0.0] * 10 + [10.0] * 100, tuple(1e6 for _ in first), first)
        assert told([0.0, 1.0, math.nan], tuple(1e6 for _ in first), first)


def test_a_layer_that_starts_at_zero_is_measured_from_a_small_size():
    assert not told([0.0] * 10 + [10.0] * 100, (0.1, 1e6), (0.1, 0.0))
    assert told([0.0] * 10 + [10.0] * 100, (2.1, SMALL * GROWN * 1.1), (0.1, 0.0))


@given(st.lists(st.floats(0, 0.4), min_size=1), st.floats(1e-300, 1e300))
def test_losses_that_fall_never_diverge_in_any_unit(shares, start):
    assert not told([start] * OPENING + [start * share for share in shares] * 20, HUGE)


@given(st.lists(st.floats(-1e300, 1e300), min_size=12, max_size=60))
def test_no_finite_losses_are_the_end_while_the_weights_hold(losses):
    assert not told(losses)


@given(st.lists(st.floats(-1e3, 1e3), min_size=12, max_size=60), st.integers(1, 11))
def test_a_trend_goes_on_from_its_state(losses, kept):
    trend = Trend.of(WEIGHTS, losses[0])
    for loss in losses[1:kept]:
        trend = trend.after(loss)
    again = Trend(*trend.state())
    for loss in losses[kept:]:
        trend, again = trend.after(loss), again.after(loss)
    assert again == trend
    assert replace(again, latest=1.0) == replace(trend, latest=1.0)


def test_matrices_are_the_trained_ones_as_they_are_now():
    model = nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3), nn.Conv1d(3, 2, 3), nn.Embedding(5, 2))
    model[3].weight.requires_grad_(False)
    matrices = Matrices([*model.parameters(), nn.LazyLinear(3).weight])
    assert len(matrices.sizes()) == 2
    with torch.no_grad():
        model[0].weight.fill_(3.0)
        model[2].weight.data = torch.full((2, 3, 3), -2.0, dtype=torch.float16)
    assert matrices.sizes() == pytest.approx((3.0, 2.0))
    with torch.no_grad():
        model[0].weight.fill_(math.nan)
    assert Trend.of((0.1, 0.1), 1.0).with_sizes(matrices.sizes()).growth == pytest.approx(20.0)


@pytest.mark.parametrize("kind", REPORTED, ids=lambda kind: kind.__name__)
def test_a_loss_that_starts_at_0_or_rises_is_no_divergence(kind):
    for seed in range(1000, 1004):
        task = kind(seed)
        end = ending(task, sensible(task, seed), seed)
        assert end.destroyed or not end.message, end.message


@pytest.mark.parametrize("kind", [*PLAIN, *(k for k in REPORTED if k.__name__ in ("TdChain", "Vae"))])
def test_a_destroyed_model_is_found(kind):
    for turn in range(5):
        task = kind(turn)
        end = ending(task, absurd(task, turn), turn)
        assert end.message or not end.destroyed


def test_a_run_is_stopped_and_says_why():
    task = PLAIN[0](0)
    outcome = train(task, absurd(task, 4), 0, 1.0)
    assert outcome.status is Status.DIVERGED
    assert outcome.point.progress < 0.5
    assert outcome.message.startswith("the training loss")
