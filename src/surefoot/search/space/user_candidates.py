"""Candidates of the user's own, from a JSON or TOML file: `--candidates FILE`.

    [
      {"optimizer": "adamw", "hyperparameters": {"lr": 3e-4, "betas": [0.9, 0.95]}, "warmup": 0.1},
      {"optimizer": "my_optim.py:Mine", "hyperparameters": {"lr": 0.01, "weight_decay_on": "matrices"}}
    ]

In TOML each is a table [[candidates]].  What an entry does not say is as the constructor and the study's
schedule have it.  "schedule" may stand in place of "warmup", as answers write it.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from surefoot.errors import InvalidInputError, accessing
from surefoot.naming import nearest
from surefoot.search.space import candidates as space
from surefoot.search.space.constraints import WARMUP, check_value
from surefoot.study.build import DECAY_ON, DECAYS_ON
from surefoot.study.optimizers import find_algorithm
from surefoot.study.run import Candidate, Schedule

ENTRY = ("optimizer", "hyperparameters", "warmup", "schedule")
TABLE = "candidates"  # the name of the list in TOML


def read_candidates(file: str, schedule: Schedule) -> tuple[Candidate, ...]:
    """The candidates in a file, each checked by its optimizer's constructor.

    Args:
        file: ends in .json or .toml.
        schedule: of the study.

    Raises:
        FileError: the file cannot be read.
        InvalidInputError: it is not written so, or an optimizer refuses an entry; with the file, the entry's
            number and the nearest that is valid.
    """
    made = [_candidate(e, schedule, f"{file}, candidate {n}") for n, e in enumerate(_entries(file), start=1)]
    return tuple({candidate.key: candidate for candidate in made}.values())


def _entries(file: str) -> list[Any]:
    with accessing("read", file):
        text = Path(file).read_text(encoding="utf8")
    try:
        found = tomllib.loads(text).get(TABLE) if file.endswith(".toml") else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{file}: {error}") from None
    if not isinstance(found, list) or not found:
        kind = f"tables [[{TABLE}]]" if file.endswith(".toml") else "a list"
        raise InvalidInputError(f'{file}: expected {kind} of {{"optimizer": …, "hyperparameters": {{…}}}}')
    return found


def _candidate(entry: Any, schedule: Schedule, where: str) -> Candidate:
    if not isinstance(entry, dict) or not isinstance(entry.get("optimizer"), str):
        raise InvalidInputError(f'{where}: expected {{"optimizer": NAME, "hyperparameters": {{…}}}}')
    for key in entry:
        if key not in ENTRY:
            raise InvalidInputError(f"{where}: unknown {key!r}{nearest(key, ENTRY)}")
    given = entry.get("hyperparameters", {})
    if not isinstance(given, dict):
        raise InvalidInputError(f"{where}: hyperparameters must be names with values, not {given!r}")
    try:
        algorithm = find_algorithm(entry["optimizer"])
    except InvalidInputError as error:
        raise InvalidInputError(f"{where}: {error}") from None
    settings = {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}
    warmed = _schedule(entry, schedule, where)
    for name, value in {**settings, WARMUP: warmed.warmup}.items():
        check_value(algorithm, name, value, where)
    if refused := space.refusal(algorithm, settings):
        raise InvalidInputError(f"{where}: {algorithm.label} refuses it: {refused}")
    if settings.get(DECAY_ON) == DECAYS_ON[0]:
        del settings[DECAY_ON]
    usual = space.baseline(algorithm.name, warmed)
    return replace(usual, hyperparameters={**usual.hyperparameters, **settings})


def _schedule(entry: Mapping[str, Any], schedule: Schedule, where: str) -> Schedule:
    """The study's, with the entry's warmup."""
    told = entry.get("schedule", {})
    if not isinstance(told, dict):
        raise InvalidInputError(f"{where}: schedule must be names with values, not {told!r}")
    given = dict(told)
    if schedule.kind == "script" and (WARMUP in entry or given):
        raise InvalidInputError(f"{where}: the script keeps its own schedule; leave out warmup and schedule")
    warmup = entry.get("warmup", given.pop(WARMUP, schedule.warmup))
    for name, value in given.items():
        expected = asdict(schedule).get(name)
        if value != expected:
            raise InvalidInputError(f"{where}: {name} is the study's, {expected!r}, not {value!r}")
    return replace(schedule, warmup=warmup)
