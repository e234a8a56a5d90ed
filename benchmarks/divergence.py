"""Is a run called diverged when it is, and only then?  Losses that start at 0, are negative, or rise.

    python benchmarks/divergence.py [--seeds 100] [--steps 150] [--tuning] [--offset 0]

Each seed is another problem, model and order of batches.  It is trained at a sensible learning rate of AdamW,
Adam, RMSprop, Lion or SGD, by turns, where a stop is a mistake unless the model ends destroyed; and at an
absurd one, where all that end destroyed should be found.  Every run goes on to its end, whatever the rule
says, so that the measure of the task, which the rule never sees, says what was true: a model is destroyed
if its loss or measure is not finite, or the measure lies beyond a bound that the task sets.

The thresholds were chosen with `--tuning`, which has other tasks than those reported.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from benchmarks.divergence_tasks import PLAIN, REPORTED, STEPS, TUNING, Base
from rich.console import Console
from rich.table import Table

from surefoot.study.run import Candidate
from surefoot.training.loop import _Run, validate


@dataclass(frozen=True)
class Ending:
    """One run, taken to its end.

    Attributes:
        message: the rule's; empty if it did not stop the run.
        at: the step at which it would have.
        destroyed: whether the model is, by its measure.
        useless: whether it is no better than before training.
    """

    message: str
    at: int
    destroyed: bool
    useless: bool


def sensible(task: Base, turn: int) -> Candidate:
    """One of 13, by turns."""
    rates = task.rates
    adaptive = [Candidate(name, {"lr": lr}) for lr in rates.adaptive for name in ("AdamW", "RMSprop", "Adam")]
    gradient = [Candidate("SGD", {"lr": lr, "momentum": 0.9}) for lr in rates.sgd]
    lion = Candidate("Lion", {"lr": rates.adaptive[0]})
    return [*adaptive, *gradient, lion][turn % (len(adaptive) + len(gradient) + 1)]


def absurd(task: Base, turn: int) -> Candidate:
    """One of 5, by turns."""
    adaptive = [Candidate(name, {"lr": task.rates.absurd_adaptive}) for name in ("AdamW", "RMSprop", "Lion")]
    lr = task.rates.absurd_sgd
    gradient = [Candidate("SGD", {"lr": lr, "momentum": 0.9}), Candidate("SGD", {"lr": 10 * lr})]
    return [*adaptive, *gradient][turn % 5]


def ending(task: Base, candidate: Candidate, seed: int) -> Ending:
    """Train to the end, whatever the rule says."""
    run = _Run(task, candidate, seed)
    before, message, at = validate(task, run.model), "", 0
    while run.evaluations < task.steps and math.isfinite(run.loss if run.evaluations else 0.0):
        run.step(task.steps)
        if not message and run.lost:
            message, at = run.lost, run.evaluations
    value = validate(task, run.model) if math.isfinite(run.loss) else math.nan
    destroyed = not (math.isfinite(run.loss) and value <= task.destroyed)
    return Ending(message, at, destroyed, not value < before)


def row(kind: type[Base], seeds: range, steps: int) -> list[str]:
    """Of one task."""
    good, bad = [], []
    for seed in seeds:
        task = kind(seed)
        task.steps = steps
        good.append(ending(task, sensible(task, seed), seed))
        bad.append(ending(task, absurd(task, seed), seed))
    false = sum(bool(end.message) and not end.destroyed for end in good)
    lost = [end for end in good + bad if end.destroyed]
    found = [end for end in lost if end.message]
    others = [end for end in bad if end.message and not end.destroyed]
    middle = f"{statistics.median(end.at for end in found):.0f}" if found else ""
    return [
        kind.__name__,
        f"{false} of {len(good)}",
        f"{sum(end.destroyed for end in good)}",
        f"{len(found)} of {len(lost)}",
        f"{sum('became' in end.message for end in found)}",
        middle,
        f"{len(others)} of {len(bad) - sum(end.destroyed for end in bad)}",
        f"{sum(not end.useless for end in others)}",
    ]


def table(kinds: Sequence[type[Base]], seeds: range, steps: int) -> Table:
    """Of all tasks."""
    made = Table(title=f"{len(seeds)} seeds, {steps} steps")
    for name in (
        *("task", "false stops", "destroyed at sensible rates", "destroyed: found", "of them nan or inf"),
        *("found at step", "absurd, not destroyed: stopped", "of them better than untrained"),
    ):
        made.add_column(name)
    for kind in kinds:
        made.add_row(*row(kind, seeds, steps))
        print(kind.__name__, file=sys.stderr, flush=True)
    return made


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--offset", type=int, default=0, help="the first seed")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--tuning", action="store_true", help="the tasks that the thresholds were chosen on")
    parser.add_argument("--only", help="one task")
    options = parser.parse_args()
    torch.set_num_threads(1)
    kinds = [
        k for k in (TUNING if options.tuning else REPORTED + PLAIN) if options.only in (None, k.__name__)
    ]
    seeds = range(options.offset, options.offset + options.seeds)
    Console(width=160).print(table(kinds, seeds, options.steps))


if __name__ == "__main__":
    main()
