"""How well does `surefoot choose --goal fastest` know what a step costs beside other processes?

    python benchmarks/pace_noise.py [--task digits] [--times 8]

Measures the paces of all optimizers several times, as a study does once, and tells how far each measurement
lies from the middle one of its optimizer: in proportion to the other optimizers, which decides who is faster,
and in milliseconds.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from statistics import median

import torch

from surefoot.search import ask
from surefoot.search.space import candidates as space
from surefoot.search.space import constraints
from surefoot.tasks import load_task
from surefoot.training.step_times import time_each

SHARES = (0.05, 0.1, 0.15, 0.25, 0.5)


def measure(task: str, times: int) -> list[dict[str, float]]:
    """Seconds per evaluation by optimizer, of each measurement."""
    question = ask(task, None, runs=60, goal="fastest")
    grid = space.candidates(space.asked_for(question), question.plan, constraints.of(question), sparse=False)
    usual = [space.usual_candidate(name, grid) for name in space.usual_lines(grid)]
    found = []
    for _ in range(times):
        paces, _ = time_each(load_task(task), usual)
        found.append({name: pace.seconds for name, pace in paces.items()})
        print(f"load {os.getloadavg()[0]:.1f}, middle {1e3 * median(found[-1].values()):.2f} ms", flush=True)
    return found


def deviations(measured: Sequence[dict[str, float]]) -> list[float]:
    """How far each lies from the middle one of its optimizer, as a share of it."""
    middles = {name: median(paces[name] for paces in measured) for name in measured[0]}
    return [abs(pace / middles[name] - 1) for paces in measured for name, pace in paces.items()]


def in_proportion(paces: dict[str, float]) -> dict[str, float]:
    """To the middle optimizer."""
    middle = median(paces.values())
    return {name: pace / middle for name, pace in paces.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--task", default="digits")
    parser.add_argument("--times", type=int, default=8)
    args = parser.parse_args()
    torch.set_num_threads(1)  # as in the workers
    measured = measure(args.task, args.times)
    print(f"\n| within | {' | '.join(f'{100 * share:.0f} %' for share in SHARES)} |\n|{'---|' * 6}")
    for name, found in (
        ("in proportion", deviations([in_proportion(paces) for paces in measured])),
        ("in ms", deviations(measured)),
    ):
        within = (sum(deviation <= share for deviation in found) / len(found) for share in SHARES)
        print(f"| {name} | {' | '.join(f'{100 * share:.0f} %' for share in within)} |")


if __name__ == "__main__":
    main()
