"""Names of candidates: short, one for each candidate, and different where candidates differ."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.search.space import candidates as space
from surefoot.study.codec import decode, encode
from surefoot.study.label import candidate_label, label_of, optimizer_label
from surefoot.study.run import Candidate, Schedule

WORDS = st.sampled_from(
    ["matrices", "strong_wolfe", "", "True", "None", "0.1", "nan", "a b", "a  b", "(a)", "a,b"]
)
NUMBERS = (
    st.floats(allow_nan=False) | st.integers(-(2**70), 2**70) | st.sampled_from([0, 1, 0.1, 1e5, 1e-3, 1e16])
)
PLAIN = NUMBERS | st.booleans() | st.none() | WORDS | st.text(max_size=4)
VALUES = PLAIN | st.tuples(PLAIN, PLAIN) | st.tuples(PLAIN) | st.lists(PLAIN, max_size=3)
NAMES = st.sampled_from(["lr", "betas", "weight_decay", "momentum", "block", "warmup", "a=1 b"]) | st.text(
    max_size=3
)
OPTIMIZERS = st.sampled_from(
    [
        "Adam",
        "adam",
        "SGD",
        "torch.optim:Adam",
        "a/mine.py:Mine",
        "b/mine.py:Mine",
        "a b.py:Mine",
        "Adam lr=1",
        "Tab\te",
    ]
)
CANDIDATES = st.builds(
    Candidate,
    OPTIMIZERS,
    st.dictionaries(NAMES, VALUES, max_size=3),
    st.builds(Schedule, warmup=st.floats(0, 1)),
)


@pytest.mark.parametrize(
    ("candidate", "text"),
    [
        (Candidate("Adam", {"betas": (0.9, 0.999), "lr": 3e-5, "weight_decay": 0.0}), "Adam lr=3e-5"),
        (Candidate("Adam", {"lr": 0.002}, Schedule(warmup=0.2)), "Adam lr=0.002 warmup=0.2"),
        (Candidate("Adam", {"lr": 0.002}, Schedule("script", warmup=0.2)), "Adam lr=0.002"),
        (Candidate("Adam", {"lr": 0.00012345}), "Adam lr=1.2345e-4"),
        (Candidate("Adam", {"betas": [0.9, 0.9995], "lr": 1e-3}), "Adam lr=0.001 betas=(0.9, 0.9995)"),
        (
            Candidate("SGD", {"momentum": 0.9, "lr": 0.1, "nesterov": True}),
            "SGD lr=0.1 momentum=0.9 nesterov=True",
        ),
        (Candidate("SGD", {"momentum": 0.0, "lr": 0.1, "weight_decay_on": "all"}), "SGD lr=0.1"),
        (
            Candidate("AdamW", {"weight_decay_on": "matrices", "weight_decay": 5e-4, "lr": 1.0}),
            "AdamW lr=1 weight_decay=5e-4 weight_decay_on=matrices",
        ),
        # Of the user's own class nothing is known without running it, and a store may name any file.
        (Candidate("no_such.py:Mine", {"lr": 0.1, "block": 128}), "no_such.py:Mine lr=0.1 block=128"),
        (Candidate("torch.optim:NAdam", {"lr": 0.002}), "torch.optim:NAdam lr=0.002"),
        (
            Candidate("Mine", {"lr": 0.1, "warmup": 3}, Schedule(warmup=0.2)),
            "Mine lr=0.1 schedule.warmup=0.2 warmup=3",
        ),
        (Candidate("Ev\x1b[31mil\n", {"lr": "\x07"}), r"'Ev\x1b[31mil\n' lr='\x07'"),
    ],
)  # fmt: skip
def test_the_learning_rate_comes_first_and_what_is_usual_is_not_said(candidate, text):
    assert candidate_label(candidate) == text


@given(CANDIDATES, CANDIDATES)
def test_different_candidates_have_different_labels(one, other):
    same = _completed(one) == _completed(other)
    assert (candidate_label(one) == candidate_label(other)) == same


@given(CANDIDATES)
def test_a_candidate_that_was_stored_has_the_same_label(candidate):
    stored = decode(Candidate, json.loads(json.dumps(encode(candidate))))
    assert candidate_label(stored) == candidate_label(candidate)
    assert candidate_label(candidate).isprintable()


def test_candidates_of_the_grid_have_different_labels():
    grid = space.candidates(space.choose_from(None), Schedule())
    assert len({candidate_label(candidate) for candidate in grid}) == len(grid)


@given(st.floats(1e-9, 1e3), st.floats(1e-9, 1e3))
def test_different_rates_have_different_labels(one, other):
    assert (label_of("SGD", {"lr": one}) == label_of("SGD", {"lr": other})) == (one == other)


@given(st.dictionaries(NAMES, VALUES), st.randoms())
def test_the_order_of_settings_does_not_matter(settings, random):
    shuffled = random.sample(sorted(settings), len(settings))
    assert label_of("Adam", settings) == label_of("Adam", {name: settings[name] for name in shuffled})


def test_an_own_optimizer_is_told_by_its_reference_and_where_room_is_short_by_its_class():
    assert optimizer_label("my_optim.py:Mine") == "my_optim.py:Mine"
    assert optimizer_label("my_optim.py:Mine", 14) == "Mine"
    assert optimizer_label("AdamW", 14) == "AdamW"
    assert optimizer_label("far/away.py:MyVeryLongOptimizer", 14) == "MyVeryLongOpt…"


def _completed(candidate):
    """What is trained: as Python compares it, after a way through JSON, with what is left out filled in."""
    usual = {
        "Adam": {"betas": [0.9, 0.999], "weight_decay": 0.0},
        "SGD": {"momentum": 0.0, "weight_decay": 0.0},
    }.get(candidate.optimizer, {})
    settings = usual | json.loads(json.dumps(candidate.hyperparameters))
    return candidate.optimizer, _strict(settings), candidate.schedule.warmup


def _strict(value):
    """Python has True == 1, which a reader has not."""
    if isinstance(value, dict):
        return {name: _strict(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_strict(item) for item in value]
    return (isinstance(value, bool), value)
