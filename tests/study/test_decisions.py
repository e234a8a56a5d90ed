"""Decisions: every kind has its class and comes back from JSON; what fits no class keeps its sentence."""

from __future__ import annotations

import json

import pytest

from surefoot.study import decisions
from surefoot.study.decisions import (
    Bracketed,
    DecisionKind,
    PlayoffPlace,
    Promoted,
    RuledOut,
    Stopped,
    Unknown,
    decision_of,
    details_of,
    kind_of,
    optimizer_of,
)
from surefoot.study.run import Candidate, Schedule

ADAM = Candidate("Adam", {"lr": 0.1, "amsgrad": True}, Schedule(warmup=0.2))
STOPPED = Stopped("Adam lr=0.1 stopped.", ADAM, 1 / 9, 0.4, 0.1)


def through_json(decision):
    details = json.loads(json.dumps(details_of(decision)))
    return decision_of(str(kind_of(decision)), decision.text, details)


def test_every_kind_but_unknown_has_a_class_of_its_own():
    assert set(decisions._CLASSES) == set(DecisionKind) - {DecisionKind.UNKNOWN}
    assert len(set(decisions._CLASSES.values())) == len(decisions._CLASSES)


@pytest.mark.parametrize(
    "decision",
    [
        STOPPED,
        RuledOut("SparseAdam needs sparse gradients.", "SparseAdam"),
        Bracketed("Adam lr=0.1 stands for its optimizer.", ADAM, 0.3, (0.05, 0.1, 0.2), True),
        PlayoffPlace("Adam is number 1.", ADAM, 1, True, 0.1, 3, 0.0, ADAM),
    ],
)
def test_a_decision_comes_back_from_json(decision):
    assert through_json(decision) == decision
    assert optimizer_of(through_json(decision)) == optimizer_of(decision)


@pytest.mark.parametrize(
    ("kind", "details"),
    [
        ("of_a_newer_version", {}),
        ("stopped", {}),
        ("stopped", {**details_of(STOPPED), "rung": "no number"}),
        ("stopped", {**details_of(STOPPED), "candidate": None}),
        ("ordered", {"optimizers": 3}),
    ],
)
def test_what_fits_no_class_keeps_its_sentence(kind, details):
    assert decision_of(kind, "A sentence.", details) == Unknown("A sentence.")


def test_kinds_are_told_apart_by_class():
    assert not isinstance(STOPPED, Promoted)
    assert kind_of(Unknown("?")) is DecisionKind.UNKNOWN
    assert optimizer_of(Unknown("?")) is None
