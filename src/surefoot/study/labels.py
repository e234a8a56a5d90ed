"""A candidate's name for people: its learning rate, and what is not as it would be without choosing.

label("Adam", {"lr": 0.002, "betas": (0.9, 0.999), "warmup": 0.2})  # "Adam lr=0.002 warmup=0.2"
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from surefoot.study.build import DECAY_ON, DECAYS_ON
from surefoot.study.optimizers import find_algorithm
from surefoot.study.run import Candidate, Schedule

ALWAYS_SHOWN = "lr"


def candidate_label(candidate: Candidate) -> str:
    """The name of a candidate; two candidates of one study have the same only if they are the same."""
    return label(candidate.optimizer, candidate.settings)


def optimizer_label(optimizer: str) -> str:
    """The name of an optimizer: its class's, also of one's own."""
    return optimizer.rpartition(":")[2]


def label(optimizer: str, settings: Mapping[str, Any]) -> str:
    """The name of an optimizer with settings; all are shown of an optimizer that is not known.

    Args:
        optimizer: its name, or the reference of one's own class.
        settings: hyperparameters, and "warmup" if it is known.
    """
    usual = _usual(optimizer)
    names = sorted(settings, key=lambda name: name != ALWAYS_SHOWN)
    shown = [n for n in names if n == ALWAYS_SHOWN or n not in usual or _plain(settings[n]) != usual[n]]
    return " ".join([optimizer_label(optimizer), *(f"{n}={_plain(settings[n])}" for n in shown)])


@functools.cache
def _usual(optimizer: str) -> Mapping[str, str]:
    try:
        known = find_algorithm(optimizer).hyperparameters
    except ValueError:  # such as one of a table of curves
        return {}
    defaults = {"warmup": Schedule().warmup, DECAY_ON: DECAYS_ON[0]}
    defaults |= {name: hyperparameter.default for name, hyperparameter in known.items()}
    return {name: _plain(value) for name, value in defaults.items()}


def _plain(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"({', '.join(_plain(item) for item in value)})"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    short = f"{value:.6g}"
    return short if float(short) == value else repr(value)
