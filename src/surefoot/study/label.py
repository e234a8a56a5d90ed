"""The one name of a candidate: its learning rate first, then what is not as the optimizer has it by itself.

    candidate_label(Candidate("Adam", {"lr": 0.002, "betas": (0.9, 0.999)}, Schedule(warmup=0.2)))
    # "Adam lr=0.002 warmup=0.2"

Different candidates of one study have different labels. Two candidates of one study do not differ in the kind
and cooldown of their schedules, and have a default value or leave it out alike.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from surefoot import optim
from surefoot.study.build import DECAY_ON, DECAYS_ON
from surefoot.study.format import setting, short
from surefoot.study.optimizers import find_algorithm
from surefoot.study.run import Candidate, Schedule

RATE, WARMUP = "lr", "warmup"


def candidate_label(candidate: Candidate) -> str:
    """The name of a candidate, in one printable line."""
    settings, schedule = dict(candidate.hyperparameters), candidate.schedule
    if schedule.kind != "script":
        settings[f"schedule.{WARMUP}" if WARMUP in settings else WARMUP] = schedule.warmup
    return label_of(candidate.optimizer, settings)


def label_of(optimizer: str, settings: Mapping[str, Any]) -> str:
    """The name of an optimizer with these settings; of one that is not known every setting is shown.

    Args:
        optimizer: its name, or the reference of the user's own class, which is not imported here.
        settings: hyperparameters, and "warmup" if it is known.
    """
    return f"{optimizer_label(optimizer)} {settings_label(optimizer, settings)}".strip()


def settings_label(optimizer: str, settings: Mapping[str, Any]) -> str:
    """The settings of `label_of` without the optimizer: `lr=0.1 momentum=0.9`."""
    usual = _usual(optimizer)
    order = {name: place for place, name in enumerate(usual)}
    told = {name: setting(value) for name, value in settings.items()}
    shown = [name for name in told if name == RATE or told[name] != usual.get(name)]

    def place(name: str) -> tuple[bool, bool, int, str]:
        return name != RATE, name == WARMUP, order.get(name, len(order)), name

    return " ".join(f"{setting(name)}={told[name]}" for name in sorted(shown, key=place))


def optimizer_label(optimizer: str, length: int | None = None) -> str:
    """The name of an optimizer: its class's, and of the user's own the reference, as it was given.

    Args:
        optimizer: `Adam`, `my_optim.py:Mine`.
        length: where there is no room for more characters: the class alone, and cut if it has to be.
    """
    told = setting(optimizer)
    if length is None or len(told) <= length:
        return told
    return short(optimizer.rpartition(":")[2], length)


@functools.cache
def _usual(optimizer: str) -> Mapping[str, str]:
    """What settings are by themselves; of the user's own optimizers, and of foreign ones, all is told."""
    defaults: dict[str, Any] = {WARMUP: Schedule().warmup}
    if optimizer in optim.OPTIMIZERS:
        known = find_algorithm(optimizer).hyperparameters
        defaults |= {name: hyperparameter.default for name, hyperparameter in known.items()}
        defaults[DECAY_ON] = DECAYS_ON[0]
    return {name: setting(value) for name, value in defaults.items()}
