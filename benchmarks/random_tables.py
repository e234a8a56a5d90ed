"""Curve tables of candidates drawn at random, for replays that the race was not made for.

    python benchmarks/random_tables.py digits tabular text [--schedule cosine] [--each 20]
    surefoot replay .surefoot/tables/*-cosine.csv.gz --orders 50

Grids (`train_grid.py`) are what `surefoot choose` races: lines of learning rates, cooled down at each rung.
Published tables are seldom so kind. Here, as in many of them, every setting of every candidate is drawn by
itself (learning rate over more than four decades, weight decay, momentum, warmup), the learning rate decays
along a cosine over the whole training, and a shorter run is a longer one cut short: nothing is cooled down.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch

from surefoot import optim
from surefoot.formula import LogNormal
from surefoot.store import write_table
from surefoot.study.run import Candidate, Point, Schedule
from surefoot.tasks import load_task
from surefoot.training.loop import Watch, train

OPTIMIZERS = ("SGD", "Adam", "AdamW", "NAdam", "Lion", "RMSprop", "Adafactor", "Adagrad")
REACH_DECADES = 2.2  # of the learning rate, on either side of the prior's centre
DECAY_DECADES = (-5.0, -0.5)
WARMUPS = (0.02, 0.05, 0.2)
POINTS = 40
RUNGS = (1 / 27, 1 / 9, 1 / 3, 1.0)


def drawn(name: str, schedule: str, source: random.Random) -> Candidate:
    """A candidate with every setting that is searched drawn by itself."""
    settings = {}
    for setting, known in optim.OPTIMIZERS[name].hyperparameters.items():
        if isinstance(known.search, LogNormal):
            rate = known.search.center * 10 ** source.uniform(-REACH_DECADES, REACH_DECADES)
            settings[setting] = float(f"{rate:.3g}")
        elif setting == "weight_decay":
            settings[setting] = float(f"{10 ** source.uniform(*DECAY_DECADES):.2g}")
        elif known.search:
            settings[setting] = source.choice(known.search.values)
    return Candidate(name, settings, Schedule(schedule, warmup=source.choice(WARMUPS)))


def curve(task: str, candidate: Candidate) -> list[Point]:
    points: list[Point] = []
    marks = tuple(number / POINTS for number in range(1, POINTS))
    outcome = train(load_task(task), candidate, 0, 1.0, watch=Watch(marks, points.append))
    assert outcome.point is not None
    before = [point for point in points if point.progress < outcome.point.progress]
    return [*before, outcome.point]


def make(task: str, schedule: str, each: int, folder: Path, pool: ProcessPoolExecutor) -> None:
    source = random.Random(task)
    candidates = [drawn(name, schedule, source) for name in OPTIMIZERS for _ in range(each)]
    rows = []
    curves = pool.map(curve, [task] * len(candidates), candidates)
    for number, (candidate, points) in enumerate(zip(candidates, curves, strict=True), start=1):
        print(f"\r{task}: {number}/{len(candidates)} runs   ", end="", file=sys.stderr, flush=True)
        run = (task, candidate.optimizer, candidate.settings, 0)
        rows += [(*run, point.progress, point.seconds, point.value) for point in points]
    name = f"{task}-{schedule}"
    about = {
        "name": name,
        "source": f"python benchmarks/random_tables.py {task} --schedule {schedule} --each {each}",
        "score": "final",
        "replay": {"seeds": "all", "rungs": list(RUNGS)},
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / f"{name}.csv.gz", rows, about)
    print(file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tasks", nargs="*", default=["digits", "tabular", "text"])
    parser.add_argument("--schedule", choices=["cosine", "constant"], default="cosine")
    parser.add_argument("--each", type=int, default=20, help="candidates of each optimizer")
    parser.add_argument("--tables", type=Path, default=Path(".surefoot/tables"))
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    args = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(args.workers, spawn, torch.set_num_threads, (1,)) as pool:
        for task in args.tasks:
            make(task, args.schedule, args.each, args.tables, pool)


if __name__ == "__main__":
    main()
