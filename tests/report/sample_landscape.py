"""A made-up landscape of the made-up study, as `surefoot.landscape.survey` writes one."""

from __future__ import annotations

import math
from typing import Any

from tests.report.sample_study import FINALISTS, SCHEDULE

SIZE = 7


def sample_landscape(runs: int = len(FINALISTS)) -> dict[str, Any]:
    """As many paths as finalists, or fewer; one corner of the plane is not finite."""
    ticks = [-0.2 + 0.25 * number for number in range(SIZE)]
    losses: list[list[float | None]] = [
        [0.05 + (x - 1) ** 2 + (y - 0.4) ** 2 / 2 for x in ticks] for y in ticks
    ]
    losses[0][0] = None
    shares = [0.6, 0.2, 0.1, 0.05, 0.03, 0.02]
    return {
        "version": 1,
        "study": "digits-2026-11-24",
        "task": "digits",
        "seed": 1000,
        "loss": "training loss on 8 fixed batches",
        "measure": "validation loss",
        "unit": "evaluations",
        "statistics": "",
        "parameters": 26_378,
        "filters": 61,
        "source": "kept",
        "explained": shares,
        "grid": {"x": ticks, "y": ticks, "loss": losses},
        "paths": [_path(number) for number in range(runs)],
        "control": {
            "dimensions": 20_000,
            "seed": 0,
            "explained": [0.2, 0.17, 0.15, 0.1, 0.1, 0.1],
            "paths": [_walk(number) for number in range(runs)],
        },
        "notes": [],
    }


def _path(number: int) -> dict[str, Any]:
    name, hyperparameters, loss = FINALISTS[number]
    along = [step / 10 for step in range(11)]
    return {
        "optimizer": name,
        "hyperparameters": dict(hyperparameters),
        "schedule": SCHEDULE,
        "status": "completed",
        "message": "",
        "evaluations": [100 * step for step in range(11)],
        "x": along,
        "y": [0.1 * number * a for a in along],
        "distance": [1.2 * a for a in along],
        "off": [0.6 * a for a in along],
        "loss": [loss + (1 - a) ** 2 for a in along],
        "plane_loss": [loss * (1 + 4 * a) + (1 - a) ** 2 for a in along],
        "share": 0.8,
        "alone": [0.9, 0.07],
        "value": loss,
        "recorded": loss,
    }


def _walk(number: int) -> dict[str, Any]:
    time = [step / 10 for step in range(11)]
    size = 1 + 0.1 * number
    return {
        "x": [size * math.sin(math.pi * t / 2) for t in time],
        "y": [size * math.sin(3 * math.pi * t / 2) / 3 for t in time],
        "alone": [0.81, 0.09],
    }
